"""First orders and customer links, whatever order the orders come in."""

from datetime import timedelta
from itertools import permutations

import pytest

from engine.enrollment.tables import EnrollmentState
from engine.intake.rules import Source
from tests.engine.pipeline.world import T0, World, order, refund, terms

DAY = timedelta(days=1)
BONUS = {"key": "bonus", "type": "first_order_bonus", "params": {"amount_minor": {"EUR": 300}}}


def link(days=0, **more):
    policy = {"signals": ["code", "customer_link"], "customer_link_days": days, **more}
    return terms(attribution=policy)


@pytest.fixture
def bonus(empty):
    """A program that pays 3.00 for a customer's first order, and nothing else."""
    empty.program(terms(BONUS, rates={}))
    empty.enroll("Ada")
    empty.enroll("Bea")
    return empty


@pytest.fixture
def linked(empty):
    """Ten percent by code, or for life by the link of the customer."""
    empty.program(link())
    empty.enroll("Ada")
    empty.enroll("Bea")
    return empty


def bonuses(world, *subjects, name="Ada"):
    return [world.owed(name, subject, reward="bonus") for subject in subjects]


def days_after(days, external_id, **more):
    return order(external_id, placed=T0 + days * DAY, at=T0 + days * DAY, customer=more.pop("customer", "c"), **more)


# --- the first order


def test_the_first_order_is_the_customers_earliest_paid_one(bonus):
    bonus.take(days_after(1, "o1"), days_after(2, "o2"), days_after(1, "x1", customer="d"))
    assert bonuses(bonus, "o1", "o2", "x1") == [300, 0, 300]


def test_an_earlier_order_that_arrives_late_moves_the_bonus(bonus):
    bonus.take(days_after(2, "o2"))
    bonus.take(days_after(3, "o3"))
    bonus.take(days_after(1, "o1"))
    assert bonuses(bonus, "o1", "o2", "o3") == [300, 0, 0]
    assert bonus.rows(subject="o2", reward="bonus") == [300, -300]


def test_an_earlier_order_takes_the_bonus_when_it_is_paid(bonus):
    bonus.take(days_after(1, "o1", paid=False), days_after(2, "o2"))
    assert bonuses(bonus, "o1", "o2") == [0, 300]
    bonus.take(order("o1", placed=T0 + DAY, at=T0 + 3 * DAY, paid=T0 + 3 * DAY, customer="c"))
    assert bonuses(bonus, "o1", "o2") == [300, 0]


def test_a_refunded_first_order_stays_first(bonus):
    bonus.take(days_after(1, "o1"), days_after(2, "o2"))
    bonus.take(refund(amount=10_000, of="o1"))
    assert bonuses(bonus, "o1", "o2") == [0, 0]


def test_a_cancelled_first_order_that_was_paid_stays_first(bonus):
    bonus.take(days_after(1, "o1"), days_after(2, "o2"))
    bonus.take(order("o1", placed=T0 + DAY, at=T0 + 3 * DAY, customer="c", cancelled_at=T0 + 3 * DAY))
    assert bonuses(bonus, "o1", "o2") == [0, 0]


def test_a_first_order_without_a_code_is_first_all_the_same(bonus):
    bonus.take(days_after(1, "o1", codes=()), days_after(2, "o2"))
    assert bonuses(bonus, "o1", "o2") == [0, 0]


def test_first_orders_at_one_instant_compare_bytewise(bonus):
    """`B` stands before `a` in bytes, and behind it in most languages."""
    bonus.take(days_after(1, "a"), days_after(1, "B"))
    assert bonuses(bonus, "B", "a") == [300, 0]


def test_without_a_customer_there_is_no_first_order(bonus):
    bonus.take(order("o1", customer=None))
    assert bonuses(bonus, "o1") == [0]


def test_an_order_that_moves_to_another_customer_moves_both_bonuses(bonus):
    bonus.take(days_after(1, "o1"), days_after(2, "o2"), days_after(3, "x1", customer="d"))
    assert bonuses(bonus, "o1", "o2", "x1") == [300, 0, 300]
    bonus.take(order("o1", placed=T0 + DAY, at=T0 + 5 * DAY, customer="d"))
    assert bonuses(bonus, "o1", "o2", "x1") == [300, 300, 0]


def test_a_customer_whose_only_order_moved_away_starts_anew(bonus):
    bonus.take(days_after(1, "o1"))
    bonus.take(order("o1", placed=T0 + DAY, at=T0 + 5 * DAY, customer="d"))
    bonus.take(days_after(2, "o2"))
    assert bonuses(bonus, "o1", "o2") == [300, 300]


