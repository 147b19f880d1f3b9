"""A body for people's eyes obeys nothing and hides nothing."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.intake.webhooks.pretty import LONGEST, readable


def test_json_is_indented_and_its_numbers_stand_as_written():
    assert readable(b'{"a":1.10,"b":[12345678901234567890,1e5]}') == (
        '{\n  "a": 1.10,\n  "b": [\n    12345678901234567890,\n    1e5\n  ]\n}'
    )


@pytest.mark.parametrize("body", ['{"a":1,"a":2}', "{", "[" * 2_000, "plain"], ids=["twice", "half", "deep", "text"])
def test_what_cannot_be_indented_stands_as_it_came(body):
    assert readable(body.encode()) == body


def test_nothing_in_it_is_obeyed():
    assert readable(b"\x1b[31m\x00\xff") == "\\x1b[31m\\x00\\xff"
    assert readable("\u202egnp".encode()) == "\\u202egnp"


def test_it_ends():
    assert readable(b"x" * (LONGEST + 5)).endswith("… 5 more characters")


@given(st.binary())
def test_any_bytes_are_shown_and_nothing_unseen_is_left(body):
    assert all(char.isprintable() or char == "\n" for char in readable(body))


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text("ab<>&\"'"), st.lists))
def test_indenting_changes_nothing(value):
    assert json.loads(readable(json.dumps(value).encode())) == value
