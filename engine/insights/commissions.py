"""Commission rows as screens list them: with their order, program, person and how far the money got."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, literal, literal_column, select

from engine.identity.tables import Ambassador
from engine.intake.tables import ShopOrder
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import NotFoundError
from engine.kernel.paging import Page, newest_first, page_of
from engine.kernel.tables import table_of
from engine.payouts.tables import Payout, PayoutLine, PayoutState
from engine.programs.tables import Program
from engine.rewards.tables import Commission, RewardScope, ScopeState

_COMMISSION: Final = table_of(Commission)
_SCOPE: Final = table_of(RewardScope)
_LINE: Final = table_of(PayoutLine)
_PAYOUT: Final = table_of(Payout)
_ORDER: Final = table_of(ShopOrder)
_PROGRAM: Final = table_of(Program)
_AMBASSADOR: Final = table_of(Ambassador)


class MoneyState(StrEnum):
    """How far the money of one commission row got."""

    PENDING = "pending"
    HELD = "held"
    READY = "ready"
    ON_ITS_WAY = "on_its_way"
    PAID = "paid"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True)
class CommissionRow:
    """One commission row. `subject` is the order's id or the month; order columns are None for a month."""

    id: UUID
    ambassador_id: UUID
    ambassador_name: str
    program_id: UUID
    program_name: str
    time_zone: str
    reward: str
    subject: str
    order_id: UUID | None
    order_number: str | None
    order_placed_at: datetime | None
    order_minor: int | None
    currency: str
    amount_minor: int
    reason: str
    state: MoneyState
    hold_reason: str | None
    due_at: datetime
    booked_at: datetime


@dataclass(frozen=True, slots=True)
class CommissionFilter:
    """Which rows are wanted; None is all of them."""

    program_id: UUID | None = None
    ambassador_id: UUID | None = None
    state: MoneyState | None = None
    booked_from: datetime | None = None
    booked_before: datetime | None = None


def commissions(
    unit: UnitOfWork, brand_id: UUID, *, wanted: CommissionFilter, cursor: str | None = None, limit: int = 50
) -> Page[CommissionRow]:
    """Return commission rows, newest first.

    Indexes: ix_commission_brand_id_ambassador_id for one ambassador, else the primary key downwards.
    """
    statement = _rows(brand_id).where(*_conditions(wanted))
    found = unit.execute(newest_first(statement, [_COMMISSION.c.id], cursor=cursor, limit=limit))
    return page_of([_row(row) for row in found], ["id"], limit=limit)


def commission(
    unit: UnitOfWork, brand_id: UUID, *, commission_id: UUID, ambassador_id: UUID | None = None
) -> CommissionRow:
    """Return one commission row; with `ambassador_id`, only one of that ambassador.

    Raises:
        NotFoundError: there is no such row of this brand and ambassador.
    """
    statement = _rows(brand_id).where(_COMMISSION.c.id == commission_id)
    if ambassador_id is not None:
        statement = statement.where(_COMMISSION.c.ambassador_id == ambassador_id)
    row = unit.execute(statement).one_or_none()
    if row is None:
        raise NotFoundError("commission", commission_id)
    return _row(row)


def commissions_in_payout(
    unit: UnitOfWork,
    brand_id: UUID,
    *,
    payout_id: UUID,
    ambassador_id: UUID,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[CommissionRow]:
    """Return the rows that a payout holds or held, newest first. Index: ix_payout_line_payout_id."""
    held = select(_LINE.c.commission_id).where(_LINE.c.brand_id == brand_id, _LINE.c.payout_id == payout_id)
    statement = _rows(brand_id).where(_COMMISSION.c.id.in_(held), _COMMISSION.c.ambassador_id == ambassador_id)
    found = unit.execute(newest_first(statement, [_COMMISSION.c.id], cursor=cursor, limit=limit))
    return page_of([_row(row) for row in found], ["id"], limit=limit)


def money_state() -> ColumnElement[str]:
    """Return the expression that says how far a row's money got, over the joins of this file."""
    return case(
        (_PAYOUT.c.state == PayoutState.PAID.value, literal(MoneyState.PAID.value)),
        (
            _PAYOUT.c.state.in_([PayoutState.SUBMITTED.value, PayoutState.UNKNOWN.value]),
            literal(MoneyState.ON_ITS_WAY.value),
        ),
        (_SCOPE.c.hold_reason.is_not(None), literal(MoneyState.HELD.value)),
        (_SCOPE.c.state == ScopeState.PENDING.value, literal(MoneyState.PENDING.value)),
        (_SCOPE.c.state == ScopeState.SETTLED.value, literal(MoneyState.SETTLED.value)),
        else_=literal(MoneyState.READY.value),
    )


def _rows(brand_id: UUID) -> Select[Any]:
    live_line = and_(
        _LINE.c.brand_id == brand_id,
        _LINE.c.commission_id == _COMMISSION.c.id,
        literal_column("payout_line.live"),  # spelled as the partial index spells it
    )
    return (
        select(
            _COMMISSION.c.id,
            _COMMISSION.c.ambassador_id,
            _AMBASSADOR.c.name.label("ambassador_name"),
            _COMMISSION.c.program_id,
            _PROGRAM.c.name.label("program_name"),
            _PROGRAM.c.time_zone,
            _SCOPE.c.reward,
            _SCOPE.c.subject,
            _COMMISSION.c.order_id,
            _ORDER.c.external_id.label("order_number"),
            _ORDER.c.placed_at.label("order_placed_at"),
            _ORDER.c.charged_minor.label("order_minor"),
            _COMMISSION.c.asset.label("currency"),
            _COMMISSION.c.amount_minor,
            _COMMISSION.c.reason,
            money_state().label("state"),
            _SCOPE.c.hold_reason,
            _SCOPE.c.due_at,
            _COMMISSION.c.booked_at,
        )
        .join_from(_COMMISSION, _SCOPE, _SCOPE.c.id == _COMMISSION.c.scope_id)
        .join(_AMBASSADOR, _AMBASSADOR.c.id == _COMMISSION.c.ambassador_id)
        .join(_PROGRAM, _PROGRAM.c.id == _COMMISSION.c.program_id)
        .outerjoin(_ORDER, _ORDER.c.id == _COMMISSION.c.order_id)
        .outerjoin(_LINE, live_line)
        .outerjoin(_PAYOUT, _PAYOUT.c.id == _LINE.c.payout_id)
        .where(_COMMISSION.c.brand_id == brand_id)
    )


def _conditions(wanted: CommissionFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.program_id is not None:
        found.append(_COMMISSION.c.program_id == wanted.program_id)
    if wanted.ambassador_id is not None:
        found.append(_COMMISSION.c.ambassador_id == wanted.ambassador_id)
    if wanted.state is not None:
        found.append(money_state() == wanted.state.value)
    if wanted.booked_from is not None:
        found.append(_COMMISSION.c.booked_at >= wanted.booked_from)
    if wanted.booked_before is not None:
        found.append(_COMMISSION.c.booked_at < wanted.booked_before)
    return found


def _row(row: Any) -> CommissionRow:
    return CommissionRow(**dict(row._mapping) | {"state": MoneyState(row.state)})  # noqa: SLF001 - public in SQLAlchemy
