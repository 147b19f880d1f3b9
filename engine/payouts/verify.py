"""Checks that the rows and the books say the same: balances against commissions and payouts, heads against rows.

Everything is read from the tables, nothing is taken from the code that wrote them. Call it with one state of the
database in view (`Database.reading`). It streams: memory does not grow with the history.
"""

from collections import Counter
from collections.abc import Iterator
from heapq import merge
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, Select, and_, case, func, select, union_all

from engine.kernel.database import UnitOfWork
from engine.kernel.tables import table_of
from engine.ledger.journal import ACCOUNT, ENTRY, stream, written_id
from engine.ledger.rules import BRAND_KINDS
from engine.ledger.tables import AccountKind
from engine.ledger.verify import MOST, Violation
from engine.payouts.queries import BATCH, LINE, LIVE, PAYOUT
from engine.payouts.rules import OVER, PLACES
from engine.payouts.tables import PayoutState
from engine.rewards.tables import Commission, RewardScope, ScopeState

_SCOPE: Final = table_of(RewardScope)
_COMMISSION: Final = table_of(Commission)


def verify_rows(unit: UnitOfWork, brand_id: UUID) -> tuple[Violation, ...]:
    """Return what is wrong with a brand's commissions and payouts, `MOST` things at most; nothing is an empty tuple."""
    return tuple(islice(_violations(unit, brand_id), MOST))


def _violations(unit: UnitOfWork, brand_id: UUID) -> Iterator[Violation]:
    yield from _balances(unit, brand_id)
    yield from _scopes(unit, brand_id)
    yield from _payouts(unit, brand_id)
    yield from _lines(unit, brand_id)


def _balances(unit: UnitOfWork, brand_id: UUID) -> Iterator[Violation]:
    """Compare what the ambassadors' accounts hold with the sums of their rows by place, ambassador by ambassador."""
    books = ((owner, kind, asset, 1, amount) for owner, kind, asset, amount in stream(unit, _by_account(brand_id)))
    rows = ((owner, kind, asset, -1, amount) for owner, kind, asset, amount in stream(unit, _by_place(unit, brand_id)))
    for owner, group in groupby(merge(books, rows, key=itemgetter(0)), key=itemgetter(0)):
        held: Counter[tuple[str, str]] = Counter()
        owed: Counter[tuple[str, str]] = Counter()
        for _, kind, asset, side, amount in group:
            (held if side > 0 else owed)[kind, asset] += int(amount)
        for kind, asset in sorted(held.keys() | owed.keys()):
            if held[kind, asset] != owed[kind, asset]:
                yield Violation(
                    f"{kind} of ambassador {UUID(owner)} in {asset}",
                    f"the account holds {held[kind, asset]}, the commission rows there sum to {owed[kind, asset]}.",
                )


def _scopes(unit: UnitOfWork, brand_id: UUID) -> Iterator[Violation]:
    for row in stream(unit, _heads(brand_id)):
        where = f"scope {row.id}"
        if int(row.booked) != row.booked_minor:
            yield Violation(where, f"its head says {row.booked_minor} was booked, its rows sum to {row.booked}.")
        if row.rows != row.seq:
            yield Violation(where, f"its head counts {row.seq} rows, there are {row.rows}.")
        paid = int(row.paid)
        if row.state == ScopeState.PENDING and row.live:
            yield Violation(where, f"it is pending, and {row.live} of its rows are in a payout.")
        if row.state == ScopeState.SETTLED and paid != row.rows:
            yield Violation(where, f"it is settled, and {row.rows - paid} of its rows are not paid.")
        if row.state == ScopeState.APPROVED and paid == row.rows > 0:
            yield Violation(where, "it is approved, and all of its rows are paid.")


def _payouts(unit: UnitOfWork, brand_id: UUID) -> Iterator[Violation]:
    for row in stream(unit, _sums(brand_id)):
        where = f"payout {row.reference}"
        if int(row.total) != row.amount_minor:
            yield Violation(where, f"it pays {row.amount_minor}, its lines sum to {row.total}.")
        live = int(row.live)
        if row.state in OVER and live:
            yield Violation(where, f"it is {row.state}, and {live} of its lines are still live.")
        if row.state not in OVER and live != row.rows:
            yield Violation(where, f"it is {row.state}, and {row.rows - live} of its lines are not live.")
        if (row.state == PayoutState.DRAFT) != (row.submitted_at is None):
            yield Violation(where, f"it is {row.state}, its batch was submitted at {row.submitted_at}.")


