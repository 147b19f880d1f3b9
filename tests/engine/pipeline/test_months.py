"""Volume tiers: orders accrue at the first tier, the month's end books the rest, late facts book the difference."""

from datetime import UTC, datetime, timedelta

import pytest

from engine.plugin_api import CommerceEvent
from tests.engine.pipeline.world import T0, World, chargeback, line, order, plugin_host, refund, terms
from tests.factories import agree_rate

DAY = timedelta(days=1)
APRIL = datetime(2026, 4, 1, tzinfo=UTC)
LADDER = [{"from_minor": 0, "rate_bps": 1_000}, {"from_minor": 100_000, "rate_bps": 2_000}]


def volume(mode="marginal", ladder=None, rates=None, **more):
    tiers = {"key": "volume", "type": "volume_tiers", "params": {"mode": mode, "tiers": {"EUR": ladder or LADDER}}}
    return terms(tiers, rates=rates or {}, **more)


@pytest.fixture
def tiers(empty):
    """Ten percent of the first 1,000.00 in a month, twenty beyond, in UTC."""
    empty.program(volume())
    empty.enroll("Ada")
    empty.enroll("Bea")
    return empty


def month(world, subject="2026-03", name="Ada"):
    return world.owed(name, subject, reward="volume")


def orders(world, *subjects, name="Ada"):
    return [world.owed(name, subject, reward="volume") for subject in subjects]


def test_orders_accrue_at_the_first_tier_at_once_and_the_month_books_the_rest_marginally(tiers):
    """1,500.00: 100.00 + 20 % of 500.00 is 200.00; 150.00 accrued already."""
    tiers.take(order("o1", 90_000), order("o2", 60_000))
    assert orders(tiers, "o1", "o2") == [9_000, 6_000]
    tiers.mature(APRIL - timedelta(microseconds=1))
    assert month(tiers) == 0
    done = tiers.mature(APRIL)
    assert (month(tiers), done.settled_periods) == (5_000, 1)
    assert tiers.mature().settled_periods == 0


def test_the_whole_months_volume_may_earn_the_tier_that_was_reached(empty):
    """1,500.00 at 20 % is 300.00; 150.00 accrued already."""
    empty.program(volume("whole"))
    empty.enroll("Ada")
    empty.take(order("o1", 90_000), order("o2", 60_000))
    empty.mature(APRIL)
    assert month(empty) == 15_000


@pytest.mark.parametrize(
    ("mode", "net", "expected"), [("marginal", 100_000, 0), ("whole", 99_999, 0), ("whole", 100_000, 10_000)]
)
def test_a_tier_begins_with_its_own_amount(empty, mode, net, expected):
    empty.program(volume(mode))
    empty.enroll("Ada")
    empty.take(order("o1", net))
    empty.mature(APRIL)
    assert month(empty) == expected


def test_a_month_that_owes_nothing_beyond_its_orders_has_no_row(tiers):
    tiers.take(order())
    tiers.mature(APRIL)
    assert tiers.rows(subject="2026-03", reward="volume") == []
    tiers.mature(APRIL + 60 * DAY)
    assert tiers.head(subject="2026-03", reward="volume").state == "settled"


def test_what_rounding_gave_too_much_the_month_takes_back(tiers):
    """Three orders of 0.15 accrue 0.02 each; ten percent of 0.45 is 0.045, which is 0.04."""
    tiers.take(*(order(f"o{number}", 15) for number in range(3)))
    tiers.mature(APRIL)
    assert (orders(tiers, "o0", "o1", "o2"), month(tiers)) == ([2, 2, 2], -2)


def test_months_are_counted_in_the_programs_time_zone(empty):
    """Berlin's March 2026 ends at 22:00 UTC on the 31st, since the clocks went forward on the 29th."""
    empty.program(volume(), time_zone="Europe/Berlin")
    empty.enroll("Ada")
    end = datetime(2026, 3, 31, 22, 0, tzinfo=UTC)
    moment = timedelta(microseconds=1)
    empty.at(end)
    empty.take(order("o1", 150_000, placed=end - moment), order("o2", 150_000, placed=end))
    empty.mature(end - moment)
    assert month(empty, "2026-03") == 0
    empty.mature(end)
    assert (month(empty, "2026-03"), month(empty, "2026-04")) == (5_000, 0)
    empty.mature(datetime(2026, 4, 30, 22, 0, tzinfo=UTC))
    assert (month(empty, "2026-03"), month(empty, "2026-04")) == (5_000, 5_000)


