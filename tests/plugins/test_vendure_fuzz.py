"""Whatever a body holds, reading it gives events or a sentence; never another error."""

from contextlib import suppress

from hypothesis import given
from hypothesis import settings as of_hypothesis
from hypothesis import strategies as st

from engine.plugin_api import InputError
from plugins.vendure.connector import Vendure
from tests.plugins.odd import as_body, broken, documents, oddities, places
from tests.plugins.vendure.shop import a_refund, an_order, refunded, settings

CONNECTOR = Vendure()

ODD = oddities("-1", "1e9", "XXX", "2026-13-01T00:00:00Z", "9999-12-31T23:59:59.999Z", keys=["id", "items", "to"])
WHOLE = {"order": refunded(an_order(), a_refund("1", 4_000, 90, lines={"1": 1}), a_refund("2", 500, 95))}


def is_read(found: bytes) -> None:
    with suppress(InputError):
        CONNECTOR.parse(found, topic="order", settings=settings())


@of_hypothesis(max_examples=of_hypothesis().max_examples * 3)
@given(st.sampled_from(places(WHOLE)), ODD)
def test_an_order_with_one_thing_wrong_gives_events_or_a_sentence(place, odd):
    """Three times as many cases as the profile says."""
    is_read(broken(WHOLE, place, odd))


@given(documents(ODD))
def test_any_json_gives_events_or_a_sentence(document):
    is_read(as_body({"order": document}))


@given(st.binary(max_size=300))
def test_any_bytes_give_events_or_a_sentence(found):
    is_read(found)
