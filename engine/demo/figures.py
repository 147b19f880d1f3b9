"""What came of the demo, in a few sums, and whether the books hold."""

import resource
import sys
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select

from engine.attribution.tables import Decision, Outcome
from engine.intake.tables import ShopOrder
from engine.kernel.database import UnitOfWork
from engine.kernel.tables import table_of
from engine.ledger.queries import balances
from engine.ledger.tables import AccountKind
from engine.ledger.verify import Violation, verify
from engine.payouts.tables import Payout, PayoutState
from engine.payouts.verify import verify_rows
from engine.plugin_api import Signal
from engine.rewards.tables import Commission, RewardScope, ScopeState
from engine.tracking.clicks.tables import ClickDay

_ORDER = table_of(ShopOrder)
_DECISION = table_of(Decision)
_SCOPE = table_of(RewardScope)
_COMMISSION = table_of(Commission)
_DAY = table_of(ClickDay)
_PAYOUT = table_of(Payout)
_OPEN = (AccountKind.PENDING, AccountKind.PAYABLE, AccountKind.IN_TRANSIT)

Amounts = dict[str, int]
"""Minor units by currency."""


@dataclass(frozen=True, slots=True)
class Figures:
    """A brand's programs in sums, amounts in minor units by currency.

    `attributed` counts the orders that are credited to somebody as things stand. `clicks` are those that count,
    whatever came of them, and `clicked` the orders that are credited by one. `accrued` is the sum of all bookings in
    favour of ambassadors, `reversed` that of all bookings against them, as a positive number. `approved` is what of the
    two has passed its hold, whether it was paid since or not. `paid` is what recipients are confirmed to have. `open`
    is what ambassadors' accounts hold that is not paid, by the ledger: accrued − reversed − paid.
    """

    orders: int
    attributed: int
    clicks: int
    clicked: int
    accrued: Amounts
    reversed: Amounts
    approved: Amounts
    paid: Amounts
    open: Amounts


def figures(unit: UnitOfWork, brand_id: UUID) -> Figures:
    """Return the figures of a brand. Reads its whole history: for the end of a run, not for a page."""
    amount, booked = _COMMISSION.c.amount_minor, _SCOPE.c.booked_minor
    mine = _COMMISSION.c.brand_id == brand_id
    accrued = _sums(unit, select(_COMMISSION.c.asset, func.sum(amount)).where(mine, amount > 0))
    taken = _sums(unit, select(_COMMISSION.c.asset, func.sum(-amount)).where(mine, amount < 0))
    approved = select(_SCOPE.c.asset, func.sum(booked)).where(
        _SCOPE.c.brand_id == brand_id, _SCOPE.c.state != ScopeState.PENDING.value
    )
    paid = select(_PAYOUT.c.currency, func.sum(_PAYOUT.c.amount_minor)).where(
        _PAYOUT.c.brand_id == brand_id, _PAYOUT.c.state == PayoutState.PAID.value
    )
    held: Amounts = dict.fromkeys(accrued, 0)
    for account in balances(unit, brand_id, kinds=_OPEN):
        held[account.asset] = held.get(account.asset, 0) + account.balance_minor
    return Figures(
        orders=unit.execute(select(func.count()).select_from(_ORDER).where(_ORDER.c.brand_id == brand_id)).scalar_one(),
        attributed=_attributed(unit, brand_id),
        clicks=_clicks(unit, brand_id),
        clicked=_attributed(unit, brand_id, signal=Signal.CLICK),
        accrued=accrued,
        reversed=dict.fromkeys(accrued, 0) | taken,
        approved=dict.fromkeys(accrued, 0) | _sums(unit, approved),
        paid=dict.fromkeys(accrued, 0) | _sums(unit, paid),
        open=held,
    )


def violations(unit: UnitOfWork, brand_id: UUID) -> tuple[Violation, ...]:
    """Return what is wrong with the books by themselves, and with them beside the rows; nothing is an empty tuple."""
    return verify(unit) + verify_rows(unit, brand_id)


def peak_rss_mb() -> float:
    """Return the most memory that this process ever held, in MB (10⁶ bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak * (1 if sys.platform == "darwin" else 1024) / 1e6, 1)


def _clicks(unit: UnitOfWork, brand_id: UUID) -> int:
    counted = select(func.coalesce(func.sum(_DAY.c.counted), 0)).where(_DAY.c.brand_id == brand_id)
    return int(unit.execute(counted).scalar_one())


def _attributed(unit: UnitOfWork, brand_id: UUID, *, signal: Signal | None = None) -> int:
    """Count the orders that are credited as things stand: to anybody, or in first place by one signal."""
    newest = (
        select(func.max(_DECISION.c.seq))
        .where(_DECISION.c.brand_id == brand_id)
        .group_by(_DECISION.c.order_id)
        .with_only_columns(_DECISION.c.order_id, func.max(_DECISION.c.seq).label("seq"))
        .subquery()
    )
    credited = (
        select(func.count())
        .select_from(_DECISION)
        .join(newest, (newest.c.order_id == _DECISION.c.order_id) & (newest.c.seq == _DECISION.c.seq))
        .where(_DECISION.c.brand_id == brand_id, _DECISION.c.outcome == Outcome.CREDITED.value)
    )
    if signal is not None:
        credited = credited.where(_DECISION.c.shares[0]["signal"].as_string() == signal.value)
    return int(unit.execute(credited).scalar_one())


def _sums(unit: UnitOfWork, statement: Select[Any]) -> Amounts:
    """Run a select of (currency, sum); grouped by currency."""
    currency = statement.selected_columns[0]
    return {code: int(minor) for code, minor in unit.execute(statement.group_by(currency).order_by(currency))}
