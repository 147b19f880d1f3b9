"""Texts that people call one code have one key; texts that only look like it are refused, with the letter named."""

import random
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.tracking.codes.rules import (
    DRAWN_FROM,
    LONGEST,
    RESERVED,
    SHORTEST,
    CodeRefusedError,
    check_reserved,
    check_vanity,
    code_key,
    generate_code,
    lookup_key,
    shown_code,
)


def caseless(text):
    """Fold as Unicode defines compatibility caseless matching."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


KEY = re.compile(r"[A-Z0-9_-]{3,32}")
keys = st.from_regex(KEY, fullmatch=True)
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789-_"
FOLDABLE = [letter for number in range(0x20000) if not caseless(letter := chr(number)).strip(LETTERS)]
texts_of_codes = st.text(st.sampled_from(FOLDABLE) | st.sampled_from(LETTERS), min_size=SHORTEST, max_size=12)
blanks = st.text(" \t\n\r\u00a0\u3000\u2009", max_size=3)

# What people, keyboards and shops make of a letter without meaning another one.
DRESSES = {
    "A": "AaＡａ𝐀ⓐ",
    "E": "EeＥｅℯ",
    "K": "Kk\u212aＫ",
    "S": "Ss\u017fＳ",
    "0": "0０𝟎",
    "1": "1１¹",
    "L": "LlＬℓ",
}


@pytest.mark.parametrize("text", ["sale10", " SALE10 ", "ＳＡＬＥ１０", "\u017fale10", "SALE10\u00a0", "sale¹⁰"])
def test_one_code_in_many_writings_has_one_key(text):
    assert code_key(text) == "SALE10"


def test_letters_that_fold_to_ascii_do_so():
    assert code_key("\u212aILO") == code_key("kilo") == "KILO"  # the Kelvin sign
    assert code_key("straße") == code_key("STRASSE") == code_key("ſtraſſe") == "STRASSE"
    assert code_key("o\ufb03ce") == "OFFICE"  # a ligature


@pytest.mark.parametrize(
    ("text", "letter", "name"),
    [
        ("S\u0410LE10", "А", "CYRILLIC CAPITAL LETTER A"),
        ("sal\u043510", "е", "CYRILLIC SMALL LETTER IE"),
        ("SAL\u039510", "Ε", "GREEK CAPITAL LETTER EPSILON"),
        ("sa\u200ble", "\u200b", "ZERO WIDTH SPACE"),
        ("\ufeffsale", "\ufeff", "ZERO WIDTH NO-BREAK SPACE"),
        ("SA\u00adLE", "\u00ad", "SOFT HYPHEN"),
        ("\u0130ZMIR", "İ", "LATIN CAPITAL LETTER I WITH DOT ABOVE"),
        ("\u0131zmir", "ı", "LATIN SMALL LETTER DOTLESS I"),
        ("sa\0le", "\0", "U+0000"),
        ("sa le", " ", "SPACE"),
        ("sa\u00a0le", "\u00a0", "NO-BREAK SPACE"),
        ("café", "é", "LATIN SMALL LETTER E WITH ACUTE"),
        ("cafe\u0301", "\u0301", "COMBINING ACUTE ACCENT"),
        ("10%OFF", "%", "PERCENT SIGN"),
        ("sale\ud800", "\ud800", "U+D800"),
        ("sale\u202e", "\u202e", "RIGHT-TO-LEFT OVERRIDE"),
    ],
    ids=ascii,
)
def test_a_letter_that_cannot_be_in_a_code_is_named(text, letter, name):
    with pytest.raises(CodeRefusedError) as refused:
        code_key(text)
    assert repr(letter) in str(refused.value)
    assert name in str(refused.value)
    assert refused.value.field == "code"
    assert refused.value.remedy
    assert lookup_key(text) is None


def test_a_look_alike_is_told_from_the_letter_that_it_copies():
    with pytest.raises(CodeRefusedError, match=r"which only looks like A\. Type A instead\."):
        code_key("S\u0410LE10")


@given(st.text())
def test_whatever_comes_has_a_plain_key_or_none(text):
    key = lookup_key(text)
    assert key is None or KEY.fullmatch(key)


def test_many_letters_of_unicode_fold_to_those_of_a_code():
    assert len(FOLDABLE) > 1_000
    assert {"\u017f", "\u212a", "Ａ", "ß", "\ufb03"} <= set(FOLDABLE)


@given(texts_of_codes)
def test_a_key_is_what_unicode_calls_the_same_and_its_own_key(text):
    key = code_key(text) if len(caseless(text)) <= LONGEST else "A-LONG-ONE"
    assert key in (caseless(text).upper(), "A-LONG-ONE")
    assert code_key(key) == code_key(key.lower()) == key


@given(st.text(max_size=40), st.text(max_size=40))
def test_what_is_equal_to_a_reader_of_unicode_has_one_key(one, other):
    if caseless(one.strip()) == caseless(other.strip()):
        assert lookup_key(one) == lookup_key(other)


@given(texts_of_codes, st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_however_unicode_composes_a_code_it_has_one_key(text, form):
    assert lookup_key(unicodedata.normalize(form, text)) == lookup_key(text)


@given(st.lists(st.sampled_from(sorted(DRESSES)), min_size=SHORTEST, max_size=LONGEST), st.data(), blanks, blanks)
def test_the_dress_of_a_letter_and_blanks_around_do_not_count(letters, data, before, after):
    dressed = "".join(data.draw(st.sampled_from(DRESSES[letter])) for letter in letters)
    assert code_key(before + dressed + after) == "".join(letters)


@given(keys, st.integers(0, 40), st.sampled_from("АеΟ\u200b\0 é٣"))
def test_one_strange_letter_anywhere_inside_refuses_the_whole_code(key, place, strange):
    inside = min(place, len(key) - 1) or 1
    assert lookup_key(key[:inside] + strange + key[inside:]) is None


@pytest.mark.parametrize("length", [0, 1, 2, 3, 32, 33, 1_000_000])
def test_a_code_has_3_to_32_letters(length):
    assert (lookup_key("a" * length) is not None) == (SHORTEST <= length <= LONGEST)


def test_length_is_judged_after_folding():
    assert code_key("ß" * 16) == "S" * 32
    with pytest.raises(CodeRefusedError, match="34 characters"):
        code_key("ß" * 17)


@given(texts_of_codes.filter(lambda text: len(caseless(text)) <= LONGEST))
def test_what_people_read_is_plain_and_finds_the_same_code(text):
    shown = shown_code(text)
    assert shown.isascii()
    assert len(shown) <= LONGEST
    assert code_key(shown) == code_key(text)


def test_a_code_is_shown_as_it_was_written_where_that_is_plain():
    assert [shown_code(text) for text in [" Anna10 ", "Ａnna10", "Straße"]] == ["Anna10", "Anna10", "STRASSE"]


@pytest.mark.parametrize("key", ["ADMIN", "AD-MIN", "NULL", "-FREE-", "house_10", "HOUSE10"])
def test_reserved_words_are_refused_also_with_dashes_in_between(key):
    with pytest.raises(CodeRefusedError, match="is reserved"):
        check_reserved(key.upper(), ["HOUSE-10"])


def test_a_word_that_only_begins_with_a_reserved_one_is_free():
    check_reserved("FREE10")
    check_reserved("ADMINA")
    assert all(code_key(word) == word for word in RESERVED)


@pytest.mark.parametrize("key", ["12345", "1-2-3", "-ANNA", "ANNA_", "AN--NA", "AN-_NA"])
def test_a_chosen_code_that_would_be_misread_is_refused(key):
    with pytest.raises(CodeRefusedError):
        check_vanity(key)


@pytest.mark.parametrize("key", ["ANNA", "ANNA-10", "10_ANNA", "A1B-2C3"])
def test_a_chosen_code_that_reads_well_is_taken(key):
    check_vanity(key)


def test_a_drawn_code_is_8_of_30_letters_that_nobody_mistakes():
    assert len(DRAWN_FROM) == len(set(DRAWN_FROM)) == 30
    assert not set(DRAWN_FROM) & set("0O1ILU")
    drawn = {generate_code() for _ in range(1_000)}
    assert len(drawn) == 1_000  # a repeat has odds of one in a million
    assert all(len(code) == 8 and set(code) <= set(DRAWN_FROM) for code in drawn)


@given(st.text(max_size=60), st.integers())
def test_every_drawn_code_is_a_code_whatever_the_stem(stem, seed):
    code = generate_code(stem, choose=random.Random(seed).choice)
    assert code_key(code) == code
    check_reserved(code)
    assert generate_code(stem, choose=random.Random(seed).choice) == code


def test_a_stem_begins_the_code():
    assert re.fullmatch(r"ZOEMULLER-[A-Z2-9]{4}", generate_code("Zoë Müller"))
    assert re.fullmatch(r"[A-Z2-9]{8}", generate_code("Анна"))
