"""Clicks for tests, written straight into the table, and what a day of them comes to by plain counting."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import delete, select

from engine.kernel.bulk import insert_rows
from engine.kernel.database import UnitOfWork
from engine.kernel.ids import new_id, new_id_at
from engine.kernel.tables import table_of
from engine.tracking.clicks.rollups import KINDS
from engine.tracking.clicks.tables import Click, ClickDay, ClickRollup
from tests.factories import make_brand, make_enrollment, make_program


@dataclass(frozen=True)
class Place:
    """A program with some links to click on, and its days."""

    brand_id: UUID
    program_id: UUID
    zone: ZoneInfo
    enrollments: tuple[UUID, ...]
    links: tuple[UUID, ...]


@dataclass(frozen=True)
class Visit:
    """A click before it is a row: where, when, and what came of it; `link` picks one of the place's."""

    at: datetime
    place: int = 0
    link: int = 0
    counted: bool = True
    verified: bool = True
    reason: str | None = None


def make_place(unit: UnitOfWork, *, zone: str, since: datetime, links: int = 3, brand_id: UUID | None = None) -> Place:
    """Make a program with links of two ambassadors. The links are ids only: counting asks for no more."""
    program = make_program(unit, brand_id or make_brand(unit).id, time_zone=zone, effective_at=since)
    enrollments = tuple(make_enrollment(unit, program, since=since).id for _ in range(2))
    targets = tuple(new_id() for _ in range(links))
    return Place(program.brand_id, program.id, ZoneInfo(zone), enrollments, targets)


def click_on(unit: UnitOfWork, places: tuple[Place, ...], visits: list[Visit]) -> None:
    """Write visits down as clicks, with ids of their instants."""
    insert_rows(unit, table_of(Click), [_row(places[visit.place], visit) for visit in visits])


def counts(unit: UnitOfWork) -> dict[tuple, dict[str, int]]:
    """Return what is kept: by program, day and link."""
    days = table_of(ClickDay)
    columns = (days.c.program_id, days.c.day, days.c.target_id, *(days.c[kind] for kind in KINDS))
    rows = unit.execute(select(*columns)).all()
    assert len({row[:3] for row in rows}) == len(rows)
    return {tuple(row[:3]): dict(zip(KINDS, row[3:], strict=True)) for row in rows}


def plainly_counted(places: tuple[Place, ...], visits: list[Visit]) -> dict[tuple, dict[str, int]]:
    """Return what `counts` ought to be, by counting visits one after the other."""
    found: dict[tuple, Counter[str]] = {}
    for visit in visits:
        place = places[visit.place]
        day = visit.at.astimezone(place.zone).date()
        number = found.setdefault((place.program_id, day, place.links[visit.link]), Counter())
        number["counted" if visit.counted else _KIND.get(visit.reason or "", "others")] += 1
        number["verified"] += visit.counted and visit.verified
    return {key: {kind: number[kind] for kind in KINDS} for key, number in found.items()}


def forget(unit: UnitOfWork) -> None:
    """Delete all clicks, counts and marks."""
    for model in (Click, ClickDay, ClickRollup):
        unit.execute(delete(table_of(model)))


_KIND = {"repeat": "repeated", "bot": "bots", "prefetch": "bots", "head": "bots", "embedded": "bots"}


def _row(place: Place, visit: Visit) -> dict[str, object]:
    return {
        "id": new_id_at(visit.at),
        "brand_id": place.brand_id,
        "program_id": place.program_id,
        "enrollment_id": place.enrollments[visit.link % len(place.enrollments)],
        "target": "link",
        "target_id": place.links[visit.link],
        "at": visit.at,
        "counted": visit.counted,
        "reason": visit.reason,
        "verified": visit.verified,
        "signals": "",
    }
