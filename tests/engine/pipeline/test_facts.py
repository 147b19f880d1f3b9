"""What is taken back, edited, repeated or cancelled, with the numbers written out: ten percent unless it says so."""

from datetime import timedelta

import pytest

from engine.intake.rules import Source
from engine.kernel.canonical import content_hash
from engine.plugin_api import OrderLine, RefundState
from tests.engine.pipeline.world import T0, chargeback, delivered, line, order, refund, terms

HOUR = timedelta(hours=1)
TWO_LINES = (line(6_000, "1"), line(4_000, "2"))


# --- the same thing again


def test_an_order_accrues_when_first_fully_paid(world):
    world.take(order(paid=False))
    assert world.heads() == {}
    world.take(order(at=T0 + HOUR, paid=T0 + HOUR))
    assert world.rows() == [1_000]


def test_the_same_delivery_again_changes_nothing(world):
    delivery = delivered(order())
    first = world.pipeline.ingest(world.brand, Source("csv_orders", "main"), deliveries=[delivery, delivery])
    again = world.pipeline.ingest(world.brand, Source("csv_orders", "main"), deliveries=[delivery])
    assert (first.new, first.repeated, first.booked) == (1, 1, 1)
    assert (again.new, again.repeated, again.booked) == (0, 1, 0)
    assert world.rows() == [1_000]


def test_the_same_content_under_another_key_books_nothing(world):
    for _ in range(3):
        world.take(order())
    assert world.rows() == [1_000]


def test_a_key_that_comes_back_with_other_content_is_refused_and_changes_nothing(world):
    world.pipeline.ingest(world.brand, Source("csv_orders", "main"), deliveries=[delivered(order(), "k")])
    done = world.pipeline.ingest(world.brand, Source("csv_orders", "main"), deliveries=[delivered(order(net=5), "k")])
    (refusal,) = done.refused
    assert refusal.key == "k"
    assert "another content" in refusal.problem
    assert world.rows() == [1_000]


def test_two_shops_of_one_kind_may_use_the_same_numbers(world):
    world.take(order(net=10_000))
    world.take(order(net=20_000), source=Source("csv_orders", "second shop"))
    assert world.account("pending") == 3_000


# --- refunds


def test_a_refund_that_comes_before_its_order_waits_for_it(world):
    world.take(refund(lines={"1": 10_000}))
    world.take(refund("r2", 2_500, of="o2"))
    assert world.heads() == {}
    world.take(order(), order("o2"))
    assert (world.owed(), world.owed(subject="o2")) == (0, 750)


def test_a_line_refund_takes_its_part_of_that_line(world):
    world.take(order(net=TWO_LINES))
    world.take(refund(lines={"1": 1_500}))
    assert world.rows() == [1_000, -150]


def test_an_amount_only_refund_is_measured_against_what_was_charged(world):
    """120.00 were charged for goods of 100.00: 30.00 back is a quarter, so a quarter of 10.00 goes."""
    world.take(order(net=10_000, charged=12_000))
    world.take(refund(amount=3_000))
    assert world.rows() == [1_000, -250]


def test_both_kinds_of_refund_add_up_line_by_line(world):
    """Line 1: 60.00 less 15.00/60.00 and 20.00/100.00 is 55 % of it; line 2: 80 % of 40.00. 3.30 + 3.20."""
    world.take(order(net=TWO_LINES))
    world.take(refund("r1", lines={"1": 1_500}), refund("r2", 2_000))
    assert world.owed() == 650


def test_where_nothing_was_charged_only_line_refunds_count(world):
    world.take(order(net=TWO_LINES, charged=0))
    world.take(refund("r1", 5_000))
    assert world.owed() == 1_000
    world.take(refund("r2", lines={"2": 4_000}))
    assert world.owed() == 600


def test_an_excessive_refund_is_kept_clamped_and_noticed(world):
    world.take(order(net=TWO_LINES))
    world.take(refund(lines={"1": 9_999}))
    assert world.owed() == 400
    assert world.notices() == ["excess"]
    world.take(refund("r2", 12_000))
    assert world.owed() == 0
    assert world.notices() == ["excess"]


def test_refunds_of_both_kinds_that_together_exceed_the_order_are_noticed(world):
    world.take(order(net=TWO_LINES))
    world.take(refund("r1", lines={"1": 6_000, "2": 4_000}), refund("r2", 1))
    assert world.owed() == 0
    assert world.notices() == ["excess"]


