"""Counts days anew from the clicks that are kept, and tells where the counts by day differ from that.

Only days whose clicks are all there: what retention has deleted stays as it was counted.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete, insert, select

from engine.kernel.clock import local_date, start_of_day
from engine.kernel.database import Database, UnitOfWork
from engine.kernel.ids import first_id_at
from engine.kernel.tables import table_of
from engine.tracking.clicks.rollups import KINDS, Mark, Tally, clicks_between, day_rows, marks_of, tallied
from engine.tracking.clicks.tables import Click, ClickDay, ClickRollup

_CLICK: Final = table_of(Click)
_DAY: Final = table_of(ClickDay)
_MARK: Final = table_of(ClickRollup)

_APART: Final = timedelta(minutes=1)
"""More than the id of a click and its `at` can lie apart."""

_ONE_DAY: Final = timedelta(days=1)
_AT_ONCE: Final = 20_000
_ATTEMPTS: Final = 20


class CountsMovedError(Exception):
    """New clicks were counted while a day was counted anew, again and again."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A day of a link or page whose stored counts are not those of its clicks; each in the order of `KINDS`."""

    program_id: UUID
    day: date
    enrollment_id: UUID
    target_id: UUID
    stored: tuple[int, ...]
    counted: tuple[int, ...]

    def __str__(self) -> str:
        """Say it in a line."""
        pairs = zip(KINDS, self.stored, self.counted, strict=True)
        said = ", ".join(
            f"{kind} {stored} instead of {counted}" for kind, stored, counted in pairs if stored != counted
        )
        return f"{self.day} {self.target_id}: {said}"


@dataclass(frozen=True, slots=True)
class Recounted:
    """How many days (of a program each) and clicks were counted, and how many days were left since clicks are gone."""

    days: int
    clicks: int
    left: int


def rebuild_days(database: Database, brand_id: UUID, *, since: date, until: date) -> Recounted:
    """Make the counts of a brand's days from `since` until before `until` anew, a transaction for each day.

    Safe while clicks come in and are counted. Days are those of each program's time zone.

    Raises:
        CountsMovedError: another worker moved on each time while the clicks of a day were read.
    """
    with database.reading() as unit:
        marks = marks_of(unit, brand_id=brand_id)
    clicks = days = left = 0
    for mark in marks:
        left += max(0, (min(until, local_date(mark.kept_from, mark.zone)) - since).days)
        for day in _days(mark, since, until):
            counted = _rebuild_day(database, mark, day=day)
            days, left, clicks = days + (counted is not None), left + (counted is None), clicks + (counted or 0)
    return Recounted(days, clicks, left)


def differences(unit: UnitOfWork, brand_id: UUID, *, since: date, until: date) -> tuple[Difference, ...]:
    """Return where the counts of a brand's days from `since` until before `until` are not those of its clicks."""
    found: list[Difference] = []
    for mark in marks_of(unit, brand_id=brand_id):
        for day in _days(mark, since, until):
            found += _differing(_stored(unit, mark, day=day), _counted(unit, mark, day=day))
    return tuple(found)


def kept_since(unit: UnitOfWork, brand_id: UUID) -> date | None:
    """Return the first day that can be counted anew for one of a brand's programs; None while nothing is counted."""
    return min((local_date(mark.kept_from, mark.zone) for mark in marks_of(unit, brand_id=brand_id)), default=None)


def _rebuild_day(database: Database, mark: Mark, *, day: date) -> int | None:
    """Count one day anew; return its clicks, or None where they are not all there.

    What was read is kept only where the mark still says the same of it.
    """
    for _ in range(_ATTEMPTS):
        with database.reading() as unit:
            (seen,) = [one for one in marks_of(unit, brand_id=mark.brand_id) if one.id == mark.id]
            if start_of_day(day, seen.zone) < seen.kept_from:
                return None
            tally = _counted(unit, seen, day=day)
        if database.run(lambda unit, seen=seen, tally=tally: _replace(unit, seen, day=day, tally=tally)):  # type: ignore[misc]
            return sum(counted + sum(rest) for counted, _verified, *rest in tally.values())
    raise CountsMovedError(f"The counts of {day} moved on {_ATTEMPTS} times. Stop the worker, or try again later.")


def _replace(unit: UnitOfWork, seen: Mark, *, day: date, tally: Tally) -> bool:
    locked = select(_MARK.c.rolled_until, _MARK.c.kept_from).where(_MARK.c.id == seen.id).with_for_update()
    rolled_until, kept_from = unit.execute(locked).one()
    if kept_from != seen.kept_from or _reach(rolled_until, seen, day) != _reach(seen.rolled_until, seen, day):
        return False
    of_day = (_DAY.c.brand_id == seen.brand_id, _DAY.c.program_id == seen.program_id, _DAY.c.day == day)
    unit.execute(delete(_DAY).where(*of_day))
    if tally:
        unit.execute(insert(_DAY), day_rows(tally))
    return True


def _reach(rolled_until: datetime, mark: Mark, day: date) -> datetime:
    """Return up to which id the clicks of `day` are counted already: a mark far behind the day says no more."""
    return min(rolled_until, start_of_day(day + _ONE_DAY, mark.zone) + _APART)


def _counted(unit: UnitOfWork, mark: Mark, *, day: date) -> Tally:
    """Return the counts of a program's day, by its clicks before the mark. Index: pk_click, a range."""
    begin, end = start_of_day(day, mark.zone), start_of_day(day + _ONE_DAY, mark.zone)
    of_day = clicks_between(begin - _APART, _reach(mark.rolled_until, mark, day)).where(
        _CLICK.c.brand_id == mark.brand_id,
        _CLICK.c.program_id == mark.program_id,
        _CLICK.c.at >= begin,
        _CLICK.c.at < end,
    )
    tally: Tally = {}
    after = first_id_at(begin - _APART)
    while True:
        some = unit.execute(
            of_day.add_columns(_CLICK.c.id).where(_CLICK.c.id > after).order_by(_CLICK.c.id).limit(_AT_ONCE)
        ).all()
        tallied((row[:-1] for row in some), zones={mark.program_id: mark.zone}, into=tally)
        if len(some) < _AT_ONCE:
            return tally
        after = some[-1][-1]


def _stored(unit: UnitOfWork, mark: Mark, *, day: date) -> Tally:
    """Return the counts of a program's day as they are kept. Index: the unique one of click_day."""
    names = ("brand_id", "program_id", "day", "enrollment_id", "target_id", "target", *KINDS)
    rows = unit.execute(
        select(*(_DAY.c[name] for name in names)).where(
            _DAY.c.brand_id == mark.brand_id, _DAY.c.program_id == mark.program_id, _DAY.c.day == day
        )
    )
    return {tuple(row[:6]): list(row[6:]) for row in rows}


def _differing(stored: Tally, counted: Tally) -> Iterator[Difference]:
    nothing = [0] * len(KINDS)
    for key in sorted({*stored, *counted}):
        was, ought = stored.get(key, nothing), counted.get(key, nothing)
        if was != ought:
            _brand, program, day, enrollment, target_id, _target = key
            yield Difference(program, day, enrollment, target_id, tuple(was), tuple(ought))


def _days(mark: Mark, since: date, until: date) -> Iterator[date]:
    """Yield the days from `since` until before `until` whose clicks are all kept, and counted in part at least."""
    first = max(since, local_date(mark.kept_from, mark.zone))
    end = min(until, local_date(mark.rolled_until, mark.zone) + _ONE_DAY)
    return (first + _ONE_DAY * number for number in range((end - first).days))
