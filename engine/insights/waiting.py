"""What intake keeps for somebody to look at: refunds whose order has not come, and notices."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Table, select

from engine.intake.tables import Chargeback, CommerceFact, Notice, Refund, ShopOrder
from engine.kernel.database import UnitOfWork
from engine.kernel.paging import Page, newest_first, page_of
from engine.kernel.tables import table_of

_ORDER: Final = table_of(ShopOrder)
_FACT: Final = table_of(CommerceFact)
_NOTICE: Final = table_of(Notice)


@dataclass(frozen=True, slots=True)
class WaitingClaim:
    """A refund or chargeback whose order has not come. It counts as soon as the order does."""

    kind: str
    connector: str
    account: str
    external_id: str
    order_number: str
    currency: str
    amount_minor: int
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """Something that was accepted and that somebody should know."""

    id: UUID
    kind: str
    order_id: UUID | None
    order_number: str | None
    text: str
    noticed_at: datetime


def waiting_claims(unit: UnitOfWork, brand_id: UUID) -> Iterator[WaitingClaim]:
    """Yield the refunds and chargebacks that wait for their order, by shop and number, a shop's refunds first.

    Reads every claim of the brand and looks for its order by key: for a person who asks, not for a page.
    """
    for kind, table in (("refund", table_of(Refund)), ("chargeback", table_of(Chargeback))):
        yield from _waiting(unit, brand_id, kind, table)


def notices(unit: UnitOfWork, brand_id: UUID, *, cursor: str | None = None, limit: int = 50) -> Page[NoticeRow]:
    """Return a page of notices, newest first.

    Raises:
        InputError: the cursor is not one of ours.
    """
    statement = (
        select(
            _NOTICE.c.id,
            _NOTICE.c.kind,
            _NOTICE.c.order_id,
            _ORDER.c.external_id,
            _NOTICE.c.text,
            _NOTICE.c.noticed_at,
        )
        .outerjoin_from(_NOTICE, _ORDER, _ORDER.c.id == _NOTICE.c.order_id)
        .where(_NOTICE.c.brand_id == brand_id)
    )
    rows = unit.execute(newest_first(statement, [_NOTICE.c.id], cursor=cursor, limit=limit))
    return page_of([NoticeRow(*row) for row in rows], ["id"], limit=limit)


def _waiting(unit: UnitOfWork, brand_id: UUID, kind: str, table: Table) -> Iterator[WaitingClaim]:
    its_order = select(_ORDER.c.id).where(
        _ORDER.c.brand_id == table.c.brand_id,
        _ORDER.c.connector == table.c.connector,
        _ORDER.c.account == table.c.account,
        _ORDER.c.external_id == table.c.order_external_id,
    )
    names = ("connector", "account", "external_id", "order_external_id")
    statement = (
        select(*(table.c[name] for name in names), _FACT.c.payload, _FACT.c.recorded_at)
        .join_from(table, _FACT, _FACT.c.id == table.c.fact_id)
        .where(table.c.brand_id == brand_id, ~its_order.exists())
        .order_by(*(table.c[name] for name in names[:3]))
    )
    for row in unit.execute(statement):
        payload = row.payload
        yield WaitingClaim(
            kind=kind,
            connector=row.connector,
            account=row.account,
            external_id=row.external_id,
            order_number=row.order_external_id,
            currency=payload["currency"],
            amount_minor=payload["amount"],
            recorded_at=row.recorded_at,
        )
