"""Whatever a body holds, reading it gives events or a sentence; never another error."""

import copy
import json
from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import settings as of_hypothesis
from hypothesis import strategies as st

from engine.plugin_api import (
    InputError,
)
from plugins.vendure.connector import Vendure
from tests.plugins.vendure.shop import (
    a_refund,
    an_order,
    refunded,
    settings,
)

CONNECTOR = Vendure()

WORDS = ["-1", "1e9", "٣", "9" * 400, "\x00", "\ud800", "XXX", "2026-13-01T00:00:00Z", "9999-12-31T23:59:59.999Z"]
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=30), st.sampled_from(WORDS),
    st.lists(st.none() | st.integers(), max_size=2),
    st.dictionaries(st.sampled_from(["id", "items", "to"]), st.text(max_size=3) | st.none(), max_size=2),
)  # fmt: skip
WHOLE = {"order": refunded(an_order(), a_refund("1", 4_000, 90, lines={"1": 1}), a_refund("2", 500, 95))}


def places(record: Any, path: tuple = ()) -> list[tuple]:
    """Every place in a record."""
    inside = record.items() if isinstance(record, dict) else enumerate(record) if isinstance(record, list) else ()
    return [path, *(place for key, value in inside for place in places(value, (*path, key)))]


def is_read(found: bytes) -> None:
    with suppress(InputError):
        CONNECTOR.parse(found, topic="order", settings=settings())


@of_hypothesis(max_examples=of_hypothesis().max_examples * 3)
@given(st.sampled_from(places(WHOLE)[1:]), ODD)
def test_an_order_with_one_thing_wrong_gives_events_or_a_sentence(place, odd):
    """Three times as many cases as the profile says."""
    record = copy.deepcopy(WHOLE)
    *way, last = place
    spot: Any = record
    for key in way:
        spot = spot[key]
    spot[last] = odd
    is_read(json.dumps(record).encode("utf-8", "replace"))


@given(
    st.recursive(ODD, lambda more: st.lists(more, max_size=3) | st.dictionaries(st.text(max_size=9), more, max_size=3))
)
def test_any_json_gives_events_or_a_sentence(document):
    is_read(json.dumps({"order": document}).encode("utf-8", "replace"))


@given(st.binary(max_size=300))
def test_any_bytes_give_events_or_a_sentence(found):
    is_read(found)
