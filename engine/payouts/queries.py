"""Reads of batches, payouts, minimums and the freeze, as plain rows for screens and commands."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any, Final, TypeVar
from uuid import UUID

from sqlalchemy import Select, func, select, text

from engine.identity.tables import Ambassador
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import NotFoundError
from engine.kernel.paging import Page, newest_first, page_of
from engine.kernel.tables import table_of
from engine.payouts.tables import Payout, PayoutBatch, PayoutFreeze, PayoutLine, PayoutMinimum

T = TypeVar("T")

BATCH: Final = table_of(PayoutBatch)
PAYOUT: Final = table_of(Payout)
LINE: Final = table_of(PayoutLine)
MINIMUM: Final = table_of(PayoutMinimum)
FREEZE: Final = table_of(PayoutFreeze)
LIVE: Final = text("payout_line.live")
"""Spelled as the partial index spells it: SQLite would not use it for `live = 1`."""
_AMBASSADOR: Final = table_of(Ambassador)


@dataclass(frozen=True, slots=True)
class FreezeRow:
    """That a brand's payouts stand still."""

    reason: str
    changed_by: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class BatchTotal:
    """What a batch holds in one currency and state."""

    currency: str
    state: str
    payouts: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A batch with what became of it."""

    id: UUID
    reference: str
    rail: str
    created_at: datetime
    created_by: str
    submitted_at: datetime | None
    totals: tuple[BatchTotal, ...]


@dataclass(frozen=True, slots=True)
class PayoutRow:
    """A payout with its recipient's name and its batch's reference."""

    id: UUID
    batch_id: UUID
    batch_reference: str
    ambassador_id: UUID
    ambassador_name: str
    reference: str
    currency: str
    amount_minor: int
    state: str
    state_reason: str | None
    created_at: datetime
    submitted_at: datetime | None
    finished_at: datetime | None
    paid_on: date | None
    returned_at: datetime | None


def minimums(unit: UnitOfWork, brand_id: UUID) -> dict[str, int]:
    """Return the least that the brand pays out, per currency in minor units. Others are not paid out."""
    rows = unit.execute(select(MINIMUM.c.currency, MINIMUM.c.minimum_minor).where(MINIMUM.c.brand_id == brand_id))
    return {row.currency: row.minimum_minor for row in rows}


def freeze_of(unit: UnitOfWork, brand_id: UUID) -> FreezeRow | None:
    """Return why the brand's payouts stand still, or None when they do not."""
    latest = select(FREEZE).where(FREEZE.c.brand_id == brand_id).order_by(FREEZE.c.seq.desc()).limit(1)
    row = unit.execute(latest).first()
    return FreezeRow(row.reason, row.changed_by, row.changed_at) if row and row.frozen else None


def batches(unit: UnitOfWork, brand_id: UUID, *, cursor: str | None = None, limit: int = 50) -> Page[BatchRow]:
    """Return the brand's batches, newest first."""
    statement = newest_first(_batches(brand_id), [BATCH.c.id], cursor=cursor, limit=limit)
    return page_of(_with_totals(unit, brand_id, unit.execute(statement).all()), ["id"], limit=limit)


def batch(unit: UnitOfWork, brand_id: UUID, *, reference: str) -> BatchRow:
    """Return one batch by its reference.

    Raises:
        NotFoundError: the brand has no such batch.
    """
    return _one_batch(unit, brand_id, _batches(brand_id).where(BATCH.c.reference == reference), reference)


def batch_by_id(unit: UnitOfWork, brand_id: UUID, *, batch_id: UUID) -> BatchRow:
    """Return one batch by its id.

    Raises:
        NotFoundError: the brand has no such batch.
    """
    return _one_batch(unit, brand_id, _batches(brand_id).where(BATCH.c.id == batch_id), batch_id)


def payouts_of_batch(
    unit: UnitOfWork, brand_id: UUID, *, batch_id: UUID, cursor: str | None = None, limit: int = 50
) -> Page[PayoutRow]:
    """Return a page of the payouts of a batch, newest first."""
    return _page(unit, _payouts(brand_id).where(PAYOUT.c.batch_id == batch_id), cursor=cursor, limit=limit)


def payouts_of_ambassador(
    unit: UnitOfWork, brand_id: UUID, *, ambassador_id: UUID, cursor: str | None = None, limit: int = 50
) -> Page[PayoutRow]:
    """Return a page of the payouts to an ambassador, newest first, by `ix_payout_brand_id_ambassador_id`."""
    return _page(unit, _payouts(brand_id).where(PAYOUT.c.ambassador_id == ambassador_id), cursor=cursor, limit=limit)


def payout_of_ambassador(unit: UnitOfWork, brand_id: UUID, *, ambassador_id: UUID, payout_id: UUID) -> PayoutRow:
    """Return one payout to an ambassador.

    Raises:
        NotFoundError: the brand made no such payout to this ambassador.
    """
    statement = _payouts(brand_id).where(PAYOUT.c.id == payout_id, PAYOUT.c.ambassador_id == ambassador_id)
    row = unit.execute(statement).first()
    if row is None:
        raise NotFoundError("payout", payout_id)
    return PayoutRow(*row)


