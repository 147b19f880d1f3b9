"""Makes recorded payouts again: each takes what is open, at that moment of the replay, in the scopes that it paid."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, insert, select

from engine.intake.tables import ShopOrder
from engine.kernel.database import UnitOfWork
from engine.kernel.ids import new_id
from engine.kernel.tables import table_of
from engine.ledger.journal import stream
from engine.payouts.queries import LINE, LIVE, PAYOUT, chunks, payouts_by_reference
from engine.payouts.steps import advance
from engine.payouts.tables import PayoutState
from engine.pipeline.workset import ScopeKey
from engine.rewards.tables import Commission, RewardScope

_SCOPE: Final = table_of(RewardScope)
_COMMISSION: Final = table_of(Commission)
_ORDER: Final = table_of(ShopOrder)
OrderName = tuple[str, str, str]
"""Connector, account and the shop's number."""


def draw_again(records: UnitOfWork, books: UnitOfWork, *, brand_id: UUID, payouts: Sequence[Any]) -> None:
    """Write recorded payouts into `books`, submitted where they were, and parked where nobody knows of them.

    A payout is named after its reference and takes the rows that `books` holds, so that its amount shows what the
    replay came to. One that would pay nothing is left out; comparing names it.
    """
    rows: dict[UUID, list[tuple[UUID, int]]] = {payout.id: [] for payout in payouts}
    for some in chunks(stream(records, _recorded(brand_id, rows))):
        for payout_id, commission_id, minor in _open_rows(books, brand_id, some):
            rows[payout_id].append((commission_id, minor))
    made = [_draft(payout, rows[payout.id]) for payout in payouts if sum(minor for _, minor in rows[payout.id]) > 0]
    if not made:
        return
    books.execute(insert(PAYOUT), made)
    books.execute(insert(LINE), [_line(brand_id, one["id"], *row) for one in made for row in rows[one["id"]]])
    submitted = [payout for payout in payouts if payout.submitted_at is not None]
    go_on(books, brand_id, payouts=submitted, to=PayoutState.SUBMITTED, at=books.now)
    unknown = [payout for payout in submitted if payout.state == PayoutState.UNKNOWN]
    go_on(books, brand_id, payouts=unknown, to=PayoutState.UNKNOWN, at=books.now)


def go_on(books: UnitOfWork, brand_id: UUID, *, payouts: Sequence[Any], to: PayoutState, at: datetime) -> None:
    """Take payouts to their next state, those that the replay could make."""
    columns = {
        PayoutState.SUBMITTED: "submitted_at",
        PayoutState.PAID: "finished_at",
        PayoutState.FAILED: "finished_at",
        PayoutState.RETURNED: "returned_at",
    }
    wanted = {payout.reference for payout in payouts}
    known = select(PAYOUT.c.reference).where(PAYOUT.c.brand_id == brand_id, PAYOUT.c.reference.in_(wanted))
    references = books.execute(known).scalars().all()
    values = {columns[to]: at} if to in columns else {}
    advance(books, brand_id, payouts_by_reference(books, brand_id, references=references), to=to, values=values)


def _recorded(brand_id: UUID, payout_ids: Collection[UUID]) -> Select[Any]:
    """Return the statement for the scopes that payouts hold or held, each with its natural name."""
    return (
        select(
            LINE.c.payout_id,
            _SCOPE.c.enrollment_id,
            _SCOPE.c.reward,
            _SCOPE.c.subject,
            _SCOPE.c.asset,
            _SCOPE.c.order_id,
            _ORDER.c.connector,
            _ORDER.c.account,
            _ORDER.c.external_id,
        )
        .join_from(LINE, _COMMISSION, _COMMISSION.c.id == LINE.c.commission_id)
        .join(_SCOPE, _SCOPE.c.id == _COMMISSION.c.scope_id)
        .outerjoin(_ORDER, _ORDER.c.id == _SCOPE.c.order_id)
        .where(LINE.c.brand_id == brand_id, LINE.c.payout_id.in_(payout_ids))
        .distinct()
    )


