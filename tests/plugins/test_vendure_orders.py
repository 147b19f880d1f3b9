"""Vendure's orders, refunds and versions, in the shapes that a Vendure 3.7 gives."""

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.plugin_api import (
    InputError,
    OrderLine,
    RefundLine,
    RefundReason,
    RefundState,
)
from plugins.vendure.connector import Vendure
from plugins.vendure.reading import changed_at
from tests.plugins.by_module import CLICK, T0, body, written
from tests.plugins.vendure.shop import a_line, a_move, a_payment, a_refund, an_order, at, cancelled, refunded, settings

CONNECTOR = Vendure()


def read(order: Any):
    """The order's event and those of its refunds."""
    order_event, *refunds = CONNECTOR.parse(body(order), topic="order", settings=settings())
    return order_event, refunds


# --- an order


def test_an_order_is_read_whole():
    event, refunds = read(an_order())
    assert (event.external_id, event.currency, event.placed_at) == ("T3EPGJKVZZYBD3Q9", "USD", T0)
    assert event.lines == (
        OrderLine("1", 10_000, quantity=3, tax_minor=2_000, product="L2201308", collections=("laptops",)),
        OrderLine("2", 1_800, quantity=1, tax_minor=360, product="L2201308", collections=("laptops",)),
    )
    assert (event.charged_minor, event.shipping_minor) == (14_660, 500)
    assert (event.paid_at, event.cancelled_at) == (T0 + timedelta(seconds=4), None)
    assert (event.codes, event.clicks) == (("ANNA10",), (CLICK,))
    assert (event.customer.email, event.customer.external_id) == ("bea@example.org", "7")
    assert refunds == []


def test_an_authorised_order_is_not_paid_and_is_charged_its_total():
    moves = {"items": [a_move(1, "PaymentAuthorized")]}
    order = an_order(state="PaymentAuthorized", payments=[a_payment(14_660, "Authorized")], moves=moves)
    event, _ = read(order)
    assert (event.paid_at, event.charged_minor) == (None, 14_660)


def test_a_declined_payment_before_the_settled_one_was_not_charged():
    order = an_order(payments=[a_payment(14_660, "Declined", id="0"), a_payment(14_660)])
    assert read(order)[0].charged_minor == 14_660


def test_a_cancelled_order_says_when():
    moves = {"items": [a_move(4, "PaymentSettled"), a_move(90, "Cancelled")]}
    event, _ = read(an_order(state="Cancelled", moves=moves))
    assert (event.paid_at, event.cancelled_at) == (T0 + timedelta(seconds=4), T0 + timedelta(seconds=90))


@pytest.mark.parametrize("changes", [{"orderPlacedAt": None, "active": True}, {"lines": []}], ids=["a cart", "nothing"])
def test_a_cart_that_was_never_placed_gives_no_event(changes):
    assert CONNECTOR.parse(body(an_order(**changes)), topic="order", settings=settings()) == ()


def test_what_the_webhook_carried_and_what_is_gone_give_no_event():
    for found in (written({"code": "T3EPGJKVZZYBD3Q9"}), b"{}", b"[]", b"null"):
        assert CONNECTOR.parse(found, topic="order", settings=settings()) == ()


@pytest.mark.parametrize("fields", [None, {}, {"click": None}, {"click": "  "}, {"click": 7}], ids=str)
def test_without_a_click_in_the_custom_field_there_is_none(fields):
    order = an_order()
    del order["customFields"]
    assert read(order)[0].clicks == ()
    assert read(order | {"customFields": fields})[0].clicks == ()


def test_a_guest_is_known_by_address_and_nobody_by_nothing():
    assert read(an_order(customer=None))[0].customer.email is None
    guest = read(an_order(customer={"id": "9", "emailAddress": "guest@example.org"}))[0].customer
    assert (guest.email, guest.external_id) == ("guest@example.org", "9")


def test_a_product_without_a_sku_is_named_by_its_id():
    line = a_line("1", 100, 120, productVariant={"sku": "", "product": {"id": "44", "collections": []}})
    assert read(an_order(lines=[line]))[0].lines[0].product == "44"


@pytest.mark.parametrize(
    "changes",
    [
        {"totalWithTax": "146.60"},
        {"updatedAt": "2026-03-02T10:00:00"},
        {"updatedAt": "9999-12-31T23:59:59.999999Z"},
        {"lines": [a_line("1", -1, 0)]},
        {"shipping": 5.5},
        {"code": ""},
        {"customer": {"id": "7", "emailAddress": 5}},
        {"newest": None},
    ],
    ids=range(8),
)
def test_what_is_not_as_documented_is_refused_with_a_sentence(changes):
    with pytest.raises(InputError, match="not as Vendure tells orders"):
        CONNECTOR.parse(body(an_order(**changes)), topic="order", settings=settings())


# --- refunds


