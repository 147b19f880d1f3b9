"""Whatever a body holds, reading it gives events that the core takes or refuses, or a sentence; never another error."""

import copy
import json
from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.plugin_api import InputError
from plugins.woocommerce.connector import WooCommerce
from plugins.woocommerce.signature import READ
from tests.plugins.woocommerce.shop import FakeShop, a_refund, an_order
from tests.plugins.woocommerce.shop import settings as of_shop

CONNECTOR = WooCommerce()
TOPICS = st.sampled_from(READ)
WORDS = ["0,91", "-1.00", "1e9", "٣", "9" * 400, "\x00", "\ud800", "XXX", "2026-13-01T00:00:00", "usd", 2**63]
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=30),
    st.sampled_from(WORDS),
    st.lists(st.none() | st.integers(), max_size=2),
    st.dictionaries(st.sampled_from(["email", "total", "id"]), st.text(max_size=3) | st.none(), max_size=2),
)
TWICE = settings().max_examples * 2


def read(body: bytes, topic: str) -> None:
    with suppress(InputError):
        CONNECTOR.parse(body, topic=topic, settings=of_shop())


@given(st.binary(max_size=300), TOPICS)
def test_bytes(body, topic):
    read(body, topic)


@given(
    st.recursive(ODD, lambda more: st.lists(more, max_size=3) | st.dictionaries(st.text(max_size=9), more, max_size=3)),
    TOPICS,
)
def test_json(document, topic):
    read(json.dumps(document).encode("utf-8", "replace"), topic)


def places(record: Any, path: tuple = ()) -> list[tuple]:
    """Every place in a record."""
    inside = record.items() if isinstance(record, dict) else enumerate(record) if isinstance(record, list) else ()
    return [path, *(place for key, value in inside for place in places(value, (*path, key)))]


DETAILS = [a_refund(730, "29.46", lines={315: ("24.75", "4.71")}), a_refund(731, "5.00")]
WHOLE = an_order(refunds=[{"id": 730, "total": "-29.46"}, {"id": 731, "total": "-5.00"}], refund_details=DETAILS)


def broken(record, place, odd):
    record = copy.deepcopy(record)
    *way, last = place
    spot = record
    for key in way:
        spot = spot[key]
    spot[last] = odd
    return record


@settings(max_examples=TWICE)
@given(st.sampled_from(places(WHOLE)[1:]), ODD, TOPICS)
def test_orders_with_one_thing_wrong(place, odd, topic):
    """Twice as many cases as the profile says."""
    read(json.dumps(broken(WHOLE, place, odd)).encode("utf-8", "replace"), topic)


@given(st.sampled_from(places(an_order())[1:]), ODD, TOPICS)
def test_completion_of_what_cannot_be_read(place, odd, topic):
    body = json.dumps(broken(an_order(), place, odd)).encode("utf-8", "replace")
    with suppress(InputError):
        CONNECTOR.complete(body, topic=topic, settings=of_shop(), http=FakeShop())
