"""Handles, disclosures, the way of a version, and what may stand on a page."""

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from engine.kernel.errors import InvalidTransitionError
from engine.tracking.pages.changes import Mark, changes_between
from engine.tracking.pages.rules import (
    RESERVED,
    STEPS,
    HandleRefusedError,
    checked_handle,
    handle_from,
    handle_or_none,
    parted_disclosure,
    step,
)
from engine.tracking.pages.schemas import PageDocument, PageDraft
from engine.tracking.pages.tables import VersionState


@pytest.mark.parametrize(
    ("text", "handle"),
    [("anna", "anna"), ("  Anna-Berg ", "anna-berg"), ("@anna", "anna"), ("a1b", "a1b"), ("x" * 40, "x" * 40)],
)
def test_a_handle_is_folded_to_one_form(text, handle):
    assert checked_handle(text) == handle


@pytest.mark.parametrize(
    "text",
    ["", "ab", "x" * 41, "-anna", "anna-", "an--na", "anna.berg", "anna/berg", "anna_berg", "ännä", "аnna", "12345",
     "anna\n", "an na", "%61nna", "..", "admin", "Portal", "ad-min", "sign-in", "your-name"],
)  # fmt: skip
def test_what_would_be_misread_or_is_reserved_is_refused(text):
    with pytest.raises(HandleRefusedError) as refused:
        checked_handle(text.replace("anna\n", "an\nna"))
    assert refused.value.field == "handle"
    assert refused.value.remedy


def test_every_reserved_word_is_refused_also_with_dashes():
    assert [word for word in RESERVED if handle_or_none(word) or handle_or_none("-".join(word))] == []


@given(st.text(max_size=50))
def test_a_handle_is_plain_and_its_own_handle(text):
    handle = handle_or_none(text)
    if handle is not None:
        assert handle == checked_handle(handle)
        assert handle.isascii()
        assert set(handle) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


@pytest.mark.parametrize(
    ("name", "handle"),
    [("Anna Berg", "anna-berg"), ("Zoë Müller", "zoe-mueller"), ("Łukasz", "lukasz"), ("李小龍", ""), ("Li", ""),
     ("Maximilian-Alexander von Habsburg-Lothringen zu S.", "maximilian-alexander-von-habsburg-lothri")],
)  # fmt: skip
def test_a_name_suggests_a_handle(name, handle):
    assert handle_from(name) == handle


@given(st.text(max_size=60))
def test_a_suggestion_can_be_taken(name):
    assert handle_from(name) in {"", handle_or_none(handle_from(name))}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Advertisement: I earn a commission.", ("Advertisement", "I earn a commission.")),
        ("Anzeige: Ich verdiene mit.", ("Anzeige", "Ich verdiene mit.")),
        ("I earn a commission.", ("", "I earn a commission.")),
        ("What you should know: I earn.", ("", "What you should know: I earn.")),
        ("Ad:", ("", "Ad:")),
    ],
)
def test_a_disclosure_that_begins_with_a_label_keeps_it(text, parts):
    assert parted_disclosure(text) == parts


def test_only_a_draft_is_ever_on_its_way_and_what_was_decided_stays():
    assert {state for state, steps in STEPS.items() if not steps} == {VersionState.APPROVED, VersionState.REJECTED}
    for state in VersionState:
        for asked in VersionState:
            if asked in STEPS[state]:
                assert step(state, asked) is asked
            else:
                with pytest.raises(InvalidTransitionError):
                    step(state, asked)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 61}, "name"),
        ({"name": "Anna\u202eBerg"}, "name"),
        ({"headline": "x" * 121}, "headline"),
        ({"headline": "bell\x07"}, "headline"),
        ({"story": "x" * 5_001}, "story"),
        ({"story": "nul\0"}, ""),
        ({"story": "bell\x07"}, "story"),
        ({"language": "tlh"}, "language"),
        ({"photo_id": "../../etc/passwd"}, "photo_id"),
        ({"product_ids": [str(uuid4()) for _ in range(25)]}, "product_ids"),
        ({"links": ["https://a.example"] * 9}, "links"),
        ({"links": ["javascript:alert(1)"]}, "links"),
        ({"links": ["data:text/html,x"]}, "links"),
        ({"links": ["http://a.example"]}, "links"),
        ({"links": ["https://a.example\\@evil.example"]}, "links"),
        ({"links": ["https://anna@evil.example"]}, "links"),
        ({"links": ["https://localhost"]}, "links"),
        ({"links": ['https://a.example/"><script>']}, "links"),
        ({"links": ["https://[::1"]}, "links"),
        ({"style": "x"}, "style"),
    ],
)
def test_what_cannot_stand_on_a_page_is_refused_by_its_field(said, field):
    with pytest.raises(ValidationError) as refused:
        PageDocument.model_validate({"name": "Anna"} | said)
    assert {str(one["loc"][0]) if one["loc"] else "" for one in refused.value.errors()} == {field}


def test_what_is_written_is_tidied():
    photo, first, second = uuid4(), uuid4(), uuid4()
    said = PageDocument.model_validate(
        {
            "name": "  Anna   Berg ",
            "headline": "Good\tmornings",
            "story": "One  \r\n\r\nTwo\r",
            "photo_id": str(photo),
            "product_ids": [str(second), str(first), str(second)],
            "links": ["instagram.com/anna", "https://www.tiktok.com/@anna"],
        }
    )
    assert (said.name, said.headline, said.story) == ("Anna Berg", "Good mornings", "One\n\nTwo")
    assert said.product_ids == (second, first)
    assert said.links == ("https://instagram.com/anna", "https://www.tiktok.com/@anna")


def test_a_draft_s_handle_is_refused_in_a_sentence():
    with pytest.raises(ValidationError, match="is reserved"):
        PageDraft.model_validate({"handle": "admin", "document": {"name": "Anna"}})


def document(**said):
    return PageDocument.model_validate({"name": "Anna"} | said)


def test_a_change_names_the_words_that_came_and_went():
    before, after = document(story="I drink tea every day."), document(story="I drink coffee every day.")
    (change,) = changes_between(before, after)
    assert change.field == "story"
    assert [(one.mark, one.text.strip()) for one in change.pieces] == [
        (Mark.SAME, "I drink"),
        (Mark.GONE, "tea"),
        (Mark.ADDED, "coffee"),
        (Mark.SAME, "every day."),
    ]


def test_nothing_changed_is_no_change_and_a_first_version_is_all_new():
    assert changes_between(document(), document()) == ()
    first = changes_between(None, document(headline="Hello"))
    assert [one.field for one in first] == ["name", "headline", "language"]
    assert {piece.mark for one in first for piece in one.pieces} == {Mark.ADDED}


@given(st.text("ab \n", max_size=30), st.text("ab \n", max_size=30))
def test_the_pieces_of_a_change_are_both_texts(old, new):
    before, after = document(story=old), document(story=new)
    for change in changes_between(before, after):
        kept = [one for one in change.pieces if one.mark is not Mark.GONE]
        left = [one for one in change.pieces if one.mark is not Mark.ADDED]
        assert "".join(one.text for one in kept) == after.story
        assert "".join(one.text for one in left) == before.story
