"""Which program, which code: who is credited, who is passed over and why."""

from datetime import timedelta

import pytest

from engine.enrollment.tables import EnrollmentState
from engine.programs.tables import Program
from tests.engine.pipeline.world import T0, line, order, refund, terms

HOUR = timedelta(hours=1)
MOMENT = timedelta(microseconds=1)


def two_programs(world, first=None, second=None):
    """Program `main` wins over `other`; Ada has a code in one, Bea in the other."""
    world.program(first or terms(rates={"commission": 1_000}), priority=1)
    world.program(second or terms(rates={"commission": 2_000}), name="other", priority=2)
    world.enroll("Ada", "main")
    world.enroll("Bea", "other")
    return world


def standings(world, subject="o1"):
    return [(each.get("code"), each["standing"]) for each in world.decision(subject).candidates]


# --- several programs, several codes


@pytest.mark.parametrize("codes", [("ADA", "BEA"), ("BEA", "ADA")])
def test_of_several_programs_the_lowest_priority_wins_and_the_others_stay_as_candidates(empty, codes):
    two_programs(empty)
    empty.take(order(codes=codes))
    assert (empty.owed("Ada"), empty.owed("Bea", program="other")) == (1_000, 0)
    assert standings(empty) == [(code, "earning") for code in codes]
    assert empty.decision().program_id == empty.programs["main"].id


def test_a_program_that_credits_nobody_leaves_the_order_to_the_next(empty):
    two_programs(empty)
    empty.take(order(codes=("NOPE", "BEA")))
    assert empty.owed("Bea", program="other") == 2_000


def test_of_several_codes_the_first_earning_one_in_the_shops_list_wins(world):
    world.code("NOBODY")
    world.code("LATE", "Ada", expires_at=T0)
    world.take(order(codes=("NOBODY", "LATE", "BEA", "ADA")))
    assert (world.owed("Ada"), world.owed("Bea")) == (0, 1_000)
    expected = [("NOBODY", "unowned"), ("LATE", "expired"), ("BEA", "earning"), ("ADA", "earning")]
    assert standings(world) == expected


def test_the_same_code_twice_in_other_letters_is_one_candidate(world):
    world.take(order(codes=("ada", "ADA", " Ada ")))
    assert world.rows() == [1_000]
    assert standings(world) == [("ADA", "earning")]


def test_a_code_is_found_however_the_shop_writes_it(world):
    world.take(order("o1", codes=("ada",)), order("o2", codes=("\uff21\uff24\uff21",)))
    assert (world.owed(subject="o1"), world.owed(subject="o2")) == (1_000, 1_000)


def test_a_code_with_a_letter_that_only_looks_alike_is_nobodys(world):
    world.take(order(codes=("\u0410DA",)))
    assert world.decision().outcome == "nobody"
    assert standings(world) == [("\u0410DA", "unknown")]


@pytest.mark.parametrize("other", ["unowned", "expired", "unknown", "inactive"])
def test_a_code_that_earns_nothing_never_suppresses_another(world, other):
    """AffiliateWP #2514: a coupon that nobody owned suppressed the credit."""
    world.enroll("Cai", code="CAI")
    world.put("Cai", EnrollmentState.SUSPENDED, at=T0)
    world.code("FREE1")
    world.code("GONE", "Bea", expires_at=T0)
    code = {"unowned": "FREE1", "expired": "GONE", "unknown": "XYZ", "inactive": "CAI"}[other]
    world.take(order(codes=(code, "ADA")))
    assert world.owed("Ada") == 1_000
    assert standings(world)[0] == (code, other)


def test_an_order_without_a_code_is_nobodys(world):
    world.take(order(codes=()))
    assert (world.decision().outcome, world.decision().reason) == (
        "nobody",
        "No code of an ambassador came with the order.",
    )


# --- as of the instant of the order


def test_a_code_expires_at_its_instant(world):
    world.code("BRIEF", "Ada", expires_at=T0)
    world.take(order("o1", codes=("BRIEF",), placed=T0 - MOMENT), order("o2", codes=("BRIEF",), placed=T0))
    assert (world.owed(subject="o1"), world.owed(subject="o2")) == (1_000, 0)
    assert "had expired" in world.decision("o2").reason


def test_a_code_that_changed_hands_credits_by_the_instant_of_the_order(world):
    world.hand_over("ADA", "Bea", at=T0 + HOUR)
    world.hand_over("ADA", None, at=T0 + 2 * HOUR)
    world.at(T0 + 3 * HOUR)
    instants = {
        "before": T0 + HOUR - MOMENT,
        "from then": T0 + HOUR,
        "last": T0 + 2 * HOUR - MOMENT,
        "after": T0 + 2 * HOUR,
    }
    world.take(*(order(name, placed=instant) for name, instant in instants.items()))
    assert [(world.owed("Ada", name), world.owed("Bea", name)) for name in instants] == [
        (1_000, 0),
        (0, 1_000),
        (0, 1_000),
        (0, 0),
    ]


