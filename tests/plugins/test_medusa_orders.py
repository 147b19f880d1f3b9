"""Medusa's orders, refunds and versions, in the shapes of its documents and its source."""

import copy
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.plugin_api import (
    InputError,
    OrderLine,
    RefundReason,
)
from plugins.medusa.connector import Medusa
from plugins.medusa.fields import body_of
from plugins.medusa.orders import changed_at
from tests.plugins.by_module import CLICK, T0, body, written
from tests.plugins.medusa.shop import (
    a_credit,
    a_move,
    a_payment,
    an_item,
    an_order,
    at,
    big,
    refunded,
    returned,
    settings,
)

CONNECTOR = Medusa()


def read(order: Any):
    """The order's event and those of its refunds."""
    order_event, *refunds = CONNECTOR.parse(body(order), topic="order", settings=settings())
    return order_event, refunds


def kept(order: Any) -> int:
    """What the customer has paid for and not got back, as the core reckons it: all of it but the refunds' part."""
    event, refunds = read(order)
    return event.charged_minor - sum(each.amount_minor for each in refunds)


# --- an order


def test_an_order_is_read_whole():
    event, refunds = read(an_order())
    assert (event.external_id, event.currency, event.placed_at) == ("order_1", "EUR", T0)
    assert event.lines == (
        OrderLine("ordli_1", 4_950, quantity=2, tax_minor=940, product="CAP-1", collections=("Spring",)),
        OrderLine("ordli_2", 1_800, quantity=1, tax_minor=342, product="prod_cap", collections=("Spring",)),
    )
    assert (event.charged_minor, event.shipping_minor) == (8_628, 500)  # 86.275, halves to even
    assert (event.paid_at, event.cancelled_at) == (T0 + timedelta(minutes=1), None)
    assert (event.codes, event.clicks) == (("ANNA10",), (CLICK,))
    assert (event.customer.email, event.customer.external_id) == ("ann@example.org", "cus_1")
    assert refunds == []


def test_taxes_inside_of_prices_and_discounts_are_taken_out_exactly():
    order = an_order(items=[an_item("ordli_1", "11.9", 3, off="11.9", is_tax_inclusive=True)], shipping_methods=[])
    order["items"][0]["adjustments"][0]["is_tax_inclusive"] = True
    event, _ = read(order)
    assert [(line.net_minor, line.tax_minor) for line in event.lines] == [(2_000, 380)]
    assert event.charged_minor == 2_380


@pytest.mark.parametrize(
    ("price", "net"),
    [
        ("0.005", 0),
        ("0.015", 2),
        ("0.0150000000000000001", 2),
        ("0.0149999999999999999", 1),
        ("33.333333333333333", 3_333),
    ],
)
def test_the_exact_number_counts_and_is_rounded_once_halves_to_even(price, net):
    event, _ = read(an_order(items=[an_item("ordli_1", price)]))
    assert event.lines[0].net_minor == net


@pytest.mark.parametrize(("currency", "net"), [("jpy", 1_200), ("eur", 120_000), ("kwd", 1_200_000)])
def test_minor_units_are_those_of_the_currency(currency, net):
    event, _ = read(an_order(currency_code=currency, items=[an_item("ordli_1", "1200")]))
    assert (event.lines[0].net_minor, event.currency) == (net, currency.upper())


def test_a_number_without_its_exact_one_and_one_written_as_text_count_as_well():
    item = an_item("ordli_1", "9.99", 3)
    for name in ("raw_unit_price", "raw_quantity"):
        del item[name]
    assert read(an_order(items=[item]))[0].lines[0].net_minor == 2_997
    assert read(an_order(items=[item | {"unit_price": "9.99"}]))[0].lines[0].net_minor == 2_997


def test_a_discount_beyond_the_price_leaves_nothing_and_never_less():
    event, _ = read(an_order(items=[an_item("ordli_1", "10", off="12")]))
    assert event.lines[0].net_minor == 0