def _lines(unit: UnitOfWork, brand_id: UUID) -> Iterator[Violation]:
    twice = (
        select(LINE.c.commission_id, func.count())
        .where(LINE.c.brand_id == brand_id, LIVE)
        .group_by(LINE.c.commission_id)
        .having(func.count() > 1)
    )
    for commission_id, times in stream(unit, twice):
        yield Violation(f"commission {commission_id}", f"it is in {times} live payouts.")
    alike = and_(
        LINE.c.amount_minor == _COMMISSION.c.amount_minor,
        PAYOUT.c.ambassador_id == _COMMISSION.c.ambassador_id,
        PAYOUT.c.currency == _COMMISSION.c.asset,
        PAYOUT.c.brand_id == LINE.c.brand_id,
        _COMMISSION.c.brand_id == LINE.c.brand_id,
    )
    unlike = (
        select(LINE.c.commission_id, PAYOUT.c.reference)
        .join_from(LINE, PAYOUT, PAYOUT.c.id == LINE.c.payout_id)
        .join(_COMMISSION, _COMMISSION.c.id == LINE.c.commission_id)
        .where(LINE.c.brand_id == brand_id, ~alike)
    )
    for commission_id, reference in stream(unit, unlike):
        yield Violation(
            f"payout {reference}", f"commission {commission_id} in it has another amount, currency, owner or brand."
        )


def _by_account(brand_id: UUID) -> Select[Any]:
    entries = ENTRY.c
    sides = union_all(
        select(entries.debit_id.label("account"), (-entries.amount_minor).label("amount")).where(
            entries.brand_id == brand_id
        ),
        select(entries.credit_id, entries.amount_minor).where(entries.brand_id == brand_id),
    ).subquery()
    return (
        select(ACCOUNT.c.owner, ACCOUNT.c.kind, ACCOUNT.c.asset, func.sum(sides.c.amount))
        .join_from(sides, ACCOUNT, ACCOUNT.c.id == sides.c.account)
        .where(ACCOUNT.c.kind.not_in([kind.value for kind in BRAND_KINDS]))
        .group_by(ACCOUNT.c.owner, ACCOUNT.c.kind, ACCOUNT.c.asset)
        .order_by(ACCOUNT.c.owner)
    )


def _by_place(unit: UnitOfWork, brand_id: UUID) -> Select[Any]:
    owner, place = written_id(unit.dialect, _COMMISSION.c.ambassador_id), _place()
    return (
        select(owner, place, _COMMISSION.c.asset, func.sum(_COMMISSION.c.amount_minor))
        .select_from(_with_live_payout(_COMMISSION.join(_SCOPE, _SCOPE.c.id == _COMMISSION.c.scope_id)))
        .where(_COMMISSION.c.brand_id == brand_id)
        .group_by(owner, place, _COMMISSION.c.asset)
        .order_by(owner)
    )


def _heads(brand_id: UUID) -> Select[Any]:
    rows = and_(_COMMISSION.c.brand_id == _SCOPE.c.brand_id, _COMMISSION.c.scope_id == _SCOPE.c.id)
    return (
        select(
            _SCOPE.c.id,
            _SCOPE.c.state,
            _SCOPE.c.seq,
            _SCOPE.c.booked_minor,
            func.count(_COMMISSION.c.id).label("rows"),
            func.coalesce(func.sum(_COMMISSION.c.amount_minor), 0).label("booked"),
            func.count(LINE.c.id).label("live"),
            func.coalesce(func.sum(case((PAYOUT.c.state == PayoutState.PAID, 1), else_=0)), 0).label("paid"),
        )
        .select_from(_with_live_payout(_SCOPE.join(_COMMISSION, rows, isouter=True)))
        .where(_SCOPE.c.brand_id == brand_id)
        .group_by(_SCOPE.c.id)
    )


def _sums(brand_id: UUID) -> Select[Any]:
    lines = and_(LINE.c.brand_id == PAYOUT.c.brand_id, LINE.c.payout_id == PAYOUT.c.id)
    return (
        select(
            PAYOUT.c.reference,
            PAYOUT.c.state,
            PAYOUT.c.amount_minor,
            BATCH.c.submitted_at,
            func.count(LINE.c.id).label("rows"),
            func.coalesce(func.sum(LINE.c.amount_minor), 0).label("total"),
            func.coalesce(func.sum(case((LINE.c.live, 1), else_=0)), 0).label("live"),
        )
        .select_from(PAYOUT.join(BATCH, BATCH.c.id == PAYOUT.c.batch_id).join(LINE, lines, isouter=True))
        .where(PAYOUT.c.brand_id == brand_id)
        .group_by(PAYOUT.c.id, BATCH.c.submitted_at)
    )


def _with_live_payout(rows: FromClause) -> FromClause:
    live = and_(LINE.c.brand_id == _COMMISSION.c.brand_id, LINE.c.commission_id == _COMMISSION.c.id, LIVE)
    return rows.join(LINE, live, isouter=True).join(PAYOUT, PAYOUT.c.id == LINE.c.payout_id, isouter=True)


def _place() -> ColumnElement[str]:
    by_payout = [(PAYOUT.c.state == state.value, kind.value) for state, kind in PLACES.items()]
    pending = (_SCOPE.c.state == ScopeState.PENDING, AccountKind.PENDING.value)
    return case(pending, *by_payout, else_=AccountKind.PAYABLE.value)
