"""Any shop by webhook: signatures held to the library of the standard, bodies read by a template, no more let in."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from standardwebhooks.webhooks import Webhook as Signer

from engine.plugin_api import (
    ChargebackState,
    Customer,
    InputError,
    OrderLine,
    PluginError,
    PluginSettings,
    RefundLine,
    RefundState,
    SignatureError,
    Webhook,
    WebhookRequest,
)
from plugins.generic_webhook.connector import GenericWebhook
from plugins.generic_webhook.paths import Place, find, read_path
from plugins.generic_webhook.settings import GenericWebhookSettings

CONNECTOR = GenericWebhook()
OLD, NEW = "whsec_b2xkLXNlY3JldC1vZi10aGUtc2hvcA==", "whsec_bmV3LXNlY3JldC1vZi10aGUtc2hvcA=="
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
BODY = b'{"type":"order.paid"}'
SHOP = {
    "signing_secrets": [NEW, OLD],
    "topic": "type",
    "order": {
        "topics": ["order.paid", "order.updated"],
        "id": "data.id",
        "updated_at": "data.updated_at",
        "placed_at": "data.created_at",
        "paid_at": "data.paid_at",
        "cancelled_at": "data.cancelled_at",
        "currency": "data.currency",
        "lines": {
            "each": "data.lines[]",
            "id": "id",
            "net": "total",
            "quantity": "quantity",
            "tax": "tax",
            "product": "sku",
            "collections": "tags[]",
            "gift_card": "gift",
        },
        "charged": "data.total",
        "shipping": "data.shipping",
        "codes": "data.discounts[].code",
        "clicks": ["data.landing", "data.click"],
        "customer_email": "data.customer.email",
        "customer_id": "data.customer.id",
        "refund_ids": "data.refunds[].id",
    },
    "refund": {
        "topics": ["order.updated"],
        "each": "data.refunds[]",
        "id": "id",
        "order_id": "$.data.id",
        "updated_at": "at",
        "currency": "$.data.currency",
        "amount": "amount",
        "lines": {"each": "lines[]", "line_id": "line", "net": "amount"},
        "state": "status",
        "states": {"done": "succeeded", "void": "cancelled"},
    },
    "chargeback": {
        "topics": ["dispute"],
        "id": "data.id",
        "order_id": "data.order",
        "updated_at": "data.at",
        "currency": "data.currency",
        "amount": "data.amount",
        "state": "data.status",
    },
}
DECLARED = GenericWebhookSettings.model_validate(SHOP)
ORDER: dict[str, Any] = {
    "id": 1001,
    "created_at": "2026-03-02T08:00:00Z",
    "updated_at": "2026-03-02T09:00:00+01:00",
    "paid_at": "2026-03-02T08:00:30Z",
    "cancelled_at": None,
    "currency": "eur",
    "lines": [
        {"id": "a", "total": "80.00", "quantity": 2, "tax": "15.20", "sku": "MUG", "tags": ["home"]},
        {"id": "b", "total": 20.5, "gift": True},
    ],
    "total": "120.60",
    "shipping": "4.90",
    "discounts": [{"code": "ANNA10"}, {"code": ""}],
    "landing": "https://shop.example/mug?gw_click=abc&x=1",
    "click": "abc",
    "customer": {"email": " kim@example.org ", "id": 7},
    "refunds": [
        {
            "id": "r1",
            "at": "2026-03-03T10:00:00Z",
            "amount": "40.00",
            "status": "done",
            "lines": [{"line": "a", "amount": "40.00"}],
        }
    ],
}


def parse(document, declared=DECLARED, topic=""):
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return CONNECTOR.parse(body, topic=topic, settings=declared)


def order(topic="order.paid", **more):
    return {"type": topic, "data": ORDER | more}


def shop(**more):
    return GenericWebhookSettings.model_validate(SHOP | more)


def signed(body=BODY, *, secret=NEW, at=NOW, message_id="msg_1"):
    signature = Signer(secret).sign(msg_id=message_id, timestamp=at, data=body.decode())
    return {"webhook-id": message_id, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}


def verify(headers, body=BODY, *, declared=DECLARED, at=NOW):
    return CONNECTOR.verify(WebhookRequest(headers, body, at), settings=declared)


# --- signatures


@pytest.mark.parametrize("secret", [NEW, OLD])
def test_every_live_secret_counts(secret):
    assert verify(signed(secret=secret)) == Webhook(key="msg_1", topic="")


def test_several_signatures_of_which_one_fits():
    headers = signed()
    headers["webhook-signature"] = f"v1,bm90IGl0 v1a,xx {headers['webhook-signature']}"
    assert verify(headers).key == "msg_1"


@pytest.mark.parametrize(("seconds", "fits"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)])
def test_a_signature_holds_five_minutes_either_way(seconds, fits):
    headers = signed(at=NOW + timedelta(seconds=seconds))
    if fits:
        assert verify(headers).key == "msg_1"
    else:
        with pytest.raises(SignatureError):
            verify(headers)


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-signature": ""},
        {"webhook-signature": "v1"},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v1,###"},
        {"webhook-signature": "v2,bm90IGl0"},
        {"webhook-id": ""},
        {"webhook-id": "msg_2"},
        {"webhook-id": "m" * 201},
        {"webhook-id": "msg 1"},
        {"webhook-timestamp": ""},
        {"webhook-timestamp": "1772442001"},
        {"webhook-timestamp": "1772442000.0"},
        {"webhook-timestamp": " 1772442000"},
        {"webhook-timestamp": "9" * 12},
        {"webhook-timestamp": "-1"},
    ],
    ids=lambda change: "=".join(next(iter(change.items())))[:40],
)
def test_a_header_that_is_off_by_anything_is_refused(change):
    with pytest.raises(SignatureError):
        verify(signed() | change)


def test_a_missing_header_is_refused():
    for name in signed():
        with pytest.raises(SignatureError):
            verify({key: value for key, value in signed().items() if key != name})


def test_a_body_written_anew_is_another_body():
    with pytest.raises(SignatureError):
        verify(signed(), b'{"type": "order.paid"}')


@given(st.integers(0, len(BODY) * 8 - 1))
def test_no_flipped_bit_goes_through(bit):
    flipped = bytearray(BODY)
    flipped[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SignatureError):
        verify(signed(), bytes(flipped))


@given(st.dictionaries(st.sampled_from([*signed(), "x"]), st.text()), st.binary())
def test_no_headers_break_verification(headers, body):
    with pytest.raises(SignatureError):
        verify(headers, body)


def test_the_secret_of_another_shop_is_none_here():
    with pytest.raises(SignatureError):
        verify(signed(secret="whsec_c29tZWJvZHktZWxzZS1zZWNyZXQ="))


# --- bodies


def test_an_order_with_everything():
    (event,) = parse(order())
    assert event.external_id == "1001"
    assert event.placed_at == event.updated_at == datetime(2026, 3, 2, 8, tzinfo=UTC)
    assert event.paid_at == datetime(2026, 3, 2, 8, 0, 30, tzinfo=UTC)
    assert event.cancelled_at is None
    assert event.currency == "EUR"
    assert event.lines == (
        OrderLine("a", 8000, 2, 1520, "MUG", ("home",)),
        OrderLine("b", 2050, gift_card=True),
    )
    assert (event.charged_minor, event.shipping_minor) == (12060, 490)
    assert (event.codes, event.clicks) == (("ANNA10",), ("abc",))
    assert event.customer == Customer("kim@example.org", "7")
    assert event.refund_ids == ("r1",)


def test_refunds_inside_an_order_are_refunds_of_it():
    placed, refund = parse(order("order.updated"))
    assert (refund.external_id, refund.order_external_id) == ("r1", placed.external_id)
    assert (refund.amount_minor, refund.lines, refund.state) == (4000, (RefundLine("a", 4000),), RefundState.SUCCEEDED)
    assert refund.updated_at == refund.refunded_at == datetime(2026, 3, 3, 10, tzinfo=UTC)


def test_a_chargeback_in_the_words_of_the_standard_states():
    data = {
        "id": "d1",
        "order": "1001",
        "at": "2026-03-04T00:00:00Z",
        "currency": "EUR",
        "amount": "5",
        "status": "open",
    }
    (event,) = parse({"type": "dispute", "data": data})
    assert (event.state, event.amount_minor, event.order_external_id) == (ChargebackState.OPEN, 500, "1001")


def test_other_topics_hold_nothing():
    assert parse({"type": "customer.created", "data": {"id": 1}}) == ()
    assert parse({"data": {"id": 1}}) == ()


def test_minor_units_and_unix_times():
    declared = GenericWebhookSettings.model_validate(
        {
            "signing_secrets": [NEW],
            "amounts": "minor",
            "times": "unix_ms",
            "currency": "JPY",
            "order": {"id": "id", "updated_at": "at", "placed_at": "at", "paid_at": "paid", "net": "sum"},
        }
    )
    (event,) = parse({"id": "1", "at": 1772442000123, "sum": 999}, declared)
    assert event.lines == (OrderLine("1", 999),)
    assert event.charged_minor == 999
    assert event.placed_at == datetime(2026, 3, 2, 9, 0, 0, 123000, tzinfo=UTC)
    assert (event.refund_ids, event.paid_at) == (None, None)


def test_a_local_time_needs_a_zone():
    local = order(created_at="2026-07-01T10:00:00")
    with pytest.raises(InputError, match=r"order\.placed_at: .*has no offset"):
        parse(local)
    (event,) = parse(local, shop(time_zone="Europe/Berlin"))
    assert event.placed_at == datetime(2026, 7, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"id": None}, r"order\.id: There is nothing at data\.id"),
        ({"id": True}, r"order\.id: True at data\.id is no text"),
        ({"created_at": "yesterday"}, r"order\.placed_at: 'yesterday' at data\.created_at is no time"),
        ({"created_at": "0001-01-01T00:00:00+14:00"}, r"order\.placed_at: .*is no time"),
        ({"currency": "XXX"}, r"order\.currency: "),
        ({"currency": "₮"}, r"order\.currency: "),
        ({"total": "0,91"}, r"order\.charged: At data\.total: '0,91'"),
        ({"total": "-1.00"}, r"order\.charged: '-1\.00' at data\.total is negative"),
        ({"total": "1.001"}, r"order\.charged: .*more decimals"),
        ({"total": []}, r"order\.charged: \[\] at data\.total is no decimal"),
        ({"total": True}, r"order\.charged: True at data\.total"),
        ({"lines": []}, r"order\.lines: There is nothing at data\.lines\[\]"),
        ({"lines": {}}, r"There is no list at data\.lines"),
        ({"lines": [3]}, r"There is no object at data\.lines\[0\]"),
        (
            {"lines": [{"id": "a", "total": "1", "quantity": 0}]},
            r"order\.lines\.quantity: 0 at data\.lines\[0\]\.quantity",
        ),
        ({"lines": [{"id": "a", "total": "1", "gift": "no"}]}, r"order\.lines\.gift_card: 'no'"),
        ({"customer": "Kim"}, r"There is no object at data\.customer"),
        ({"refunds": [{}]}, r"refund\.updated_at: There is nothing at at in data\.refunds\[0\]"),
        (
            {"refunds": [ORDER["refunds"][0] | {"status": "maybe"}]},
            r"refund\.state: 'maybe' at status is none of cancel",
        ),
    ],
    ids=str,
)
def test_what_is_wrong_is_named_by_field_and_place(change, said):
    with pytest.raises(InputError, match=said):
        parse(order("order.updated", **change))


NO_JSON_OBJECT = {
    "nothing": b"",
    "null": b"null",
    "list": b"[]",
    "text": b'"x"',
    "half": b"{",
    "no text": b"\xff",
    "key twice": b'{"a":1,"a":2}',
    "NaN": b'{"a":NaN}',
    "huge number": b'{"a":1e999}',
    "many digits": b'{"a":' + b"9" * 5_000 + b"}",
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("body", NO_JSON_OBJECT.values(), ids=NO_JSON_OBJECT)
def test_what_is_no_json_object_is_refused(body):
    with pytest.raises(InputError):
        parse(body)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["2026-03-02T08:00:00Z", "12.40", "EUR"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*sorted(ORDER), "x"]), inner, max_size=6)
    ),
    max_leaves=20,
)


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(sorted(ORDER)), json_values), st.sampled_from(["order.paid", "order.updated"]))
def test_a_damaged_order_is_read_or_refused_and_never_breaks(change, topic):
    try:
        events = parse(order(topic, **change))
    except InputError:
        return
    assert all(isinstance(event.updated_at, datetime) for event in events)


@settings(max_examples=300)
@given(st.binary(max_size=300))
def test_bytes_are_read_or_refused_and_never_break(body):
    with suppress(InputError):
        assert isinstance(parse(body), tuple)


@given(st.integers(0, 10**12))
def test_amounts_come_out_exactly_as_written(minor):
    written = str(Decimal(minor).scaleb(-2))
    (event,) = parse(order(total=written))
    assert event.charged_minor == minor


def test_equal_bodies_say_equal_things():
    assert parse(order("order.updated")) == parse(json.dumps(order("order.updated"), indent=2).encode())


# --- paths and settings


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a", [1]),
        ("b.c", []),
        ("lines[].total", [5, 6]),
        ("lines[1].total", [6]),
        ("lines[9].total", []),
        ("grid[][]", [1, 2, 3]),
        ("$.a", [1]),
        ("none.x", []),
    ],
)
def test_paths_lead_to_values(path, found):
    body = Place({"a": 1, "none": None, "lines": [{"total": 5}, {"total": 6}], "grid": [[1, 2], [3]]}, "the body")
    assert [place.value for place in find(read_path(path), body, body=body)] == found


@pytest.mark.parametrize("path", ["", ".", "a..b", "a[", "a[]b", "$.", "a[-1]", "a.*", "x" * 301, "a\n", "[]"])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(ValueError, match="is no path"):
        read_path(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"signing_secrets": []}, "at least 1"),
        ({"signing_secrets": ["test"]}, "16 bytes"),
        ({"signing_secrets": ["whsec_dGVzdA=="]}, "16 bytes"),
        ({"signing_secrets": ["not base64 at all!"]}, "base64"),
        ({"signing_secrets": [NEW] * 6}, "at most 5"),
        ({"topic": None}, "names topics"),
        ({"topic": "a[].b"}, "names many places"),
        ({"order": None, "refund": None, "chargeback": None}, "at least one template"),
        (
            {"order": {"id": "id", "updated_at": "u", "placed_at": "p", "paid_at": "p", "currency": "c"}},
            "either lines, or net",
        ),
        (
            {"order": {"id": "id", "updated_at": "u", "placed_at": "p", "paid_at": "p", "net": "n"}},
            "one currency for all",
        ),
        ({"order": {"id": "id", "updated_at": "u", "placed_at": "p", "net": "n", "currency": "c"}}, "order.paid_at"),
        ({"currency": "EURO"}, "EURO"),
        ({"time_zone": "Mars"}, "IANA"),
        ({"colour": "plum"}, "Extra inputs"),
    ],
    ids=str,
)
def test_settings_that_do_not_fit_say_why(change, said):
    with pytest.raises(ValidationError, match=said):
        shop(**change)


def test_without_its_settings_it_says_so():
    with pytest.raises(PluginError, match="Enter the shop's settings first"):
        CONNECTOR.parse(b"{}", topic="", settings=PluginSettings())