def test_of_adjustments_of_several_versions_the_newest_hold():
    item = an_item("ordli_1", "10", off="2")
    item["adjustments"] = [
        {"id": f"adj_{number}", "version": number, "code": f"CODE{number}", **big(amount=number)}
        for number in (1, 2, 3)
    ]
    item["adjustments"].append(item["adjustments"][2] | {"id": "adj_4", "code": "MORE"})
    event, _ = read(an_order(items=[item]))
    assert (event.lines[0].net_minor, event.codes) == (400, ("CODE3", "MORE"))


def test_gift_cards_are_told_and_codes_of_the_shipping_count():
    order = an_order(items=[an_item("ordli_1", "10", is_giftcard=True)])
    order["shipping_methods"][0]["adjustments"] = [{"id": "a", "code": "FREESHIP", **big(amount="5")}]
    event, _ = read(order)
    assert (event.lines[0].gift_card, event.codes, event.shipping_minor) == (True, ("FREESHIP",), 0)


def test_a_guest_without_click_and_address_is_nobody():
    event, _ = read(an_order(metadata=None, email=None, customer_id=None))
    assert (event.clicks, event.customer.email, event.customer.external_id) == ((), None, None)


@pytest.mark.parametrize("changes", [{"is_draft_order": True}, {"status": "draft"}, {"items": []}], ids=str)
def test_a_draft_and_an_order_of_nothing_give_no_event(changes):
    assert CONNECTOR.parse(body(an_order(**changes)), topic="order", settings=settings()) == ()


def test_what_the_webhook_carried_and_what_is_gone_give_no_event():
    for found in (written({"id": "order_1"}), b"{}", b"[]", b"null"):
        assert CONNECTOR.parse(found, topic="order", settings=settings()) == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"currency_code": "xxx"},
        {"created_at": "2026-03-02T10:00:00"},
        {"created_at": None},
        {"items": [{"id": "ordli_1", "quantity": True}]},
        {"items": [an_item("ordli_1", "-0.01")]},
        {"items": "none"},
        {"status": None, "items": [an_item("", "1")]},
        {"payment_collections": [{"id": "paycol_1"}]},
    ],
    ids=range(8),
)
def test_what_is_not_as_documented_is_refused_with_a_sentence(changes):
    with pytest.raises(InputError, match="not as Medusa tells orders"):
        CONNECTOR.parse(body(an_order(**changes)), topic="order", settings=settings())


# --- paid and cancelled


def test_an_authorized_order_is_not_paid_and_is_from_the_capture_on_that_reached_the_amount():
    order = an_order(payment_collections=[a_payment("86.28", captured=False)])
    assert read(order)[0].paid_at is None
    captures = order["payment_collections"][0]["payments"][0]["captures"]
    captures.append(a_move("capt_2", "80", at(90)))
    assert read(order)[0].paid_at is None
    captures.insert(0, a_move("capt_3", "6.28", at(120)))
    assert read(order)[0].paid_at == T0 + timedelta(minutes=120)


def test_a_later_collection_for_an_edit_does_not_unpay_the_order_and_a_cancelled_one_counts_for_nothing():
    more = a_payment("12", captured=False) | {"id": "paycol_2", "created_at": at(200)}
    dropped = a_payment("900", captured=False) | {"id": "paycol_0", "created_at": at(-9), "status": "canceled"}
    order = an_order(payment_collections=[more, dropped, a_payment("86.28")])
    assert read(order)[0].paid_at == T0 + timedelta(minutes=1)


def test_an_order_that_costs_nothing_is_paid_when_it_is_placed():
    order = an_order(items=[an_item("ordli_1", "10", off="10")], shipping_methods=[], payment_collections=[])
    assert read(order)[0].paid_at == T0
    assert read(an_order(payment_collections=[]))[0].paid_at is None


def test_a_cancelled_order_says_when():
    cancelled = an_order(status="canceled", canceled_at=at(30))
    assert read(cancelled)[0].cancelled_at == T0 + timedelta(minutes=30)
    assert read(cancelled)[0].updated_at >= T0 + timedelta(minutes=30)
    assert read(an_order(status="canceled", updated_at=at(5)))[0].cancelled_at == T0 + timedelta(minutes=5)