def _open_rows(books: UnitOfWork, brand_id: UUID, scopes: Sequence[Any]) -> Iterator[tuple[UUID, UUID, int]]:
    """Yield (payout, commission, minor units) of the rows of these scopes that are in no live payout."""
    numbers = _order_ids(books, brand_id, {_name(scope) for scope in scopes if scope.order_id})
    wanted: dict[ScopeKey, UUID] = {}
    for scope in scopes:
        order_id = numbers.get(_name(scope)) if scope.order_id else None
        subject = scope.subject if not scope.order_id else order_id.hex if order_id else ""
        wanted[scope.enrollment_id, scope.reward, subject, scope.asset] = scope.payout_id
    months = [scope for scope in scopes if not scope.order_id]
    found = list(books.execute(_unpaid(brand_id, _SCOPE.c.order_id.in_(numbers.values()))))
    if months:
        named = and_(
            _SCOPE.c.enrollment_id.in_({month.enrollment_id for month in months}),
            _SCOPE.c.reward.in_({month.reward for month in months}),
            _SCOPE.c.subject.in_({month.subject for month in months}),
        )
        found += books.execute(_unpaid(brand_id, named))
    for row in found:
        payout_id = wanted.get((row.enrollment_id, row.reward, row.subject, row.asset))
        if payout_id is not None:
            yield payout_id, row.id, row.amount_minor


def _unpaid(brand_id: UUID, scopes: ColumnElement[bool]) -> Select[Any]:
    """Indexes: ix_reward_scope_brand_id_order_id or the scope's key, uq_commission…, uq_payout_line_live."""
    paid = select(LINE.c.id).where(LINE.c.brand_id == brand_id, LINE.c.commission_id == _COMMISSION.c.id, LIVE)
    columns = (_SCOPE.c.enrollment_id, _SCOPE.c.reward, _SCOPE.c.subject, _SCOPE.c.asset)
    rows = (_COMMISSION.c.brand_id == brand_id) & (_COMMISSION.c.scope_id == _SCOPE.c.id)
    return (
        select(*columns, _COMMISSION.c.id, _COMMISSION.c.amount_minor)
        .join_from(_SCOPE, _COMMISSION, rows)
        .where(_SCOPE.c.brand_id == brand_id, scopes, ~paid.exists())
    )


def _order_ids(books: UnitOfWork, brand_id: UUID, names: Collection[OrderName]) -> dict[OrderName, UUID]:
    found: dict[OrderName, UUID] = {}
    for connector, account in {name[:2] for name in names}:
        statement = select(_ORDER.c.external_id, _ORDER.c.id).where(
            _ORDER.c.brand_id == brand_id,
            _ORDER.c.connector == connector,
            _ORDER.c.account == account,
            _ORDER.c.external_id.in_([name[2] for name in names if name[:2] == (connector, account)]),
        )
        found |= {(connector, account, number): order_id for number, order_id in books.execute(statement)}
    return found


def _name(scope: Any) -> OrderName:
    return scope.connector, scope.account, scope.external_id


def _draft(payout: Any, rows: Sequence[tuple[UUID, int]]) -> dict[str, Any]:
    columns = {column.name: payout._mapping[column] for column in PAYOUT.c}  # noqa: SLF001 - public in SQLAlchemy
    later = dict.fromkeys(("submitted_at", "finished_at", "paid_on", "returned_at", "state_reason"))
    return {**columns, **later, "state": PayoutState.DRAFT.value, "amount_minor": sum(minor for _, minor in rows)}


def _line(brand_id: UUID, payout_id: UUID, commission_id: UUID, minor: int) -> dict[str, Any]:
    names = {"payout_id": payout_id, "commission_id": commission_id, "amount_minor": minor, "live": True}
    return {"id": new_id(), "brand_id": brand_id, **names}
