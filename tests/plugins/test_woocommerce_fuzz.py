"""Whatever a body holds, reading it gives events that the core takes or refuses, or a sentence; never another error."""

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.plugin_api import InputError
from plugins.woocommerce.connector import WooCommerce
from plugins.woocommerce.signature import READ
from tests.plugins.odd import as_body, broken, documents, oddities, places
from tests.plugins.woocommerce.shop import FakeShop, a_refund, an_order
from tests.plugins.woocommerce.shop import settings as of_shop

CONNECTOR = WooCommerce()
TOPICS = st.sampled_from(READ)
ODD = oddities("0,91", "-1.00", "1e9", "XXX", "2026-13-01T00:00:00", "usd", 2**63, keys=["email", "total", "id"])
TWICE = settings().max_examples * 2


def read(body: bytes, topic: str) -> None:
    with suppress(InputError):
        CONNECTOR.parse(body, topic=topic, settings=of_shop())


@given(st.binary(max_size=300), TOPICS)
def test_bytes(body, topic):
    read(body, topic)


@given(documents(ODD), TOPICS)
def test_json(document, topic):
    read(as_body(document), topic)


DETAILS = [a_refund(730, "29.46", lines={315: ("24.75", "4.71")}), a_refund(731, "5.00")]
WHOLE = an_order(refunds=[{"id": 730, "total": "-29.46"}, {"id": 731, "total": "-5.00"}], refund_details=DETAILS)


@settings(max_examples=TWICE)
@given(st.sampled_from(places(WHOLE)), ODD, TOPICS)
def test_orders_with_one_thing_wrong(place, odd, topic):
    """Twice as many cases as the profile says."""
    read(broken(WHOLE, place, odd), topic)


@given(st.sampled_from(places(an_order())), ODD, TOPICS)
def test_completion_of_what_cannot_be_read(place, odd, topic):
    body = broken(an_order(), place, odd)
    with suppress(InputError):
        CONNECTOR.complete(body, topic=topic, settings=of_shop(), http=FakeShop())
