"""Who is paid how much, with the numbers written out; and that no step is missing or too many."""

from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import product
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.kernel.currencies import EXPONENTS
from engine.kernel.errors import InputError, InvalidTransitionError
from engine.payouts.rules import (
    OVER,
    PLACES,
    STEPS,
    Cause,
    OpenAmount,
    check_paid_on,
    clear_amounts,
    default_minimum,
    given_reason,
    is_new_step,
    propose,
)
from engine.payouts.tables import PayoutState

ANA = UUID(int=1)
MAIN, SECOND = UUID(int=11), UUID(int=12)


def part(amount, *, enrollment=MAIN, suspended=False, hold=None, rows=1, currency="EUR"):
    return OpenAmount(ANA, "Ana", currency, enrollment, suspended, hold, amount, rows)


def judge(*amounts, minimum=2_500, frozen=None):
    return propose(amounts, minimum_minor=minimum, frozen=frozen)


def test_rows_of_both_signs_are_summed():
    found = judge(part(4_000, rows=3), part(-500, enrollment=SECOND, rows=2))
    assert (found.pays, found.amount_minor, found.rows, found.kept_back) == (True, 3_500, 5, ())


@pytest.mark.parametrize(
    ("total", "cause", "sentence"),
    [
        (2_500, None, None),
        (2_499, Cause.BELOW_MINIMUM, "24.99 EUR is below the minimum of 25.00 EUR; it carries over."),
        (0, Cause.BELOW_MINIMUM, "0.00 EUR is below the minimum of 25.00 EUR; it carries over."),
        (-1, Cause.NEGATIVE, "The balance is -0.01 EUR; it is set off against what comes next."),
    ],
)
def test_the_minimum_is_paid_and_one_cent_less_carries_over(total, cause, sentence):
    found = judge(part(total))
    assert (found.cause, found.reason, found.amount_minor) == (cause, sentence, total)


def test_a_minimum_of_nothing_still_pays_no_zero():
    assert judge(part(1), minimum=0).pays
    assert judge(part(0), minimum=0).cause is Cause.BELOW_MINIMUM


def test_a_currency_without_a_minimum_is_not_paid_out():
    found = judge(part(99_999, currency="JPY"), minimum=None)
    assert found.cause is Cause.NO_MINIMUM
    assert found.reason == "No minimum is set for JPY, so JPY is not paid out. Set one first."


def test_what_is_held_is_left_out_with_its_reason_and_the_rest_is_paid():
    found = judge(part(3_000), part(9_000, hold="open chargeback", rows=4), part(-800, hold="open chargeback 2"))
    assert (found.pays, found.amount_minor) == (True, 3_000)
    assert [(one.amount_minor, one.rows, one.cause, one.reason) for one in found.kept_back] == [
        (9_000, 4, Cause.HELD, "Held: open chargeback"),
        (-800, 1, Cause.HELD, "Held: open chargeback 2"),
    ]


def test_a_suspension_freezes_that_enrollment_and_no_other():
    found = judge(part(3_000), part(9_000, enrollment=SECOND, suspended=True))
    assert (found.pays, found.amount_minor) == (True, 3_000)
    assert [(one.amount_minor, one.cause) for one in found.kept_back] == [(9_000, Cause.SUSPENDED)]


def test_a_suspended_enrollment_that_owes_is_set_off():
    found = judge(part(10_000), part(-6_000, enrollment=SECOND, suspended=True))
    assert (found.pays, found.amount_minor, found.kept_back) == (True, 4_000, ())


def test_where_everything_is_kept_back_its_reason_is_the_reason():
    found = judge(part(9_000, suspended=True))
    assert (found.cause, found.amount_minor, found.rows) == (Cause.SUSPENDED, 0, 0)
    assert found.reason == "The enrollment is suspended; its payouts are frozen."


def test_a_frozen_brand_pays_nobody():
    found = judge(part(9_000), frozen="restored from a backup")
    assert found.cause is Cause.FROZEN
    assert found.reason == "The brand's payouts are frozen: restored from a backup"


amounts = st.lists(
    st.builds(
        part,
        st.integers(-10_000, 10_000),
        enrollment=st.sampled_from([MAIN, SECOND]),
        suspended=st.just(False),
        hold=st.sampled_from([None, None, "a", "b"]),
    ),
    min_size=1,
    max_size=8,
)


@given(amounts, st.sets(st.sampled_from([MAIN, SECOND])), st.none() | st.integers(0, 5_000))
def test_never_less_than_the_minimum_never_more_than_is_clear(parts, suspended, minimum):
    parts = list(dict.fromkeys(replace(one, suspended=one.enrollment_id in suspended) for one in parts))
    found = judge(*parts, minimum=minimum)
    clear = clear_amounts(parts)
    assert found.amount_minor == sum(one.amount_minor for one in clear)
    assert found.amount_minor + sum(one.amount_minor for one in found.kept_back) == sum(p.amount_minor for p in parts)
    assert all(one.hold_reason is None for one in clear)
    assert (found.cause is None) == (found.reason is None)
    if found.pays:
        assert minimum is not None
        assert found.amount_minor >= max(minimum, 1)
    elif clear and minimum is not None:
        assert found.amount_minor < max(minimum, 1)


S = PayoutState
THERE_ARE = {
    (S.DRAFT, S.SUBMITTED),
    (S.SUBMITTED, S.PAID),
    (S.SUBMITTED, S.FAILED),
    (S.SUBMITTED, S.UNKNOWN),
    (S.UNKNOWN, S.PAID),
    (S.UNKNOWN, S.FAILED),
    (S.PAID, S.RETURNED),
}


@pytest.mark.parametrize(("state", "to"), list(product(S, S)), ids=lambda state: state.value)
def test_every_pair_of_states(state, to):
    if state == to:
        assert is_new_step(state.value, to) is False
    elif (state, to) in THERE_ARE:
        assert is_new_step(state.value, to) is True
    else:
        with pytest.raises(InvalidTransitionError, match=f"is {state}; it cannot become {to}"):
            is_new_step(state.value, to)


def test_every_state_has_its_steps_and_its_place():
    assert set(STEPS) == set(PLACES) == set(S)
    assert {state for state, steps in STEPS.items() if not steps} == OVER


def test_minimums_to_begin_with():
    assert [default_minimum(code) for code in ("EUR", "JPY", "KWD")] == [2_500, 25, 25_000]
    assert all(default_minimum(code) == 25 * 10**exponent for code, exponent in EXPONENTS.items())


@pytest.mark.parametrize("text", [None, "", "  \n", "x" * 501])
def test_a_reason_is_needed(text):
    with pytest.raises(InputError, match="A reason is needed"):
        given_reason(text)


def test_the_day_of_payment_lies_between_submission_and_today():
    submitted, now = datetime(2026, 3, 2, 9, tzinfo=UTC), datetime(2026, 3, 10, 9, tzinfo=UTC)
    for day in (1, 2, 10, 11):
        check_paid_on(date(2026, 3, day), submitted_at=submitted, now=now)
    with pytest.raises(InputError, match="has not come yet"):
        check_paid_on(date(2026, 3, 12), submitted_at=submitted, now=now)
    with pytest.raises(InputError, match="before 2026-03-02"):
        check_paid_on(date(2026, 2, 28), submitted_at=submitted, now=now)
