"""The states of an enrollment: which steps there are, and who earns when.

Pure. The steps stand in one table; whatever is not in it is refused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Final
from uuid import UUID

from engine.enrollment.tables import EnrollmentState
from engine.kernel.errors import ConflictError, InvalidTransitionError
from engine.kernel.history import as_of

APPLIED, ACTIVE, REJECTED, SUSPENDED, LEFT = EnrollmentState

STEPS: Final[Mapping[EnrollmentState | None, frozenset[EnrollmentState]]] = MappingProxyType(
    {
        None: frozenset({APPLIED}),
        APPLIED: frozenset({ACTIVE, REJECTED}),
        REJECTED: frozenset({APPLIED}),
        ACTIVE: frozenset({SUSPENDED, LEFT}),
        SUSPENDED: frozenset({ACTIVE, LEFT}),
        LEFT: frozenset({APPLIED}),
    }
)
"""From each state to those that may follow; None is somebody who never applied."""


@dataclass(frozen=True, slots=True)
class StateChange:
    """From `effective_at` on the enrollment is in `state`."""

    effective_at: datetime
    state: EnrollmentState


@dataclass(frozen=True, slots=True)
class GroupChange:
    """From `effective_at` on the enrollment is in the group with `key`, or in none."""

    effective_at: datetime
    group_id: UUID | None
    key: str | None


class TooEarlyError(ConflictError):
    """Somebody rejected applies again before the day that the brand named."""

    def __init__(self, reapply_on: date) -> None:
        self.reapply_on = reapply_on
        super().__init__(f"This application was rejected. Apply again from {reapply_on:%d %B %Y} on.")


def transition(state: EnrollmentState | None, asked: EnrollmentState) -> EnrollmentState:
    """Return `asked` where it may follow `state`.

    Raises:
        InvalidTransitionError: the table has no such step.
    """
    if asked not in STEPS[state]:
        raise InvalidTransitionError("enrollment", state=state or "not there yet", asked=asked)
    return asked


def check_reapply(reapply_on: date | None, today: date) -> None:
    """Refuse an application before the day from which it is welcome; `today` is the program's local day.

    Raises:
        TooEarlyError: that day has not come.
    """
    if reapply_on is not None and today < reapply_on:
        raise TooEarlyError(reapply_on)


def state_as_of(changes: Sequence[StateChange], at: datetime) -> EnrollmentState | None:
    """Return the state at the instant `at`, which belongs to the state that begins at it; None before the first."""
    change = as_of(changes, at)
    return change.state if change else None


def earns_at(changes: Sequence[StateChange], at: datetime) -> bool:
    """Tell whether an order placed at the instant `at` earns: only an active ambassador does."""
    return state_as_of(changes, at) is EnrollmentState.ACTIVE


def group_as_of(groups: Sequence[GroupChange], at: datetime) -> str | None:
    """Return the key of the group at the instant `at`, or None for no group."""
    change = as_of(groups, at)
    return change.key if change else None