def test_goods_by_line_and_shipping_as_an_amount_are_no_excess(world):
    """100.00 of goods and 10.00 of shipping, all given back: 110.00 in all, which is what was charged."""
    world.take(order(net=TWO_LINES, charged=11_000, shipping_minor=1_000))
    world.take(refund("r1", lines={"1": 6_000, "2": 4_000}), refund("r2", 1_000))
    assert world.owed() == 0
    assert world.notices() == []


def test_a_line_and_then_all_the_rest_as_an_amount_leave_nothing(world):
    """100.00 and 10.00 of shipping: 60.00 by line, 10.00 for shipping, 40.00 as an amount, in any order."""
    world.take(order(net=TWO_LINES, charged=11_000, shipping_minor=1_000))
    world.take(refund("r1", 4_000))
    assert world.rows() == [1_000, -364]
    world.take(refund("r2", 6_000, lines={"1": 6_000}))
    assert world.rows() == [1_000, -364, -556]  # 40.00 of the 50.00 that are left for the other line and the shipping
    world.take(refund("r3", 1_000, apart=1_000))
    assert world.rows() == [1_000, -364, -556, -80]
    assert world.notices() == []
    world.check()


def test_a_refund_of_a_line_that_the_order_does_not_have_is_noticed_and_counts_for_nothing(world):
    world.take(order(net=TWO_LINES))
    world.take(refund(lines={"7": 1_000}))
    assert world.owed() == 1_000
    assert world.notices() == ["unknown-line"]


@pytest.mark.parametrize("state", [RefundState.FAILED, RefundState.CANCELLED])
def test_a_refund_that_failed_or_was_cancelled_counts_for_nothing(world, state):
    world.take(order())
    world.take(refund(amount=4_000, state=RefundState.PENDING))
    assert world.owed() == 600
    world.take(refund(amount=4_000, state=state, at=T0 + 2 * HOUR))
    assert world.rows() == [1_000, -400, 400]


def test_a_refund_in_another_currency_holds_and_reduces_nothing(world):
    world.take(order())
    world.take(refund(amount=4_000, currency="USD"))
    assert world.owed() == 1_000
    assert world.head().hold_reason == "r1 is in USD, not EUR"
    world.take(refund(amount=4_000, currency="USD", state=RefundState.CANCELLED, at=T0 + 2 * HOUR))
    assert world.head().hold_reason is None


def test_partial_refunds_sum_to_exactly_the_reversal_of_the_whole(world):
    """Three thirds of 9.99 at 10 %: 1.00, then 0.67, 0.33, 0.00; never a cent left."""
    world.take(order(net=999))
    for number in (1, 2, 3):
        world.take(refund(f"r{number}", lines={"1": 333}))
    assert world.rows() == [100, -33, -34, -33]


def test_refunds_go_back_to_the_beneficiary_not_to_the_present_owner_of_the_code(world):
    world.take(order())
    world.hand_over("ADA", "Bea", at=T0 + HOUR)
    world.at(T0 + 2 * HOUR)
    world.take(refund(amount=10_000))
    assert world.rows("Ada") == [1_000, -1_000]
    assert world.rows("Bea") == []


# --- chargebacks


def test_an_open_chargeback_only_holds(world):
    world.take(order())
    world.take(chargeback("open"))
    assert world.books() == {("main", "Ada", "commission", "o1", "EUR"): (1_000, "pending", "chargeback cb1 is open")}


def test_a_lost_chargeback_counts_as_an_amount_only_refund(world):
    world.take(order(charged=20_000))
    world.take(chargeback("lost", 5_000))
    assert world.rows() == [1_000, -250]
    assert world.head().hold_reason is None


def test_a_chargeback_that_was_won_counts_for_nothing(world):
    world.take(order())
    world.take(chargeback("open"))
    world.take(chargeback("won", at=T0 + 3 * HOUR))
    assert world.rows() == [1_000]
    assert world.head().hold_reason is None


def test_the_holds_of_several_claims_read_the_same_whatever_came_first(world):
    world.take(order())
    world.take_each(
        chargeback("open", external_id="b"), chargeback("open", external_id="B"), refund("a", 1, currency="USD")
    )
    assert world.head().hold_reason == "chargeback B is open; chargeback b is open; a is in USD, not EUR"


# --- cancelled and edited


def test_a_cancelled_order_owes_nothing_and_nothing_holds_it(world):
    world.take(order())
    world.take(chargeback("open"))
    world.take(order(at=T0 + HOUR, cancelled_at=T0 + HOUR))
    assert world.rows() == [1_000, -1_000]
    assert world.head().hold_reason is None


def test_a_cancelled_order_that_stands_again_owes_again(world):
    """AffiliateWP #1752: an order that failed and later went through stayed rejected."""
    world.take_each(order(), order(at=T0 + HOUR, cancelled_at=T0 + HOUR), order(at=T0 + 2 * HOUR))
    assert world.rows() == [1_000, -1_000, 1_000]


