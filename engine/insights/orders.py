"""Orders that wait for somebody: blocked ones, with the reason."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select

from engine.intake.tables import ShopOrder
from engine.kernel.database import UnitOfWork
from engine.kernel.paging import Page, newest_first, page_of
from engine.kernel.tables import table_of

_ORDER: Final = table_of(ShopOrder)


@dataclass(frozen=True, slots=True)
class BlockedOrder:
    """An order that could not be worked out, and why. It holds its commission and never becomes zero."""

    id: UUID
    connector: str
    number: str
    placed_at: datetime
    currency: str
    charged_minor: int
    reason: str


def blocked_orders(
    unit: UnitOfWork, brand_id: UUID, *, cursor: str | None = None, limit: int = 50
) -> Page[BlockedOrder]:
    """Return a page of the brand's blocked orders, newest first. Index: ix_shop_order_blocked."""
    statement = select(
        _ORDER.c.id,
        _ORDER.c.connector,
        _ORDER.c.external_id,
        _ORDER.c.placed_at,
        _ORDER.c.currency,
        _ORDER.c.charged_minor,
        _ORDER.c.blocked_reason,
    ).where(_ORDER.c.brand_id == brand_id, _ORDER.c.blocked_reason.is_not(None))
    rows = unit.execute(newest_first(statement, [_ORDER.c.id], cursor=cursor, limit=limit))
    return page_of([BlockedOrder(*row) for row in rows], ["id"], limit=limit)


def blocked_order(unit: UnitOfWork, brand_id: UUID, *, order_id: UUID) -> BlockedOrder | None:
    """Return one blocked order, or None where the brand has no such order or it is not blocked."""
    statement = select(
        _ORDER.c.id,
        _ORDER.c.connector,
        _ORDER.c.external_id,
        _ORDER.c.placed_at,
        _ORDER.c.currency,
        _ORDER.c.charged_minor,
        _ORDER.c.blocked_reason,
    ).where(_ORDER.c.brand_id == brand_id, _ORDER.c.id == order_id, _ORDER.c.blocked_reason.is_not(None))
    row = unit.execute(statement).one_or_none()
    return BlockedOrder(*row) if row else None
