"""What cannot be worked out is parked, visible and held; what stands around it goes in; a retry works."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from engine.plugin_api import Due, Part, Share, Verdict
from tests.engine.pipeline.world import T0, World, order, plugin_host, refund, terms

DAY = timedelta(days=1)
DUE = datetime(2026, 4, 2, tzinfo=UTC)
FLAT = {"key": "flat", "type": "flat_per_order", "params": {"amount_minor": {"EUR": 500}}}
BONUS = {"key": "bonus", "type": "first_order_bonus", "params": {"amount_minor": {"EUR": 300}}}
ODD = {"key": "commission", "type": "odd"}


def set_up(world, *rewards, **more):
    world.program(terms(*rewards, **{"rates": {}} | more))
    world.enroll("Ada")
    world.enroll("Bea")
    return world


def test_an_order_in_a_currency_without_an_amount_is_blocked_with_that_reason(empty):
    set_up(empty, FLAT)
    done = empty.take(order("o1"), order("o2", currency="USD"), order("o3"))
    assert (done.new, done.blocked, done.booked) == (3, 1, 2)
    assert list(empty.blocked()) == ["o2"]
    assert "USD" in empty.blocked()["o2"]
    assert [empty.owed(subject=one, reward="flat") for one in ("o1", "o3")] == [500, 500]
    assert empty.retry() == 1  # terms hold as of the order, so new ones do not help


def test_an_order_whose_plugin_is_gone_is_blocked_until_it_is_back(empty):
    set_up(empty, ODD)
    with_plugin = empty.pipeline
    empty.pipeline = type(with_plugin).of(empty.db, plugin_host(odd=False), keyring=with_plugin.keyring)
    empty.take(order())
    assert "odd" in empty.blocked()["o1"]
    assert empty.retry() == 1
    empty.pipeline = with_plugin
    assert empty.retry() == 0
    assert (empty.blocked(), empty.rows()) == ({}, [500])


def junk(answer):
    """Answer like that for orders of 6.66, properly for others."""

    def answers(cases):
        odd = [case.order.lines[0].base_minor == 666 for case in cases]
        if any(odd) and callable(answer):
            return answer(cases)
        return [answer if is_odd else Due((Part(rate_bps=500),)) for is_odd in odd]

    return answers


def broken(_cases):
    raise RuntimeError("out of order")


@pytest.mark.parametrize(
    "answer",
    [
        broken,
        lambda cases: [Due()] * (len(cases) + 1),
        lambda _: None,
        lambda _: 7,
        Due((Part(rate_bps=-1),)),
        Due((Part(rate_bps=10_001),)),
        Due((Part(rate_bps=cast("Any", 5.0)),)),
        Due((Part(flat_minor=cast("Any", 1.5)),)),
        Due((Part(flat_minor=-5),)),
        Due((Part(),)),
        Due((Part(rate_bps=1, flat_minor=1),)),
        Due((Part(rate_bps=500, line_ids=("7",)),)),
        Due((Part(rate_bps=500, in_period=True),)),
        Due((Part(rate_bps=500),), cap_minor=-1),
        Due((Part(rate_bps=500),), cap_minor=cast("Any", 0.5)),
        Due((Part(flat_minor=10**30),)),
        Due((Part(rate_bps=500, why=cast("Any", 7)),)),
        "due",
        None,
    ],
    ids=lambda value: getattr(value, "__name__", repr(value)),  # an address would differ in each process
)
def test_a_reward_type_that_fails_or_answers_junk_blocks_its_order_and_no_other(empty, odd, answer):
    set_up(empty, ODD)
    odd["due"] = junk(answer)
    done = empty.take(order("o1"), order("o2", 666), order("o3"))
    assert done.blocked == 1
    assert (list(empty.blocked()), empty.rows(subject="o1"), empty.rows(subject="o3")) == (["o2"], [500], [500])
    odd.clear()
    assert empty.retry() == 0
    assert (empty.blocked(), empty.rows(subject="o2")) == ({}, [33])


@pytest.mark.parametrize(
    "shares",
    [
        (Share(0, 999_999),),
        (Share(0, 600_000), Share(1, 600_000)),
        (Share(0, cast("Any", 1_000_000.0)),),
        (Share(0, 500_000), Share(0, 500_000)),
        (Share(9, 1_000_000),),
        (Share(0, -1), Share(1, 1_000_001)),
    ],
    ids=lambda value: getattr(value, "__name__", repr(value)),  # an address would differ in each process
)
def test_a_model_whose_shares_break_the_contract_blocks_its_order_and_no_other(empty, odd, shares):
    set_up(empty, rates={"commission": 1_000}, attribution={"model": "split"})
    fine = Verdict((Share(0, 1_000_000),), "one", "Fine.")
    odd["choose"] = lambda cases: [
        Verdict(shares, "odd", "Odd.") if len(case.candidates) == 2 else fine for case in cases
    ]
    done = empty.take(order("o1"), order("o2", codes=("ADA", "BEA")), order("o3"))
    assert done.blocked == 1
    assert (list(empty.blocked()), empty.rows(subject="o1"), empty.rows(subject="o3")) == (["o2"], [1_000], [1_000])
    odd.clear()
    assert empty.retry() == 0
    assert (empty.owed("Ada", "o2"), empty.owed("Bea", "o2")) == (600, 400)


def test_a_model_with_a_lot_to_say_is_cut_to_what_a_decision_holds(empty, odd):
    set_up(empty, rates={"commission": 1_000}, attribution={"model": "split"})
    odd["choose"] = lambda cases: [Verdict((Share(0, 1_000_000),), "r" * 500, "\0 why " * 900) for _ in cases]
    empty.take(order())
    assert (empty.owed(), len(empty.decision().rule), len(empty.decision().reason)) == (1_000, 60, 1_000)


def test_what_was_booked_before_stays_and_is_held_while_an_order_is_blocked(empty, odd):
    set_up(empty, ODD)
    empty.take(order())
    odd["due"] = broken
    empty.take(refund(amount=5_000))
    assert (empty.rows(), empty.order_row().blocked_reason) == ([500], empty.blocked()["o1"])
    assert empty.head().hold_reason.startswith("blocked: Plugin odd_plugin failed")
    assert empty.mature(DUE).approved == 0
    odd.clear()
    assert empty.retry() == 0
    assert (empty.rows(), empty.head().hold_reason) == ([500, -250], None)
    assert empty.mature(DUE).approved == 1


def test_an_approved_scope_is_held_as_well(empty, odd):
    set_up(empty, ODD)
    empty.take(order())
    empty.mature(DUE)
    odd["due"] = broken
    empty.take(refund(amount=5_000, at=DUE))
    assert (empty.head().state, empty.head().hold_reason is None) == ("approved", False)


def test_a_newer_version_of_the_order_frees_it(empty):
    set_up(empty, FLAT)
    empty.take(order(currency="USD"))
    assert list(empty.blocked()) == ["o1"]
    empty.take(order(at=T0 + DAY))
    assert (empty.blocked(), empty.owed(reward="flat")) == ({}, 500)


def test_an_order_that_two_rewards_price_is_blocked_as_a_whole(empty):
    set_up(empty, "commission", FLAT, rates={"commission": 1_000})
    empty.take(order(currency="USD"))
    assert (list(empty.blocked()), empty.heads()) == (["o1"], {})


def test_a_blocked_order_is_still_the_customers_first(empty):
    """The bonus has no amount for USD; it must not go to the second order meanwhile."""
    set_up(empty, BONUS)
    empty.take(order("o1", currency="USD", customer="c"))
    empty.take(order("o2", placed=T0 + DAY, customer="c"))
    assert (list(empty.blocked()), empty.owed(subject="o2", reward="bonus")) == (["o1"], 0)


def test_a_blocked_order_that_is_dragged_along_blocks_nobody_else(empty):
    """o1 arrives before the customer's blocked order o2, which must be looked at again and fails again."""
    set_up(empty, BONUS)
    empty.take(order("o2", placed=T0 + DAY, customer="c", currency="USD"))
    done = empty.take(order("o1", customer="c"))
    assert done.refused == []
    assert (list(empty.blocked()), empty.owed(subject="o1", reward="bonus")) == ([], 300)