# --- refunds and what the lines tell already


def test_a_refund_of_goodwill_counts_though_the_total_shrank():
    order = refunded(an_order(), ("ref_1", "20", 60))
    event, refunds = read(order)
    assert order["total"] == 66.28
    assert (event.lines, event.charged_minor) == (read(an_order())[0].lines, 8_628)
    assert [(each.external_id, each.amount_minor, each.lines) for each in refunds] == [("ref_1", 2_000, ())]
    assert refunds[0].refunded_at == T0 + timedelta(minutes=60)


def test_what_came_back_leaves_its_line_and_its_refund_counts_for_nothing_more():
    order = returned(an_order(), "ordli_1", 1, 50)
    event, _ = read(order)
    assert [line.net_minor for line in event.lines] == [2_475, 1_800]
    assert event.charged_minor == 5_682  # one cap of 29.4525 with tax less
    given_back = refunded(order, ("ref_1", "29.45", 60))
    assert [each.amount_minor for each in read(given_back)[1]] == [0]
    assert kept(given_back) == pytest.approx(8_628 - 2_945, abs=1)


def test_goodwill_before_and_a_return_after_are_both_taken_back_once():
    order = returned(refunded(an_order(), ("ref_1", "5", 40)), "ordli_1", 2, 50)
    assert [each.amount_minor for each in read(order)[1]] == [0]  # the return owes more than this
    order = refunded(order, ("ref_2", "58.91", 60))
    assert [each.amount_minor for each in read(order)[1]] == [500, 0]
    assert kept(order) == 8_628 - 500 - 5_891


def test_a_refund_before_its_return_counts_until_the_line_tells_it():
    order = refunded(an_order(), ("ref_1", "58.91", 40))
    assert [each.amount_minor for each in read(order)[1]] == [5_891]
    order = returned(order, "ordli_1", 2, 50)
    assert [each.amount_minor for each in read(order)[1]] == [0]
    assert kept(order) == 8_628 - 5_891


def test_what_was_returned_for_store_credit_is_out_of_its_line_and_a_credit_below_zero_is_nothing_more():
    order = returned(an_order(), "ordli_1", 2, 50)
    order["credit_lines"] = [a_credit("ordcl_1", "-58.91", version=3)]
    assert (kept(order), read(order)[1]) == (read(order)[0].charged_minor, [])


def test_what_an_edit_added_counts_as_far_as_it_is_paid():
    order = an_order()
    order["items"].append(an_item("ordli_3", "10"))
    event, [unpaid] = read(order)
    assert (event.charged_minor, unpaid.external_id, unpaid.amount_minor) == (9_818, "unpaid:order_1", 1_190)
    assert unpaid.reason is RefundReason.NOT_PAID
    assert (event.paid_at, event.refund_ids) == (T0 + timedelta(minutes=1), ("unpaid:order_1",))
    waived = order | {"credit_lines": [a_credit("ordcl_1", "11.90", version=3)]}
    assert kept(waived) == 8_628
    more = a_payment("11.9") | {"id": "paycol_2", "created_at": at(60)}
    more["payments"][0] |= {"id": "pay_2", "captures": [a_move("capt_2", "11.9", at(61))]}
    paid = order | {"payment_collections": [*order["payment_collections"], more]}
    assert (kept(paid), read(paid)[1], read(paid)[0].refund_ids) == (9_818, [], ())


def test_an_edit_before_the_capture_leaves_a_new_sum_to_be_paid():
    order = an_order(payment_collections=[a_payment("86.28", captured=False)])
    order["items"][1] |= big(quantity=0)
    assert read(order)[0].paid_at is None
    order["payment_collections"][0]["payments"][0]["captures"].append(a_move("capt_1", "64.86", at(90)))
    assert (read(order)[0].paid_at, kept(order)) == (T0 + timedelta(minutes=90), 6_486)


def test_a_cent_that_the_payment_provider_rounded_otherwise_is_not_unpaid():
    order = an_order(payment_collections=[a_payment("86.27")])
    assert read(order)[1] == []


