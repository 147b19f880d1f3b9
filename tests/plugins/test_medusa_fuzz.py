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
from plugins.medusa.connector import Medusa
from plugins.medusa.fields import body_of
from tests.plugins.medusa.shop import (
    an_order,
    refunded,
    returned,
    settings,
)

CONNECTOR = Medusa()

WORDS = [
    "0,91",
    "-1.00",
    "1e9",
    "٣",
    "9" * 400,
    "\x00",
    "\ud800",
    "XXX",
    "2026-13-01T00:00:00Z",
    "nan",
    "Infinity",
    "9999-12-31T23:59:59.999Z",
]
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=30), st.sampled_from(WORDS),
    st.lists(st.none() | st.integers(), max_size=2),
    st.dictionaries(st.sampled_from(["value", "id", "amount"]), st.text(max_size=3) | st.none(), max_size=2),
)  # fmt: skip


def places(record: Any, path: tuple = ()) -> list[tuple]:
    """Every place in a record."""
    inside = record.items() if isinstance(record, dict) else enumerate(record) if isinstance(record, list) else ()
    return [path, *(place for key, value in inside for place in places(value, (*path, key)))]


WHOLE = json.loads(body_of(returned(refunded(an_order(), ("ref_1", "5", 40)), "ordli_1", 1, 50)))


@of_hypothesis(max_examples=of_hypothesis().max_examples * 3)
@given(st.sampled_from(places(WHOLE)[1:]), ODD)
def test_an_order_with_one_thing_wrong_gives_events_or_a_sentence(place, odd):
    """Three times as many cases as the profile says."""
    record = copy.deepcopy(WHOLE)
    *way, last = place
    spot = record
    for key in way:
        spot = spot[key]
    spot[last] = odd
    with suppress(InputError):
        CONNECTOR.parse(json.dumps(record).encode("utf-8", "replace"), topic="order", settings=settings())


@given(
    st.recursive(ODD, lambda more: st.lists(more, max_size=3) | st.dictionaries(st.text(max_size=9), more, max_size=3))
)
def test_any_json_gives_events_or_a_sentence(document):
    with suppress(InputError):
        CONNECTOR.parse(json.dumps({"order": document}).encode("utf-8", "replace"), topic="order", settings=settings())


@given(st.binary(max_size=300))
def test_any_bytes_give_events_or_a_sentence(found):
    with suppress(InputError):
        CONNECTOR.parse(found, topic="order", settings=settings())
