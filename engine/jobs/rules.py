"""When a failed job is tried again, and which slot of a schedule it is now."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias

from engine.kernel.database import Database

Handler: TypeAlias = Callable[[Database, Mapping[str, Any]], None]
"""What does a job: gets the database and the arguments, and opens its own units.

It may be run again after a failure or when its process died, even after its last effect: it must be harmless to repeat.
"""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_WAIT: Final = timedelta(seconds=5)
_LONGEST_WAIT: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Schedule:
    """The job `name` is due once in every slot of length `every`; slots are counted from 1970 in UTC."""

    name: str
    every: timedelta

    def slot(self, now: datetime) -> int:
        """Return the number of the slot in which `now` falls."""
        return (now - _EPOCH) // self.every

    def key(self, now: datetime) -> str:
        """Return the job key of the slot in which `now` falls: who enqueues it second enqueues nothing."""
        return f"{self.name}:{self.slot(now)}"


def wait_after(attempts: int) -> timedelta:
    """Return how long a job rests after its n-th failure: 5 s, doubled each time, an hour at most."""
    return min(_FIRST_WAIT * (1 << min(attempts - 1, 20)), _LONGEST_WAIT)