def test_a_first_order_that_is_dated_later_than_another_gives_the_bonus_up(bonus):
    bonus.take(days_after(1, "o1"), days_after(2, "o2"))
    bonus.take(order("o1", placed=T0 + 3 * DAY, at=T0 + 5 * DAY, customer="c"))
    assert bonuses(bonus, "o1", "o2") == [0, 300]


def test_a_first_order_that_is_no_longer_paid_gives_the_bonus_up(bonus):
    bonus.take(days_after(1, "o1"), days_after(2, "o2"))
    bonus.take(order("o1", placed=T0 + DAY, at=T0 + 5 * DAY, customer="c", paid=False))
    assert bonuses(bonus, "o1", "o2") == [0, 300]


def test_the_first_order_is_the_brands_across_its_shops(bonus):
    """A customer known by e-mail is one customer in both shops."""
    bonus.take(days_after(2, "o2", customer="c@example.org"))
    bonus.take(days_after(1, "o1", customer="C@example.org"), source=Source("csv_orders", "second shop"))
    assert bonuses(bonus, "o1", "o2") == [300, 0]


def test_an_address_that_is_none_does_not_cost_the_order(bonus):
    done = bonus.take(order("o1", customer="n/a@"))
    assert (done.refused, done.new) == ([], 1)
    assert bonuses(bonus, "o1") == [0]


# --- the customer link


def test_a_customer_stays_with_the_ambassador_of_the_earliest_paid_order(linked):
    linked.take(days_after(1, "o1"))
    linked.take(days_after(900, "o2", codes=()))
    assert linked.owed(subject="o2") == 1_000
    assert (linked.decision("o2").rule, linked.decision("o1").rule) == ("customer_link", "first_code")


def test_links_are_off_by_default(world):
    world.take(days_after(1, "o1"), days_after(2, "o2", codes=()))
    assert world.owed(subject="o2") == 0


def test_a_link_ends_after_its_days(empty):
    empty.program(link(days=30))
    empty.enroll("Ada")
    empty.take(days_after(0, "o1"))
    last = T0 + 30 * DAY - timedelta(microseconds=1)
    empty.take(order("last", placed=last, customer="c", codes=()))
    empty.take(order("after", placed=T0 + 30 * DAY, customer="c", codes=()))
    assert (empty.owed(subject="last"), empty.owed(subject="after")) == (1_000, 0)


def test_a_link_counts_for_orders_placed_after_the_one_that_made_it(linked):
    linked.take(days_after(2, "o2", codes=("ADA",)))
    linked.take(days_after(1, "o1", codes=()))
    assert linked.owed(subject="o1") == 0


def test_a_link_from_an_earlier_order_that_arrives_late_credits_the_later_orders_anew(linked):
    linked.take(days_after(3, "o3", codes=("BEA",)), days_after(4, "o4", codes=()))
    assert linked.owed("Bea", "o4") == 1_000
    linked.take(days_after(2, "o2", codes=("ADA",)))
    assert (linked.owed("Ada", "o4"), linked.owed("Bea", "o4"), linked.owed("Bea", "o3")) == (1_000, 0, 1_000)
    linked.take(order("o2", placed=T0 + 2 * DAY, at=T0 + 5 * DAY, customer="c", paid=False))
    assert (linked.owed("Ada", "o4"), linked.owed("Bea", "o4")) == (0, 1_000)


def test_a_link_changes_with_the_code_of_the_order_that_made_it(linked):
    linked.take(days_after(1, "o1"), days_after(2, "o2", codes=()))
    linked.take(order("o1", placed=T0 + DAY, at=T0 + 3 * DAY, customer="c", codes=("BEA",)))
    assert (linked.owed("Ada", "o2"), linked.owed("Bea", "o2")) == (0, 1_000)
    linked.take(order("o1", placed=T0 + DAY, at=T0 + 4 * DAY, customer="c", codes=()))
    assert (linked.owed("Ada", "o2"), linked.owed("Bea", "o2")) == (0, 0)


def test_refunds_do_not_break_a_link(linked):
    linked.take(days_after(1, "o1"))
    linked.take(refund(amount=10_000, of="o1"))
    linked.take(days_after(2, "o2", codes=()))
    assert linked.owed(subject="o2") == 1_000


