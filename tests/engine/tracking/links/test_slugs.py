"""Slugs: one form by which a link is found, chosen ones that cannot be misread, drawn ones that nobody guesses."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.tracking.links.slugs import (
    DRAWN_FROM,
    LONGEST,
    RESERVED,
    SHORTEST,
    SlugRefusedError,
    check_vanity,
    generate_slug,
    lookup_slug,
    slug_key,
)

PLAIN = "abcdefghijklmnopqrstuvwxyz0123456789-"


@given(st.text(max_size=80))
def test_a_look_up_never_raises_and_gives_a_key_or_nothing(text):
    key = lookup_slug(text)
    if key is not None:
        assert SHORTEST <= len(key) <= LONGEST
        assert set(key) <= set(PLAIN)
        assert lookup_slug(key) == key == slug_key(key)


@given(st.text(PLAIN, min_size=SHORTEST, max_size=LONGEST))
def test_capitals_and_blanks_around_do_not_count(key):
    assert slug_key(f" {key.upper()}\n") == key
    assert lookup_slug(key.upper()) == key


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("ann\u0430", "CYRILLIC SMALL LETTER A"),
        ("anna lee", "SPACE"),
        ("anna/lee", "SOLIDUS"),
        ("anna_lee", "LOW LINE"),
        ("an\0na", "without a name"),
        ("ab", "has 2 characters"),
        ("", "has 0 characters"),
        ("a" * 65, "too long"),
        ("a" * 1_000_000, "too long"),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_a_text_that_cannot_be_a_slug_is_refused_with_the_reason(text, problem):
    assert lookup_slug(text) is None
    with pytest.raises(SlugRefusedError, match=problem):
        slug_key(text)


@pytest.mark.parametrize("key", ["admin", "ad-min", "sign-in", "signin", "12345", "1-2-3", "-anna", "anna-", "an--na"])
def test_a_chosen_slug_that_would_be_misread_is_refused(key):
    with pytest.raises(SlugRefusedError):
        check_vanity(key)


@pytest.mark.parametrize("key", ["anna", "anna-10", "10-anna", "admins-friend"])
def test_a_chosen_slug_that_reads_well_is_taken(key):
    check_vanity(key)
    assert all(slug_key(word) == word for word in RESERVED)


def test_a_drawn_slug_is_8_of_28_letters_that_nobody_mistakes_and_that_make_no_words():
    assert len(DRAWN_FROM) == len(set(DRAWN_FROM)) == 28
    assert not set(DRAWN_FROM) & set("0o1iluaeiou")
    drawn = {generate_slug() for _ in range(1_000)}
    assert len(drawn) == 1_000  # a repeat has odds of one in 700,000
    assert all(len(slug) == 8 and lookup_slug(slug) == slug for slug in drawn)
    assert generate_slug(choose=random.Random(7).choice) == generate_slug(choose=random.Random(7).choice)
