"""Books the difference: what is due minus what is booked, as new immutable rows, for a batch of scopes.

The head of each scope is written only where its `seq` and state are still those that were read; a miss repeats the
unit.
The ledger's key is (scope, seq), so nothing can be booked twice.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, update

from engine.kernel.bulk import insert_rows
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import StaleReadError
from engine.kernel.ids import new_id
from engine.kernel.money import PPM
from engine.kernel.tables import table_of
from engine.ledger.service import AccountKind, AccountRef, TransactionDraft, move, post
from engine.outbox.service import Event, append
from engine.pipeline.owe import Owed
from engine.pipeline.workset import ScopeKey
from engine.rewards.rules import Priced
from engine.rewards.tables import Commission, CommissionReason, RewardScope, ScopeState, SubjectKind

_SCOPE = table_of(RewardScope)
_COMMISSION = table_of(Commission)
_HEAD_COLUMNS = (
    "terms_id",
    "period",
    "booked_minor",
    "base_minor",
    "period_base_minor",
    "period_accrued_minor",
    "due_at",
    "state",
    "hold_reason",
    "dirty",
)


@dataclass(frozen=True, slots=True)
class Booking:
    """A scope's head as it shall be, beside what was read of it (None: the scope is new)."""

    head: Any | None
    scope_id: UUID
    names: Mapping[str, Any]
    columns: Mapping[str, Any]
    priced: Priced | None
    share_ppm: int
    terms_version: int | None

    @property
    def difference_minor(self) -> int:
        """What is to be booked."""
        before = self.head.booked_minor if self.head is not None else 0
        return int(self.columns["booked_minor"]) - before

    @property
    def seq(self) -> int:
        """The head's number after this booking."""
        before = self.head.seq if self.head is not None else 0
        return before + (1 if self.difference_minor else 0)


@dataclass(frozen=True, slots=True)
class Month:
    """A month of an ambassador that must be settled (again)."""

    enrollment_id: UUID
    ambassador_id: UUID
    program_id: UUID
    terms_id: UUID
    reward: str
    month: str
    asset: str
    due_at: datetime


def order_bookings(
    heads: Mapping[ScopeKey, Any], owed: Mapping[ScopeKey, Owed], *, failed: Collection[UUID] = ()
) -> list[Booking]:
    """Return what changes for the scopes of a batch of orders: those that owe, and those that owe nothing any more.

    The scopes of `failed` orders stay as they are: nobody knows what they owe.
    """
    bookings = [_booking(heads.get(key), each) for key, each in sorted(owed.items())]
    bookings += [
        _emptied(head) for key, head in sorted(heads.items()) if key not in owed and head.order_id not in failed
    ]
    return [booking for booking in bookings if booking.head is None or _differs(booking)]


def months_touched(bookings: Iterable[Booking]) -> set[Month]:
    """Return the months that must be settled again, the one an order left as well as the one it came to."""
    found = set()
    for booking in bookings:
        months = {booking.columns["period"]: booking.columns["due_at"]}
        if booking.head is not None:
            months.setdefault(booking.head.period, booking.head.due_at)
        for month, due in months.items():
            if month is not None:
                names = booking.names
                found.add(
                    Month(
                        names["enrollment_id"],
                        names["ambassador_id"],
                        names["program_id"],
                        booking.columns["terms_id"],
                        names["reward"],
                        month,
                        names["asset"],
                        due,
                    )
                )
    return found


def write(unit: UnitOfWork, brand_id: UUID, bookings: Sequence[Booking], *, command: str) -> int:
    """Write heads, ledger, commission rows and events of `bookings`; return how many rows were booked.

    Raises:
        StaleReadError: another writer moved one of the heads; the unit must be repeated.
    """
    _write_heads(unit, brand_id, bookings)
    booked = [booking for booking in bookings if booking.difference_minor]
    if not booked:
        return 0
    transactions = post(unit, brand_id, [_transaction(booking, command) for booking in booked])
    rows = [
        _commission(unit, brand_id, booking, transaction_id=transaction_id)
        for booking, transaction_id in zip(booked, transactions, strict=True)
    ]
    insert_rows(unit, _COMMISSION, rows)
    append(unit, brand_id, [Event("commission_booked", _told(row)) for row in rows])
    return len(booked)


def _booking(head: Any | None, owed: Owed) -> Booking:
    priced = owed.priced
    period = owed.period if priced.period_base_minor or priced.period_accrued_minor else None
    columns = {
        "terms_id": owed.terms.id,
        "period": period,
        "booked_minor": priced.amount_minor,
        "base_minor": priced.base_minor,
        "period_base_minor": priced.period_base_minor,
        "period_accrued_minor": priced.period_accrued_minor,
        "due_at": owed.due_at,
        "hold_reason": owed.hold,
        "dirty": False,
    }
    names = {
        "enrollment_id": owed.enrollment_id,
        "ambassador_id": owed.ambassador_id,
        "program_id": owed.terms.program.id,
        "reward": owed.reward,
        "subject_kind": SubjectKind.ORDER.value,
        "subject": owed.order_id.hex,
        "order_id": owed.order_id,
        "asset": owed.asset,
    }
    return make(head, names, columns=columns, priced=priced, share_ppm=owed.share_ppm, version=owed.terms.version)


