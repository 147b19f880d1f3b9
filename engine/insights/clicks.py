"""Clicks as screens show them, and the orders that they led to.

Clicks are read as counts by day (`click_day`), never one by one. Days are those of the programs' time zones.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, Text, and_, cast, func, select, true
from sqlalchemy import column as sql_column

from engine.attribution.tables import Decision, Outcome
from engine.enrollment.tables import Enrollment
from engine.identity.tables import Ambassador
from engine.intake.tables import ShopOrder
from engine.kernel.clock import local_date
from engine.kernel.database import UnitOfWork
from engine.kernel.keyed import among
from engine.kernel.money import PPM, allocate, round_half_even
from engine.kernel.tables import Document, table_of
from engine.plugin_api import Signal
from engine.rewards.tables import Commission
from engine.tracking.clicks.tables import ClickDay, Target
from engine.tracking.links.tables import Link
from engine.tracking.pages.tables import LandingPage

_AMBASSADOR: Final = table_of(Ambassador)
_COMMISSION: Final = table_of(Commission)
_DECISION: Final = table_of(Decision)
_ENROLLMENT: Final = table_of(Enrollment)
_LINK: Final = table_of(Link)
_ORDER: Final = table_of(ShopOrder)
_PAGE: Final = table_of(LandingPage)
_DAY: Final = table_of(ClickDay)
LATE_DAYS: Final = 30
"""How many days screens show unless they say otherwise."""

_KINDS: Final = ("counted", "verified", "repeated", "bots", "others")


@dataclass(frozen=True, slots=True)
class Clicks:
    """How many clicks there were. `verified` are some of `counted`; the other three did not count."""

    counted: int = 0
    verified: int = 0
    repeated: int = 0
    bots: int = 0
    others: int = 0

    @property
    def all(self) -> int:
        """Every click that was answered."""
        return self.counted + self.filtered

    @property
    def filtered(self) -> int:
        """Those that did not count."""
        return self.repeated + self.bots + self.others


def clicks_by_target(
    unit: UnitOfWork, brand_id: UUID, *, target_ids: Collection[UUID], since: date, until: date
) -> dict[UUID, Clicks]:
    """Return the clicks of links and pages on the days from `since` until before `until`, for each of `target_ids`.

    Who had none is in it too, with nothing. Index: ix_click_day_target.
    """
    those = among(unit, _DAY.c.target_id, target_ids)
    rows = unit.execute(_sums(brand_id, [_DAY.c.target_id], since=since, until=until).where(those))
    found = {target_id: _clicks(numbers) for target_id, *numbers in rows}
    return {target_id: found.get(target_id, Clicks()) for target_id in target_ids}


def clicks_of_late(
    unit: UnitOfWork, brand_id: UUID, *, target_ids: Collection[UUID], zone: ZoneInfo
) -> dict[UUID, Clicks]:
    """Return the clicks of links and pages on the last thirty days, today in `zone` included, for each of them."""
    until = local_date(unit.now, zone) + timedelta(days=1)
    return clicks_by_target(unit, brand_id, target_ids=target_ids, since=until - timedelta(days=LATE_DAYS), until=until)


@dataclass(frozen=True, slots=True)
class TargetClicks:
    """The clicks of one link or page. `name` is the link's title, or empty; `ending` is its slug or handle."""

    target: Target
    target_id: UUID
    name: str
    ending: str
    clicks: Clicks


@dataclass(frozen=True, slots=True)
class Visited:
    """Clicks by day, without a gap and oldest first, and by link and page, those with most first."""

    days: tuple[tuple[date, Clicks], ...]
    targets: tuple[TargetClicks, ...]

    @property
    def total(self) -> Clicks:
        """All of them."""
        return _summed([clicks for _, clicks in self.days])


@dataclass(frozen=True, slots=True)
class Brought:
    """What an ambassador brought in some time.

    `orders` are credited to them, alone or with others, by whatever signal; `clicked` of them by a click. `revenue` is
    their share of what the customers of `orders` were charged, in minor units by currency: together the ambassadors
    have all of it.
    """

    ambassador_id: UUID
    name: str
    clicks: Clicks
    orders: int
    clicked: int
    revenue: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Span:
    """A span of time, its end left out."""

    since: datetime
    until: datetime


def visited_in_programs(
    unit: UnitOfWork, brand_id: UUID, *, program_ids: Collection[UUID], since: date, until: date
) -> Visited:
    """Return the clicks of some of a brand's programs. Index: the unique one of click_day, a range for each program."""
    return _visited(unit, brand_id, among(unit, _DAY.c.program_id, program_ids), since=since, until=until)


def visited_of_enrollments(
    unit: UnitOfWork, brand_id: UUID, *, enrollment_ids: Collection[UUID], since: date, until: date
) -> Visited:
    """Return the clicks of somebody's links and pages. Index: ix_click_day_enrollment."""
    return _visited(unit, brand_id, among(unit, _DAY.c.enrollment_id, enrollment_ids), since=since, until=until)


