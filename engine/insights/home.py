"""The home of an ambassador: what changed, what stands where, which codes to share, who clicked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import and_, func, select

from engine.enrollment.tables import Enrollment, EnrollmentState
from engine.insights.clicks import Visited, clicked_orders, visited_of_enrollments
from engine.kernel.clock import local_date, start_of_day
from engine.kernel.database import UnitOfWork
from engine.kernel.money import round_half_even
from engine.kernel.tables import table_of
from engine.ledger.queries import balances
from engine.ledger.tables import AccountKind
from engine.programs.tables import Program
from engine.rewards.tables import Commission
from engine.tracking.codes.tables import CodeOwner, PromoCode

_COMMISSION: Final = table_of(Commission)
_ENROLLMENT: Final = table_of(Enrollment)
_PROGRAM: Final = table_of(Program)
_CODE: Final = table_of(PromoCode)
_OWNER: Final = table_of(CodeOwner)


@dataclass(frozen=True, slots=True)
class Earned:
    """What commission rows of one currency came to, and from how many orders."""

    currency: str
    amount_minor: int
    orders: int


@dataclass(frozen=True, slots=True)
class Balance:
    """Where an ambassador's money of one currency stands, in minor units. Any of them may be negative."""

    currency: str
    on_hold_minor: int
    ready_minor: int
    on_its_way_minor: int
    paid_minor: int


@dataclass(frozen=True, slots=True)
class Membership:
    """An ambassador's enrollment in one program."""

    enrollment_id: UUID
    program_id: UUID
    program_name: str
    time_zone: str
    state: EnrollmentState
    reapply_on: date | None


@dataclass(frozen=True, slots=True)
class OwnCode:
    """A code that belongs to the ambassador now."""

    code: str
    program_name: str
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Home:
    """Everything on the home of one ambassador but the latest commissions."""

    this_week: tuple[Earned, ...]
    balances: tuple[Balance, ...]
    codes: tuple[OwnCode, ...]
    memberships: tuple[Membership, ...]
    month: "ClickedMonth"


@dataclass(frozen=True, slots=True)
class ClickedMonth:
    """The clicks of thirty days on somebody's links and pages, and how many orders earned them something by a click.

    Clicks are counted a minute after they were made at the latest.
    """

    visited: Visited
    orders: int

    @property
    def clicks_per_order(self) -> int | None:
        """How many counted clicks there were for each order, rounded; None while there was no order."""
        return round_half_even(Fraction(self.visited.total.counted, self.orders)) if self.orders else None


def home_of(unit: UnitOfWork, brand_id: UUID, *, ambassador_id: UUID) -> Home:
    """Return what an ambassador sees first."""
    memberships = memberships_of(unit, brand_id, ambassador_id=ambassador_id)
    return Home(
        earned_since(unit, brand_id, ambassador_id=ambassador_id, since=unit.now - timedelta(days=7)),
        balances_of(unit, brand_id, ambassador_id=ambassador_id),
        codes_of(unit, brand_id, ambassador_id=ambassador_id),
        memberships,
        clicked_month(unit, brand_id, ambassador_id=ambassador_id, memberships=memberships),
    )


def clicked_month(
    unit: UnitOfWork, brand_id: UUID, *, ambassador_id: UUID, memberships: Sequence[Membership]
) -> ClickedMonth:
    """Return the clicks of the last thirty days, today included, in the time zone of the first of their programs."""
    zone = ZoneInfo(memberships[0].time_zone) if memberships else ZoneInfo("UTC")
    until = local_date(unit.now, zone) + timedelta(days=1)
    since = until - timedelta(days=30)
    enrollments = [one.enrollment_id for one in memberships]
    visited = visited_of_enrollments(unit, brand_id, enrollment_ids=enrollments, since=since, until=until)
    begin = start_of_day(since, zone)
    return ClickedMonth(visited, clicked_orders(unit, brand_id, ambassador_id=ambassador_id, since=begin))


