"""Reads of clicks for the orders that they led to, in keyed reads for a whole batch."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    TableValuedAlias,
    Text,
    Uuid,
    and_,
    bindparam,
    func,
    or_,
    select,
    true,
    type_coerce,
)
from sqlalchemy import column as sql_column
from sqlalchemy.dialects.postgresql import ARRAY

from engine.kernel.canonical import dump_json
from engine.kernel.database import UnitOfWork
from engine.kernel.ids import first_id_at
from engine.kernel.keyed import rows_of
from engine.kernel.tables import table_of
from engine.tracking.clicks.tables import Click
from engine.tracking.clicks.visits import Reason

NEWEST: Final = 50
"""How many of a visitor's clicks before an order are read: the newest ones, and the first of all."""

_CLICK: Final = table_of(Click)
_INNER: Final = _CLICK.alias("mine")
_NAMES: Final = (
    *("id", "program_id", "enrollment_id", "target", "target_id"),
    *("at", "reason", "verified", "visitor_key", "signals"),
)

Bounds = tuple[str, UUID, UUID]
"""A visitor, the id from which on clicks are asked for, and the one before which they end."""


@dataclass(frozen=True, slots=True)
class ClickRow:
    """A click as far as attribution looks at it. `reason` is why it was not counted, None where it was.

    `signals` are what was odd about the visit, as the click has them; a touch does not keep them.
    """

    id: UUID
    program_id: UUID
    enrollment_id: UUID
    target: str
    target_id: UUID
    at: datetime
    reason: str | None
    verified: bool
    visitor_key: str | None
    signals: str = ""

    @property
    def is_visit(self) -> bool:
        """Whether somebody came by it: it was counted, or would have been but for one shortly before."""
        return self.reason is None or self.reason == Reason.REPEAT

    @property
    def place(self) -> tuple[datetime, UUID]:
        """Where it stands among others; of two at one instant the id decides."""
        return self.at, self.id


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """The time in which a visitor's clicks are asked for: from `since`, up to and with the millisecond of `until`."""

    visitor_key: str
    since: datetime
    until: datetime


def clicks_by_id(unit: UnitOfWork, brand_id: UUID, click_ids: Collection[UUID]) -> list[ClickRow]:
    """Return those of these clicks that the brand has. Index: pk_click."""
    if not click_ids:
        return []
    found = rows_of(unit, _CLICK.c.id, sorted(click_ids))
    statement = select(*(_CLICK.c[name] for name in _NAMES)).select_from(found).where(_CLICK.c.brand_id == brand_id)
    return [ClickRow(*row) for row in unit.execute(statement)]


def visits_of(unit: UnitOfWork, brand_id: UUID, spans: Collection[Span]) -> list[ClickRow]:
    """Return the visits of each span: the newest `NEWEST`, and the first where there are more. Index: ix_click_visitor.

    However many spans there are, it is one read, and a second one where a visitor has come so often.
    """
    if not spans:
        return []
    found = {row.id: row for row in _visits(unit, brand_id, spans, newest_first=True, limit=NEWEST)}
    if len(found) >= NEWEST:
        found |= {row.id: row for row in _visits(unit, brand_id, spans, newest_first=False, limit=1)}
    return list(found.values())


def _visits(
    unit: UnitOfWork, brand_id: UUID, spans: Collection[Span], *, newest_first: bool, limit: int
) -> list[ClickRow]:
    bounds = [(span.visitor_key, first_id_at(span.since), _id_behind(span.until)) for span in sorted(spans)]
    by_time = _INNER.c.id.desc() if newest_first else _INNER.c.id
    statement = _of_spans(unit.dialect, brand_id, bounds, chosen=select(_INNER).order_by(by_time).limit(limit))
    return [ClickRow(*row) for row in unit.execute(statement)]


def _of_spans(dialect: str, brand_id: UUID, bounds: Sequence[Bounds], *, chosen: Select[Any]) -> Select[Any]:
    """Return the statement that reads `chosen` of the visits within each of `bounds`.

    Ids are ordered by time, so a span of time is a piece of the visitor's index.
    """
    visits = and_(_INNER.c.brand_id == brand_id, or_(_INNER.c.reason.is_(None), _INNER.c.reason == Reason.REPEAT.value))
    if dialect == "postgresql":
        wanted = _unnested(bounds)
        found = chosen.where(visits, _between(*wanted.c)).lateral("found")
        return select(*(found.c[name] for name in _NAMES)).select_from(wanted.join(found, true()))
    listed = _listed(bounds)
    visitor, since, behind = (func.json_extract(listed.c.value, f"$[{place}]") for place in range(3))
    between = _between(visitor, type_coerce(since, Uuid()), type_coerce(behind, Uuid()))
    ids = chosen.with_only_columns(_INNER.c.id).where(visits, between).correlate(listed)
    return select(*(_CLICK.c[name] for name in _NAMES)).select_from(listed.join(_CLICK, _CLICK.c.id.in_(ids)))


def _between(
    visitor: ColumnElement[str], since: ColumnElement[UUID], behind: ColumnElement[UUID]
) -> ColumnElement[bool]:
    return and_(_INNER.c.visitor_key == visitor, _INNER.c.id >= since, _INNER.c.id < behind)


def _unnested(bounds: Sequence[Bounds]) -> TableValuedAlias:
    visitors, since, behind = (list(column) for column in zip(*bounds, strict=True))
    ids = ARRAY(Uuid())
    arrays = (
        bindparam(None, visitors, type_=ARRAY(Text), unique=True),
        bindparam(None, since, type_=ids, unique=True),
        bindparam(None, behind, type_=ids, unique=True),
    )
    columns = (sql_column("visitor", Text()), sql_column("since", Uuid()), sql_column("behind", Uuid()))
    return func.unnest(*arrays).table_valued(*columns).render_derived("wanted")


def _listed(bounds: Sequence[Bounds]) -> TableValuedAlias:
    written = dump_json([[visitor, since.hex, behind.hex] for visitor, since, behind in bounds])
    return func.json_each(bindparam(None, written, type_=Text, unique=True)).table_valued("value").alias("wanted")


def _id_behind(instant: datetime) -> UUID:
    """Return the lowest id of the millisecond after that of `instant`."""
    return UUID(int=first_id_at(instant).int + (1 << 80))
