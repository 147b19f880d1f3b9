"""The overview of a brand: a month beside the one before, what waits for somebody, and the money of a year."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import case, func, select

from engine.enrollment.tables import Enrollment, EnrollmentState
from engine.insights.clicks import Brought, Clicks, Span, brought, clicks_in_programs, orders_by_click
from engine.intake.tables import ShopOrder
from engine.kernel.clock import month_end, month_of, month_start
from engine.kernel.database import UnitOfWork
from engine.kernel.tables import table_of
from engine.programs.queries import programs_of
from engine.rewards.tables import Commission, RewardScope, ScopeState

_COMMISSION: Final = table_of(Commission)
_ENROLLMENT: Final = table_of(Enrollment)
_ORDER: Final = table_of(ShopOrder)
_SCOPE: Final = table_of(RewardScope)


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount of minor units of a currency."""

    currency: str
    minor: int


@dataclass(frozen=True, slots=True)
class MonthFigures:
    """What one month brought. Orders by when they were placed, commission by when it was booked."""

    month: str
    orders: int
    credited_orders: int
    revenue: tuple[Amount, ...]
    commission: tuple[Amount, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for somebody."""

    applications: int
    blocked_orders: int
    held_scopes: int


@dataclass(frozen=True, slots=True)
class MonthlyCommission:
    """The commission of consecutive months in one currency, oldest first, as (`YYYY-MM`, minor units)."""

    currency: str
    months: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class ClickedMonth:
    """What was clicked in a month, how many of its orders are credited by a click, and what each ambassador brought."""

    clicks: Clicks
    orders: int
    people: tuple[Brought, ...]

    @property
    def currency(self) -> str | None:
        """The currency in which most ambassadors sold something: amounts of different ones have no order."""
        sold = Counter(currency for one in self.people for currency, _ in one.revenue)
        return max(sold, key=lambda code: (sold[code], code)) if sold else None

    def by_clicks(self) -> list[Brought]:
        """Return the ambassadors, those with most clicks that count first."""
        return sorted(self.people, key=lambda one: (-one.clicks.counted, one.name))

    def by_revenue(self) -> list[Brought]:
        """Return the ambassadors, those who sold most in `currency` first."""
        return sorted(self.people, key=lambda one: (-dict(one.revenue).get(self.currency or "", 0), one.name))


@dataclass(frozen=True, slots=True)
class Overview:
    """What the first page of a brand shows."""

    time_zone: str
    this_month: MonthFigures
    last_month: MonthFigures
    year: MonthlyCommission | None
    clicked: ClickedMonth


def zone_of(unit: UnitOfWork, brand_id: UUID) -> ZoneInfo:
    """Return the time zone of a brand's screens: that of its program which wins first, UTC where there is none."""
    programs = programs_of(unit, brand_id)
    return programs[0].zone if programs else ZoneInfo("UTC")


def waiting(unit: UnitOfWork, brand_id: UUID) -> Waiting:
    """Return what waits for somebody.

    Indexes: ix_enrollment_brand_id_state, ix_shop_order_blocked, and the open part of reward_scope.
    """
    applied = _count(_ENROLLMENT).where(
        _ENROLLMENT.c.brand_id == brand_id, _ENROLLMENT.c.state == EnrollmentState.APPLIED.value
    )
    blocked = _count(_ORDER).where(_ORDER.c.brand_id == brand_id, _ORDER.c.blocked_reason.is_not(None))
    held = _count(_SCOPE).where(
        _SCOPE.c.brand_id == brand_id,
        _SCOPE.c.hold_reason.is_not(None),
        _SCOPE.c.state.in_([ScopeState.PENDING.value, ScopeState.APPROVED.value]),
    )
    return Waiting(*(int(unit.execute(one).scalar_one()) for one in (applied, blocked, held)))


def latest_month(unit: UnitOfWork, brand_id: UUID, *, zone: ZoneInfo) -> str:
    """Return the present month, or the newest one with an order where that is over: a quiet shop shows its last."""
    newest = unit.execute(select(func.max(_ORDER.c.placed_at)).where(_ORDER.c.brand_id == brand_id)).scalar_one()
    now = month_of(unit.now, zone)
    return now if newest is None else min(now, month_of(newest, zone))


def overview_of(unit: UnitOfWork, brand_id: UUID, *, month: str | None = None) -> Overview:
    """Return a month's figures beside the month before, and the commission of the twelve months that end with it."""
    zone = zone_of(unit, brand_id)
    shown = month or latest_month(unit, brand_id, zone=zone)
    months = months_until(shown, 12)
    return Overview(
        zone.key,
        month_figures(unit, brand_id, month=shown, zone=zone),
        month_figures(unit, brand_id, month=months[-2], zone=zone),
        _year(unit, brand_id, months=months, zone=zone),
        clicked_in_month(unit, brand_id, month=shown, zone=zone),
    )


def month_figures(unit: UnitOfWork, brand_id: UUID, *, month: str, zone: ZoneInfo) -> MonthFigures:
    """Return what one month brought, in `zone`.

    Indexes: ix_shop_order_brand_id_placed_at, ix_reward_scope_brand_id_order_id.
    """
    start, end = month_start(month, zone), month_end(month, zone)
    placed = (_ORDER.c.brand_id == brand_id, _ORDER.c.placed_at >= start, _ORDER.c.placed_at < end)
    credited = select(_SCOPE.c.id).where(_SCOPE.c.brand_id == brand_id, _SCOPE.c.order_id == _ORDER.c.id).exists()
    revenue = unit.execute(
        select(_ORDER.c.currency, func.sum(_ORDER.c.charged_minor), func.count())
        .where(*placed, credited)
        .group_by(_ORDER.c.currency)
        .order_by(func.count().desc())
    ).all()
    return MonthFigures(
        month,
        int(unit.execute(_count(_ORDER).where(*placed)).scalar_one()),
        sum(int(orders) for _, _, orders in revenue),
        tuple(Amount(currency, int(minor)) for currency, minor, _ in revenue),
        _commission_between(unit, brand_id, start, end),
    )


def months_until(month: str, count: int) -> list[str]:
    """Return the `count` months that end with `month`, oldest first."""
    last = int(month[:4]) * 12 + int(month[5:]) - 1
    return [f"{number // 12:04d}-{number % 12 + 1:02d}" for number in range(last - count + 1, last + 1)]


def month_after(month: str) -> str:
    """Return the month that follows `month`."""
    year, number = int(month[:4]), int(month[5:])
    return f"{year + number // 12:04d}-{number % 12 + 1:02d}"


def days_of_month(month: str) -> tuple[date, date]:
    """Return the first day of a month, and the first after it."""
    return date.fromisoformat(f"{month}-01"), date.fromisoformat(f"{month_after(month)}-01")


def span_of_month(month: str, zone: ZoneInfo) -> Span:
    """Return a month as it lies in `zone`."""
    return Span(month_start(month, zone), month_end(month, zone))


def clicked_in_month(unit: UnitOfWork, brand_id: UUID, *, month: str, zone: ZoneInfo) -> ClickedMonth:
    """Return what was clicked in a month and what came of it. Indexes: as `clicks_in_programs` and `brought`."""
    programs = [one.id for one in programs_of(unit, brand_id)]
    since, until = days_of_month(month)
    clicks = clicks_in_programs(unit, brand_id, program_ids=programs, since=since, until=until)
    span = span_of_month(month, zone)
    people = brought(unit, brand_id, program_ids=programs, since=since, until=until, span=span)
    return ClickedMonth(clicks, orders_by_click(unit, brand_id, span=span), people)


def _commission_between(unit: UnitOfWork, brand_id: UUID, start: datetime, end: datetime) -> tuple[Amount, ...]:
    rows = unit.execute(
        select(_COMMISSION.c.asset, func.sum(_COMMISSION.c.amount_minor))
        .where(_COMMISSION.c.brand_id == brand_id)
        .where(_COMMISSION.c.booked_at >= start, _COMMISSION.c.booked_at < end)
        .group_by(_COMMISSION.c.asset)
        .order_by(func.count().desc())
    )
    return tuple(Amount(currency, int(minor)) for currency, minor in rows)


def _year(unit: UnitOfWork, brand_id: UUID, *, months: Sequence[str], zone: ZoneInfo) -> MonthlyCommission | None:
    """Return the months of the currency with most rows. One pass over the brand's commission: no month has an index."""
    edges = [month_start(months[0], zone), *(month_end(month, zone) for month in months)]
    bucket = case(
        *(
            (((_COMMISSION.c.booked_at >= start) & (_COMMISSION.c.booked_at < end)), index)
            for index, (start, end) in enumerate(pairwise(edges))
        )
    )
    rows = unit.execute(
        select(_COMMISSION.c.asset, bucket.label("bucket"), func.sum(_COMMISSION.c.amount_minor), func.count())
        .where(_COMMISSION.c.brand_id == brand_id)
        .where(_COMMISSION.c.booked_at >= edges[0], _COMMISSION.c.booked_at < edges[-1])
        .group_by(_COMMISSION.c.asset, "bucket")
    ).all()
    if not rows:
        return None
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.asset] = counts.get(row.asset, 0) + int(row[3])
    currency = max(counts, key=lambda asset: (counts[asset], asset))
    sums = {int(row.bucket): int(row[2]) for row in rows if row.asset == currency}
    return MonthlyCommission(currency, tuple((month, sums.get(index, 0)) for index, month in enumerate(months)))


def _count(table: Any) -> Any:
    return select(func.count()).select_from(table)
