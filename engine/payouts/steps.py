"""Takes payouts from one state to the next: states, rows, scopes and ledger in one transaction.

Every verb locks the brand's payouts first, so that decisions about money come one after another. A step that was taken
before changes nothing; a step that does not exist raises `InvalidTransitionError` and nothing of the call happens.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, func, select, update

from engine.identity.service import record
from engine.identity.tables import Brand
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import InputError
from engine.kernel.tables import table_of
from engine.ledger.rules import AccountRef, TransactionDraft, move
from engine.ledger.service import post
from engine.outbox.service import Event, append
from engine.payouts.queries import LINE, LIVE, PAYOUT, PayoutRow, all_of_batch, batch, chunks, payouts_by_reference
from engine.payouts.rules import OVER, PLACES, VERBS, check_paid_on, given_reason, is_new_step
from engine.payouts.tables import PayoutState
from engine.rewards.tables import Commission, RewardScope, ScopeState

_BRAND: Final = table_of(Brand)
_SCOPE: Final = table_of(RewardScope)
_COMMISSION: Final = table_of(Commission)


def confirm_payouts(
    unit: UnitOfWork, brand_id: UUID, *, references: Iterable[str], paid_on: date, by: str, reason: str | None = None
) -> tuple[PayoutRow, ...]:
    """Record that payouts were paid on a day, as the bank states it, and return them as they stand then.

    A payout that is unknown is confirmed only with the `reason` from which that is known now.

    Raises:
        NotFoundError: the brand has no payout with one of the references.
        InvalidTransitionError: one of them is a draft, failed or returned.
        InputError: the day cannot be, or one is unknown and no reason was given.
    """
    lock_payouts(unit, brand_id)
    found = payouts_by_reference(unit, brand_id, references=references)
    why = given_reason(reason) if reason and reason.strip() else None
    done = _confirm(unit, brand_id, found, paid_on=paid_on, reason=why)
    detail = {"paid_on": paid_on.isoformat(), "reason": why}
    for row in found:
        if row.state != PayoutState.PAID:
            record(unit, brand_id, actor=by, action="payout.confirm", subject=row.reference, detail=detail)
    return done


def confirm_batch(unit: UnitOfWork, brand_id: UUID, *, reference: str, paid_on: date, by: str) -> tuple[PayoutRow, ...]:
    """Record that every payout of a batch that is still submitted was paid; return all that are paid now.

    Unknown ones stay: somebody has to say of each how it is known. Failed and returned ones stay too.

    Raises:
        NotFoundError: the brand has no such batch.
        InvalidTransitionError: the batch is a draft.
        InputError: the day cannot be.
    """
    lock_payouts(unit, brand_id)
    payouts = all_of_batch(unit, brand_id, batch_id=batch(unit, brand_id, reference=reference).id)
    chosen = [row for row in payouts if row.state in (PayoutState.SUBMITTED, PayoutState.PAID, PayoutState.DRAFT)]
    done = _confirm(unit, brand_id, chosen, paid_on=paid_on, reason=None)
    fresh = sum(row.state == PayoutState.SUBMITTED for row in chosen)
    if fresh:
        detail = {"paid_on": paid_on.isoformat(), "payouts": fresh}
        record(unit, brand_id, actor=by, action="batch.confirm", subject=reference, detail=detail)
    return done


def fail_payout(unit: UnitOfWork, brand_id: UUID, *, reference: str, reason: str, by: str) -> PayoutRow:
    """Record that a payout did not and will not arrive: its rows are open again, for another payout.

    Raises:
        NotFoundError: the brand has no such payout.
        InvalidTransitionError: it is a draft, paid or returned.
        InputError: no reason was given.
    """
    return _step_one(unit, brand_id, reference=reference, to=PayoutState.FAILED, reason=reason, by=by)


def park_payout(unit: UnitOfWork, brand_id: UUID, *, reference: str, reason: str, by: str) -> PayoutRow:
    """Record that nobody knows whether a payout arrived. Its money stays where it is until the rail has been asked.

    Raises:
        NotFoundError: the brand has no such payout.
        InvalidTransitionError: it is not submitted.
        InputError: no reason was given.
    """
    return _step_one(unit, brand_id, reference=reference, to=PayoutState.UNKNOWN, reason=reason, by=by)


def return_payout(unit: UnitOfWork, brand_id: UUID, *, reference: str, reason: str, by: str) -> PayoutRow:
    """Record that a paid payout came back: its rows are open again and its scopes unpaid.

    Raises:
        NotFoundError: the brand has no such payout.
        InvalidTransitionError: it was never paid.
        InputError: no reason was given.
    """
    return _step_one(unit, brand_id, reference=reference, to=PayoutState.RETURNED, reason=reason, by=by)


def lock_payouts(unit: UnitOfWork, brand_id: UUID) -> None:
    """Wait until nobody else decides about this brand's payouts; held until the transaction ends.

    On PostgreSQL the brand's row is locked in the mode that lets others refer to it; on SQLite nobody else writes.
    """
    unit.execute(select(_BRAND.c.id).where(_BRAND.c.id == brand_id).with_for_update(key_share=True))


def advance(
    unit: UnitOfWork, brand_id: UUID, payouts: Sequence[PayoutRow], *, to: PayoutState, values: dict[str, Any]
) -> tuple[PayoutRow, ...]:
    """Take those of `payouts` that are not there yet to state `to`, and return all as they stand then.

    `values` are the columns to set beside the state. The caller holds the lock.

    Raises:
        InvalidTransitionError: one of them cannot go there.
    """
    moving = [row for row in payouts if is_new_step(row.state, to)]
    for some in chunks(moving):
        ids = [row.id for row in some]
        unit.execute(
            update(PAYOUT)
            .where(PAYOUT.c.brand_id == brand_id, PAYOUT.c.id == bindparam("payout_id"))
            .values(state=to.value, **values),
            [{"payout_id": payout_id} for payout_id in ids],
        )
        _post(unit, brand_id, some, to)
        append(unit, brand_id, [_told(row, to) for row in some])
        _settle(unit, brand_id, ids, to=to)
        if to in OVER:
            unit.execute(update(LINE).where(LINE.c.brand_id == brand_id, LINE.c.payout_id.in_(ids)).values(live=False))
    return payouts_by_reference(unit, brand_id, references=[row.reference for row in payouts])


def _confirm(
    unit: UnitOfWork, brand_id: UUID, payouts: Sequence[PayoutRow], *, paid_on: date, reason: str | None
) -> tuple[PayoutRow, ...]:
    for row in payouts:
        if not is_new_step(row.state, PayoutState.PAID):
            continue
        check_paid_on(paid_on, submitted_at=row.submitted_at or unit.now, now=unit.now)
        if row.state == PayoutState.UNKNOWN and reason is None:
            raise InputError(
                f"Payout {row.reference} is unknown.",
                field="reason",
                remedy="Ask the bank or wallet, then confirm it with the reason from which it is known.",
            )
    values = {"finished_at": unit.now, "paid_on": paid_on, "state_reason": reason}
    return advance(unit, brand_id, payouts, to=PayoutState.PAID, values=values)


def _step_one(unit: UnitOfWork, brand_id: UUID, *, reference: str, to: PayoutState, reason: str, by: str) -> PayoutRow:
    why = given_reason(reason)
    lock_payouts(unit, brand_id)
    before = payouts_by_reference(unit, brand_id, references=[reference])
    values: dict[str, Any] = {"state_reason": why}
    if to is PayoutState.FAILED:
        values["finished_at"] = unit.now
    if to is PayoutState.RETURNED:
        values["returned_at"] = unit.now
    (after,) = advance(unit, brand_id, before, to=to, values=values)
    if before[0].state != after.state:
        record(unit, brand_id, actor=by, action=f"payout.{VERBS[to]}", subject=reference, detail={"reason": why})
    return after


def _post(unit: UnitOfWork, brand_id: UUID, payouts: Sequence[PayoutRow], to: PayoutState) -> None:
    drafts = []
    for row in payouts:
        source, target = PLACES[PayoutState(row.state)], PLACES[to]
        if source is target:
            continue
        owner = row.ambassador_id.hex
        entry = move(
            row.amount_minor,
            frm=AccountRef(source, owner=owner, asset=row.currency),
            to=AccountRef(target, owner=owner, asset=row.currency),
        )
        drafts.append(TransactionDraft(f"payout:{row.reference}:{VERBS[to]}", f"{VERBS[to]}_payout", (entry,)))
    post(unit, brand_id, drafts)


def _told(row: PayoutRow, to: PayoutState) -> Event:
    return Event(
        f"payout_{to.value}",
        {
            "payout": str(row.id),
            "reference": row.reference,
            "ambassador": str(row.ambassador_id),
            "amount_minor": row.amount_minor,
            "currency": row.currency,
        },
    )


def _settle(unit: UnitOfWork, brand_id: UUID, ids: Sequence[UUID], *, to: PayoutState) -> None:
    """Settle the scopes of which every row is paid now, or open them again.

    `seq` counts a scope's rows. A row that is booked at the same moment raises it, and then the scope stays open.
    """
    if to not in (PayoutState.PAID, PayoutState.RETURNED):
        return
    touched = (
        select(_COMMISSION.c.scope_id)
        .join_from(LINE, _COMMISSION, _COMMISSION.c.id == LINE.c.commission_id)
        .where(LINE.c.brand_id == brand_id, LINE.c.payout_id.in_(ids))
        .distinct()
    )
    # one by one by primary key, in one order for all writers; a set of them would read all of the brand's scopes
    scopes = [{"scope_id": scope_id} for scope_id in sorted(unit.execute(touched).scalars())]
    each = update(_SCOPE).where(_SCOPE.c.brand_id == brand_id, _SCOPE.c.id == bindparam("scope_id"))
    if to is PayoutState.PAID:
        settled = each.where(_SCOPE.c.state == ScopeState.APPROVED.value, _SCOPE.c.seq == _paid_rows())
        unit.execute(settled.values(state=ScopeState.SETTLED.value), scopes)
    else:
        opened = each.where(_SCOPE.c.state == ScopeState.SETTLED.value)
        unit.execute(opened.values(state=ScopeState.APPROVED.value), scopes)


def _paid_rows() -> Any:
    return (
        select(func.count())
        .select_from(_COMMISSION)
        .join(
            LINE,
            (LINE.c.brand_id == _COMMISSION.c.brand_id) & (LINE.c.commission_id == _COMMISSION.c.id),
        )
        .join(PAYOUT, PAYOUT.c.id == LINE.c.payout_id)
        .where(
            _COMMISSION.c.brand_id == _SCOPE.c.brand_id,
            _COMMISSION.c.scope_id == _SCOPE.c.id,
            LIVE,
            PAYOUT.c.state == PayoutState.PAID,
        )
        .correlate(_SCOPE)
        .scalar_subquery()
    )
