"""The baseline: the rows that a run left, inserted anew by bare Core into a fresh database with the same safeguards.

The same tables, indexes, triggers, checks, foreign keys and pragmas, in the same pieces and order, one transaction for
each. Rows are read before the clock starts, one piece at a time, so that memory stays flat.
"""

import time
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Table, insert, select, text
from sqlmodel import SQLModel

from engine.bench.laps import Lap
from engine.kernel.database import UnitOfWork, open_database

Rows = list[tuple[Table, list[dict[str, Any]]]]


class Inserter:
    """Repeats laps of a run over the database at `source` in the one at `target`, which is migrated and empty.

    `seconds` holds what each lap took, 0 for those that were not measured; `rows` counts what those that were inserted.
    """

    def __init__(self, source: str, target: str) -> None:
        self._source, self._target = open_database(source), open_database(target)
        self._before = dict.fromkeys(SQLModel.metadata.tables, 0)
        self.seconds: list[float] = []
        self.rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._source.close()
        self._target.close()

    def repeat(self, lap: Lap) -> None:
        """Insert what the run wrote in `lap`."""
        with self._source.reading() as unit:
            pieces = [(table, self._rows(unit, table, lap)) for table in SQLModel.metadata.sorted_tables]
        written: Rows = [(table, rows) for table, rows in pieces if rows]
        self._before = lap.last_rows
        started = time.perf_counter()
        if written:
            with self._target.unit() as unit:
                for table, rows in written:
                    unit.execute(insert(table), rows)
        took = time.perf_counter() - started
        self.seconds.append(0.0 if lap.seconds is None else took)
        self.rows += 0 if lap.seconds is None else sum(len(rows) for _, rows in written)

    def _rows(self, unit: UnitOfWork, table: Table, lap: Lap) -> list[dict[str, Any]]:
        first, last = self._before[table.name], lap.last_rows[table.name]
        if first == last:
            return []
        piece = select(table).where(text("rowid > :first AND rowid <= :last")).order_by(text("rowid"))
        return [dict(row) for row in unit.execute(piece.params(first=first, last=last)).mappings()]
