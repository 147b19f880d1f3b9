"""What a model's verdict comes to, and what a decision says."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.attribution.rules import WHY, Pointer, Standing, case_of, decision_of, nobody
from engine.attribution.tables import Outcome
from engine.plugin_api import Share, Signal, Verdict

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PROGRAM, TERMS = UUID(int=1), UUID(int=2)


def pointer(number, standing=Standing.EARNING, signal=Signal.CODE, code=None):
    return Pointer(signal, standing, NOW, PROGRAM, UUID(int=100 + number), UUID(int=200 + number), code=code)


def decide(verdict, pointers):
    return decision_of(verdict, pointers, seen=tuple(pointers), program_id=PROGRAM, terms_id=TERMS)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 1_000)), min_size=1, max_size=8))
def test_shares_of_one_beneficiary_add_up_and_nothing_is_lost(drawn):
    pointers = [pointer(number) for number, _ in drawn]
    verdict = Verdict(tuple(Share(ref, ppm) for ref, (_, ppm) in enumerate(drawn)), "rule", "Reason.")
    draft = decide(verdict, pointers)
    assert sum(share.ppm for share in draft.shares) == sum(ppm for _, ppm in drawn)
    people = [share.enrollment_id for share in draft.shares]
    assert len(people) == len(set(people)) == len({number for number, _ in drawn})


def test_a_share_of_the_customer_themselves_ends_the_search():
    pointers = [pointer(1), pointer(2, Standing.SELF)]
    draft = decide(Verdict((Share(0, 500_000), Share(1, 500_000)), "rule", "Reason."), pointers)
    assert (draft.outcome, draft.shares, draft.program_id) == (Outcome.SELF_PURCHASE, (), PROGRAM)


def test_a_verdict_without_shares_leaves_the_order_to_others():
    assert decide(Verdict((), "rule", "Reason."), [pointer(1)]) is None


def test_a_model_sees_only_the_signals_of_the_policy_in_their_order():
    pointers = [pointer(1), pointer(2, signal=Signal.CUSTOMER_LINK), pointer(3)]
    case = case_of(NOW, (Signal.CODE,), pointers=pointers)
    assert [candidate.ref for candidate in case.candidates] == [0, 2]


@pytest.mark.parametrize("standing", [each for each in Standing if each not in {Standing.EARNING, Standing.SELF}])
def test_nobody_says_why_for_each_candidate(standing):
    said = nobody((pointer(1, standing, code="ADA"), pointer(2, standing, code="BEA")))
    assert said.reason == f"Not credited: ADA {WHY[standing]}; BEA {WHY[standing]}."


def test_a_reason_fits_its_column_however_many_codes_there_are():
    codes = (f"C{number:039}" for number in range(50))
    assert len(nobody(tuple(pointer(1, Standing.EXPIRED, code=code) for code in codes)).reason) == 1_000


def test_equal_decisions_write_equal_columns_and_others_do_not():
    verdict = Verdict((Share(0, 1_000_000),), "rule", "Reason.")
    one, two = (decide(verdict, [pointer(1)]).written() for _ in range(2))
    other = decide(verdict, [pointer(2)]).written()
    assert one == two
    assert one["content_hash"] != other["content_hash"]
