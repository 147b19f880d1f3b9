"""What an ambassador earned and was paid in a time, line by line, from an opening to a closing balance.

The balance is what was booked less what was paid: it holds pending amounts too. A returned payout stands twice, as the
day it was paid and as the day it came back.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from itertools import accumulate
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Date, Select, String, Uuid, func, literal, null, select, type_coerce, union_all

from engine.kernel.database import UnitOfWork
from engine.kernel.tables import table_of
from engine.payouts.queries import PAYOUT
from engine.payouts.tables import PayoutState
from engine.rewards.tables import Commission

_COMMISSION: Final = table_of(Commission)


class LineKind(StrEnum):
    """What a line of a statement is."""

    BOOKED = "booked"
    PAID = "paid"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One movement. `reason` is a commission's reason, `reference` and `paid_on` a payout's; `id` is of either."""

    at: datetime
    kind: LineKind
    id: UUID
    amount_minor: int
    balance_minor: int
    order_id: UUID | None
    reason: str | None
    reference: str | None
    paid_on: date | None


@dataclass(frozen=True, slots=True)
class Statement:
    """One currency from `since` (included) to `until` (excluded), in minor units."""

    currency: str
    opening_minor: int
    lines: tuple[StatementLine, ...]
    closing_minor: int


def statement(
    unit: UnitOfWork, brand_id: UUID, *, ambassador_id: UUID, since: datetime, until: datetime
) -> tuple[Statement, ...]:
    """Return the statements of an ambassador, one per currency in which anything ever moved before `until`.

    Opening plus all lines is the closing. Payouts stand at the instant they were recorded; `paid_on` is the bank's day.
    """
    movements = _movements(brand_id, ambassador_id).subquery()
    sums = select(movements.c.currency, func.sum(movements.c.amount_minor)).group_by(movements.c.currency)
    opening = {currency: int(amount) for currency, amount in unit.execute(sums.where(movements.c.at < since))}
    within = select(movements).where(movements.c.at >= since, movements.c.at < until)
    by_currency: dict[str, list[Any]] = {currency: [] for currency in opening}
    for row in unit.execute(within.order_by(movements.c.at, movements.c.kind, movements.c.id)):
        by_currency.setdefault(row.currency, []).append(row)
    return tuple(
        _statement(currency, opening.get(currency, 0), by_currency[currency]) for currency in sorted(by_currency)
    )


def _statement(currency: str, opening_minor: int, rows: list[Any]) -> Statement:
    balances = list(accumulate((row.amount_minor for row in rows), initial=opening_minor))
    lines = (
        StatementLine(
            row.at,
            LineKind(row.kind),
            row.id,
            row.amount_minor,
            balance,
            row.order_id,
            row.reason,
            row.reference,
            row.paid_on,
        )
        for row, balance in zip(rows, balances[1:], strict=True)
    )
    return Statement(currency, opening_minor, tuple(lines), balances[-1])


def _movements(brand_id: UUID, ambassador_id: UUID) -> Any:
    # by ix_commission_brand_id_ambassador_id and ix_payout_brand_id_ambassador_id: one ambassador's rows, no others'
    booked = _COMMISSION.c
    commissions = select(
        booked.booked_at.label("at"),
        literal(LineKind.BOOKED.value).label("kind"),
        booked.id,
        booked.asset.label("currency"),
        booked.amount_minor,
        booked.order_id,
        booked.reason,
        type_coerce(null(), String()).label("reference"),
        type_coerce(null(), Date()).label("paid_on"),
    ).where(booked.brand_id == brand_id, booked.ambassador_id == ambassador_id)
    paid = _payouts(LineKind.PAID, PAYOUT.c.finished_at, -PAYOUT.c.amount_minor)
    returned = _payouts(LineKind.RETURNED, PAYOUT.c.returned_at, PAYOUT.c.amount_minor)
    theirs = (PAYOUT.c.brand_id == brand_id, PAYOUT.c.ambassador_id == ambassador_id)
    were_paid = PAYOUT.c.state.in_([PayoutState.PAID, PayoutState.RETURNED])
    return union_all(
        commissions,
        paid.where(*theirs, were_paid),
        returned.where(*theirs, PAYOUT.c.state == PayoutState.RETURNED),
    )


def _payouts(kind: LineKind, at: ColumnElement[Any], amount_minor: ColumnElement[Any]) -> Select[Any]:
    return select(
        at.label("at"),
        literal(kind.value).label("kind"),
        PAYOUT.c.id,
        PAYOUT.c.currency,
        amount_minor.label("amount_minor"),
        type_coerce(null(), Uuid()).label("order_id"),
        type_coerce(null(), String()).label("reason"),
        PAYOUT.c.reference,
        PAYOUT.c.paid_on,
    )
