"""WooCommerce's orders and refunds to events."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr

from engine.intake.queries import Claim
from engine.intake.rules import CustomerHasher, Source, fact_of
from engine.kernel.crypto import Keyring
from engine.plugin_api import Customer, InputError, OrderEvent, OrderLine, RefundEvent, RefundLine
from engine.rewards.rules import taken_back
from plugins.woocommerce.connector import WooCommerce
from tests.plugins.woocommerce.shop import SECURE, T0, a_line, a_refund, an_order, settings, written

CONNECTOR = WooCommerce()
PLACED = datetime(2026, 3, 2, 10, tzinfo=UTC)
REFUNDED = datetime(2026, 3, 3, 10, tzinfo=UTC)
HASHER = CustomerHasher(Keyring(SecretStr("a key that is long enough for tests")), UUID(int=7), Source("shop", "main"))
CLICK = "A" * 32


def parsed(order, topic="order.updated"):
    return CONNECTOR.parse(written(order), topic=topic, settings=settings())


def event(order) -> OrderEvent:
    (found,) = [each for each in parsed(order) if isinstance(each, OrderEvent)]
    return found


def refunded(*refunds, **changes):
    """An order with these refunds, completed."""
    listed = [{"id": each["id"], "reason": "", "total": f"-{each['amount']}"} for each in refunds]
    return an_order(refunds=listed, refund_details=list(refunds), **changes)


def refund_in(order) -> RefundEvent:
    (found,) = [each for each in parsed(order) if isinstance(each, RefundEvent)]
    return found


def test_every_field_of_an_order():
    assert parsed(an_order(customer_id=26)) == (
        OrderEvent(
            external_id="727",
            updated_at=T0,
            placed_at=PLACED,
            currency="EUR",
            lines=(OrderLine("315", 4950, 2, 941, "93"), OrderLine("316", 1800, 1, 342, "94")),
            charged_minor=8523,
            paid_at=PLACED + timedelta(seconds=4),
            shipping_minor=412,
            codes=("anna10",),
            clicks=(CLICK,),
            customer=Customer("ann@example.org", "26"),
            first_seen_at=datetime(2026, 3, 2, 9, 50, 11, tzinfo=UTC),
            refund_ids=(),
        ),
    )


def test_line_totals_are_without_tax_whatever_prices_include():
    assert event(an_order(prices_include_tax=False)) == event(an_order(prices_include_tax=True))


def test_a_guest_is_known_by_email_alone():
    assert event(an_order()).customer == Customer("ann@example.org", None)
    assert event(an_order(billing=[])).customer == Customer()


@pytest.mark.parametrize(
    ("status", "paid", "gone"),
    [
        ("processing", True, False),
        ("completed", True, False),
        ("refunded", True, False),
        ("pending", False, False),
        ("on-hold", False, False),
        ("cancelled", True, True),
        ("failed", True, True),
        ("trash", True, True),
        ("shipped", True, False),
    ],
)
def test_what_each_status_says(status, paid, gone):
    found = event(an_order(status=status))
    assert (found.paid_at is not None, found.cancelled_at is not None) == (paid, gone)


@pytest.mark.parametrize(
    ("status", "times", "paid_at"),
    [
        ("processing", {}, PLACED),
        ("completed", {"date_completed_gmt": "2026-03-05T00:00:00"}, datetime(2026, 3, 5, tzinfo=UTC)),
        ("completed", {"date_paid_gmt": "2026-03-04T00:00:00Z"}, datetime(2026, 3, 4, tzinfo=UTC)),
        ("shipped", {}, None),
        ("on-hold", {"date_paid_gmt": "2026-03-04T00:00:00"}, None),
    ],
)
def test_when_an_order_was_paid(status, times, paid_at):
    assert event(an_order(**{"status": status, "date_paid_gmt": None} | times)).paid_at == paid_at


@pytest.mark.parametrize("status", ["checkout-draft", "auto-draft"])
def test_drafts_of_the_checkout_are_nothing(status):
    assert parsed(an_order(status=status)) == ()
    assert parsed(an_order(line_items=[])) == ()


@pytest.mark.parametrize(
    ("currency", "total", "minor"),
    [("JPY", "1200.00", 1200), ("JPY", "1200", 1200), ("KWD", "1.250", 1250), ("eur", "10.1250", 1012), ("EUR", "", 0)],
)
def test_decimals_of_the_shop_and_of_the_currency(currency, total, minor):
    order = an_order(currency=currency, line_items=[a_line(1, total)], shipping_total="0", total="5")
    assert event(order).lines[0].net_minor == minor


@pytest.mark.parametrize(
    ("quantity", "units"), [(3, 3), (0, 1), (-1, 1), (1.5, 1), (2.5, 2), ("2", 1), (None, 1), (True, 1), (10**9, 10**6)]
)
def test_units(quantity, units):
    order = an_order(line_items=[a_line(1, "5.00") | {"quantity": quantity}])
    assert event(order).lines[0].quantity == units


def test_a_product_that_is_gone_has_no_name():
    assert event(an_order(line_items=[a_line(1, "5.00", product=0)])).lines[0].product is None


@pytest.mark.parametrize(
    ("meta", "clicks"),
    [
        ([("gw_click", "B" * 32)], ("B" * 32,)),
        (
            [("_wc_order_attribution_session_entry", f"{SECURE}/?gw_click={CLICK}&gw_click=x"), ("gw_click", CLICK)],
            (CLICK, "x"),
        ),
        ([("gw_click", ["x"]), ("_wc_order_attribution_session_entry", {"a": 1})], ()),
        ([("gw_click", "x" * 101)], ()),
        ([("_wc_order_attribution_session_entry", "http://[x?gw_click=a")], ()),
        ([("_wc_order_attribution_session_entry", "(none)")], ()),
        ([("gw_click", "a"), ("gw_click", "b")], ("a",)),
    ],
    ids=["noted", "first page", "no text", "too long", "broken", "none", "twice"],
)
def test_where_clicks_come_from(meta, clicks):
    assert event(an_order(meta_data=[{"id": 1, "key": key, "value": value} for key, value in meta])).clicks == clicks


@pytest.mark.parametrize("value", ["soon", "", None, 5, "0001-01-01 00:00:00", "9999-01-01 00:00:00"])
def test_a_beginning_of_the_session_that_cannot_be_is_none(value):
    meta = [{"id": 1, "key": "_wc_order_attribution_session_start_time", "value": value}]
    assert event(an_order(meta_data=meta)).first_seen_at is None


# --- refunds


def test_a_refund_of_lines_takes_their_net():
    refund = a_refund(730, "29.46", lines={315: ("24.75", "4.71")})
    line = RefundLine("315", 2475)
    version = event(refunded(refund)).updated_at
    assert refund_in(refunded(refund)) == RefundEvent("730", "727", version, REFUNDED, "EUR", 2946, (line,))


def test_an_amount_counts_where_the_lines_are_not_all_of_it():
    more = a_refund(730, "40.00", lines={315: ("24.75", "4.71")})
    none = a_refund(730, "10.00")
    assert [(found.amount_minor, found.lines) for found in map(refund_in, (refunded(more), refunded(none)))] == [
        (4000, ()),
        (1000, ()),
    ]


def test_what_was_for_shipping_does_not_touch_the_lines():
    shipping = [{"id": 1, "total": "-4.12", "total_tax": "-0.78", "meta_data": []}]
    alone = a_refund(730, "4.90") | {"shipping_lines": shipping}
    both = a_refund(730, "34.36", lines={315: ("24.75", "4.71")}) | {"shipping_lines": shipping}
    found = [refund_in(refunded(each)) for each in (alone, both)]
    assert [(each.amount_minor, each.apart_minor) for each in found] == [(490, 490), (3436, 0)]
    assert [each.lines for each in found] == [(), (RefundLine("315", 2475),)]


def test_lines_that_do_not_say_whose_they_are_leave_an_amount():
    refund = a_refund(730, "29.46", lines={315: ("24.75", "4.71")})
    refund["line_items"][0]["meta_data"] = [{"id": 1, "key": "_other", "value": "315"}]
    assert (refund_in(refunded(refund)).amount_minor, refund_in(refunded(refund)).lines) == (2946, ())


def test_fees_given_back_with_lines_leave_the_lines():
    refund = a_refund(730, "34.46", lines={315: ("24.75", "4.71")})
    refund["fee_lines"] = [{"id": 1, "total": "-5.00", "total_tax": "0.00"}]
    assert refund_in(refunded(refund)).lines == (RefundLine("315", 2475),)


def test_lines_that_were_rounded_by_themselves_are_all_of_it():
    refund = a_refund(730, "29.47", lines={315: ("24.75", "4.71")})
    assert refund_in(refunded(refund)).lines == (RefundLine("315", 2475),)
    assert refund_in(refunded(refund | {"amount": "29.48"})).lines == ()


def test_fees_or_tax_given_back_alone_take_nothing():
    fee = a_refund(730, "5.95") | {"fee_lines": [{"id": 1, "total": "-5.00", "total_tax": "-0.95"}]}
    tax = a_refund(730, "4.71", lines={315: ("0.00", "4.71")})
    both = a_refund(730, "9.95") | {"fee_lines": fee["fee_lines"]}
    found = [refund_in(refunded(each)) for each in (fee, tax, both)]
    assert [(each.amount_minor, each.apart_minor) for each in found] == [(595, 595), (471, 471), (995, 595)]
    assert {each.lines for each in found} == {()}


def test_an_order_set_to_refunded_keeps_nothing_whatever_was_given_back_before():
    line = a_refund(730, "29.46", lines={315: ("24.75", "4.71")})
    shipping = a_refund(731, "4.90") | {"shipping_lines": [{"id": 1, "total": "-4.12", "total_tax": "-0.78"}]}
    rest = a_refund(732, "50.87")
    order, *told = parsed(refunded(rest, shipping, line, status="refunded"))
    claims = [Claim(each.external_id, REFUNDED, fact_of(each, HASHER).payload) for each in told]
    taken = taken_back(fact_of(order, HASHER).payload, refunds=claims, chargebacks=())
    assert [taken.share_of(each.line_id) for each in order.lines] == [0, 0]
    assert (taken.hold, taken.oddities) == (None, ())


def test_a_refund_says_the_same_in_every_version_of_its_order():
    first = refunded(a_refund(730, "10.00"))
    last = refunded(a_refund(730, "10.00"), a_refund(731, "5.00"), date_modified_gmt="2026-05-01T00:00:00")
    again = next(each for each in parsed(last)[1:] if each.external_id == "730")
    assert again == replace(refund_in(first), updated_at=event(last).updated_at)
    assert again.updated_at > refund_in(first).updated_at


def test_the_list_of_refunds_is_complete_and_a_deleted_one_is_missing():
    both = refunded(a_refund(731, "5.00"), a_refund(730, "10.00"))
    assert event(both).refund_ids == ("731", "730")
    both["refunds"] = both["refunds"][:1]
    assert event(both).refund_ids == ("731",)
    assert refund_in(both).external_id == "731"


def test_without_details_a_refund_is_an_amount_that_every_detail_outdates():
    order = an_order(refunds=[{"id": 730, "refund": "", "total": "-10.00"}])
    assert refund_in(order) == RefundEvent("730", "727", PLACED, PLACED, "EUR", 1000)
    assert refund_in(order).updated_at < refund_in(refunded(a_refund(730, "10.00"))).updated_at


# --- what cannot be read


def test_an_order_deleted_for_good_says_so():
    with pytest.raises(InputError, match="Order 727 was deleted for good"):
        parsed({"id": 727}, "order.deleted")


def test_topics_without_meaning_give_nothing_whatever_their_body():
    for topic in ("product.updated", "action.woocommerce_add_to_cart", ""):
        assert CONNECTOR.parse(b"webhook_id=1", topic=topic, settings=settings()) == ()


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"id": 1, "id": 2}', b'{"line_items": NaN}', b"[" * 100_000, b'{"line_items": {}}'],
    ids=["empty", "list", "object", "key twice", "NaN", "deep", "no list"],
)
def test_what_cannot_be_read_is_refused(body):
    with pytest.raises(InputError):
        CONNECTOR.parse(body, topic="order.created", settings=settings())


WRONG: list[dict[str, Any]] = [
    {"currency": "XXX"},
    {"currency": None},
    {"date_created_gmt": None},
    {"date_created_gmt": "yesterday"},
    {"date_modified_gmt": 5},
    {"date_paid_gmt": "2026-02-30T00:00:00"},
    {"id": "1; DROP TABLE"},
    {"id": True},
    {"id": 0},
    {"total": "0,91"},
    {"total": "1e3"},
    {"total": "-1.00"},
    {"total": "9999999999999"},
    {"total": False},
    {"shipping_total": "-4.12"},
    {"billing": "x"},
    {"line_items": [1]},
    {"line_items": [{"id": 1, "total": "-5.00"}]},
    {"line_items": [{"id": None, "total": "5.00"}]},
    {"refunds": [{"id": "x"}]},
    {"meta_data": {"a": 1}},
]


@pytest.mark.parametrize("changes", WRONG, ids=lambda changes: json.dumps(changes)[:50])
def test_what_an_order_cannot_say_is_refused(changes):
    with pytest.raises(InputError):
        parsed(an_order(**changes))


@pytest.mark.parametrize("changes", [{"amount": "-5.00"}, {"amount": "5,00"}, {"date_created_gmt": ""}, {"id": None}])
def test_what_a_refund_cannot_say_is_refused(changes):
    order = refunded(a_refund(730, "10.00"))
    order["refund_details"][0] |= changes
    with pytest.raises(InputError):
        parsed(order)
