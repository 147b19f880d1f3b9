"""Due dates, holds and approval."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.engine.pipeline.world import T0, chargeback, order, refund, terms

DAY = timedelta(days=1)
MOMENT = timedelta(microseconds=1)
DUE = datetime(2026, 4, 2, tzinfo=UTC)
"""The start of the day after 2 March and 30 days."""


def state(world, **of):
    return world.head(**of).state


def test_a_commission_is_due_at_the_start_of_the_day_after_the_hold_not_before(world):
    world.take(order())
    assert (world.head().due_at, world.mature(DUE - MOMENT).approved, state(world)) == (DUE, 0, "pending")
    assert (world.account("pending"), world.account("payable")) == (1_000, 0)
    assert (world.mature(DUE).approved, state(world)) == (1, "approved")
    assert (world.account("pending"), world.account("payable")) == (0, 1_000)
    assert world.mature(DUE + DAY).approved == 0


@pytest.mark.parametrize(
    ("zone", "paid", "due"),
    [
        # 23:30 UTC is the next day in Berlin; its clocks go forward on 29 March
        ("Europe/Berlin", datetime(2026, 3, 2, 23, 30, tzinfo=UTC), datetime(2026, 4, 2, 22, 0, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 3, 2, 22, 30, tzinfo=UTC), datetime(2026, 4, 1, 22, 0, tzinfo=UTC)),
        # still 1 March in New York, whose clocks go forward on 8 March
        ("America/New_York", datetime(2026, 3, 2, 4, 30, tzinfo=UTC), datetime(2026, 4, 1, 4, 0, tzinfo=UTC)),
        ("Pacific/Kiritimati", datetime(2026, 3, 2, 10, 0, tzinfo=UTC), datetime(2026, 4, 2, 10, 0, tzinfo=UTC)),
    ],
)
def test_days_are_counted_in_the_programs_time_zone(empty, zone, paid, due):
    empty.program(terms(), time_zone=zone)
    empty.enroll("Ada")
    empty.take(order(paid=paid))
    assert empty.head().due_at == due


def test_the_hold_counts_from_the_day_of_payment_not_of_the_order(world):
    world.take(order(paid=T0 + 5 * DAY))
    assert world.head().due_at == DUE + 5 * DAY


def test_a_program_may_hold_for_no_day(empty):
    empty.program(terms(hold_days=0))
    empty.enroll("Ada")
    empty.take(order())
    assert empty.head().due_at == datetime(2026, 3, 3, tzinfo=UTC)


def test_the_clock_going_back_approves_nothing_early_and_takes_nothing_back(world):
    world.take(order("o1"), order("o2", paid=T0 + DAY))
    world.mature(DUE)
    world.at(DUE - 2 * DAY)
    assert world.mature().approved == 0
    assert (state(world), state(world, subject="o2")) == ("approved", "pending")
    assert world.mature(DUE + DAY).approved == 1


def test_what_is_booked_later_than_the_due_date_is_due_at_once(world):
    world.take(order())
    world.mature(DUE)
    world.take(refund(amount=4_000, at=DUE + DAY))
    assert (world.rows(), world.account("payable"), state(world)) == ([1_000, -400], 600, "approved")


def test_an_order_that_arrives_after_its_due_date_is_approved_by_the_next_run(world):
    world.at(DUE + 10 * DAY)
    world.take(order())
    assert world.mature().approved == 1
    assert world.account("payable") == 1_000


def test_an_open_chargeback_keeps_a_commission_from_being_approved_until_it_is_lifted(world):
    world.take(order())
    world.take(chargeback("open"))
    assert world.mature(DUE + DAY).approved == 0
    world.take(chargeback("won", at=DUE + DAY))
    assert world.mature().approved == 1
    assert state(world) == "approved"


def test_a_hold_on_what_was_approved_stays_with_its_scope(world):
    world.take(order())
    world.mature(DUE)
    world.take(chargeback("open", at=DUE))
    assert (state(world), world.head().hold_reason) == ("approved", "chargeback cb1 is open")
    world.take(chargeback("lost", at=DUE + DAY))
    assert (world.rows(), world.head().hold_reason, world.account("payable")) == ([1_000, -1_000], None, 0)


def test_the_due_date_follows_the_facts_until_it_has_come(world):
    world.take(order())
    world.take(order(at=T0 + DAY, paid=T0 + 3 * DAY))
    assert world.head().due_at == DUE + 3 * DAY
    world.mature(DUE + 3 * DAY)
    world.take(order(at=T0 + 2 * DAY, paid=T0 + 9 * DAY))
    assert (world.head().due_at, state(world)) == (DUE + 3 * DAY, "approved")


def test_refund_after_approval_leaves_a_negative_balance_to_be_carried(world):
    """P6: nothing is forgotten, and nothing goes below what was accrued."""
    world.take(order("o1"), order("o2"))
    world.mature(DUE)
    world.take(refund(amount=99_999, of="o1", at=DUE))
    assert (world.rows(subject="o1"), world.account("payable")) == ([1_000, -1_000], 1_000)


def test_a_scope_without_anything_booked_is_settled_when_due_and_approved_once_it_owes(world):
    world.take(order(net=10_000), refund(amount=10_000))
    assert world.rows() == []
    world.mature(DUE)
    assert state(world) == "settled"
    world.take(order(net=10_000, at=DUE, charged=20_000))
    assert (world.rows(), state(world), world.account("payable")) == ([500], "approved", 500)


def test_maturing_twice_at_one_instant_does_nothing_the_second_time(world):
    world.take(order("o1"), order("o2"))
    assert world.mature(DUE).approved == 2
    assert world.mature(DUE).approved == 0