def test_pieces_that_come_back_one_by_one_sum_exactly_to_their_line():
    refunds = [a_refund(str(number), 4_000, 90 + number, lines={"1": 1}) for number in range(3)]
    _, found = read(refunded(an_order(), *refunds))
    assert [each.lines for each in found] == [
        (RefundLine("1", 3_333),),
        (RefundLine("1", 3_334),),
        (RefundLine("1", 3_333),),
    ]


@given(st.integers(0, 10**7), st.integers(0, 30), st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_whatever_a_line_cost_all_its_pieces_together_are_worth_that(net, tax_percent, pieces):
    gross = net + net * tax_percent // 100
    order = an_order(lines=[a_line("1", net, gross, sum(pieces))], totalWithTax=gross + 500)
    order["payments"] = [a_payment(gross + 500)]
    unit = gross // sum(pieces)
    refunds = [a_refund(f"{number:02}", unit * each, 90, lines={"1": each}) for number, each in enumerate(pieces)]
    _, found = read(refunded(order, *refunds))
    taken = sum(line.net_minor for each in found for line in each.lines)
    assert taken == (net if unit else 0)
    assert all(line.net_minor >= 0 for each in found for line in each.lines)


def test_more_pieces_than_were_bought_are_worth_no_more():
    refunds = a_refund("1", 2_160, 90, lines={"2": 1}), a_refund("2", 2_160, 91, lines={"2": 4})
    _, found = read(refunded(an_order(), *refunds))
    assert [each.lines[0].net_minor for each in found] == [1_800, 0]


def test_less_than_the_pieces_cost_takes_that_much_of_their_line():
    _, [found] = read(refunded(an_order(), a_refund("1", 600, 90, lines={"1": 1})))
    assert (found.amount_minor, found.lines) == (600, (RefundLine("1", 500),))


def test_a_refund_in_two_parts_of_two_payments_names_its_pieces_twice_and_takes_them_once():
    order = an_order(payments=[a_payment(10_000), a_payment(4_660, id="2")])
    order["payments"][0]["refunds"] = [a_refund("1", 5_000, 90, lines={"1": 2})]
    order["payments"][1]["refunds"] = [a_refund("2", 3_000, 90, lines={"1": 2})]
    _, found = read(order)
    assert [each.lines for each in found] == [(RefundLine("1", 4_167),), (RefundLine("1", 2_500),)]


def test_the_shipping_that_comes_back_with_a_line_takes_nothing_more_of_it():
    _, [found] = read(refunded(an_order(), a_refund("1", 2_660, 90, lines={"2": 1})))
    assert found.lines == (RefundLine("2", 1_800),)


@pytest.mark.parametrize("lines", [None, {"2": 1}], ids=["an amount", "more than the line and the shipping cost"])
def test_a_typed_in_amount_counts_as_an_amount_of_the_whole(lines):
    _, [found] = read(refunded(an_order(), a_refund("1", 2_700, 90, lines=lines)))
    assert (found.amount_minor, found.lines) == (2_700, ())
    assert found.refunded_at == T0 + timedelta(seconds=90)


# --- what was cancelled or modified


def test_a_cancelled_piece_is_out_of_its_line_and_its_refund_counts_for_nothing_more():
    order = cancelled(an_order(), "1", 2, 80)
    event, _ = read(order)
    assert [(line.net_minor, line.quantity) for line in event.lines] == [(3_333, 1), (1_800, 1)]
    assert event.charged_minor == 6_660
    event, [found] = read(refunded(order, a_refund("1", 8_000, 90, lines={"1": 2})))
    assert (found.amount_minor, found.lines, event.charged_minor) == (0, (), 6_660)


def test_a_line_without_pieces_counts_for_nothing():
    """Vendure tells the price of such a line's pieces without the discounts."""
    event, [found] = read(refunded(cancelled(an_order(), "2", 1, 80), a_refund("1", 2_160, 90, lines={"2": 1})))
    assert [(line.net_minor, line.tax_minor) for line in event.lines] == [(10_000, 2_000), (0, 0)]
    assert (found.amount_minor, event.charged_minor) == (0, 12_500)


def test_goodwill_before_and_pieces_cancelled_after_are_both_taken_back_once():
    order = refunded(an_order(), a_refund("1", 1_000, 70))
    order = refunded(cancelled(order, "1", 1, 80), a_refund("2", 4_000, 90, lines={"1": 1}))
    event, found = read(order)
    assert [each.amount_minor for each in found] == [1_000, 0]
    assert event.lines[0].net_minor == 6_666


def test_a_failed_refund_of_cancelled_pieces_leaves_the_next_one_to_be_told():
    order = cancelled(an_order(), "1", 1, 80)
    failed, again = (a_refund(number, 4_000, 90, lines={"1": 1}) for number in "12")
    _, found = read(refunded(order, failed | {"state": "Failed"}, again))
    assert [(each.amount_minor, each.state) for each in found] == [
        (4_000, RefundState.FAILED),
        (0, RefundState.SUCCEEDED),
    ]


def test_what_a_modification_added_counts_as_far_as_it_is_paid():
    order = an_order(totalWithTax=18_660, lines=[a_line("1", 13_333, 16_000, 4), a_line("2", 1_800, 2_160)])
    event, [unpaid] = read(order)
    assert (event.charged_minor, unpaid.external_id, unpaid.amount_minor) == (18_660, f"unpaid:{order['code']}", 4_000)
    assert (event.refund_ids, unpaid.reason) == ((unpaid.external_id,), RefundReason.NOT_PAID)
    event, refunds = read(order | {"payments": [a_payment(14_660), a_payment(4_000, id="2")]})
    assert (event.refund_ids, refunds) == ((), [])


def test_payments_in_states_of_the_shops_own_are_not_missed_once_the_order_is_paid():
    event, refunds = read(an_order(payments=[a_payment(14_660, "Captured")]))
    assert (event.paid_at, refunds) == (T0 + timedelta(seconds=4), [])


def test_a_surcharge_below_zero_is_given_back_and_one_above_is_charged():
    order = an_order(totalWithTax=13_960, surcharges=[{"priceWithTax": -1_000}, {"priceWithTax": 300}])
    order["payments"] = [a_payment(14_960)]
    event, [found] = read(refunded(order, a_refund("1", 1_000, 90)))
    assert (event.charged_minor, found.amount_minor) == (14_960, 1_000)


def test_pieces_cancelled_before_the_payment_was_settled_are_none_of_the_order():
    order = cancelled(an_order(payments=[a_payment(14_660, "Authorized")]), "1", 1, 2)
    assert (read(order)[0].charged_minor, read(order)[0].lines[0].net_minor) == (10_660, 6_666)


def test_the_parts_of_a_marketplaces_order_count_in_their_own_channel_alone():
    part = an_order(type="Seller")
    assert CONNECTOR.parse(body(part), topic="order", settings=settings()) == ()
    assert CONNECTOR.parse(body(part), topic="order", settings=settings(channel="seller-7")) == tuple(
        read(an_order())[:1]
    )
    assert read(an_order(type="Aggregate"))[0].charged_minor == 14_660


# --- states of refunds


@pytest.mark.parametrize(
    ("state", "meant"),
    [
        ("Pending", RefundState.PENDING),
        ("Settled", RefundState.SUCCEEDED),
        ("Failed", RefundState.FAILED),
        ("Odd", RefundState.PENDING),
    ],
)
def test_a_refund_stands_as_the_shop_says(state, meant):
    _, [found] = read(refunded(an_order(), a_refund("1", 100, 90, state=state)))
    assert found.state is meant


def test_a_refund_of_a_line_that_is_not_there_is_refused():
    with pytest.raises(InputError, match="KeyError '9'"):
        read(refunded(an_order(), a_refund("1", 100, 90, lines={"9": 1})))


# --- versions


def test_the_history_tells_two_states_of_one_second_apart():
    one = an_order(newest={"totalItems": 8, "items": [{"createdAt": at(4)}]})
    two = an_order(newest={"totalItems": 9, "items": [{"createdAt": at(4)}]})
    assert timedelta() < changed_at(two) - changed_at(one) < timedelta(milliseconds=1)
    many = [an_order(newest={"totalItems": many, "items": []}) for many in (999, 1_000, 50_000)]
    assert len({changed_at(each) for each in many}) == 1  # a shop that tells milliseconds needs no more


def test_a_settled_refund_is_newer_than_the_same_one_pending():
    pending = refunded(an_order(), a_refund("1", 100, 90, state="Pending"))
    settled = refunded(an_order(), a_refund("1", 100, 90))
    settled["newest"]["totalItems"] += 1
    assert read(pending)[1][0].updated_at < read(settled)[1][0].updated_at


def test_all_720_arrivals_of_six_versions_end_in_the_same_events():
    """What holds of each thing is its newest version; the arrivals are every order of six states of one order."""
    early: dict[str, Any] = {
        "payments": [a_payment(14_660, "Authorized")],
        "moves": {"items": [a_move(1, "PaymentAuthorized")]},
        "newest": {"totalItems": 7, "items": [{"createdAt": at(4)}]},
    }
    first, second = a_refund("1", 4_000, 90, lines={"1": 1}), a_refund("2", 500, 95)
    one = refunded(an_order(), first | {"state": "Pending"})
    settled = refunded(an_order(), first)
    settled["newest"]["totalItems"] += 1
    fewer = cancelled(refunded(settled, second), "1", 1, 95)
    states = [an_order(**early), an_order(), one, settled, refunded(settled, second), fewer]
    told = [CONNECTOR.parse(body(state), topic="order", settings=settings()) for state in states]
    assert len({events[0].updated_at for events in told}) == 6
    ends = set()
    for arrival in permutations(told):
        held: dict[tuple[str, str], Any] = {}
        for event in (event for events in arrival for event in events):
            name = (type(event).__name__, event.external_id)
            held[name] = max(held.get(name, event), event, key=lambda each: each.updated_at)
        ends.add(tuple(held[name] for name in sorted(held)))
    assert ends == {tuple(told[-1])}