def test_an_order_that_fails_when_it_is_dragged_along_does_not_fail_its_batch(empty, odd):
    set_up(empty, BONUS, ODD)
    empty.take(order("o2", 666, placed=T0 + DAY, customer="c"))
    odd["due"] = junk(broken)
    empty.take(order("o1", customer="c"), order("x", customer="d"))
    assert list(empty.blocked()) == ["o2"]
    assert [empty.owed(subject=one, reward="bonus") for one in ("o1", "x")] == [300, 300]
    odd.clear()
    assert empty.retry() == 0
    assert empty.owed(subject="o2", reward="bonus") == 0


def test_a_blocked_order_keeps_the_link_that_it_made(empty, odd):
    linked = {"signals": ["code", "customer_link"], "customer_link_days": 0, "model": "split"}
    set_up(empty, rates={"commission": 1_000}, attribution=linked)
    empty.take(order("o1", customer="c"))
    empty.take(order("o2", placed=T0 + DAY, customer="c", codes=()))
    odd["choose"] = lambda cases: [
        7 if any(one.signal == "code" for one in case.candidates) else Verdict((Share(0, 1_000_000),), "r", "Why.")
        for case in cases
    ]
    empty.take(refund(amount=1, of="o1"))
    assert (list(empty.blocked()), empty.owed(subject="o2")) == (["o1"], 1_000)