def clicks_in_programs(
    unit: UnitOfWork, brand_id: UUID, *, program_ids: Collection[UUID], since: date, until: date
) -> Clicks:
    """Return the clicks of some of a brand's programs, summed. Index: the unique one of click_day."""
    statement = _sums(brand_id, [], since=since, until=until).where(among(unit, _DAY.c.program_id, program_ids))
    return _clicks(unit.execute(statement).one())


def brought(
    unit: UnitOfWork, brand_id: UUID, *, program_ids: Collection[UUID], since: date, until: date, span: Span
) -> tuple[Brought, ...]:
    """Return what each ambassador with a click or an order brought: clicks of the days, orders placed in `span`.

    By name. Indexes: the unique one of click_day, and as for `_of_shares`.
    """
    clicks = _clicks_by_ambassador(unit, brand_id, program_ids=program_ids, since=since, until=until)
    orders, clicked, revenue = _orders_by_ambassador(unit, brand_id, span=span)
    everybody = {*clicks, *orders}
    who = select(_AMBASSADOR.c.id, _AMBASSADOR.c.name).where(
        _AMBASSADOR.c.brand_id == brand_id, among(unit, _AMBASSADOR.c.id, everybody)
    )
    return tuple(
        Brought(
            one,
            name,
            clicks.get(one, Clicks()),
            orders.get(one, 0),
            clicked.get(one, 0),
            tuple(sorted(revenue.get(one, {}).items())),
        )
        for one, name in unit.execute(who.order_by(_AMBASSADOR.c.name, _AMBASSADOR.c.id))
    )


def orders_by_click(unit: UnitOfWork, brand_id: UUID, *, span: Span) -> int:
    """Return how many of the orders placed in `span` are credited to somebody because of a click, each once.

    Indexes: as for `_of_shares`.
    """
    share, credited = _of_shares(unit, brand_id, select(func.count(_ORDER.c.id.distinct())), span=span)
    return int(unit.execute(credited.where(share["signal"].as_string() == Signal.CLICK.value)).scalar_one())


def clicked_orders(unit: UnitOfWork, brand_id: UUID, *, ambassador_id: UUID, since: datetime) -> int:
    """Return how many orders placed from `since` on earned an ambassador something because of a click.

    One that is shared counts for each who has a share: an id is found in the written shares wherever it stands.

    Index: ix_commission_brand_id_ambassador_id.
    """
    theirs = (
        select(_COMMISSION.c.order_id)
        .where(_COMMISSION.c.brand_id == brand_id, _COMMISSION.c.ambassador_id == ambassador_id)
        .where(_COMMISSION.c.booked_at >= since, _COMMISSION.c.order_id.is_not(None))
        .distinct()
        .subquery()
    )
    statement = (
        select(func.count())
        .select_from(theirs)
        .join(_ORDER, and_(_ORDER.c.id == theirs.c.order_id, _ORDER.c.brand_id == brand_id))
        .join(_DECISION, _newest(brand_id))
        .where(_ORDER.c.placed_at >= since, _signal() == Signal.CLICK.value)
        .where(cast(_DECISION.c.shares, Text).contains(str(ambassador_id)))
    )
    return int(unit.execute(statement).scalar_one())


def _visited(unit: UnitOfWork, brand_id: UUID, those: ColumnElement[bool], *, since: date, until: date) -> Visited:
    by_day = unit.execute(_sums(brand_id, [_DAY.c.day], since=since, until=until).where(those))
    found = {day: _clicks(numbers) for day, *numbers in by_day}
    days = [since + timedelta(days=number) for number in range((until - since).days)]
    names = (_DAY.c.target, _DAY.c.target_id, _LINK.c.title, func.coalesce(_LINK.c.slug, _PAGE.c.handle))
    by_target = (
        _sums(brand_id, names, since=since, until=until)
        .select_from(
            _DAY.outerjoin(_LINK, and_(_LINK.c.id == _DAY.c.target_id, _LINK.c.brand_id == brand_id)).outerjoin(
                _PAGE, and_(_PAGE.c.id == _DAY.c.target_id, _PAGE.c.brand_id == brand_id)
            )
        )
        .where(those)
    )
    targets = [
        TargetClicks(Target(target), target_id, title or "", ending or "", _clicks(numbers))
        for target, target_id, title, ending, *numbers in unit.execute(by_target)
    ]
    targets.sort(key=lambda one: (-one.clicks.counted, -one.clicks.all, one.ending))
    return Visited(tuple((day, found.get(day, Clicks())) for day in days), tuple(targets))


