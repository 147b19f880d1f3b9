"""The baseline: the rows that a run left, inserted anew by bare Core into a fresh database with the same safeguards.

The same tables, indexes, triggers, checks, foreign keys and pragmas, in the same pieces and order, one transaction for
each. Rows are read before the clock starts, some at a time, so that memory stays flat.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Table, insert, select, text
from sqlmodel import SQLModel

from engine.bench.laps import Lap
from engine.kernel.database import Database, UnitOfWork

Rows = list[tuple[Table, list[dict[str, Any]]]]


def insert_again(source: Database, target: Database, *, laps: Sequence[Lap]) -> tuple[list[float], int]:
    """Insert into `target` what each of `laps` left in `source`; return the seconds of each, and the rows of all.

    `target` is migrated and empty. A lap that was not measured is inserted as well, and counts 0 seconds.
    """
    seconds, counted = [], 0
    for lap, rows in zip(laps, _pieces(source, laps), strict=True):
        started = time.perf_counter()
        if rows:
            with target.unit() as unit:
                for table, some in rows:
                    unit.execute(insert(table), some)
        took = time.perf_counter() - started
        seconds.append(took if lap.seconds is not None else 0.0)
        counted += sum(len(some) for _, some in rows) if lap.seconds is not None else 0
    return seconds, counted


def _pieces(source: Database, laps: Sequence[Lap]) -> Iterator[Rows]:
    before = dict.fromkeys(SQLModel.metadata.tables, 0)
    for lap in laps:
        with source.reading() as unit:
            pieces = ((table, _rows(unit, table, before, lap.last_rows)) for table in SQLModel.metadata.sorted_tables)
            yield [(table, some) for table, some in pieces if some]
        before = lap.last_rows


def _rows(unit: UnitOfWork, table: Table, before: dict[str, int], after: dict[str, int]) -> list[dict[str, Any]]:
    first, last = before[table.name], after[table.name]
    if first == last:
        return []
    piece = select(table).where(text("rowid > :first AND rowid <= :last")).order_by(text("rowid"))
    return [dict(row) for row in unit.execute(piece.params(first=first, last=last)).mappings()]
