"""Where the demo lives: a database of its own, which may be built anew, and never anybody else's."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from sqlalchemy import inspect
from sqlalchemy.engine import make_url
from sqlmodel import col, select

from engine.demo.story import BRAND, SLUG
from engine.identity.queries import brand_by_slug, brands
from engine.identity.service import record
from engine.identity.tables import AuditEntry, Brand
from engine.kernel.database import Database, UnitOfWork, open_database
from engine.kernel.errors import ConflictError

_BUILT: Final = "demo_built"
_PARTS: Final = ("", "-wal", "-shm", "-journal")


class OccupiedError(ConflictError):
    """The database cannot become the demo's, or not now."""


@dataclass(frozen=True, slots=True)
class Built:
    """A demo that was built to its end: which log it was built from, and where its clock stood then."""

    brand_id: UUID
    log: str
    ends_at: datetime


def find(url: str) -> Built | None:
    """Return the demo in the database at `url`; None where there is nothing yet, or a demo that was not finished.

    Raises:
        OccupiedError: something other than the demo is there.
    """
    path = _file(url)
    if path is not None and not path.exists():
        return None
    database = open_database(url)
    try:
        return _built(database)
    finally:
        database.close()


def clear(url: str) -> None:
    """Make room for a new demo: on SQLite the file of the old one is removed.

    Raises:
        OccupiedError: something other than the demo is there; another process has it open; or it is on PostgreSQL,
            where nothing is ever dropped from here.
    """
    path = _file(url)
    if path is None:
        database = open_database(url)
        try:
            if _slugs(database):
                raise OccupiedError("There is a demo in this database already. Give a new, empty one to build it anew.")
        finally:
            database.close()
        return
    if not path.exists():
        return
    find(url)
    _check_alone(path)
    for part in _PARTS:
        path.with_name(path.name + part).unlink(missing_ok=True)


def note_built(unit: UnitOfWork, built: Built) -> None:
    """Write down that the demo is whole: one that was interrupted is built anew."""
    detail = {"log": built.log, "ends_at": built.ends_at.isoformat()}
    record(unit, built.brand_id, actor="goodword demo", action=_BUILT, subject=BRAND, detail=detail)


def _built(database: Database) -> Built | None:
    slugs = _slugs(database)
    if not slugs:
        return None
    if slugs != {SLUG}:
        others = ", ".join(sorted(slugs - {SLUG}))
        raise OccupiedError(
            f"This database holds other brands than the demo: {others}. Set GOODWORD_HOME to another folder."
        )
    with database.reading() as unit:
        brand = brand_by_slug(unit, SLUG)
        detail = _last_note(unit, brand.id) if brand else None
    if brand is None or detail is None:
        return None
    return Built(brand.id, str(detail["log"]), datetime.fromisoformat(detail["ends_at"]))


def _slugs(database: Database) -> set[str]:
    if not inspect(database.engine).has_table(str(Brand.__tablename__)):
        return set()
    with database.reading() as unit:
        return {brand.slug for brand in brands(unit)}


def _last_note(unit: UnitOfWork, brand_id: UUID) -> Mapping[str, Any] | None:
    found = select(AuditEntry.detail).where(AuditEntry.brand_id == brand_id, AuditEntry.action == _BUILT)
    return unit.session.exec(found.order_by(col(AuditEntry.done_at).desc()).limit(1)).first()


def _check_alone(path: Path) -> None:
    """SQLite leaves the write-ahead log only while nobody else has the file open."""
    try:
        with closing(sqlite3.connect(path, timeout=0)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE").fetchone()
    except sqlite3.OperationalError:
        problem = f"Another process has {path.name} open. Stop it first, or set GOODWORD_HOME to another folder."
        raise OccupiedError(problem) from None


def _file(url: str) -> Path | None:
    address = make_url(url)
    return Path(address.database or "") if address.get_backend_name() == "sqlite" else None
