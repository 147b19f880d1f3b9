"""Values that change from an instant on: which one holds, and from when a new one does.

A history is in ascending order of (`effective_at`, id), as the queries give it, so that of two changes at one instant
the later row holds. The instant of a change belongs to what comes after it.
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Protocol, TypeVar
from uuid import UUID

from engine.kernel.errors import InputError

_effective_at = attrgetter("effective_at")


class BackdatedError(InputError):
    """A change was to hold from an instant that has passed; nothing is back-dated, since orders were judged already."""

    def __init__(self, effective_at: datetime, now: datetime) -> None:
        self.effective_at, self.now = effective_at, now
        problem = f"{effective_at:%Y-%m-%d %H:%M:%S} UTC has passed; a change holds from now on at the earliest."
        super().__init__(problem, field="effective_at", remedy="Name a later instant, or none for now.")


class Dated(Protocol):
    """Something that holds from `effective_at` on."""

    @property
    def effective_at(self) -> datetime:
        """The first instant at which it holds, in UTC."""
        ...


D = TypeVar("D", bound=Dated)


def as_of(history: Sequence[D], at: datetime) -> D | None:
    """Return what holds at the instant `at`, or None where nothing does yet."""
    index = bisect_right(history, at, key=_effective_at)
    return history[index - 1] if index else None


def effective_after(newest: tuple[datetime, UUID] | None, *, now: datetime, row_id: UUID) -> datetime:
    """Return from when a change made `now` as row `row_id` holds: now, and never before the `newest` change.

    Clocks of two machines differ and a clock may go back; without this a change would rewrite what has been, or never
    come to hold.
    """
    if newest is None or (now, row_id) > newest:
        return now
    return newest[0] + timedelta(microseconds=1)


def from_now_on(effective_at: datetime | None, now: datetime) -> datetime:
    """Return the instant from which a planned change holds, in UTC: `effective_at`, or `now` where none is given.

    Raises:
        InputError: it has no time zone.
        BackdatedError: it has passed.
    """
    if effective_at is None:
        return now
    if effective_at.tzinfo is None:
        raise InputError("This instant names no time zone.", field="effective_at", remedy="Add one, such as +00:00.")
    if effective_at < now:
        raise BackdatedError(effective_at.astimezone(UTC), now)
    return effective_at.astimezone(UTC)