def earned_since(unit: UnitOfWork, brand_id: UUID, *, ambassador_id: UUID, since: datetime) -> tuple[Earned, ...]:
    """Return what was booked for an ambassador from `since` on, by currency. By ix_commission_brand_id_ambassador_id.

    Only orders that brought something are counted; what was taken back is in the amount.
    """
    rows = unit.execute(
        select(
            _COMMISSION.c.asset,
            func.sum(_COMMISSION.c.amount_minor),
            func.count(_COMMISSION.c.order_id.distinct()).filter(_COMMISSION.c.amount_minor > 0),
        )
        .where(_COMMISSION.c.brand_id == brand_id, _COMMISSION.c.ambassador_id == ambassador_id)
        .where(_COMMISSION.c.booked_at >= since)
        .group_by(_COMMISSION.c.asset)
        .order_by(_COMMISSION.c.asset)
    )
    return tuple(Earned(currency, int(amount), orders) for currency, amount, orders in rows)


def balances_of(unit: UnitOfWork, brand_id: UUID, *, ambassador_id: UUID) -> tuple[Balance, ...]:
    """Return an ambassador's balances from the ledger, by currency."""
    found: dict[str, dict[AccountKind, int]] = {}
    for account in balances(unit, brand_id, owner=ambassador_id.hex):
        found.setdefault(account.asset, {})[account.kind] = account.balance_minor
    return tuple(
        Balance(
            currency,
            of.get(AccountKind.PENDING, 0),
            of.get(AccountKind.PAYABLE, 0),
            of.get(AccountKind.IN_TRANSIT, 0),
            of.get(AccountKind.PAID_OUT, 0),
        )
        for currency, of in sorted(found.items())
    )


def memberships_of(unit: UnitOfWork, brand_id: UUID, *, ambassador_id: UUID) -> tuple[Membership, ...]:
    """Return an ambassador's enrollments. Index: ix_enrollment_brand_id_ambassador_id."""
    rows = unit.execute(
        select(
            _ENROLLMENT.c.id,
            _PROGRAM.c.id,
            _PROGRAM.c.name,
            _PROGRAM.c.time_zone,
            _ENROLLMENT.c.state,
            _ENROLLMENT.c.reapply_on,
        )
        .join_from(_ENROLLMENT, _PROGRAM, _PROGRAM.c.id == _ENROLLMENT.c.program_id)
        .where(_ENROLLMENT.c.brand_id == brand_id, _ENROLLMENT.c.ambassador_id == ambassador_id)
        .order_by(_PROGRAM.c.priority)
    )
    return tuple(
        Membership(enrollment, program, name, zone, EnrollmentState(state), reapply_on)
        for enrollment, program, name, zone, state, reapply_on in rows
    )


def codes_of(unit: UnitOfWork, brand_id: UUID, *, ambassador_id: UUID) -> tuple[OwnCode, ...]:
    """Return the unexpired codes that belong to an ambassador's active enrollments now, newest first.

    A code whose newest change names somebody else is not theirs any more.
    Indexes: ix_code_owner_brand_id_enrollment_id, ix_code_owner_brand_id_promo_code_id.
    """
    later = _OWNER.alias("later")
    replaced = select(later.c.id).where(
        later.c.brand_id == brand_id,
        later.c.promo_code_id == _OWNER.c.promo_code_id,
        later.c.effective_at <= unit.now,
        (later.c.effective_at > _OWNER.c.effective_at)
        | and_(later.c.effective_at == _OWNER.c.effective_at, later.c.id > _OWNER.c.id),
    )
    rows = unit.execute(
        select(_CODE.c.code, _PROGRAM.c.name, _CODE.c.expires_at)
        .join_from(_OWNER, _CODE, _CODE.c.id == _OWNER.c.promo_code_id)
        .join(_PROGRAM, _PROGRAM.c.id == _CODE.c.program_id)
        .join(_ENROLLMENT, _ENROLLMENT.c.id == _OWNER.c.enrollment_id)
        .where(_OWNER.c.brand_id == brand_id, _ENROLLMENT.c.brand_id == brand_id)
        .where(_ENROLLMENT.c.ambassador_id == ambassador_id, _ENROLLMENT.c.state == EnrollmentState.ACTIVE.value)
        .where(_OWNER.c.effective_at <= unit.now, ~replaced.exists())
        .where(_CODE.c.expires_at.is_(None) | (_CODE.c.expires_at > unit.now))
        .order_by(_OWNER.c.effective_at.desc(), _OWNER.c.id.desc())
    )
    return tuple(OwnCode(code, program, expires_at) for code, program, expires_at in rows)
