"""Whatever a body holds, reading it gives events that the core takes or refuses, or a sentence; never another error."""

import copy
from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.plugin_api import InputError
from plugins.shopify.connector import Shopify
from plugins.shopify.topics import READ
from tests.plugins.odd import as_body, broken, documents, oddities, places
from tests.plugins.shopify.shop import CAP, SETTINGS, FakeShop, a_refund, an_order

CONNECTOR = Shopify()
TOPICS = st.sampled_from(sorted(READ))
ODD = oddities("0,91", "-1.00", "1e9", "XXX", "2026-13-01T00:00:00Z", "usd", 2**63, keys=["shop_money", "amount", "id"])
TWICE = settings().max_examples * 2


def read(body: bytes, topic: str) -> None:
    with suppress(InputError):
        CONNECTOR.parse(body, topic=topic, settings=SETTINGS)


@given(st.binary(max_size=300), TOPICS)
def test_bytes(body, topic):
    read(body, topic)


@given(documents(ODD), TOPICS)
def test_json(document, topic):
    read(as_body(document), topic)


def whole() -> dict[str, Any]:
    order = an_order(total_tip_received="1.00")
    order["refunds"] = [a_refund(order, 9001, units={CAP: 1}), a_refund(order, 9002, amount="5.00")]
    order["transactions"] = copy.deepcopy(order["refunds"][0]["transactions"])
    for part in ("billing_address", "shipping_address", "client_details"):
        del order[part]
    return order


WHOLE = whole()
REFUND = WHOLE["refunds"][0]


@settings(max_examples=TWICE)
@given(st.sampled_from(places(WHOLE)), ODD, TOPICS)
def test_orders_with_one_thing_wrong(place, odd, topic):
    """Twice as many cases as the profile says."""
    read(broken(WHOLE, place, odd), topic)


@given(st.sampled_from(places(REFUND)), ODD)
def test_refunds_with_one_thing_wrong(place, odd):
    read(broken(REFUND, place, odd), "refunds/create")


@given(st.sampled_from(places(WHOLE)), ODD)
def test_completion_of_what_cannot_be_read(place, odd):
    body = broken(WHOLE, place, odd)
    with suppress(InputError):
        assert CONNECTOR.complete(body, topic="orders/paid", settings=SETTINGS, http=FakeShop()) == body
