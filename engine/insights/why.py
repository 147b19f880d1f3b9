"""Why a commission row is what it is: the decision, the steps of the amount, and what the scope booked before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from engine.attribution.tables import Decision
from engine.insights.commissions import CommissionRow, commission
from engine.kernel.database import UnitOfWork
from engine.kernel.money import round_half_even
from engine.kernel.tables import table_of
from engine.plugin_api import Signal
from engine.rewards.tables import Commission

_COMMISSION: Final = table_of(Commission)
_DECISION: Final = table_of(Decision)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the amount: a rate of a base, or a flat amount; `why` is the reward's own word for it."""

    amount_minor: int
    rate_bps: int | None
    base_minor: int | None
    why: str


@dataclass(frozen=True, slots=True)
class Booking:
    """One row of the same scope."""

    id: UUID
    amount_minor: int
    reason: str
    booked_at: datetime


@dataclass(frozen=True, slots=True)
class Credit:
    """Why this person: the decision that holds for the order, and the signal that led to them."""

    outcome: str
    rule: str
    reason: str
    decided_at: datetime
    signal: Signal | None
    code: str | None
    share_ppm: int | None
    candidates: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Why:
    """A commission row with everything that it follows from."""

    row: CommissionRow
    due_minor: int
    before_minor: int
    base_minor: int
    cap_minor: int | None
    share_ppm: int | None
    terms_version: int | None
    steps: tuple[Step, ...]
    credit: Credit | None
    bookings: tuple[Booking, ...]
    record: Mapping[str, Any]

    @property
    def capped(self) -> bool:
        """Whether the cap cut the amount."""
        return self.cap_minor is not None and sum(step.amount_minor for step in self.steps) > self.cap_minor


def why_of(unit: UnitOfWork, brand_id: UUID, *, commission_id: UUID, ambassador_id: UUID | None = None) -> Why:
    """Return why a commission row is what it is; with `ambassador_id`, only of a row of that ambassador.

    Raises:
        NotFoundError: there is no such row of this brand and ambassador.
    """
    row = commission(unit, brand_id, commission_id=commission_id, ambassador_id=ambassador_id)
    stored = unit.execute(
        select(_COMMISSION).where(_COMMISSION.c.brand_id == brand_id, _COMMISSION.c.id == commission_id)
    ).one()
    said = stored.explanation
    return Why(
        row=row,
        due_minor=said["due"],
        before_minor=said["before"],
        base_minor=said["base"],
        cap_minor=said.get("cap"),
        share_ppm=said.get("share_ppm"),
        terms_version=said.get("terms_version"),
        steps=_steps(said["steps"]),
        credit=_credit(unit, brand_id, row),
        bookings=_bookings(unit, brand_id, stored.scope_id),
        record={
            "commission": str(commission_id),
            "scope": str(stored.scope_id),
            "seq": stored.seq,
            "reward": row.reward,
            "subject": row.subject,
            "amount_minor": row.amount_minor,
            "asset": row.currency,
            "ledger_transaction": stored.transaction_id,
            "booked_at": stored.booked_at.isoformat(),
            "due_at": row.due_at.isoformat(),
            "explanation": said,
        },
    )


def _steps(written: Sequence[Mapping[str, Any]]) -> tuple[Step, ...]:
    return tuple(
        Step(
            amount_minor=step["amount"],
            rate_bps=step.get("rate_bps"),
            base_minor=round_half_even(Fraction(step["base"])) if "base" in step else None,
            why=step.get("why", ""),
        )
        for step in written
    )


def _credit(unit: UnitOfWork, brand_id: UUID, row: CommissionRow) -> Credit | None:
    """Return the newest decision about the order. Index: uq_decision_brand_id_order_id_seq."""
    if row.order_id is None:
        return None
    found = select(_DECISION).where(_DECISION.c.brand_id == brand_id, _DECISION.c.order_id == row.order_id)
    decision = unit.execute(found.order_by(_DECISION.c.seq.desc()).limit(1)).one_or_none()
    if decision is None:
        return None
    mine = next((share for share in decision.shares if share.get("ambassador") == str(row.ambassador_id)), None)
    return Credit(
        outcome=decision.outcome,
        rule=decision.rule,
        reason=decision.reason,
        decided_at=decision.decided_at,
        signal=Signal(mine["signal"]) if mine else None,
        code=mine.get("code") if mine else None,
        share_ppm=mine["ppm"] if mine else None,
        candidates=tuple(decision.candidates),
    )


def _bookings(unit: UnitOfWork, brand_id: UUID, scope_id: UUID) -> tuple[Booking, ...]:
    """Return every row of a scope, oldest first. Index: uq_commission_brand_id_scope_id_seq."""
    rows = unit.execute(
        select(_COMMISSION.c.id, _COMMISSION.c.amount_minor, _COMMISSION.c.reason, _COMMISSION.c.booked_at)
        .where(_COMMISSION.c.brand_id == brand_id, _COMMISSION.c.scope_id == scope_id)
        .order_by(_COMMISSION.c.seq)
    )
    return tuple(Booking(*row) for row in rows)
