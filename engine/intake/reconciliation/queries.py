"""Reads of reconciliations, and of what we have that a shop might tell of."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from engine.intake.reconciliation.rules import Thing, Version
from engine.intake.reconciliation.tables import Reconciliation, ReconciliationKind, ReconciliationState
from engine.intake.rules import Source
from engine.intake.tables import Chargeback, FactKind, Refund, ShopOrder
from engine.kernel.database import UnitOfWork
from engine.kernel.keyed import among
from engine.kernel.tables import table_of

_RECONCILIATION = table_of(Reconciliation)
_ORDER = table_of(ShopOrder)
_HEADS = {FactKind.ORDER: _ORDER, FactKind.REFUND: table_of(Refund), FactKind.CHARGEBACK: table_of(Chargeback)}


@dataclass(frozen=True, slots=True)
class ReconciliationRow:
    """One reconciliation as it stands; `report` names what it found."""

    id: UUID
    connection_id: UUID
    kind: ReconciliationKind
    state: ReconciliationState
    since: datetime
    until: datetime
    started_at: datetime
    finished_at: datetime | None
    seen: int
    missing: int
    different: int
    extra: int
    problem: str | None
    report: dict[str, Any]


def done_until(unit: UnitOfWork, brand_id: UUID, *, connection_id: UUID) -> datetime | None:
    """Return until when sliding reconciliations asked the connection's shop without a gap.

    Index: ix_reconciliation_connection.
    """
    newest = select(func.max(_RECONCILIATION.c.until)).where(
        _RECONCILIATION.c.brand_id == brand_id,
        _RECONCILIATION.c.connection_id == connection_id,
        _RECONCILIATION.c.kind == ReconciliationKind.SLIDING.value,
        _RECONCILIATION.c.state == ReconciliationState.DONE.value,
    )
    found: datetime | None = unit.execute(newest).scalar_one()
    return found


def last_begun(unit: UnitOfWork, brand_id: UUID, *, connection_id: UUID) -> dict[ReconciliationKind, datetime]:
    """Return when the last reconciliation of each kind began. Index: ix_reconciliation_connection."""
    columns = _RECONCILIATION.c
    statement = (
        select(columns.kind, func.max(columns.started_at))
        .where(columns.brand_id == brand_id, columns.connection_id == connection_id)
        .group_by(columns.kind)
    )
    return {ReconciliationKind(kind): begun for kind, begun in unit.execute(statement)}


def latest_of(
    unit: UnitOfWork, brand_id: UUID, *, connection_id: UUID, limit: int = 20
) -> tuple[ReconciliationRow, ...]:
    """Return a connection's reconciliations, the newest first. Index: ix_reconciliation_connection."""
    statement = (
        select(*(_RECONCILIATION.c[name] for name in ReconciliationRow.__slots__))
        .where(_RECONCILIATION.c.brand_id == brand_id, _RECONCILIATION.c.connection_id == connection_id)
        .order_by(_RECONCILIATION.c.until.desc(), _RECONCILIATION.c.id.desc())
        .limit(limit)
    )
    return tuple(_row(row) for row in unit.execute(statement))


def versions_of(unit: UnitOfWork, brand_id: UUID, source: Source, *, things: Collection[Thing]) -> dict[Thing, Version]:
    """Return the version that we have of each of `things`. Indexes: the unique keys of the three kinds of heads."""
    found: dict[Thing, Version] = {}
    for kind, head in _HEADS.items():
        ids = sorted({external_id for of, external_id in things if of is kind})
        if not ids:
            continue
        statement = select(head.c.external_id, head.c.version_at, head.c.content_hash).where(
            head.c.brand_id == brand_id,
            head.c.connector == source.connector,
            head.c.account == source.account,
            among(unit, head.c.external_id, ids),
        )
        for external_id, version_at, digest in unit.execute(statement):
            found[kind, external_id] = (version_at, digest)
    return found


def orders_placed(
    unit: UnitOfWork, brand_id: UUID, source: Source, *, since: datetime, until: datetime
) -> list[tuple[str, datetime]]:
    """Return the orders placed from `since` until `until`, as (external id, time of change).

    Index: ix_shop_order_brand_id_placed_at.
    """
    statement = select(_ORDER.c.external_id, _ORDER.c.version_at).where(
        _ORDER.c.brand_id == brand_id,
        _ORDER.c.placed_at >= since,
        _ORDER.c.placed_at < until,
        _ORDER.c.connector == source.connector,
        _ORDER.c.account == source.account,
    )
    return [(external_id, version_at) for external_id, version_at in unit.execute(statement)]


def _row(row: Any) -> ReconciliationRow:
    values = dict(zip(ReconciliationRow.__slots__, row, strict=True))
    kinds = {"kind": ReconciliationKind(values["kind"]), "state": ReconciliationState(values["state"])}
    return ReconciliationRow(**values | kinds)
