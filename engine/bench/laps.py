"""Times a run lap by lap, and tells how far each table has grown at the end of every lap."""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlmodel import SQLModel


@dataclass(frozen=True, slots=True)
class Lap:
    """A piece of a run: how long it took, how many deliveries it took in, and the last row of each table at its end.

    `seconds` is None for what is not measured, such as setting things up.
    """

    seconds: float | None
    deliveries: int
    last_rows: dict[str, int]


@dataclass(slots=True)
class LapTimer:
    """Times laps over a SQLite file, and reports each. Neither looking at the tables nor reporting is on the clock.

    `waited` sums up what passed between the end of a lap and the start of the next.
    """

    path: Path
    report: Callable[[Lap], None]
    waited: float = 0.0
    _reader: sqlite3.Connection = field(init=False)
    _since: float = 0.0
    _started: bool = False

    def __enter__(self) -> Self:
        self._reader = sqlite3.connect(self.path, isolation_level=None)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._reader.close()

    def skip(self) -> None:
        """Report what was written since the last lap as one that is not measured; nor is how long it took waiting."""
        self._end(None, deliveries=0)

    def start(self) -> None:
        """Start a lap."""
        now = time.perf_counter()
        self.waited += now - self._since
        self._since, self._started = now, True

    def lap(self, deliveries: int = 0) -> None:
        """End the lap that was started."""
        now = time.perf_counter()
        self._end(now - self._since if self._started else None, deliveries=deliveries)

    def _end(self, seconds: float | None, *, deliveries: int) -> None:
        self.report(Lap(seconds, deliveries, last_rows(self._reader)))
        self._since, self._started = time.perf_counter(), False


def last_rows(reader: sqlite3.Connection) -> dict[str, int]:
    """Return the highest row number of each table, 0 for an empty one; found at the end of its tree."""
    statements = ((name, f"SELECT coalesce(max(rowid), 0) FROM {name}") for name in SQLModel.metadata.tables)  # noqa: S608
    found = {}
    for name, statement in statements:
        with closing(reader.execute(statement)) as cursor:
            found[name] = cursor.fetchone()[0]
    return found
