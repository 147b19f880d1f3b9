"""Whatever a body or an answer holds, reading it gives events that the core takes or refuses, or a sentence."""

import json
from contextlib import suppress
from datetime import timedelta

import httpx2
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.plugin_api import CodeView, GoodwordError, InputError
from engine.plugin_host.http import HttpPool
from plugins.stripe_payments.connector import StripePayments
from plugins.stripe_payments.settings import ORIGIN
from plugins.stripe_payments.topics import READ
from tests.plugins.odd import as_body, broken, documents, oddities, places
from tests.plugins.stripe_payments.account import SETTINGS
from tests.plugins.stripe_payments.objects import (
    T0,
    a_dispute,
    a_refund,
    a_session,
    an_event,
    an_invoice,
    example,
    listed,
)

CONNECTOR = StripePayments()
TOPICS = st.sampled_from(sorted(READ))
ODD = oddities("0,91", "-1.00", "xxx", "isk", 2**63, -1, 10**400, keys=["data", "amount", "id"])
TWICE = settings().max_examples * 2

CHARGED = example("payment_intent", id="pi_1", latest_charge={"id": "ch_1", "created": 1_772_445_600}, metadata={})
CODE = {"id": "promo_1", "code": "ANNA10"}
SESSION = a_session(payment_intent=CHARGED, discounts=[{"promotion_code": CODE}], metadata={"gw_click": "x"})
RECORDS = [
    {"session": SESSION, "settled_at": 1_772_445_700},
    {"invoice": an_invoice(), "session": SESSION},
    {"order": "pi_1", "refunds": [a_refund("re_1", 100)]},
    {"order": "pi_1", "disputes": [a_dispute("dp_1", "lost", balance_transactions=[{"created": 1_772_445_700}])]},
]


def read(body: bytes, topic: str) -> None:
    with suppress(InputError):
        CONNECTOR.parse(body, topic=topic, settings=SETTINGS)


@given(st.binary(max_size=300), TOPICS)
def test_bytes(body, topic):
    read(body, topic)


@given(
    documents(ODD),
    TOPICS,
    st.sampled_from(["session", "invoice", "order"]),
)
def test_json(document, topic, name):
    read(as_body(document), topic)
    read(as_body({name: document, "refunds": document}), topic)


@settings(max_examples=TWICE)
@given(st.data())
def test_records_with_one_thing_wrong(data):
    """Twice as many cases as the profile says."""
    record = data.draw(st.sampled_from(RECORDS))
    read(broken(record, data.draw(st.sampled_from(places(record))), data.draw(ODD)), data.draw(TOPICS))


EVENT = an_event("evt_1", "checkout.session.completed", {"id": "cs_live_1"})
ANSWERS = [
    SESSION,
    an_invoice(),
    a_refund("re_1", 100),
    listed(SESSION),
    listed(EVENT),
    listed(example("promotion_code")),
]


@settings(max_examples=TWICE)
@given(st.data())
def test_answers_with_one_thing_wrong(data):
    """Twice as many cases as the profile says; the account answers everything with the same odd thing."""
    answer = data.draw(st.sampled_from(ANSWERS))
    body = broken(answer, data.draw(st.sampled_from(places(answer))), data.draw(ODD))
    http = HttpPool(transport=httpx2.MockTransport(lambda _: httpx2.Response(200, content=body))).client((ORIGIN,))
    code = CodeView("key", "FALL20", "Fall", 1_000, None, T0)
    topic = data.draw(st.sampled_from(sorted(READ - {"unreadable"})))
    event = json.dumps(EVENT | {"type": topic}).encode()
    window = {"since": T0, "until": T0 + timedelta(days=1)}
    for ask in (
        lambda: read(CONNECTOR.complete(event, topic=topic, settings=SETTINGS, http=http), topic),
        lambda: CONNECTOR.pull(**window, cursor=None, settings=SETTINGS, http=http),
        lambda: CONNECTOR.pull(**window, cursor='["events", 0, null]', settings=SETTINGS, http=http),
        lambda: CONNECTOR.push_code(code, settings=SETTINGS, http=http),
        lambda: CONNECTOR.find_code("FALL20", settings=SETTINGS, http=http),
        lambda: CONNECTOR.subscribe(address="https://x.example/", settings=SETTINGS, http=http),
        lambda: CONNECTOR.check(settings=SETTINGS, http=http),
    ):
        with suppress(GoodwordError):
            ask()
