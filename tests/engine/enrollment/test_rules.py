"""Which steps an enrollment has, and who earns when."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.enrollment.rules import (
    STEPS,
    GroupChange,
    StateChange,
    TooEarlyError,
    check_reapply,
    earns_at,
    group_as_of,
    state_as_of,
    transition,
)
from engine.enrollment.tables import EnrollmentState
from engine.kernel.errors import InvalidTransitionError

APPLIED, ACTIVE, REJECTED, SUSPENDED, LEFT = EnrollmentState
ALLOWED = {
    (None, APPLIED),
    (APPLIED, ACTIVE),
    (APPLIED, REJECTED),
    (REJECTED, APPLIED),
    (ACTIVE, SUSPENDED),
    (ACTIVE, LEFT),
    (SUSPENDED, ACTIVE),
    (SUSPENDED, LEFT),
    (LEFT, APPLIED),
}
EVERY_STEP = [(state, asked) for state in [None, *EnrollmentState] for asked in EnrollmentState]
INSTANT = timedelta(microseconds=1)

FIRST = datetime(2020, 1, 1, tzinfo=UTC)
moments = st.integers(0, 10**15).map(lambda microseconds: FIRST + timedelta(microseconds=microseconds))


@st.composite
def histories(draw):
    """Steps that the table allows, at instants that may coincide."""
    times = sorted(draw(st.lists(moments, max_size=8)))
    state, changes = None, []
    for time in times:
        state = draw(st.sampled_from(sorted(STEPS[state])))
        changes.append(StateChange(time, state))
    return tuple(changes)


@pytest.mark.parametrize(("state", "asked"), EVERY_STEP)
def test_a_step_is_taken_or_refused_as_the_table_says(state, asked):
    if (state, asked) in ALLOWED:
        assert transition(state, asked) is asked
    else:
        with pytest.raises(InvalidTransitionError, match=f"cannot become {asked}"):
            transition(state, asked)


def test_from_every_state_there_is_a_way_to_earn_again():
    reachable: set[EnrollmentState | None] = {ACTIVE}
    for _ in EnrollmentState:
        reachable |= {state for state, nexts in STEPS.items() if nexts & reachable}
    assert reachable == set(STEPS)


@given(histories(), moments)
def test_only_an_active_ambassador_earns(changes, at):
    """A9: the state is that of the last change up to the instant, the instant included."""
    so_far = [change.state for change in changes if change.effective_at <= at]
    assert state_as_of(changes, at) == (so_far[-1] if so_far else None)
    assert earns_at(changes, at) == (so_far[-1:] == [ACTIVE])


@given(histories())
def test_the_instant_of_a_change_belongs_to_the_new_state(changes):
    for before, after in pairwise(changes):
        if before.effective_at < after.effective_at:
            assert state_as_of(changes, after.effective_at - INSTANT) is before.state
    last_at = {change.effective_at: change.state for change in changes}
    assert all(state_as_of(changes, at) is state for at, state in last_at.items())


@given(histories(), moments, st.sampled_from(EnrollmentState))
def test_a_later_change_never_touches_what_was_earned_before_it(changes, at, state):
    later = (*changes, StateChange(max([at, *(one.effective_at for one in changes)]) + INSTANT, state))
    assert earns_at(later, at) == earns_at(changes, at)


def test_suspension_stops_orders_placed_from_that_instant():
    noon = datetime(2026, 5, 1, 12, tzinfo=UTC)
    changes = (StateChange(noon - timedelta(days=9), ACTIVE), StateChange(noon, SUSPENDED))
    assert earns_at(changes, noon - INSTANT)
    assert not earns_at(changes, noon)


def test_who_was_rejected_comes_again_from_the_day_named():
    day = date(2026, 6, 1)
    with pytest.raises(TooEarlyError, match="from 01 June 2026 on"):
        check_reapply(day, day - timedelta(days=1))
    check_reapply(day, day)
    check_reapply(None, day)


def test_the_group_is_that_of_the_instant():
    noon = datetime(2026, 5, 1, 12, tzinfo=UTC)
    groups = (GroupChange(noon, None, "gold"), GroupChange(noon + INSTANT, None, None))
    assert [group_as_of(groups, noon + n * INSTANT) for n in (-1, 0, 1)] == [None, "gold", None]