def test_a_month_whose_tiers_lack_a_currency_is_held_and_settled_after_a_retry(empty, monkeypatch):
    ladder = [{"from_minor": 0, "rate_bps": 1_000}, {"from_minor": 100_000, "rate_bps": 2_000}]
    volume = {"key": "volume", "type": "volume_tiers", "params": {"mode": "marginal", "tiers": {"EUR": ladder}}}
    set_up(empty, volume)
    empty.take(order("o1", 150_000))
    reward = empty.host.reward_type("volume_tiers").value
    monkeypatch.setattr(type(reward), "due_for_period", lambda *_: 1 // 0)
    april = datetime(2026, 4, 1, tzinfo=UTC)
    empty.mature(april)
    assert empty.head(subject="2026-03", reward="volume").hold_reason.startswith("blocked: ")
    empty.mature(april + 40 * DAY)
    assert empty.head(subject="2026-03", reward="volume").state == "pending"
    monkeypatch.undo()
    empty.retry()
    empty.mature()
    assert empty.owed(subject="2026-03", reward="volume") == 5_000
    assert empty.head(subject="2026-03", reward="volume").state == "approved"


@pytest.mark.slow
def test_poison_in_a_batch_leaves_the_books_that_one_by_one_leaves(fresh_db, odd):
    odd["due"] = junk(broken)
    events = [order(f"o{number}", 666 if number % 4 == 1 else 1_000 + number) for number in range(12)]
    books = []
    for take in (lambda world: world.take(*events), lambda world: world.take_each(*events)):
        world = set_up(World(fresh_db()), ODD)
        take(world)
        books.append((world.books(), sorted(world.blocked())))
        world.check()
    assert books[0] == books[1]
    assert books[0][1] == ["o1", "o5", "o9"]


def test_the_same_reward_key_may_change_its_type_between_terms(empty):
    set_up(empty, FLAT)
    empty.publish(terms({"key": "flat", "type": "percentage"}, rates={"flat": 1_000}), at=T0 + DAY)
    empty.at(T0 + 2 * DAY)
    empty.take(order("o1"), order("o2", placed=T0 + DAY))
    assert (empty.owed(subject="o1", reward="flat"), empty.owed(subject="o2", reward="flat")) == (500, 1_000)
