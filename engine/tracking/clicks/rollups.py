"""Counts clicks by day: a few new ones every minute, each once, however many workers count.

A click is committed within ten seconds of its id or never (`engine.kernel.group_commit`), so whatever is older than
`SETTLED` stays as it is until retention deletes it. Ids lie in the order of time: what is new since the last count is a
range of the primary key, read for all programs at once. They are read with nothing locked; the short transaction that
keeps the counts first moves the programs' marks on, from where they stood when the clicks were read. Who finds a mark
elsewhere was overtaken, and what it counted is dropped.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Select, select, update
from sqlalchemy.dialects import postgresql, sqlite

from engine.kernel.clock import local_date, start_of_day
from engine.kernel.database import Database, UnitOfWork
from engine.kernel.ids import first_id_at, new_id
from engine.kernel.keyed import among
from engine.kernel.tables import table_of
from engine.programs.tables import Program
from engine.tracking.clicks.tables import Click, ClickDay, ClickRollup
from engine.tracking.clicks.visits import Reason

_CLICK: Final = table_of(Click)
_DAY: Final = table_of(ClickDay)
_MARK: Final = table_of(ClickRollup)
_PROGRAM: Final = table_of(Program)

SETTLED: Final = timedelta(seconds=30)
"""How old a click must be to be counted: three times as long as its writer takes at most."""

BATCH: Final = 10_000
"""About how many clicks are counted in one transaction."""

KINDS: Final = ("counted", "verified", "repeated", "bots", "others")
_BOTS: Final = frozenset({Reason.BOT, Reason.PREFETCH, Reason.HEAD, Reason.EMBEDDED})
"""What no person saw: fetched by a program, ahead of a click, or by a page that shows it in a picture or a frame."""

_KEY: Final = ("brand_id", "program_id", "day", "enrollment_id", "target_id")
_MILLISECOND: Final = timedelta(milliseconds=1)
_COLUMNS: Final = ("brand_id", "program_id", "enrollment_id", "target", "target_id", "at", "counted", "verified")

Key = tuple[UUID, UUID, date, UUID, UUID, str]
"""Brand, program, day, enrollment, and what was clicked: its id and kind."""

Tally = dict[Key, list[int]]
"""How many clicks of each of `KINDS`."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a program's clicks are counted, and from when on they are all kept."""

    id: UUID
    brand_id: UUID
    program_id: UUID
    zone: ZoneInfo
    rolled_until: datetime
    kept_from: datetime
    deleted_until: datetime


class _OvertakenError(Exception):
    """Another worker counted these clicks first."""


@dataclass(frozen=True, slots=True)
class _Stretch:
    """What was read of the clicks of some programs that stood at one mark, and where they stand with it."""

    marks: tuple[UUID, ...]
    since: datetime
    until: datetime
    clicks: int
    tally: Tally


def roll_up(database: Database, *, batch: int = BATCH) -> int:
    """Count the clicks that are settled and not counted yet, and return how many they were.

    Several workers may do it at once, and any may stop at any point: each click is counted once.
    """
    _begin(database)
    settled, done = _whole(database.clock.now() - SETTLED), 0  # fixed here: who runs after the clock never arrives
    while True:
        with database.reading() as unit:
            stretch = next_stretch(unit, until=settled, most=batch)
        if stretch is None:
            return done
        try:
            database.run(lambda unit, found=stretch: _keep(unit, found))  # type: ignore[misc]
        except _OvertakenError:
            continue
        done += stretch.clicks


def next_stretch(unit: UnitOfWork, *, until: datetime, most: int) -> _Stretch | None:
    """Count the next clicks, about `most`, of the programs that stand furthest back; None where all stand at `until`.

    Usually all programs stand at one mark. Index: pk_click, a range; nothing before or behind it is read.
    """
    marks = marks_of(unit)
    since = min((mark.rolled_until for mark in marks), default=until)
    if since >= until:
        return None
    behind = {mark.program_id: mark for mark in marks if mark.rolled_until == since}
    horizon = min((mark.rolled_until for mark in marks if mark.rolled_until > since), default=until)
    until = _edge(unit, since, min(horizon, until), most=most)
    zones = {program_id: mark.zone for program_id, mark in behind.items()}
    found = unit.execute(clicks_between(since, until).where(among(unit, _CLICK.c.program_id, list(behind)))).all()
    return _Stretch(tuple(mark.id for mark in behind.values()), since, until, len(found), tallied(found, zones=zones))


def tallied(clicks: Iterable[Any], *, zones: Mapping[UUID, ZoneInfo], into: Tally | None = None) -> Tally:
    """Return how many of `clicks` (rows of `clicks_between`) there are by day of their program's time zone."""
    tally: Tally = {} if into is None else into
    for brand, program, enrollment, target, target_id, at, counted, verified, reason in clicks:
        key = (brand, program, local_date(at, zones[program]), enrollment, target_id, target)
        numbers = tally.setdefault(key, [0] * len(KINDS))
        if counted:
            numbers[0] += 1
            numbers[1] += verified
        else:
            numbers[_column(reason)] += 1
    return tally


