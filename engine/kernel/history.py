"""Values that change from an instant on: which one holds, and from when a new one does.

A history is in ascending order of (`effective_at`, id), as the queries give it, so that of two changes at one instant
the later row holds. The instant of a change belongs to what comes after it.
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Protocol, TypeVar
from uuid import UUID

_effective_at = attrgetter("effective_at")


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
