"""Decides payouts: minimums, the freeze, and batches from draft to submitted.

A draft reserves rows and moves no money; it may be thrown away. Submitting draws it again under the lock, since rows
may have been booked, held or frozen since, and only then moves the money in the books.
"""

import secrets
from base64 import b32encode
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert, select, update

from engine.identity.service import record
from engine.kernel.bulk import insert_rows
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import ConflictError, InputError
from engine.kernel.ids import new_id
from engine.kernel.money import MAX_MINOR, parse_currency
from engine.payouts.open import Drawn, draw, preview
from engine.payouts.queries import (
    BATCH,
    FREEZE,
    LINE,
    MINIMUM,
    PAYOUT,
    BatchRow,
    all_of_batch,
    batch_by_id,
    chunks,
    freeze_of,
)
from engine.payouts.rules import default_minimum, given_reason
from engine.payouts.steps import advance, lock_payouts
from engine.payouts.tables import PayoutState


class NothingToPayError(ConflictError):
    """There is nobody to be paid now; the preview tells why, person by person."""

    def __init__(self) -> None:
        super().__init__("There is nothing to pay now. The preview says of everybody why.")


class PayoutsFrozenError(ConflictError):
    """The brand's payouts stand still."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"The brand's payouts are frozen: {reason} Unfreeze them first.")


def set_minimum(unit: UnitOfWork, brand_id: UUID, *, currency: str, minimum_minor: int, by: str) -> None:
    """Set the least that the brand pays out in `currency`, in minor units.

    Raises:
        MoneyError: no such currency.
        InputError: the amount is negative or too large.
    """
    code = parse_currency(currency)
    if not 0 <= minimum_minor <= MAX_MINOR:
        raise InputError("A minimum is neither negative nor beyond what can be paid.", field="minimum_minor")
    lock_payouts(unit, brand_id)
    _put_minimum(unit, brand_id, code, minimum_minor)
    detail = {"minimum_minor": minimum_minor}
    record(unit, brand_id, actor=by, action="payout.minimum", subject=code, detail=detail)


def ensure_minimum(unit: UnitOfWork, brand_id: UUID, *, currency: str) -> None:
    """Give the brand the default minimum for `currency` unless it has one. Called when a program is created.

    Raises:
        MoneyError: no such currency.
    """
    code = parse_currency(currency)
    lock_payouts(unit, brand_id)
    known = select(MINIMUM.c.id).where(MINIMUM.c.brand_id == brand_id, MINIMUM.c.currency == code)
    if unit.execute(known).first() is None:
        _put_minimum(unit, brand_id, code, default_minimum(code))


def freeze_payouts(unit: UnitOfWork, brand_id: UUID, *, reason: str, by: str) -> None:
    """Let no payout be drafted or submitted until further notice. What was submitted can still be confirmed.

    Raises:
        InputError: no reason was given.
    """
    _put_freeze(unit, brand_id, frozen=True, reason=reason, by=by)


def unfreeze_payouts(unit: UnitOfWork, brand_id: UUID, *, reason: str, by: str) -> None:
    """Let payouts go again.

    Raises:
        InputError: no reason was given.
    """
    _put_freeze(unit, brand_id, frozen=False, reason=reason, by=by)


def draft_batch(unit: UnitOfWork, brand_id: UUID, *, rail: str, by: str) -> BatchRow:
    """Reserve every row that can be paid now, one payout per ambassador and currency, and return the batch.

    Raises:
        PayoutsFrozenError: the brand's payouts stand still.
        NothingToPayError: nobody can be paid; nothing was written.
    """
    _lock_unfrozen(unit, brand_id)
    batch_id = new_id()
    columns = {"rail": rail, "created_at": unit.now, "created_by": by, "reference": _next_reference(unit, brand_id)}
    unit.execute(insert(BATCH), [{"id": batch_id, "brand_id": brand_id, "submitted_at": None, **columns}])
    wanted: dict[str, list[UUID]] = {}
    for one in preview(unit, brand_id).payouts:
        wanted.setdefault(one.currency, []).append(one.ambassador_id)
    _draw_into(unit, brand_id, batch_id, wanted)
    return batch_by_id(unit, brand_id, batch_id=batch_id)


def submit_batch(unit: UnitOfWork, brand_id: UUID, *, batch_id: UUID, by: str) -> BatchRow:
    """Draw the batch again and hand it over: its money is in transit from now on. Return the batch.

    Drawn again, a payout may be larger or smaller than in the draft, or gone; nobody is added. A batch that was
    submitted before stays as it is.

    Raises:
        NotFoundError: the brand has no such batch.
        PayoutsFrozenError: the brand's payouts stand still.
        NothingToPayError: nobody in it can be paid any longer; the draft stays.
    """
    lock_payouts(unit, brand_id)
    before = batch_by_id(unit, brand_id, batch_id=batch_id)
    if before.submitted_at is not None:
        return before
    _lock_unfrozen(unit, brand_id)
    wanted: dict[str, list[UUID]] = {}
    for row in all_of_batch(unit, brand_id, batch_id=batch_id):
        wanted.setdefault(row.currency, []).append(row.ambassador_id)
    _empty(unit, brand_id, batch_id)
    _draw_into(unit, brand_id, batch_id, wanted)
    return _submit(unit, brand_id, batch_id, by)


def pay_batch(unit: UnitOfWork, brand_id: UUID, *, rail: str, by: str) -> BatchRow:
    """Draft a batch and submit it in the same transaction, without a look in between; return it.

    Raises:
        PayoutsFrozenError: the brand's payouts stand still.
        NothingToPayError: nobody can be paid; nothing was written.
    """
    return _submit(unit, brand_id, draft_batch(unit, brand_id, rail=rail, by=by).id, by)


def discard_draft(unit: UnitOfWork, brand_id: UUID, *, batch_id: UUID, by: str) -> None:
    """Throw a draft away; its rows are open again. No money had moved.

    Raises:
        NotFoundError: the brand has no such batch.
        ConflictError: it was submitted.
    """
    lock_payouts(unit, brand_id)
    draft = batch_by_id(unit, brand_id, batch_id=batch_id)
    if draft.submitted_at is not None:
        raise ConflictError(f"Batch {draft.reference} was submitted; only a draft can be thrown away.")
    _empty(unit, brand_id, batch_id)
    unit.execute(delete(BATCH).where(BATCH.c.brand_id == brand_id, BATCH.c.id == batch_id))
    record(unit, brand_id, actor=by, action="batch.discard", subject=draft.reference)


def _submit(unit: UnitOfWork, brand_id: UUID, batch_id: UUID, by: str) -> BatchRow:
    payouts = all_of_batch(unit, brand_id, batch_id=batch_id)
    advance(unit, brand_id, payouts, to=PayoutState.SUBMITTED, values={"submitted_at": unit.now})
    this = (BATCH.c.brand_id == brand_id, BATCH.c.id == batch_id)
    unit.execute(update(BATCH).where(*this).values(submitted_at=unit.now))
    after = batch_by_id(unit, brand_id, batch_id=batch_id)
    detail = {"rail": after.rail, "payouts": len(payouts)}
    record(unit, brand_id, actor=by, action="batch.submit", subject=after.reference, detail=detail)
    return after


def _lock_unfrozen(unit: UnitOfWork, brand_id: UUID) -> None:
    lock_payouts(unit, brand_id)
    freeze = freeze_of(unit, brand_id)
    if freeze is not None:
        raise PayoutsFrozenError(freeze.reason)


def _draw_into(unit: UnitOfWork, brand_id: UUID, batch_id: UUID, wanted: dict[str, list[UUID]]) -> None:
    """Write a payout with its lines for each of `wanted` who can be paid; the amount is the sum of the lines."""
    drawn = (
        one for currency in wanted for one in draw(unit, brand_id, currency=currency, ambassadors=wanted[currency])
    )
    empty = True
    for some in chunks(drawn):
        empty = False
        payouts = [_payout(unit, brand_id, batch_id, one) for one in some]
        lines = [
            {
                "id": new_id(),
                "brand_id": brand_id,
                "payout_id": payout["id"],
                "commission_id": commission_id,
                "amount_minor": amount_minor,
                "live": True,
            }
            for payout, one in zip(payouts, some, strict=True)
            for commission_id, amount_minor in one.rows
        ]
        insert_rows(unit, PAYOUT, payouts)
        insert_rows(unit, LINE, lines)
    if empty:
        raise NothingToPayError


def _payout(unit: UnitOfWork, brand_id: UUID, batch_id: UUID, drawn: Drawn) -> dict[str, Any]:
    return {
        "id": new_id(),
        "brand_id": brand_id,
        "batch_id": batch_id,
        "ambassador_id": drawn.proposal.ambassador_id,
        "reference": _new_reference(),
        "currency": drawn.proposal.currency,
        "amount_minor": sum(amount for _, amount in drawn.rows),
        "state": PayoutState.DRAFT.value,
        "created_at": unit.now,
    }


def _empty(unit: UnitOfWork, brand_id: UUID, batch_id: UUID) -> None:
    mine = select(PAYOUT.c.id).where(PAYOUT.c.brand_id == brand_id, PAYOUT.c.batch_id == batch_id)
    unit.execute(delete(LINE).where(LINE.c.brand_id == brand_id, LINE.c.payout_id.in_(mine)))
    unit.execute(delete(PAYOUT).where(PAYOUT.c.brand_id == brand_id, PAYOUT.c.batch_id == batch_id))


def _new_reference() -> str:
    """Return 50 random bits that can be read out over the telephone."""
    return f"GW-{b32encode(secrets.token_bytes(7)).decode()[:10]}"


def _next_reference(unit: UnitOfWork, brand_id: UUID) -> str:
    """Return the month (UTC) and a number that counts up in it. The caller holds the lock."""
    month = f"{unit.now:%Y%m}-"
    used = select(BATCH.c.reference).where(BATCH.c.brand_id == brand_id, BATCH.c.reference.startswith(month))
    numbers = [int(reference.removeprefix(month)) for reference in unit.execute(used).scalars()]
    return f"{month}{max(numbers, default=0) + 1}"


def _put_minimum(unit: UnitOfWork, brand_id: UUID, currency: str, minimum_minor: int) -> None:
    this = (MINIMUM.c.brand_id == brand_id, MINIMUM.c.currency == currency)
    changed = unit.execute(update(MINIMUM).where(*this).values(minimum_minor=minimum_minor))
    if not changed.rowcount:
        row = {"id": new_id(), "brand_id": brand_id, "currency": currency, "minimum_minor": minimum_minor}
        unit.execute(insert(MINIMUM), [row])


def _put_freeze(unit: UnitOfWork, brand_id: UUID, *, frozen: bool, reason: str, by: str) -> None:
    why = given_reason(reason)
    lock_payouts(unit, brand_id)
    latest = select(FREEZE.c.seq, FREEZE.c.frozen).where(FREEZE.c.brand_id == brand_id).order_by(FREEZE.c.seq.desc())
    last = unit.execute(latest.limit(1)).first()
    if frozen == (last is not None and last.frozen):
        return
    row = {"frozen": frozen, "reason": why, "changed_by": by, "changed_at": unit.now}
    seq = last.seq + 1 if last else 1
    unit.execute(insert(FREEZE), [{"id": new_id(), "brand_id": brand_id, "seq": seq, **row}])
    action = "payout.freeze" if frozen else "payout.unfreeze"
    record(unit, brand_id, actor=by, action=action, subject="payouts", detail={"reason": why})