def all_of_batch(unit: UnitOfWork, brand_id: UUID, *, batch_id: UUID) -> tuple[PayoutRow, ...]:
    """Return every payout of a batch, ordered by reference."""
    rows = unit.execute(_payouts(brand_id).where(PAYOUT.c.batch_id == batch_id))
    return tuple(sorted((PayoutRow(*row) for row in rows), key=lambda row: row.reference))


def payouts_by_reference(unit: UnitOfWork, brand_id: UUID, *, references: Iterable[str]) -> tuple[PayoutRow, ...]:
    """Return the payouts with these references, ordered by reference.

    Raises:
        NotFoundError: the brand has no payout with one of them.
    """
    wanted = sorted(set(references))
    found: list[PayoutRow] = []
    for some in chunks(wanted):
        statement = _payouts(brand_id).where(PAYOUT.c.reference.in_(some)).order_by(PAYOUT.c.reference)
        found.extend(PayoutRow(*row) for row in unit.execute(statement))
    missing = set(wanted) - {row.reference for row in found}
    if missing:
        raise NotFoundError("payout", min(missing))
    return tuple(found)


def payout_of_commission(unit: UnitOfWork, brand_id: UUID, *, commission_id: UUID) -> PayoutRow | None:
    """Return the live payout that holds a commission row, or None while it waits. By `uq_payout_line_live`."""
    statement = (
        _payouts(brand_id)
        .join(LINE, (LINE.c.brand_id == PAYOUT.c.brand_id) & (LINE.c.payout_id == PAYOUT.c.id))
        .where(LINE.c.brand_id == brand_id, LINE.c.commission_id == commission_id, LIVE)
    )
    row = unit.execute(statement).first()
    return PayoutRow(*row) if row else None


def commissions_of(unit: UnitOfWork, brand_id: UUID, *, payout_id: UUID) -> tuple[tuple[UUID, int], ...]:
    """Return which commission rows a payout holds or held, as (id, amount in minor units)."""
    statement = select(LINE.c.commission_id, LINE.c.amount_minor).where(
        LINE.c.brand_id == brand_id, LINE.c.payout_id == payout_id
    )
    return tuple((commission, amount) for commission, amount in unit.execute(statement.order_by(LINE.c.commission_id)))


def chunks(many: Iterable[T]) -> Iterator[list[T]]:
    """Yield `many` in lists of at most 500: below every database's limit of parameters."""
    remaining = iter(many)
    while some := list(islice(remaining, 500)):
        yield some


def _page(unit: UnitOfWork, statement: Select[Any], *, cursor: str | None, limit: int) -> Page[PayoutRow]:
    rows = unit.execute(newest_first(statement, [PAYOUT.c.id], cursor=cursor, limit=limit))
    return page_of([PayoutRow(*row) for row in rows], ["id"], limit=limit)


def _payouts(brand_id: UUID) -> Select[Any]:
    columns = PAYOUT.c
    return (
        select(
            columns.id,
            columns.batch_id,
            BATCH.c.reference,
            columns.ambassador_id,
            _AMBASSADOR.c.name,
            columns.reference,
            columns.currency,
            columns.amount_minor,
            columns.state,
            columns.state_reason,
            columns.created_at,
            columns.submitted_at,
            columns.finished_at,
            columns.paid_on,
            columns.returned_at,
        )
        .join_from(PAYOUT, BATCH, BATCH.c.id == columns.batch_id)
        .join(_AMBASSADOR, _AMBASSADOR.c.id == columns.ambassador_id)
        .where(columns.brand_id == brand_id)
    )


def _batches(brand_id: UUID) -> Select[Any]:
    columns = BATCH.c
    return select(
        columns.id, columns.reference, columns.rail, columns.created_at, columns.created_by, columns.submitted_at
    ).where(columns.brand_id == brand_id)


def _one_batch(unit: UnitOfWork, brand_id: UUID, statement: Select[Any], key: object) -> BatchRow:
    found = _with_totals(unit, brand_id, unit.execute(statement).all())
    if not found:
        raise NotFoundError("batch", key)
    return found[0]


def _with_totals(unit: UnitOfWork, brand_id: UUID, rows: Iterable[Any]) -> list[BatchRow]:
    rows = list(rows)
    columns = PAYOUT.c
    statement = (
        select(columns.batch_id, columns.currency, columns.state, func.count(), func.sum(columns.amount_minor))
        .where(columns.brand_id == brand_id, columns.batch_id.in_([row.id for row in rows]))
        .group_by(columns.batch_id, columns.currency, columns.state)
        .order_by(columns.currency, columns.state)
    )
    totals: dict[UUID, list[BatchTotal]] = {row.id: [] for row in rows}
    for batch_id, currency, state, payouts, amount in unit.execute(statement):
        totals[batch_id].append(BatchTotal(currency, state, payouts, int(amount)))
    return [
        BatchRow(
            row.id,
            row.reference,
            row.rail,
            row.created_at,
            row.created_by,
            row.submitted_at,
            tuple(totals[row.id]),
        )
        for row in rows
    ]