def _clicks_by_ambassador(
    unit: UnitOfWork, brand_id: UUID, *, program_ids: Collection[UUID], since: date, until: date
) -> dict[UUID, Clicks]:
    statement = (
        _sums(brand_id, [_ENROLLMENT.c.ambassador_id], since=since, until=until)
        .join_from(_DAY, _ENROLLMENT, _ENROLLMENT.c.id == _DAY.c.enrollment_id)
        .where(_ENROLLMENT.c.brand_id == brand_id, among(unit, _DAY.c.program_id, program_ids))
    )
    return {ambassador_id: _clicks(numbers) for ambassador_id, *numbers in unit.execute(statement)}


def _orders_by_ambassador(
    unit: UnitOfWork, brand_id: UUID, *, span: Span
) -> tuple[dict[UUID, int], dict[UUID, int], dict[UUID, dict[str, int]]]:
    """Return orders, those by click, and revenue of those to whom the orders placed in `span` are credited."""
    share, credited = _of_shares(unit, brand_id, select(), span=span)
    who, by, part = share["ambassador"].as_string(), share["signal"].as_string(), share["ppm"].as_integer()
    what = (who.label("who"), by.label("by"), part.label("part"), _ORDER.c.currency)
    counted = credited.add_columns(*what, func.count(), func.sum(_ORDER.c.charged_minor))
    orders: dict[UUID, int] = {}
    clicked: dict[UUID, int] = {}
    exact: dict[str, dict[UUID, Fraction]] = {}
    for written, signal, ppm, currency, count, charged in unit.execute(counted.group_by("who", "by", "part", what[-1])):
        one = UUID(written)
        orders[one] = orders.get(one, 0) + int(count)
        clicked[one] = clicked.get(one, 0) + (int(count) if signal == Signal.CLICK.value else 0)
        of_currency = exact.setdefault(currency, {})
        of_currency[one] = of_currency.get(one, Fraction(0)) + Fraction(int(charged) * ppm, PPM)
    return orders, clicked, _revenue(exact)


def _revenue(exact: Mapping[str, Mapping[UUID, Fraction]]) -> dict[UUID, dict[str, int]]:
    """Return what each has in each currency, in whole minor units that sum to what all have, by largest remainder."""
    found: dict[UUID, dict[str, int]] = {}
    for currency, of_each in exact.items():
        everybody = sorted(of_each)
        parts = allocate(round_half_even(sum(of_each.values(), Fraction(0))), [of_each[one] for one in everybody])
        for one, minor in zip(everybody, parts, strict=True):
            found.setdefault(one, {})[currency] = minor
    return found


def _of_shares(
    unit: UnitOfWork, brand_id: UUID, what: Select[Any], *, span: Span
) -> tuple[ColumnElement[Any], Select[Any]]:
    """Return a written share of a credited order placed in `span`, and `what` as a select with a row for each of them.

    Indexes: ix_shop_order_brand_id_placed_at, the unique one of decision.
    """
    if unit.dialect == "postgresql":
        listed = func.jsonb_array_elements(_DECISION.c.shares).table_valued(sql_column("value", Document))
        shares = listed.render_derived("share")
    else:
        shares = func.json_each(_DECISION.c.shares).table_valued(sql_column("value", Document)).alias("share")
    rows = (
        what.select_from(_ORDER.join(_DECISION, _newest(brand_id)).join(shares, true()))
        .where(_ORDER.c.brand_id == brand_id, _ORDER.c.placed_at >= span.since, _ORDER.c.placed_at < span.until)
        .where(_DECISION.c.outcome == Outcome.CREDITED.value)
    )
    return shares.c.value, rows


def _newest(brand_id: UUID) -> ColumnElement[bool]:
    """Return the condition that a decision is the one that holds for its order."""
    later = _DECISION.alias("later")
    replaced = select(later.c.id).where(
        later.c.brand_id == brand_id, later.c.order_id == _DECISION.c.order_id, later.c.seq > _DECISION.c.seq
    )
    return and_(_DECISION.c.brand_id == brand_id, _DECISION.c.order_id == _ORDER.c.id, ~replaced.exists())


def _signal() -> ColumnElement[str]:
    named: ColumnElement[str] = _DECISION.c.shares[0]["signal"].as_string()
    return named


def _sums(brand_id: UUID, by: Sequence[ColumnElement[Any]], *, since: date, until: date) -> Select[Any]:
    """Return the select of counts on the days from `since` until before `until`, for each of what `by` names."""
    sums = (func.coalesce(func.sum(_DAY.c[kind]), 0) for kind in _KINDS)
    days = (_DAY.c.brand_id == brand_id, _DAY.c.day >= since, _DAY.c.day < until)
    return select(*by, *sums).where(*days).group_by(*by)


def _clicks(numbers: Collection[int]) -> Clicks:
    return Clicks(*map(int, numbers))


def _summed(some: Collection[Clicks]) -> Clicks:
    return Clicks(*(sum(getattr(one, kind) for one in some) for kind in _KINDS))