def _emptied(head: Any) -> Booking:
    zeros = {"booked_minor": 0, "base_minor": 0, "period_base_minor": 0, "period_accrued_minor": 0}
    kept = {"terms_id": head.terms_id, "period": None, "due_at": head.due_at, "hold_reason": None, "dirty": False}
    return make(head, _names_of(head), columns=zeros | kept, priced=None)


def make(
    head: Any | None,
    names: Mapping[str, Any],
    *,
    columns: Mapping[str, Any],
    priced: Priced | None,
    share_ppm: int = PPM,
    version: int | None = None,
) -> Booking:
    """Return the booking that brings a head to `columns`.

    What is booked after a scope was approved is due at once: it goes to the payable account, and a settled scope has
    something unpaid again. Until then the due date follows the facts.
    """
    state, due = ScopeState.PENDING.value, columns["due_at"]
    if head is not None and head.state != ScopeState.PENDING.value:
        moved = columns["booked_minor"] != head.booked_minor
        state, due = (ScopeState.APPROVED.value if moved else head.state), head.due_at
    scope_id = new_id() if head is None else head.id
    return Booking(head, scope_id, names, {**columns, "state": state, "due_at": due}, priced, share_ppm, version)


def _names_of(head: Any) -> dict[str, Any]:
    names = (
        "enrollment_id",
        "ambassador_id",
        "program_id",
        "reward",
        "subject_kind",
        "subject",
        "order_id",
        "asset",
    )
    return {name: getattr(head, name) for name in names}


def _differs(booking: Booking) -> bool:
    return any(getattr(booking.head, name) != booking.columns[name] for name in _HEAD_COLUMNS)


def _write_heads(unit: UnitOfWork, brand_id: UUID, bookings: Sequence[Booking]) -> None:
    new = [
        {"id": each.scope_id, "brand_id": brand_id, "seq": each.seq, **each.names, **each.columns}
        for each in bookings
        if each.head is None
    ]
    changed = [
        {
            "scope_id": each.scope_id,
            "read_seq": each.head.seq,
            "read_state": each.head.state,
            "seq": each.seq,
            **each.columns,
        }
        for each in bookings
        if each.head is not None
    ]
    if new:
        insert_rows(unit, _SCOPE, new)
    if changed:
        as_read = (_SCOPE.c.seq == bindparam("read_seq"), _SCOPE.c.state == bindparam("read_state"))
        statement = update(_SCOPE).where(_SCOPE.c.id == bindparam("scope_id"), *as_read)
        written = unit.execute(
            statement.values({name: bindparam(name) for name in ("seq", *_HEAD_COLUMNS)}), changed
        ).rowcount
        if written != len(changed):
            raise StaleReadError("Another writer moved a scope that was read. Read it again.")


def _transaction(booking: Booking, command: str) -> TransactionDraft:
    owner, asset = booking.names["ambassador_id"].hex, booking.names["asset"]
    pending = booking.columns["state"] == ScopeState.PENDING.value
    kind = AccountKind.PENDING if pending else AccountKind.PAYABLE
    held_in = AccountRef(kind, owner=owner, asset=asset)
    entry = move(booking.difference_minor, frm=AccountRef(AccountKind.EXPENSE, asset=asset), to=held_in)
    return TransactionDraft(f"{booking.scope_id.hex}:{booking.seq}", command, (entry,))


def _commission(unit: UnitOfWork, brand_id: UUID, booking: Booking, *, transaction_id: int) -> dict[str, Any]:
    names = booking.names
    return {
        "id": new_id(),
        "brand_id": brand_id,
        "scope_id": booking.scope_id,
        "seq": booking.seq,
        "ambassador_id": names["ambassador_id"],
        "program_id": names["program_id"],
        "order_id": names["order_id"],
        "asset": names["asset"],
        "amount_minor": booking.difference_minor,
        "reason": _reason(booking).value,
        "explanation": _explanation(booking),
        "transaction_id": transaction_id,
        "booked_at": unit.now,
    }


def _reason(booking: Booking) -> CommissionReason:
    if booking.names["subject_kind"] == SubjectKind.PERIOD.value:
        return CommissionReason.SETTLEMENT
    if booking.difference_minor < 0:
        return CommissionReason.REVERSAL
    return CommissionReason.ACCRUAL if booking.seq == 1 else CommissionReason.CORRECTION


def _explanation(booking: Booking) -> dict[str, Any]:
    """Return how the amount came about: what is due now, step by step, and what was booked before."""
    said: dict[str, Any] = {
        "due": booking.columns["booked_minor"],
        "before": booking.head.booked_minor if booking.head is not None else 0,
        "base": booking.columns["base_minor"],
        "steps": list(booking.priced.steps) if booking.priced else [],
    }
    if booking.priced and booking.priced.cap_minor is not None:
        said["cap"] = booking.priced.cap_minor
    if booking.priced and booking.priced.together_minor is not None:
        said["together"] = booking.priced.together_minor
    if booking.share_ppm != PPM:
        said["share_ppm"] = booking.share_ppm
    if booking.terms_version is not None:
        said["terms_version"] = booking.terms_version
    return said


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "commission": str(row["id"]),
        "ambassador": str(row["ambassador_id"]),
        "amount_minor": row["amount_minor"],
        "asset": row["asset"],
    }
