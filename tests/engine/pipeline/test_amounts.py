"""Rates, rounding, caps, flat amounts and shares, through the whole pipeline, with the numbers written out."""

from datetime import timedelta

import pytest

from engine.plugin_api import WHOLE_PPM, Due, Part, Share, Verdict
from tests.engine.pipeline.world import T0, line, order, refund, terms
from tests.factories import agree_rate, make_group, put_into_group

SPLIT = {"attribution": {"model": "split"}}


def with_terms(world, *rewards, **more):
    world.program(terms(*rewards, **more))
    world.enroll("Ada")
    world.enroll("Bea")
    return world


@pytest.mark.parametrize(
    ("currency", "net", "bps", "due"),
    [
        ("JPY", 999, 1_250, 125),  # ¥999 at 12.5 % is 124.875
        ("KWD", 1_001, 1_250, 125),  # 1.001 at 12.5 % is 0.125125
        ("EUR", 5, 1_000, 0),  # 0.5 goes to the even neighbour
        ("EUR", 15, 1_000, 2),  # 1.5 too
        ("EUR", 25, 1_000, 2),  # 2.5 too
        ("EUR", 26, 1_000, 3),
        ("EUR", 1, 10_000, 1),
        ("EUR", 1_000_000_000_000, 10_000, 1_000_000_000_000),
    ],
)
def test_a_percentage_accrues_in_the_currency_of_the_order_and_halves_go_to_the_even_neighbour(
    empty, currency, net, bps, due
):
    with_terms(empty, rates={"commission": bps})
    empty.take(order(net=net, currency=currency))
    assert empty.owed(asset=currency) == due


def test_a_rate_is_rounded_once_over_the_order_and_not_line_by_line(empty):
    """Ten lines of 3.33 at 5 %: 1.665 is 1.66 once; line by line it would have been 1.70."""
    with_terms(empty, rates={"commission": 500})
    empty.take(order(net=[line(333, str(number)) for number in range(10)]))
    assert empty.owed() == 166


def test_each_reward_and_rate_is_rounded_by_itself(empty):
    """0.05 at 10 % and 0.05 at 30 %: 0.5 is 0, 1.5 is 2; a second reward at 10 % of 0.10 is 1."""
    rates = [
        {"reward": "commission", "rate_bps": 1_000},
        {"reward": "commission", "rate_bps": 3_000, "product": "tea"},
        {"reward": "extra", "rate_bps": 1_000},
    ]
    with_terms(empty, "commission", "extra", rates=rates)
    empty.take(order(net=(line(5, "1"), line(5, "2", product="tea"))))
    assert (empty.owed(), empty.owed(reward="extra")) == (2, 1)


def test_two_parts_of_one_rate_are_rounded_together_whatever_they_are_called(empty, odd):
    """Two lines of 0.05 at 10 %, told as two parts: 1, not 0 and 0."""
    with_terms(empty, {"key": "commission", "type": "odd"}, rates={})
    parts = (Part(rate_bps=1_000, line_ids=("1",), why="one"), Part(rate_bps=1_000, line_ids=("2",), why="two"))
    odd["due"] = lambda cases: [Due(parts) for _ in cases]
    empty.take(order(net=(line(5, "1"), line(5, "2"))))
    assert empty.owed() == 1


# --- caps and flat amounts


def test_a_cap_comes_after_the_rounding_and_follows_the_net(empty):
    with_terms(empty, {"key": "commission", "type": "percentage", "params": {"cap_minor": {"EUR": 700}}})
    empty.take(order())
    assert empty.owed() == 700
    empty.take(refund("r1", 2_000))  # 8.00 would be due: still capped
    assert empty.rows() == [700]
    empty.take(refund("r2", 2_000))
    assert empty.rows() == [700, -100]


def flat(kind="flat_per_order", **params):
    return {"key": "flat", "type": kind, "params": {"amount_minor": {"EUR": 500, "JPY": 700}, **params}}