def test_suspension_stops_orders_from_that_instant_and_earlier_ones_still_accrue_when_paid(world):
    world.put("Ada", EnrollmentState.SUSPENDED, at=T0 + HOUR)
    world.put("Ada", EnrollmentState.ACTIVE, at=T0 + 2 * HOUR)
    world.at(T0 + 3 * HOUR)
    paid = T0 + 3 * HOUR
    for name, placed in (
        ("before", T0 + HOUR - MOMENT),
        ("at", T0 + HOUR),
        ("last", T0 + 2 * HOUR - MOMENT),
        ("again", T0 + 2 * HOUR),
    ):
        world.take(order(name, placed=placed, paid=paid))
    assert [world.owed(subject=name) for name in ("before", "at", "last", "again")] == [1_000, 0, 0, 1_000]
    assert standings(world, "at") == [("ADA", "inactive")]


def test_a_closed_program_credits_no_order_placed_from_then_on(empty):
    two_programs(empty)
    with empty.db.unit() as unit:
        unit.session.get(Program, empty.programs["main"].id).closed_at = T0 + HOUR
    empty.at(T0 + 2 * HOUR)
    both = ("ADA", "BEA")
    empty.take(order("o1", codes=both, placed=T0 + HOUR - MOMENT), order("o2", codes=both, placed=T0 + HOUR))
    assert empty.owed("Ada", "o1") == 1_000
    assert empty.owed("Bea", "o2", program="other") == 2_000
    assert standings(empty, "o2") == [("ADA", "no_terms"), ("BEA", "earning")]


def test_an_order_from_before_the_first_terms_is_nobodys(world):
    earlier = T0 - timedelta(days=1)
    world.take(order(placed=earlier))
    assert world.decision().outcome == "nobody"


# --- self-purchase


@pytest.mark.parametrize("address", ["ada@example.org", "ADA@Example.org", "ada+shop@example.org"])
def test_a_self_purchase_ends_the_search_and_stays_visible(empty, address):
    """AffiliateWP #519: a second spelling of the own address went through."""
    empty.program()
    empty.enroll("Ada", email="ada@example.org")
    empty.enroll("Bea")
    empty.take(order(codes=("ADA", "BEA"), customer=address))
    assert empty.heads() == {}
    assert empty.decision().outcome == "self_purchase"
    assert standings(empty) == [("ADA", "self"), ("BEA", "earning")]


def test_a_self_purchase_also_ends_the_search_for_other_programs(empty):
    two_programs(empty)
    empty.take(order(codes=("ADA", "BEA"), customer=empty.people["Ada"].email))
    assert empty.heads() == {}


def test_an_own_code_behind_somebody_elses_ends_nothing(world):
    world.take(order(codes=("BEA", "ADA"), customer=world.people["Ada"].email))
    assert world.owed("Bea") == 1_000


def test_an_own_code_that_could_not_earn_is_skipped_like_any_other(world):
    world.put("Ada", EnrollmentState.LEFT, at=T0)
    world.take(order(codes=("ADA", "BEA"), customer=world.people["Ada"].email))
    assert world.owed("Bea") == 1_000


def test_a_program_may_allow_self_purchases(empty):
    empty.program(terms(attribution={"self_purchase": "allowed"}))
    empty.enroll("Ada")
    empty.take(order(customer=empty.people["Ada"].email))
    assert empty.owed() == 1_000


def test_an_order_that_turns_out_to_be_a_self_purchase_owes_it_back(world):
    world.take(order())
    world.take(order(at=T0 + HOUR, customer=world.people["Ada"].email))
    assert world.rows() == [1_000, -1_000]


# --- decisions


def test_an_equal_decision_is_not_written_again(world):
    world.take(order())
    world.take(refund(amount=1))
    world.take(order(at=T0 + HOUR, net=(line(7),)))
    assert world.decision().seq == 1
    world.take(order(at=T0 + 2 * HOUR, codes=("BEA",)))
    assert world.decision().seq == 2


def test_a_decision_names_the_terms_it_was_made_under(empty):
    empty.program()
    empty.enroll("Ada")
    second = empty.publish(terms(), at=T0)
    empty.take(order())
    assert empty.decision().terms_id == second.id


def test_a_signal_that_the_program_does_not_count_is_passed_over_with_that_reason(empty):
    empty.program(terms(attribution={"signals": ["click"]}))
    empty.enroll("Ada")
    empty.take(order())
    assert empty.decision().outcome == "nobody"
    assert empty.decision().reason == "Not credited: ADA could earn, but its program does not credit it."
