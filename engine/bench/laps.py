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
    """Times laps over a SQLite file, and reports each. Neither looking at the tables nor reporting is on the clock."""

    path: Path
    report: Callable[[Lap], None]
    _reader: sqlite3.Connection = field(init=False)
    _since: float | None = None

    def __enter__(self) -> Self:
        self._reader = sqlite3.connect(self.path, isolation_level=None)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._reader.close()

    def go(self) -> None:
        """Start the clock; what was written until now is a lap that is not measured."""
        self._end(None, deliveries=0)
        self._since = time.perf_counter()

    def lap(self, deliveries: int = 0) -> None:
        """End a lap, and start the next at once."""
        now = time.perf_counter()
        self._end(now - (self._since or now), deliveries=deliveries)
        self._since = time.perf_counter()

    def _end(self, seconds: float | None, *, deliveries: int) -> None:
        self.report(Lap(seconds, deliveries, last_rows(self._reader)))


def last_rows(reader: sqlite3.Connection) -> dict[str, int]:
    """Return the highest row number of each table, 0 for an empty one; found at the end of its tree."""
    statements = ((name, f"SELECT coalesce(max(rowid), 0) FROM {name}") for name in SQLModel.metadata.tables)  # noqa: S608
    found = {}
    for name, statement in statements:
        with closing(reader.execute(statement)) as cursor:
            found[name] = cursor.fetchone()[0]
    return found