def test_a_flat_amount_shrinks_with_what_is_left_of_the_order(empty):
    with_terms(empty, flat(), rates={})
    empty.take(order(net=(line(6_000, "1"), line(4_000, "2"))))
    empty.take(refund("r1", lines={"1": 1_500}))
    assert empty.rows(reward="flat") == [500, -75]
    empty.take(refund("r2", 10_000))
    assert empty.owed(reward="flat") == 0


def test_a_flat_amount_of_half_a_cent_goes_to_the_even_neighbour(empty):
    """5.00 × 9,990 ÷ 10,000 is 4.995."""
    with_terms(empty, flat(), rates={})
    empty.take(order(), refund(amount=10))
    assert empty.owed(reward="flat") == 500


def test_a_flat_amount_per_item_goes_with_its_line(empty):
    with_terms(empty, flat("flat_per_item", cap_minor={"EUR": 1_800}), rates={})
    empty.take(order(net=(line(6_000, "1", quantity=3), line(4_000, "2"))))
    assert empty.owed(reward="flat") == 1_800  # capped from 20.00
    empty.take(refund(lines={"1": 2_000}))
    assert empty.owed(reward="flat") == 1_500


def test_a_free_order_owes_no_flat_amount(empty):
    with_terms(empty, flat(), rates={})
    empty.take(order(net=0))
    assert empty.rows(reward="flat") == []


def test_flat_amounts_and_caps_are_those_of_the_order_s_currency(empty):
    with_terms(empty, flat(), rates={})
    empty.take(order(currency="JPY"))
    assert empty.owed(reward="flat", asset="JPY") == 700


# --- shares


def test_the_base_is_split_by_share_and_each_beneficiary_s_own_rate_applies(empty):
    """60 % of 100.00 at Ada's own 20 % is 12.00, 40 % of it at 10 % is 4.00."""
    with_terms(empty, **SPLIT)
    with empty.db.unit() as unit:
        agree_rate(unit, empty.enrollments["Ada", "main"], rate_bps=2_000)
    empty.at(T0)
    empty.take(order(codes=("ADA", "BEA"), placed=T0 + timedelta(minutes=1)))
    assert (empty.owed("Ada"), empty.owed("Bea")) == (1_200, 400)


def test_each_cap_is_multiplied_by_the_share(empty):
    capped = {"key": "commission", "type": "percentage", "params": {"cap_minor": {"EUR": 500}}}
    with_terms(empty, capped, **SPLIT)
    empty.take(order(codes=("ADA", "BEA")))
    assert (empty.owed("Ada"), empty.owed("Bea")) == (300, 200)


def test_each_flat_amount_is_multiplied_by_the_share_and_shrinks_with_refunds(empty):
    with_terms(empty, flat(), rates={}, **SPLIT)
    empty.take(order(codes=("ADA", "BEA")))
    assert (empty.owed("Ada", reward="flat"), empty.owed("Bea", reward="flat")) == (300, 200)
    empty.take(refund(amount=5_000))
    assert (empty.owed("Ada", reward="flat"), empty.owed("Bea", reward="flat")) == (150, 100)


def test_two_codes_of_one_ambassador_earn_both_shares_once(empty):
    with_terms(empty, **SPLIT)
    empty.code("ADA2", "Ada")
    empty.take(order(codes=("ADA", "ADA2")))
    assert empty.rows("Ada") == [1_000]
    (share,) = empty.decision().shares
    assert share["ppm"] == WHOLE_PPM


def test_a_beneficiary_who_falls_out_of_the_shares_owes_all_of_it_back(empty):
    with_terms(empty, **SPLIT)
    empty.take(order(codes=("ADA", "BEA")))
    empty.take(order(codes=("BEA",), at=T0 + timedelta(hours=1)))
    assert (empty.rows("Ada"), empty.rows("Bea")) == ([600, -600], [400, 600])


# --- which rate


