"""Shopify's refunds and disputes to events: the same refund by whatever way it came."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import jsonschema  # type: ignore[import-untyped]  # published without types
import pytest

from engine.plugin_api import (
    ChargebackEvent,
    ChargebackState,
    InputError,
    RefundEvent,
    RefundLine,
    RefundState,
    read_json,
)
from plugins.shopify.connector import Shopify
from tests.plugins.shopify.shop import CAP, DATA, MUG, SETTINGS, a_refund, an_order, money, written

CONNECTOR = Shopify()
AT = datetime(2026, 3, 3, 9, tzinfo=UTC)


def parsed(record, topic="refunds/create"):
    return CONNECTOR.parse(written(record), topic=topic, settings=SETTINGS)


def event(refund) -> RefundEvent:
    (found,) = parsed(refund)
    return found


def of_kind(kind, amount, tax="0.00"):
    return {"id": 1, "order_id": 2, "refund_id": 3, "kind": kind, "amount": amount, "tax_amount": tax, "reason": ""}


def test_the_refunds_of_these_tests_are_what_shopify_sends():
    schema = json.loads((DATA / "refunds-create.json").read_text(encoding="utf-8"))
    check = jsonschema.Draft202012Validator(schema)
    refund = a_refund(an_order(), 9001, units={CAP: 1, MUG: 1})
    refund["order_adjustments"] = [of_kind("shipping_refund", "-4.90")]
    check.validate(refund)
    check.validate(a_refund(an_order(), 9002, amount="5.00"))


def test_numbers_beside_texts_in_one_payload():
    body = written(a_refund(an_order(), 9001, units={CAP: 1}))
    line, payment = read_json(body)["refund_line_items"][0], read_json(body)["transactions"][0]
    assert (type(line["subtotal"]), type(payment["amount"])) == (Decimal, str)


def test_a_refund_of_lines_takes_their_net():
    refund = event(a_refund(an_order(), 9001, units={CAP: 1, MUG: 1}))
    lines = (RefundLine(str(CAP), 4491 - 717), RefundLine(str(MUG), 1710 - 273))
    assert refund == RefundEvent("9001", "820982911946154508", AT, AT, "EUR", 4491 + 1710, lines)


def test_without_sets_the_plain_numbers_say_the_same():
    refund = a_refund(an_order(), 9001, units={CAP: 1})
    before = event(refund)
    for line in refund["refund_line_items"]:
        del line["subtotal_set"], line["total_tax_set"]
    assert event(refund) == before


@pytest.mark.parametrize("known", ["rate", "before tax", "said"])
@pytest.mark.parametrize("included", [True, False])
def test_whether_a_subtotal_includes_tax_is_told_by_its_line(included, known):
    order = an_order(taxes_included=included)
    for line, tax in zip(order["line_items"], ("17.07", "3.25"), strict=True):
        if not included:
            line["tax_lines"][0] |= {"price": tax, "price_set": money(tax)}
    refund = a_refund(order, 9001, units={CAP: 2})
    line = refund["refund_line_items"][0]["line_item"]
    if known == "before tax":
        line["pre_tax_price"] = "75.48" if included else "89.82"
        line["tax_lines"][0]["rate"] = 0
    if known == "said":
        refund["taxes_included"], line["tax_lines"][0]["rate"] = included, 0
    assert event(refund).lines == (RefundLine(str(CAP), 7548 if included else 8982),)


def test_a_refund_says_the_same_by_itself_and_in_every_version_of_its_order():
    order = an_order()
    refunds = [
        a_refund(order, 9001, units={CAP: 1}),
        a_refund(order, 9002, amount="7.00"),
        a_refund(order, 9003, units={MUG: 1}, status="pending"),
    ]
    refunds[1]["order_adjustments"] = [
        of_kind("shipping_refund", "-4.90", "-0.10"),
        of_kind("refund_discrepancy", "89.64"),
    ]
    order["refunds"] = refunds
    for version in (order, {**order, "updated_at": "2026-04-01T00:00:00Z", "financial_status": "refunded"}):
        inside = parsed(version, "orders/updated")[1:]
        assert repr(inside) == repr(tuple(event(refund) for refund in refunds))


def test_a_refund_of_an_amount_counts_what_was_given_back_and_succeeded():
    refund = a_refund(an_order(), 9001, amount="10.00")
    for kind, status in (("refund", "failure"), ("sale", "success"), ("void", "success")):
        refund["transactions"].append({**refund["transactions"][0], "kind": kind, "status": status, "amount": "50.00"})
    assert (event(refund).amount_minor, event(refund).lines, event(refund).state) == (1000, (), RefundState.SUCCEEDED)


@pytest.mark.parametrize(
    ("shipping", "apart"),
    [
        ({}, 0),
        ({"order_adjustments": [of_kind("shipping_refund", "-4.00", "-0.76")]}, 476),
        ({"order_adjustments": [of_kind("shipping_refund", "-10.00")]}, 1000),
        ({"order_adjustments": [of_kind("refund_discrepancy", "89.64")]}, 0),
        ({"refund_shipping_lines": [{"subtotal_amount_set": money("4.00"), "tax_amount_set": money("0.76")}]}, 476),
        ({"total_duties_set": money("3.10")}, 310),
        ({"total_duties_set": money("9.00"), "order_adjustments": [of_kind("shipping_refund", "-4.00")]}, 1000),
    ],
    ids=["none", "an adjustment, negative", "all of it", "a discrepancy", "newer lines", "duties", "duties and more"],
)
def test_what_was_for_shipping_or_duties_does_not_touch_the_lines(shipping, apart):
    found = event({**a_refund(an_order(), 9001, amount="10.00"), **shipping})
    assert (found.amount_minor, found.apart_minor, found.lines) == (1000, apart, ())


@pytest.mark.parametrize(
    ("statuses", "state", "amount"),
    [
        (["success"], RefundState.SUCCEEDED, 1000),
        (["success", "failure"], RefundState.SUCCEEDED, 1000),
        (["pending"], RefundState.PENDING, 1000),
        (["failure", "pending"], RefundState.PENDING, 1000),
        (["failure"], RefundState.FAILED, 1000),
        (["error", "failure"], RefundState.FAILED, 2000),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, list) else None,
)
def test_how_far_a_refund_got(statuses, state, amount):
    refund = a_refund(an_order(), 9001, amount="10.00")
    refund["transactions"] = [{**refund["transactions"][0], "status": status} for status in statuses]
    assert (event(refund).state, event(refund).amount_minor) == (state, amount)


def test_goods_taken_back_for_nothing_are_taken_back():
    refund = a_refund(an_order(), 9001, units={MUG: 1}, amount="0")
    assert (event(refund).lines, event(refund).amount_minor) == ((RefundLine(str(MUG), 1437),), 1437)


def test_a_refund_in_the_customers_money_stays_in_it_until_the_shops_is_known():
    refund = a_refund(an_order(), 9001, amount="10.00")
    payment = refund["transactions"][0]
    payment["currency"] = "USD"
    assert (event(refund).currency, event(refund).amount_minor) == ("USD", 1000)
    payment["amount_set"] = money("9.20", shown="10.00", shown_in="USD")
    assert (event(refund).currency, event(refund).amount_minor) == ("EUR", 920)


def test_lines_of_a_refund_in_the_customers_money_are_in_the_shops():
    refund = a_refund(an_order(), 9001, units={CAP: 1})
    refund["transactions"][0]["currency"] = "USD"
    assert (event(refund).currency, event(refund).lines) == ("EUR", (RefundLine(str(CAP), 3774),))


def test_a_later_change_of_a_refund_is_a_later_version():
    pending = a_refund(an_order(), 9001, amount="10.00", status="pending")
    done = a_refund(an_order(), 9001, amount="10.00")
    done["transactions"][0]["processed_at"] = "2026-03-06T10:00:00+01:00"
    assert event(pending).updated_at < event(done).updated_at
    assert event({**pending, "updated_at": "2026-03-09T00:00:00Z"}).updated_at == datetime(2026, 3, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    "changes",
    [
        {"id": None},
        {"order_id": None},
        {"created_at": None},
        {"refund_line_items": [{"line_item_id": 1, "subtotal": -5}]},
        {"refund_line_items": [{"line_item_id": 1, "subtotal": "5,00"}]},
        {"transactions": [{"kind": "refund", "status": "success", "amount": "-5.00", "currency": "EUR"}]},
        {"transactions": [{"kind": "refund", "status": "success", "amount": "5.00", "currency": "EURO"}]},
        {"transactions": [], "total_duties_set": None},
        {"transactions": {}},
    ],
    ids=lambda changes: json.dumps(changes)[:60],
)
def test_what_a_refund_cannot_say_is_refused(changes):
    with pytest.raises(InputError):
        parsed({**a_refund(an_order(), 9001, amount="10.00"), **changes})


# --- disputes

DISPUTE = {
    "id": 285332461,
    "order_id": 820982911946154508,
    "type": "chargeback",
    "amount": "11.50",
    "currency": "EUR",
    "reason": "fraudulent",
    "status": "needs_response",
    "initiated_at": "2026-03-10T20:00:00-04:00",
    "finalized_on": None,
}
OPENED = datetime(2026, 3, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("needs_response", ChargebackState.OPEN),
        ("under_review", ChargebackState.OPEN),
        ("lost", ChargebackState.LOST),
        ("accepted", ChargebackState.LOST),
        ("won", ChargebackState.WON),
        ("charge_refunded", ChargebackState.WON),
        ("something new", ChargebackState.OPEN),
    ],
)
def test_a_dispute_is_a_chargeback(status, state):
    final = None if state is ChargebackState.OPEN else "2026-04-01T00:00:00Z"
    (found,) = parsed({**DISPUTE, "status": status, "finalized_on": final}, "disputes/update")
    at = datetime(2026, 4, 1, tzinfo=UTC) if final else OPENED
    assert found == ChargebackEvent("285332461", "820982911946154508", at, OPENED, "EUR", 1150, state)


def test_a_dispute_of_no_order_is_nothing():
    assert parsed({**DISPUTE, "order_id": None}, "disputes/create") == ()
