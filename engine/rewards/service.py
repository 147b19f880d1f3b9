"""Approves what is due, and holds what must wait."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select, text, update

from engine.kernel.canonical import content_hash
from engine.kernel.database import UnitOfWork
from engine.kernel.keyed import among
from engine.kernel.tables import table_of
from engine.ledger.service import AccountKind, AccountRef, EntryDraft, TransactionDraft, move, post
from engine.rewards.tables import RewardScope, ScopeState

_SCOPE = table_of(RewardScope)
AT_ONCE = 1_000
BLOCKED = "blocked: "
DIRTY: Final = text("reward_scope.dirty")
PENDING: Final = text("reward_scope.state = 'pending'")
"""Spelled as the partial indexes spell them: SQLite would not use these for `dirty = 1` or a state in a parameter."""


def approve_due(unit: UnitOfWork, brand_id: UUID, *, limit: int = AT_ONCE) -> int:
    """Approve scopes whose due date has come and that nothing holds; return how many (0: nothing is left to do).

    One ledger transaction moves the sum of each ambassador and asset from pending to payable. A scope with nothing
    booked is settled at once. A month that must still be settled waits.
    """
    rows = _due(unit, brand_id, limit)
    if not rows:
        return 0
    entries = tuple(_entries(rows))
    if entries:
        key = f"approve:{content_hash([[row.id.hex, row.seq] for row in rows])}"
        post(unit, brand_id, [TransactionDraft(key, "approve", entries)])
    _put(unit, [row.id for row in rows if row.seq], ScopeState.APPROVED)
    _put(unit, [row.id for row in rows if not row.seq], ScopeState.SETTLED)
    return len(rows)


def hold_orders(unit: UnitOfWork, brand_id: UUID, order_ids: Collection[UUID], *, reason: str) -> None:
    """Keep every scope of these orders from being approved and paid. Index: ix_reward_scope_brand_id_order_id."""
    statement = update(_SCOPE).where(_SCOPE.c.brand_id == brand_id, _SCOPE.c.order_id.in_(sorted(order_ids)))
    unit.execute(statement.values(hold_reason=f"{BLOCKED}{reason}"[:300]))


def release_months(unit: UnitOfWork, brand_id: UUID) -> int:
    """Let blocked months be settled again; return how many. Index: ix_reward_scope_dirty."""
    blocked = (_SCOPE.c.brand_id == brand_id, DIRTY, _SCOPE.c.hold_reason.is_not(None))
    return int(unit.execute(update(_SCOPE).where(*blocked).values(hold_reason=None)).rowcount)


def _due(unit: UnitOfWork, brand_id: UUID, limit: int) -> Sequence[Any]:
    """Index: ix_reward_scope_pending. On PostgreSQL rows that somebody writes at this moment are left for later."""
    columns = (_SCOPE.c.id, _SCOPE.c.seq, _SCOPE.c.ambassador_id, _SCOPE.c.asset, _SCOPE.c.booked_minor)
    statement = (
        select(*columns)
        .where(
            _SCOPE.c.brand_id == brand_id,
            PENDING,
            _SCOPE.c.due_at <= unit.now,
            _SCOPE.c.hold_reason.is_(None),
            _SCOPE.c.dirty.is_(False),
        )
        .order_by(_SCOPE.c.due_at, _SCOPE.c.id)
        .limit(limit)
    )
    if unit.dialect == "postgresql":
        statement = statement.with_for_update(skip_locked=True)
    rows: Sequence[Any] = unit.execute(statement).all()
    return rows


def _put(unit: UnitOfWork, ids: Collection[UUID], state: ScopeState) -> None:
    if ids:
        unit.execute(update(_SCOPE).where(among(unit, _SCOPE.c.id, ids)).values(state=state.value))


def _entries(rows: Iterable[Any]) -> Iterable[EntryDraft]:
    sums: dict[tuple[str, str], int] = {}
    for row in rows:
        owner = (row.ambassador_id.hex, row.asset)
        sums[owner] = sums.get(owner, 0) + row.booked_minor
    for (owner_id, asset), minor in sorted(sums.items()):
        if minor:
            pending = AccountRef(AccountKind.PENDING, owner=owner_id, asset=asset)
            yield move(minor, frm=pending, to=AccountRef(AccountKind.PAYABLE, owner=owner_id, asset=asset))
