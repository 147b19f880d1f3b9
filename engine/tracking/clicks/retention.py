"""Deletes clicks when their time is over: a program's `kept_days`, whole days, and only what is counted already.

Counts by day and touches of orders stay. What is old is a range of ids from where the last run ended, so a run reads
what it deletes and not what is kept; programs with the same range are deleted from together. A run first says what will
not be whole any more (`kept_from`), then deletes in small transactions, then says that it did (`deleted_until`): one
that was stopped goes on where it was.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, select, update

from engine.kernel.clock import local_date, start_of_day
from engine.kernel.database import Database, UnitOfWork
from engine.kernel.ids import first_id_at
from engine.kernel.keyed import among
from engine.kernel.tables import table_of
from engine.tracking.clicks.rollups import Mark, marks_of
from engine.tracking.clicks.tables import Click, ClickRollup
from engine.tracking.site.queries import kept_days

_CLICK: Final = table_of(Click)
_MARK: Final = table_of(ClickRollup)

BATCH: Final = 1_000
"""How many clicks one transaction deletes: few, since those who click wait for it on SQLite."""


def prune(database: Database, *, batch: int = BATCH) -> int:
    """Delete the clicks whose time is over, and return how many they were."""
    with database.reading() as unit:
        due = [(mark, _cutoff(unit, mark)) for mark in marks_of(unit)]
    ranges: dict[tuple[datetime, datetime], list[UUID]] = defaultdict(list)
    for mark, cutoff in due:
        if cutoff > mark.kept_from:
            database.run(lambda unit, mark=mark, cutoff=cutoff: _announce(unit, mark, cutoff))  # type: ignore[misc]
        if (end := max(cutoff, mark.kept_from)) > mark.deleted_until:
            ranges[mark.deleted_until, end].append(mark.program_id)
    return sum(
        _delete(database, program_ids, since=since, until=until, batch=batch)
        for (since, until), program_ids in sorted(ranges.items())
    )


def _cutoff(unit: UnitOfWork, mark: Mark) -> datetime:
    """Return the beginning of the first day of a program that is to be kept."""
    days = kept_days(unit, mark.brand_id, program_id=mark.program_id)
    first_kept = local_date(unit.now, mark.zone) - timedelta(days=days)
    return start_of_day(min(first_kept, local_date(mark.rolled_until, mark.zone)), mark.zone)


def _announce(unit: UnitOfWork, mark: Mark, cutoff: datetime) -> None:
    """Say that the days before `cutoff` are not whole any more, before the first click of them is deleted."""
    unit.execute(update(_MARK).where(_MARK.c.id == mark.id, _MARK.c.kept_from < cutoff).values(kept_from=cutoff))


def _delete(database: Database, program_ids: Sequence[UUID], *, since: datetime, until: datetime, batch: int) -> int:
    """Delete the clicks of some programs from `since` until before `until`, and say that they are gone."""
    after, deleted = first_id_at(since), 0
    while True:
        with database.reading() as unit:
            some = next_old(unit, program_ids, after=after, until=until, most=batch)
        if some:
            deleted += database.run(lambda unit, some=some: _delete_some(unit, program_ids, some))  # type: ignore[misc]
            after = some[-1]
        if len(some) < batch:
            break
    database.run(lambda unit: _conclude(unit, program_ids, until))
    return deleted


def next_old(
    unit: UnitOfWork, program_ids: Collection[UUID], *, after: UUID, until: datetime, most: int
) -> Sequence[UUID]:
    """Return the ids of the next clicks to delete, behind the id `after`. Index: pk_click, a range."""
    found: Sequence[UUID] = (
        unit.execute(
            select(_CLICK.c.id)
            .where(_CLICK.c.id >= after, _CLICK.c.id < first_id_at(until), _of(unit, program_ids))
            .order_by(_CLICK.c.id)
            .limit(most)
        )
        .scalars()
        .all()
    )
    return found


def _delete_some(unit: UnitOfWork, program_ids: Collection[UUID], some: Sequence[UUID]) -> int:
    between = and_(_CLICK.c.id >= some[0], _CLICK.c.id <= some[-1])
    return int(unit.execute(delete(_CLICK).where(between, _of(unit, program_ids))).rowcount)


def _conclude(unit: UnitOfWork, program_ids: Collection[UUID], until: datetime) -> None:
    gone = among(unit, _MARK.c.program_id, program_ids)
    unit.execute(update(_MARK).where(gone, _MARK.c.deleted_until < until).values(deleted_until=until))


def _of(unit: UnitOfWork, program_ids: Collection[UUID]) -> ColumnElement[bool]:
    return among(unit, _CLICK.c.program_id, program_ids)
