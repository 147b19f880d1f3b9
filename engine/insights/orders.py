"""Orders as screens list them: who got the credit or why nobody did, and which wait for somebody."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, select

from engine.attribution.tables import Decision, Outcome
from engine.identity.tables import Ambassador
from engine.intake.tables import ShopOrder
from engine.kernel.database import UnitOfWork
from engine.kernel.paging import Page, newest_first, page_of
from engine.kernel.tables import table_of

_ORDER: Final = table_of(ShopOrder)
_DECISION: Final = table_of(Decision)
_AMBASSADOR: Final = table_of(Ambassador)


class OrderView(StrEnum):
    """Which orders a list shows."""

    ALL = "all"
    CREDITED = "credited"
    NOT_CREDITED = "not_credited"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order with the decision that holds. A blocked one has no part in the books until it is worked out."""

    id: UUID
    connector: str
    number: str
    placed_at: datetime
    currency: str
    charged_minor: int
    blocked_reason: str | None
    outcome: str | None
    reason: str | None
    credited: tuple[str, ...]


def orders(
    unit: UnitOfWork,
    brand_id: UUID,
    *,
    view: OrderView = OrderView.ALL,
    placed_from: datetime | None = None,
    placed_before: datetime | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[OrderRow]:
    """Return a page of orders, newest first. Indexes: ix_shop_order_brand_id_placed_at, ix_shop_order_blocked."""
    statement = _orders(brand_id).where(*_shown(view))
    if placed_from is not None:
        statement = statement.where(_ORDER.c.placed_at >= placed_from)
    if placed_before is not None:
        statement = statement.where(_ORDER.c.placed_at < placed_before)
    keys = [_ORDER.c.placed_at, _ORDER.c.id]
    found = unit.execute(newest_first(statement, keys, cursor=cursor, limit=limit)).all()
    names = _names(unit, brand_id, found)
    return page_of([_row(row, names) for row in found], ["placed_at", "id"], limit=limit)


def blocked_order(unit: UnitOfWork, brand_id: UUID, *, order_id: UUID) -> OrderRow | None:
    """Return one blocked order, or None where the brand has no such order or it is not blocked."""
    statement = _orders(brand_id).where(_ORDER.c.id == order_id, _ORDER.c.blocked_reason.is_not(None))
    row = unit.execute(statement).one_or_none()
    return _row(row, _names(unit, brand_id, [row])) if row else None


def _orders(brand_id: UUID) -> Select[Any]:
    later = _DECISION.alias("later")
    replaced = select(later.c.id).where(
        later.c.brand_id == brand_id, later.c.order_id == _DECISION.c.order_id, later.c.seq > _DECISION.c.seq
    )
    holds = and_(_DECISION.c.brand_id == brand_id, _DECISION.c.order_id == _ORDER.c.id, ~replaced.exists())
    return (
        select(
            _ORDER.c.id,
            _ORDER.c.connector,
            _ORDER.c.external_id,
            _ORDER.c.placed_at,
            _ORDER.c.currency,
            _ORDER.c.charged_minor,
            _ORDER.c.blocked_reason,
            _DECISION.c.outcome,
            _DECISION.c.reason,
            _DECISION.c.shares,
        )
        .outerjoin_from(_ORDER, _DECISION, holds)
        .where(_ORDER.c.brand_id == brand_id)
    )


def _shown(view: OrderView) -> tuple[ColumnElement[bool], ...]:
    match view:
        case OrderView.CREDITED:
            return (_ORDER.c.blocked_reason.is_(None), _DECISION.c.outcome == Outcome.CREDITED.value)
        case OrderView.NOT_CREDITED:
            return (_ORDER.c.blocked_reason.is_(None), _DECISION.c.outcome != Outcome.CREDITED.value)
        case OrderView.BLOCKED:
            return (_ORDER.c.blocked_reason.is_not(None),)
    return ()


def _names(unit: UnitOfWork, brand_id: UUID, found: Iterable[Any]) -> Mapping[str, str]:
    wanted = {UUID(share["ambassador"]) for row in found for share in row.shares or ()}
    if not wanted:
        return {}
    rows = unit.execute(
        select(_AMBASSADOR.c.id, _AMBASSADOR.c.name).where(
            _AMBASSADOR.c.brand_id == brand_id, _AMBASSADOR.c.id.in_(wanted)
        )
    )
    return {str(row.id): row.name for row in rows}


def _row(row: Any, names: Mapping[str, str]) -> OrderRow:
    credited = tuple(names[share["ambassador"]] for share in row.shares or () if share["ambassador"] in names)
    return OrderRow(
        row.id,
        row.connector,
        row.external_id,
        row.placed_at,
        row.currency,
        row.charged_minor,
        row.blocked_reason,
        row.outcome,
        row.reason,
        credited,
    )