def test_an_exchange_without_a_refund_counts_the_new_thing_in_place_of_the_old():
    order = returned(an_order(), "ordli_2", 1, 50)
    order["items"].append(an_item("ordli_3", "18"))
    event, refunds = read(order)
    assert [line.net_minor for line in event.lines] == [4_950, 0, 1_800]
    assert (event.charged_minor, refunds) == (8_628, [])


def test_an_edit_that_takes_a_line_down_is_told_by_the_line_alone():
    order = an_order()
    order["items"][1] |= big(quantity=0)
    event, refunds = read(refunded(order, ("ref_1", "21.42", 60)))
    assert [line.net_minor for line in event.lines] == [4_950, 0]
    assert [each.amount_minor for each in refunds] == [0]
    assert event.charged_minor == 6_486


def test_a_gift_card_at_the_checkout_is_part_of_what_was_charged_in_every_later_version():
    order = an_order(credit_lines=[a_credit("ordcl_1", "50")], payment_collections=[a_payment("36.28")])
    event, refunds = read(order)
    assert (event.charged_minor, event.paid_at, refunds) == (8_628, T0 + timedelta(minutes=1), [])
    back = refunded(returned(order, "ordli_1", 1, 50), ("ref_1", "29.46", 60))
    assert [each.amount_minor for each in read(back)[1]] == [0]
    again = refunded(back, ("ref_2", "2", 70))
    assert [each.amount_minor for each in read(again)[1]] == [200, 0]
    assert {each["created_at"] for each in again["credit_lines"]} == {at(70.001)}
    whole = an_order(credit_lines=[a_credit("ordcl_1", "86.28")], payment_collections=[])
    assert (read(whole)[0].paid_at, read(whole)[1]) == (T0, [])


def test_a_credit_of_a_refund_within_the_first_minute_is_none_of_the_checkout():
    order = refunded(an_order(), ("ref_1", "20", 0.5))
    assert [each.amount_minor for each in read(order)[1]] == [2_000]


@given(
    st.lists(st.integers(1, 4_000), max_size=5),
    st.integers(0, 2),
    st.integers(0, 1),
)
def test_lines_and_refunds_together_come_to_what_was_paid_less_what_was_given_back(refunds, first, second):
    """As long as more was not given back than is gone from the lines, the refunds count for nothing; then, exactly."""
    order = returned(returned(an_order(), "ordli_1", first, 20), "ordli_2", second, 21)
    moves = [(f"ref_{number}", f"{amount / 100:.2f}", 30 + number) for number, amount in enumerate(refunds)]
    after = refunded(order, *moves)
    assert kept(after) == min(read(order)[0].charged_minor, 8_628 - sum(refunds))


# --- versions


def test_captures_and_refunds_are_a_change_though_updated_at_stays():
    order = an_order(payment_collections=[a_payment("86.28", captured=False)])
    paid, part = an_order(), refunded(an_order(), ("ref_1", "1", 9))
    assert changed_at(order) < changed_at(paid) < changed_at(part)
    assert {each["updated_at"] for each in (order, paid, part)} == {at()}


def test_two_refunds_of_one_millisecond_make_two_versions():
    one = refunded(an_order(), ("ref_1", "1", 9))
    two = refunded(one, ("ref_2", "1", 9))
    assert changed_at(one) < changed_at(two)
    assert changed_at(two) - changed_at(one) < timedelta(milliseconds=1)


def test_one_state_has_one_body_however_the_shop_sorts_and_nothing_secret_is_in_it():
    order = refunded(an_order(), ("ref_1", "1", 9), ("ref_2", "2", 10))
    other = copy.deepcopy(order)
    other["items"].reverse()
    other["payment_collections"][0]["payments"][0]["refunds"].reverse()
    assert body_of(order) == body_of(dict(reversed(other.items())))
    for private in (b"client_secret", b"Never Street", b"ring twice", b"provider"):
        assert private not in body_of(order)
    assert CONNECTOR.parse(body_of(order), topic="order", settings=settings()) == CONNECTOR.parse(
        body(order), topic="order", settings=settings()
    )