def test_no_program_waits_for_months_that_have_not_ended_elsewhere(empty):
    """At 00:30 UTC on 1 April it is still March in New York, whatever many heads are dirty there."""
    empty.program(volume(), time_zone="America/New_York", priority=1)
    empty.program(volume(), name="utc", priority=2)
    empty.enroll("Ada")
    empty.enroll("Bea", "utc")
    empty.take(order("o1", 150_000), order("o2", 150_000, codes=("BEA",)))
    empty.mature(APRIL + timedelta(minutes=30))
    assert month(empty) == 0
    assert empty.owed("Bea", "2026-03", reward="volume", program="utc") == 5_000
    empty.mature(APRIL + timedelta(hours=4))
    assert month(empty) == 5_000


# --- facts that come late


def test_a_late_order_books_the_difference_after_the_close(tiers):
    tiers.take(order("o1", 90_000))
    tiers.mature(APRIL)
    tiers.take(order("o2", 60_000))
    assert month(tiers) == 0
    tiers.mature(APRIL)
    assert month(tiers) == 5_000


def test_a_late_refund_takes_the_difference_back(tiers):
    tiers.take(order("o1", 90_000), order("o2", 60_000))
    tiers.mature(APRIL)
    tiers.take(refund(amount=30_000, of="o2", at=APRIL + DAY))
    tiers.mature(APRIL + 2 * DAY)
    assert (orders(tiers, "o1", "o2"), tiers.rows(subject="2026-03", reward="volume")) == (
        [9_000, 3_000],
        [5_000, -3_000],
    )


def test_an_order_that_moves_to_another_month_dirties_both(tiers):
    tiers.take(order("o1", 90_000), order("o2", 60_000))
    tiers.mature(APRIL + 35 * DAY)
    assert month(tiers) == 5_000
    tiers.take(order("o2", 160_000, placed=APRIL + DAY, at=APRIL + DAY))
    tiers.mature(APRIL + 36 * DAY)
    assert (month(tiers, "2026-03"), month(tiers, "2026-04")) == (0, 6_000)


def test_an_order_that_moves_to_another_beneficiary_dirties_both(tiers):
    tiers.take(order("o1", 90_000), order("o2", 60_000))
    tiers.mature(APRIL)
    tiers.take(order("o2", 60_000, at=T0 + DAY, codes=("BEA",)), order("o3", 70_000, codes=("BEA",)))
    tiers.mature(APRIL)
    assert (month(tiers), month(tiers, name="Bea")) == (0, 3_000)
    assert (orders(tiers, "o1", "o2"), orders(tiers, "o2", "o3", name="Bea")) == ([9_000, 0], [6_000, 7_000])


def test_an_order_that_was_never_paid_or_was_cancelled_brings_nothing_to_its_month(tiers):
    tiers.take(order("o1", 90_000), order("o2", 60_000), order("o3", 60_000, paid=False))
    tiers.take(order("o2", 60_000, at=T0 + DAY, cancelled_at=T0 + DAY))
    tiers.mature(APRIL)
    assert month(tiers) == 0


def test_an_open_chargeback_keeps_the_order_in_the_sum_and_a_lost_one_takes_it_out(tiers):
    tiers.take(order("o1", 90_000), order("o2", 60_000))
    tiers.take(chargeback("open", 60_000, of="o2"))
    tiers.mature(APRIL)
    assert month(tiers) == 5_000
    tiers.take(chargeback("lost", 60_000, of="o2", at=APRIL))
    tiers.mature(APRIL)
    assert (month(tiers), orders(tiers, "o1", "o2")) == (0, [9_000, 0])


# --- what is inside, and under which terms


def test_lines_priced_by_a_more_specific_rate_stay_outside(empty):
    """Tea at 30 % is paid as it is; the 1,000.00 of other things make the month."""
    empty.program(volume(rates=[{"reward": "volume", "rate_bps": 3_000, "product": "tea"}]))
    empty.enroll("Ada")
    empty.take(order("o1", (line(100_000, "1"), line(50_000, "2", product="tea"))))
    assert orders(empty, "o1") == [10_000 + 15_000]
    empty.take(order("o2", 10_000))
    empty.mature(APRIL)
    assert month(empty) == 1_000


def test_an_ambassador_with_a_rate_of_their_own_has_no_month(tiers):
    with tiers.db.unit() as unit:
        agree_rate(unit, tiers.enrollments["Ada", "main"], rate_bps=1_500, reward="volume")
    tiers.take(order("o1", 150_000))
    tiers.mature(APRIL)
    assert (orders(tiers, "o1"), month(tiers)) == ([22_500], 0)


def test_a_months_tiers_are_those_of_the_terms_at_its_start(tiers):
    higher = [{"from_minor": 0, "rate_bps": 2_000}, {"from_minor": 100_000, "rate_bps": 4_000}]
    start = datetime(2026, 4, 1, tzinfo=UTC)
    tiers.publish(volume(ladder=higher), at=start + 10 * DAY)
    tiers.at(start + 20 * DAY)
    tiers.take(order("o1", 90_000, placed=start), order("o2", 60_000, placed=start + 10 * DAY))
    assert orders(tiers, "o1", "o2") == [9_000, 12_000]
    tiers.mature(datetime(2026, 5, 1, tzinfo=UTC))
    assert month(tiers, "2026-04") == 20_000 - 21_000


