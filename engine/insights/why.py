"""Why a commission row is what it is: the decision, the steps of the amount, and what the scope booked before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any, Final
from uuid import UUID

from sqlalchemy import and_, select

from engine.attribution.tables import Decision
from engine.insights.candidates import CandidateStory, candidate_stories
from engine.insights.clicked import ClickStory, click_stories
from engine.insights.commissions import CommissionRow, commission
from engine.insights.said import Said
from engine.insights.sentences import Cause, changed, earned, settled, settled_again
from engine.kernel.database import UnitOfWork
from engine.kernel.money import Currency, Money, Rate, round_half_even
from engine.kernel.tables import table_of
from engine.payouts.queries import LINE, LIVE, PAYOUT
from engine.plugin_api import Signal
from engine.rewards.tables import Commission, CommissionReason

_COMMISSION: Final = table_of(Commission)
_DECISION: Final = table_of(Decision)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the amount: a rate of a base, or a flat amount; `why` is the reward's own word for it.

    `base` and `exact` are what was before rounding, in minor units; both None where nothing was to be rounded.
    """

    amount_minor: int
    rate_bps: int | None
    base_minor: int | None
    why: str
    base: Fraction | None = None
    exact: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Booking:
    """One row of the same scope, with its ledger transaction and the payout that holds it."""

    id: UUID
    amount_minor: int
    reason: str
    booked_at: datetime
    ledger_transaction: int
    payout: str | None
    payout_state: str | None


@dataclass(frozen=True, slots=True)
class Credit:
    """Why this person: the decision that holds for the order, and the signal that led to them, with its click.

    `considered` is everybody whom a signal pointed to: for staff, empty where an ambassador asks.
    """

    outcome: str
    rule: str
    reason: str
    decided_at: datetime
    signal: Signal | None
    code: str | None
    share_ppm: int | None
    candidates: tuple[Mapping[str, Any], ...]
    click: ClickStory | None = None
    considered: tuple[CandidateStory, ...] = ()


@dataclass(frozen=True, slots=True)
class Why:
    """A commission row with everything that it follows from.

    Where the order is shared, `together_minor` is what all who share it are owed, of which `due_minor` is a part.
    """

    row: CommissionRow
    due_minor: int
    before_minor: int
    base_minor: int
    cap_minor: int | None
    share_ppm: int | None
    together_minor: int | None
    terms_version: int | None
    steps: tuple[Step, ...]
    credit: Credit | None
    bookings: tuple[Booking, ...]
    record: Mapping[str, Any]

    @property
    def capped(self) -> bool:
        """Whether the cap cut the amount."""
        return self.cap_minor is not None and sum(step.amount_minor for step in self.steps) > self.cap_minor

    def sentence(self, *, mine: bool = False) -> Said:
        """Return why the row was booked, said to its ambassador (`mine`) or about them."""
        row = self.row
        amount, due, before = (self._money(minor) for minor in (row.amount_minor, self.due_minor, self.before_minor))
        if row.reason == CommissionReason.SETTLEMENT:
            if self.before_minor:
                return settled_again(amount, due=due, before=before, month=row.subject)
            return settled(amount, base=self._money(self.base_minor), month=row.subject)
        if row.reason != CommissionReason.ACCRUAL:
            return changed(amount, due=due, before=before, at=row.booked_at)
        credit, name = self.credit, None if mine else row.ambassador_name
        at = row.order_placed_at or row.booked_at
        cause = Cause(credit.signal, credit.code, name, at, credit.click) if credit else Cause(None, None, name, at)
        whole = self.share_ppm is None and len(self.steps) == 1
        return earned(amount, cause, rated=rated_steps(self.steps, row.currency) if whole else (), capped=self.capped)

    def visit(self, *, mine: bool = False) -> tuple[Said, ...]:
        """Return by which click the order came, and how long clicks count; nothing where it came otherwise."""
        click = self.credit.click if self.credit else None
        if click is None:
            return ()
        window = click.window()
        return (click.sentence(name=None if mine else self.row.ambassador_name), *([window] if window else []))

    def _money(self, minor: int) -> Money:
        return Money(minor, Currency(self.row.currency))


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
        together_minor=said.get("together"),
        terms_version=said.get("terms_version"),
        steps=steps_of(said),
        credit=_credit(unit, brand_id, row, for_staff=ambassador_id is None),
        bookings=bookings_of(unit, brand_id, scope_id=stored.scope_id),
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