def test_an_order_credited_by_a_link_makes_none(linked):
    """o1 by code to Ada, o2 by her link; when o1 loses its code, o2 has nothing to stand on."""
    linked.take(days_after(1, "o1"), days_after(2, "o2", codes=()), days_after(3, "o3", codes=()))
    linked.take(order("o1", placed=T0 + DAY, at=T0 + 4 * DAY, customer="c", codes=()))
    assert (linked.owed(subject="o2"), linked.owed(subject="o3")) == (0, 0)


def test_a_link_moves_with_an_order_that_moves_to_another_customer(linked):
    linked.take(days_after(1, "o1"), days_after(2, "o2", codes=()), days_after(3, "x1", codes=(), customer="d"))
    linked.take(order("o1", placed=T0 + DAY, at=T0 + 5 * DAY, customer="d"))
    assert (linked.owed(subject="o2"), linked.owed(subject="x1")) == (0, 1_000)


def test_a_customer_whose_only_order_moved_away_has_no_link_any_more(linked):
    linked.take(days_after(1, "o1"))
    linked.take(order("o1", placed=T0 + DAY, at=T0 + 5 * DAY, customer="d"))
    linked.take(days_after(2, "o2", codes=()))
    assert linked.owed(subject="o2") == 0


def test_a_link_to_somebody_who_is_not_active_credits_nobody(linked):
    linked.take(days_after(1, "o1"))
    linked.put("Ada", EnrollmentState.SUSPENDED, at=T0 + 2 * DAY)
    linked.take(days_after(2, "o2", codes=()))
    assert linked.owed(subject="o2") == 0
    assert "not active" in linked.decision("o2").reason


def test_a_link_may_stand_before_the_code(empty):
    empty.program(link(signals=["customer_link", "code"]))
    empty.enroll("Ada")
    empty.enroll("Bea")
    empty.take(days_after(1, "o1"), days_after(2, "o2", codes=("BEA",)))
    assert (empty.owed("Ada", "o2"), empty.owed("Bea", "o2")) == (1_000, 0)


def test_links_that_are_switched_on_later_count_the_orders_from_before(empty):
    empty.program()
    empty.enroll("Ada")
    empty.enroll("Bea")
    empty.take(days_after(1, "o1"))
    empty.publish(link(), at=T0 + 2 * DAY)
    empty.at(T0 + 4 * DAY)
    empty.take(days_after(3, "o3", codes=()))
    assert empty.owed(subject="o3") == 1_000
    empty.take(days_after(4, "o4", codes=("BEA",)))
    empty.take(days_after(5, "o5", codes=()))
    assert (empty.owed("Ada", "o5"), empty.owed("Bea", "o5")) == (1_000, 0)


def two_linking_programs(world):
    """`main` wins; its links last ten days, those of `other` for life."""
    world.program(link(days=10), priority=1)
    world.program(link(), name="other", priority=2)
    world.enroll("Ada", "main")
    world.enroll("Bea", "other")


def test_an_order_that_another_program_has_by_its_link_makes_no_link(empty):
    """o2 has Bea's code, but Ada's link wins it; so it is no order credited to Bea, and o3 is nobody's."""
    two_linking_programs(empty)
    empty.take(days_after(0, "o1", codes=("ADA",)), days_after(5, "o2", codes=("BEA",)))
    empty.take(days_after(20, "o3", codes=()))
    assert empty.owed("Ada", "o2") == 1_000
    assert empty.decision("o3").outcome == "nobody"


def test_links_of_two_programs_are_the_same_in_every_order_of_arrival(fresh_db):
    """All 24 orders of four orders of one customer, in two programs that link."""
    events = [
        days_after(0, "o1", codes=("ADA",)),
        days_after(5, "o2", codes=("BEA",)),
        days_after(12, "o3", codes=("BEA",)),
        days_after(20, "o4", codes=()),
    ]
    world = World(fresh_db())
    two_linking_programs(world)
    seen = set()
    for number, arrangement in enumerate(permutations(events)):
        named = {event.external_id: f"{number}-{event.external_id}" for event in events}
        for event in arrangement:
            world.take(renamed(event, named[event.external_id], customer=f"c{number}"))
        found = {key[1:2] + key[3:4]: booked for key, (booked, *_) in world.books().items()}
        seen.add(tuple(found.get((name, named[one]), 0) for name in ("Ada", "Bea") for one in ("o1", "o2", "o3", "o4")))
    assert seen == {(1_000, 1_000, 0, 0, 0, 0, 1_000, 1_000)}
    world.check()


def renamed(event, external_id, *, customer):
    return order(external_id, placed=event.placed_at, at=event.updated_at, codes=event.codes, customer=customer)