def test_rates_by_precedence_end_to_end(empty):
    """Each line takes the most specific rate; what was agreed with Ada beats all, as of the instant of the order."""
    rates = [
        {"reward": "commission", "rate_bps": 100},
        {"reward": "commission", "rate_bps": 200, "collection": "new"},
        {"reward": "commission", "rate_bps": 300, "collection": "sale"},
        {"reward": "commission", "rate_bps": 400, "product": "tea"},
        {"reward": "commission", "rate_bps": 500, "group": "gold"},
        {"reward": "commission", "rate_bps": 600, "group": "gold", "product": "tea"},
    ]
    empty.program(terms(rates=rates))
    empty.enroll("Ada")
    ada, main = empty.enrollments["Ada", "main"], empty.programs["main"]
    day = timedelta(days=1)
    with empty.db.unit() as unit:
        put_into_group(unit, ada, group=make_group(unit, main), since=T0 + day)
        put_into_group(unit, ada, group=None, since=T0 + 2 * day)
        agree_rate(unit, empty.codes["ADA"], rate_bps=700, since=T0 + 3 * day)
        agree_rate(unit, ada, rate_bps=800, since=T0 + 4 * day)
        agree_rate(unit, ada, rate_bps=900, product="tea", since=T0 + 5 * day)
        agree_rate(unit, ada, rate_bps=None, since=T0 + 6 * day)
    empty.at(T0 + 7 * day)
    lines = (
        line(10_000, "1"),
        line(10_000, "2", collections=("sale", "new")),
        line(10_000, "3", collections=("sale",)),
        line(10_000, "4", product="tea", collections=("new",)),
    )
    for number in range(7):
        empty.take(order(f"o{number}", lines, placed=T0 + number * day))
    owed = [empty.owed(subject=f"o{number}") for number in range(7)]
    assert owed == [
        100 + 200 + 300 + 400,  # program, first listed collection, collection, product
        500 * 3 + 600,  # group, and group with product
        100 + 200 + 300 + 400,  # out of the group
        700 * 4,  # the code's
        800 * 4,  # Ada's
        800 * 3 + 900,  # Ada's for tea
        700 * 3 + 900,  # Ada's own ended, the code's and Ada's for tea did not
    ]


def test_terms_hold_as_of_the_instant_of_the_order(empty):
    with_terms(empty)
    empty.publish(terms(rates={"commission": 2_000}), at=T0 + timedelta(days=1))
    empty.at(T0 + timedelta(days=2))
    early, late = T0 + timedelta(days=1) - timedelta(microseconds=1), T0 + timedelta(days=1)
    empty.take(order("o1", placed=early), order("o2", placed=late))
    assert (empty.owed(subject="o1"), empty.owed(subject="o2")) == (1_000, 2_000)


def test_a_change_of_terms_never_touches_what_was_placed_before(empty):
    with_terms(empty)
    empty.take(order())
    empty.publish(terms(rates={"commission": 5_000}), at=T0 + timedelta(hours=1))
    empty.at(T0 + timedelta(days=1))
    empty.take(refund(amount=5_000, at=T0 + timedelta(days=1)))
    assert empty.rows() == [1_000, -500]


def test_a_commission_says_how_it_came_about(empty):
    with_terms(empty, {"key": "commission", "type": "percentage", "params": {"cap_minor": {"EUR": 700}}})
    empty.take(order())
    (row,) = empty.commissions(empty.head().id)
    said = row.explanation
    assert (said["due"], said["before"], said["base"], said["cap"], said["terms_version"]) == (700, 0, 10_000, 700, 1)
    assert [(step["rate_bps"], step["base"], step["amount"]) for step in said["steps"]] == [(1_000, "10000", 1_000)]


def test_a_model_may_credit_one_candidate_of_several(empty, odd):
    with_terms(empty, **SPLIT)
    odd["choose"] = lambda cases: [Verdict((Share(1, WHOLE_PPM),), "second", "Because.") for _ in cases]
    empty.take(order(codes=("ADA", "BEA")))
    assert (empty.owed("Ada"), empty.owed("Bea")) == (0, 1_000)