def test_a_newer_version_replaces_an_older_one_is_ignored(world):
    world.take(order(net=8_000, at=T0 + 2 * HOUR))
    done = world.take(order(net=10_000, at=T0 + HOUR))
    assert done.older == 1
    assert world.rows() == [800]


def test_an_update_after_a_refund_keeps_the_refund(world):
    """dub #2777: the update overwrote the amounts."""
    world.take_each(order(), refund(amount=5_000), order(at=T0 + 2 * HOUR, net=20_000))
    assert world.owed() == 1_500


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_versions_with_one_time_the_greater_hash_holds_and_the_tie_is_noticed(world, turned):
    versions = [order(net=10_000), order(net=20_000)]
    world.take_each(*(reversed(versions) if turned else versions))
    kept = world.order_row()
    payload = {"placed_at": T0.isoformat(), "currency": "EUR", "codes": ["ADA"], "paid_at": T0.isoformat()}
    hashes = {
        net: content_hash(payload | {"charged": net, "lines": [{"id": "1", "net": net}]}) for net in (10_000, 20_000)
    }
    wins = max(hashes, key=hashes.__getitem__)
    assert (kept.content_hash, world.owed()) == (hashes[wins], wins // 10)
    assert world.notices() == ["tie"]


def test_a_line_that_is_taken_out_or_put_in_changes_what_is_due(world):
    world.take(order(net=TWO_LINES))
    world.take(order(net=TWO_LINES[:1], at=T0 + HOUR))
    assert world.rows() == [1_000, -400]
    world.take(order(net=(*TWO_LINES, line(500, "3")), at=T0 + 2 * HOUR))
    assert world.rows() == [1_000, -400, 450]


def test_a_code_that_is_added_later_credits_the_order(world):
    world.take(order(codes=()))
    assert world.decision().outcome == "nobody"
    world.take(order(at=T0 + HOUR))
    assert world.rows() == [1_000]
    assert world.decision().outcome == "credited"


def test_another_code_moves_the_commission(world):
    world.take(order(codes=("ADA",)))
    world.take(order(codes=("BEA",), at=T0 + HOUR))
    assert (world.rows("Ada"), world.rows("Bea")) == ([1_000, -1_000], [1_000])


def test_another_currency_moves_the_commission(world):
    world.take(order())
    world.take(order(currency="USD", at=T0 + HOUR))
    assert (world.rows(), world.rows(asset="USD")) == ([1_000, -1_000], [1_000])


def test_an_order_that_is_no_longer_paid_owes_nothing(world):
    world.take_each(order(), order(at=T0 + HOUR, paid=False))
    assert world.rows() == [1_000, -1_000]


# --- what a rate applies to


def test_tax_shipping_and_gift_cards_are_left_out(world):
    lines = (line(10_000, "1", tax_minor=1_900), line(5_000, "2", gift_card=True))
    world.take(order(net=lines, charged=17_400, shipping_minor=500))
    assert world.owed() == 1_000


def test_they_count_where_the_terms_say_so(empty):
    empty.program(terms(base={"include_tax": True, "include_shipping": True, "include_gift_cards": True}))
    empty.enroll("Ada")
    lines = (line(10_000, "1", tax_minor=1_900), line(5_000, "2", gift_card=True))
    empty.take(order(net=lines, charged=17_400, shipping_minor=500))
    assert empty.owed() == 1_740


def test_shipping_counts_beside_a_line_that_is_called_shipping(empty):
    empty.program(terms(base={"include_shipping": True}))
    empty.enroll("Ada")
    empty.take(order(net=(line(10_000, "shipping"),), charged=10_500, shipping_minor=500))
    assert empty.owed() == 1_050
    empty.take(refund(lines={"shipping": 10_000}))
    assert empty.owed() == 50


def test_excluded_products_and_collections_earn_nothing(empty):
    empty.program(terms(base={"excluded_products": ["card"], "excluded_collections": ["sale"]}))
    empty.enroll("Ada")
    lines = (line(1_000, "1", product="card"), line(2_000, "2", collections=("new", "sale")), line(4_000, "3"))
    empty.take(order(net=lines))
    assert empty.owed() == 400


def test_an_order_for_which_nothing_is_due_has_a_scope_of_zero_and_no_row(world):
    world.take(order(net=(OrderLine("1", 0),), charged=0))
    assert (world.head().booked_minor, world.head().seq, world.rows()) == (0, 0, [])
    assert world.mature(T0 + timedelta(days=60)).approved == 1
    assert world.head().state == "settled"