def test_a_program_that_began_within_the_month_is_judged_by_its_first_terms(tiers):
    tiers.take(order("o1", 150_000))
    tiers.mature(APRIL)
    assert month(tiers) == 5_000


@pytest.mark.parametrize("before", [terms(), terms({"key": "volume", "type": "percentage"}, rates={"volume": 100})])
def test_tiers_that_began_within_the_month_are_judged_by_the_first_terms_that_have_them(empty, before):
    empty.program(before)
    empty.enroll("Ada")
    empty.publish(volume(), at=APRIL + 10 * DAY)
    empty.at(APRIL + 12 * DAY)
    empty.take(order("o1", 150_000, placed=APRIL + 11 * DAY))
    empty.mature(datetime(2026, 5, 1, tzinfo=UTC))
    assert (orders(empty, "o1"), month(empty, "2026-04")) == ([15_000], 5_000)


def test_a_month_is_split_like_its_orders(empty):
    """60 % of 2,000.00 is 1,200.00 for Ada: 20.00 beyond what accrued; Bea's 800.00 stay in the first tier."""
    empty.program(volume(attribution={"model": "split"}))
    empty.enroll("Ada")
    empty.enroll("Bea")
    empty.take(order("o1", 200_000, codes=("ADA", "BEA")))
    empty.mature(APRIL)
    assert (month(empty), month(empty, name="Bea")) == (2_000, 0)


# --- its life


def test_a_month_matures_with_the_last_hold_of_its_orders(tiers):
    late = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)
    tiers.take(order("o1", 90_000), order("o2", 60_000, placed=late))
    tiers.mature(APRIL)
    head = tiers.head(subject="2026-03", reward="volume")
    assert (head.due_at, head.state) == (datetime(2026, 4, 28, tzinfo=UTC), "pending")
    tiers.mature(datetime(2026, 4, 28, tzinfo=UTC) - timedelta(microseconds=1))
    assert tiers.head(subject="2026-03", reward="volume").state == "pending"
    tiers.mature(datetime(2026, 4, 28, tzinfo=UTC))
    assert tiers.head(subject="2026-03", reward="volume").state == "approved"
    assert tiers.account("payable") == 20_000


def test_what_a_month_owes_after_it_was_approved_is_due_at_once(tiers):
    tiers.take(order("o1", 90_000), order("o2", 60_000))
    tiers.mature(APRIL + 30 * DAY)
    tiers.take(refund(amount=60_000, of="o2", at=APRIL + 31 * DAY))
    tiers.mature(APRIL + 31 * DAY)
    assert (month(tiers), tiers.account("payable"), tiers.account("pending")) == (0, 9_000, 0)


def test_two_currencies_make_two_months(empty):
    both = {"EUR": LADDER, "USD": LADDER}
    empty.program(
        terms({"key": "volume", "type": "volume_tiers", "params": {"mode": "marginal", "tiers": both}}, rates={})
    )
    empty.enroll("Ada")
    empty.take(order("o1", 150_000), order("o2", 160_000, currency="USD"))
    empty.mature(APRIL)
    assert (month(empty), empty.owed("Ada", "2026-03", reward="volume", asset="USD")) == (5_000, 6_000)


@pytest.mark.slow
def test_the_month_is_the_same_whenever_it_was_closed_in_between(fresh_db, clock):
    """Every subset of five closings between six facts leaves one net, each in a brand of its own."""
    facts: list[CommerceEvent] = [
        order("o1", 90_000),
        order("o2", 60_000),
        refund(amount=10_000, of="o1", at=T0 + DAY),
        order("o2", 80_000, at=T0 + DAY),
        order("o1", 90_000, at=T0 + 2 * DAY, codes=("BEA",)),
        order("o3", 100_000, placed=T0 + DAY),
    ]
    db, host, seen = fresh_db(), plugin_host(), set()
    for closings in range(32):
        clock.set(T0)
        world = World(db, host=host)
        world.program(volume())
        world.enroll("Ada")
        world.enroll("Bea")
        world.at(APRIL)
        for number, fact in enumerate(facts):
            world.take(fact)
            if closings & (1 << number):
                world.mature()
        world.mature()
        seen.add(tuple(world.owed(name, "2026-03", reward="volume") for name in ("Ada", "Bea")))
        world.check()
    assert seen == {((100_000 * 10 + 80_000 * 20) // 100 - 18_000, 0)}