def clicks_between(since: datetime, until: datetime) -> Select[Any]:
    """Return the select of what `tallied` needs of the clicks whose ids are from `since` until before `until`."""
    columns = [*(_CLICK.c[name] for name in _COLUMNS), _CLICK.c.reason]
    return select(*columns).where(_CLICK.c.id >= first_id_at(since), _CLICK.c.id < first_id_at(until))


def marks_of(unit: UnitOfWork, *, brand_id: UUID | None = None) -> list[Mark]:
    """Return the marks of a brand's programs, or of all there are: counting is work of the installation."""
    names = ("id", "brand_id", "program_id", "rolled_until", "kept_from", "deleted_until")
    statement = select(*(_MARK.c[name] for name in names), _PROGRAM.c.time_zone).join_from(
        _MARK, _PROGRAM, _PROGRAM.c.id == _MARK.c.program_id
    )
    if brand_id is not None:
        statement = statement.where(_MARK.c.brand_id == brand_id)
    return [
        Mark(id_, brand, program, ZoneInfo(zone), rolled, kept, deleted)
        for id_, brand, program, rolled, kept, deleted, zone in unit.execute(statement.order_by(_MARK.c.id))
    ]


def day_rows(tally: Tally) -> list[dict[str, Any]]:
    """Return a tally as rows of `click_day`, in the order in which every writer takes them."""
    return [
        {"id": new_id(), **dict(zip((*_KEY, "target"), key, strict=True)), **dict(zip(KINDS, numbers, strict=True))}
        for key, numbers in sorted(tally.items())
    ]


def _keep(unit: UnitOfWork, stretch: _Stretch) -> None:
    """Move the marks on and add the counts. The marks' rows stay locked until both are committed."""
    moved = unit.execute(
        update(_MARK)
        .where(among(unit, _MARK.c.id, stretch.marks), _MARK.c.rolled_until == stretch.since)
        .values(rolled_until=stretch.until)
    )
    if moved.rowcount != len(stretch.marks):
        raise _OvertakenError
    if stretch.tally:
        dialect = postgresql if unit.dialect == "postgresql" else sqlite
        insert = dialect.insert(_DAY)
        added = {kind: _DAY.c[kind] + insert.excluded[kind] for kind in KINDS}
        unit.execute(insert.on_conflict_do_update(index_elements=list(_KEY), set_=added), day_rows(stretch.tally))


def _edge(unit: UnitOfWork, since: datetime, horizon: datetime, *, most: int) -> datetime:
    """Return the end of a batch: `horizon`, or the millisecond of the click behind the first `most`."""
    in_reach = select(_CLICK.c.id).where(_CLICK.c.id >= first_id_at(since), _CLICK.c.id < first_id_at(horizon))
    beyond = unit.execute(in_reach.order_by(_CLICK.c.id).offset(most).limit(1)).scalar()
    return horizon if beyond is None else max(_instant_of(beyond), since + _MILLISECOND)


def _begin(database: Database) -> None:
    """Give a mark to every program that has none. Its clicks are counted from when it was made."""
    with database.reading() as unit:
        if not _unmarked(unit):
            return
    database.run(_mark_new)


def _unmarked(unit: UnitOfWork) -> Sequence[Any]:
    marked = select(_MARK.c.id).where(_MARK.c.brand_id == _PROGRAM.c.brand_id, _MARK.c.program_id == _PROGRAM.c.id)
    columns = (_PROGRAM.c.brand_id, _PROGRAM.c.id, _PROGRAM.c.time_zone, _PROGRAM.c.created_at)
    found: Sequence[Any] = unit.execute(select(*columns).where(~marked.exists()).order_by(_PROGRAM.c.id)).all()
    return found


def _mark_new(unit: UnitOfWork) -> None:
    dialect = postgresql if unit.dialect == "postgresql" else sqlite
    rows = []
    for brand_id, program_id, time_zone, created_at in _unmarked(unit):
        zone = ZoneInfo(time_zone)
        first = start_of_day(local_date(created_at, zone), zone)
        begun = {"rolled_until": _whole(created_at), "kept_from": first, "deleted_until": first}
        rows.append({"id": new_id(), "brand_id": brand_id, "program_id": program_id, **begun})
    if rows:
        unit.execute(dialect.insert(_MARK).on_conflict_do_nothing(), rows)


def _column(reason: str | None) -> int:
    return KINDS.index("repeated" if reason == Reason.REPEAT else "bots" if reason in _BOTS else "others")


def _whole(instant: datetime) -> datetime:
    """Return the beginning of an instant's millisecond: marks stand between ids."""
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def _instant_of(click_id: UUID) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + (click_id.int >> 80) * _MILLISECOND
