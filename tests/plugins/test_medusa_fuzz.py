"""Whatever a body holds, reading it gives events or a sentence; never another error."""

import json
from contextlib import suppress

from hypothesis import given
from hypothesis import settings as of_hypothesis
from hypothesis import strategies as st

from engine.plugin_api import InputError
from plugins.medusa.connector import Medusa
from plugins.medusa.fields import body_of
from tests.plugins.medusa.shop import an_order, refunded, returned, settings
from tests.plugins.odd import as_body, broken, documents, oddities, places

CONNECTOR = Medusa()

ODD = oddities(
    "0,91",
    "-1.00",
    "1e9",
    "XXX",
    "nan",
    "Infinity",
    "2026-13-01T00:00:00Z",
    "9999-12-31T23:59:59.999Z",
    keys=["value", "id", "amount"],
)
WHOLE = json.loads(body_of(returned(refunded(an_order(), ("ref_1", "5", 40)), "ordli_1", 1, 50)))


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