def steps_of(explanation: Mapping[str, Any]) -> tuple[Step, ...]:
    """Return the steps that a commission row's explanation holds."""
    return tuple(_step(step) for step in explanation["steps"])


def rated_steps(steps: Sequence[Step], currency: str) -> list[tuple[Rate, Money]]:
    """Return the (rate, base) of the steps that have one."""
    return [
        (Rate(step.rate_bps), Money(step.base_minor, Currency(currency)))
        for step in steps
        if step.rate_bps is not None and step.base_minor is not None
    ]


def _step(written: Mapping[str, Any]) -> Step:
    base = Fraction(written["base"]) if "base" in written else None
    rate_bps = written.get("rate_bps")
    exact = Fraction(written["flat"]) if "flat" in written else None
    return Step(
        amount_minor=written["amount"],
        rate_bps=rate_bps,
        base_minor=None if base is None else round_half_even(base),
        why=written.get("why", ""),
        base=base,
        exact=Rate(rate_bps).of(base) if base is not None and rate_bps is not None else exact,
    )


def _credit(unit: UnitOfWork, brand_id: UUID, row: CommissionRow, *, for_staff: bool) -> Credit | None:
    """Return the newest decision about the order. Index: uq_decision_brand_id_order_id_seq."""
    if row.order_id is None:
        return None
    found = select(_DECISION).where(_DECISION.c.brand_id == brand_id, _DECISION.c.order_id == row.order_id)
    decision = unit.execute(found.order_by(_DECISION.c.seq.desc()).limit(1)).one_or_none()
    if decision is None:
        return None
    pointers, shares = decision.candidates, decision.shares
    clicks = click_stories(unit, brand_id, [*pointers, *shares])
    mine = next((share for share in shares if share.get("ambassador") == str(row.ambassador_id)), None)
    return Credit(
        outcome=decision.outcome,
        rule=decision.rule,
        reason=decision.reason,
        decided_at=decision.decided_at,
        signal=Signal(mine["signal"]) if mine else None,
        code=mine.get("code") if mine else None,
        share_ppm=mine["ppm"] if mine else None,
        candidates=tuple(pointers),
        click=clicks[UUID(mine["click"])] if mine and "click" in mine else None,
        considered=candidate_stories(unit, brand_id, pointers, shares=shares, clicks=clicks) if for_staff else (),
    )


def bookings_of(unit: UnitOfWork, brand_id: UUID, *, scope_id: UUID) -> tuple[Booking, ...]:
    """Return every row of a scope, oldest first. Indexes: uq_commission_brand_id_scope_id_seq, uq_payout_line_live."""
    columns = ("id", "amount_minor", "reason", "booked_at", "transaction_id")
    held = and_(LINE.c.brand_id == brand_id, LINE.c.commission_id == _COMMISSION.c.id, LIVE)
    rows = unit.execute(
        select(*(_COMMISSION.c[name] for name in columns), PAYOUT.c.reference, PAYOUT.c.state)
        .outerjoin_from(_COMMISSION, LINE, held)
        .outerjoin(PAYOUT, PAYOUT.c.id == LINE.c.payout_id)
        .where(_COMMISSION.c.brand_id == brand_id, _COMMISSION.c.scope_id == scope_id)
        .order_by(_COMMISSION.c.seq)
    )
    return tuple(Booking(*row) for row in rows)
