"""Who may enter where: brands, and what a login is to them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlmodel import col, select

from engine.identity.rules import email_key
from engine.identity.tables import Ambassador, AuditEntry, Brand, Login, Realm, Role, StaffMember
from engine.kernel.database import UnitOfWork


@dataclass(frozen=True, slots=True)
class BrandView:
    """A brand by name."""

    id: UUID
    slug: str
    name: str


@dataclass(frozen=True, slots=True)
class StaffAccess:
    """A login that works for a brand."""

    brand: BrandView
    staff_id: UUID
    name: str
    email: str
    role: Role


@dataclass(frozen=True, slots=True)
class AmbassadorAccess:
    """A login that is an ambassador of a brand."""

    brand: BrandView
    ambassador_id: UUID
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Rooms:
    """Every brand that a login can enter, by realm."""

    staff: tuple[StaffAccess, ...]
    ambassador: tuple[AmbassadorAccess, ...]

    @property
    def realms(self) -> tuple[Realm, ...]:
        """The realms with at least one brand."""
        found = ((Realm.STAFF, self.staff), (Realm.AMBASSADOR, self.ambassador))
        return tuple(realm for realm, brands in found if brands)


@dataclass(frozen=True, slots=True)
class AuditView:
    """One line of the audit log."""

    actor: str
    action: str
    subject: str
    done_at: datetime


def brand_by_slug(unit: UnitOfWork, slug: str) -> BrandView | None:
    """Return a brand by the slug in its addresses."""
    brand = unit.session.exec(select(Brand).where(Brand.slug == slug)).first()
    return BrandView(brand.id, brand.slug, brand.name) if brand else None


def login_by_email(unit: UnitOfWork, email: str) -> Login | None:
    """Return the login with this address.

    Raises:
        InputError: `email` has not the shape of an address.
    """
    return unit.session.exec(select(Login).where(Login.email_key == email_key(email))).first()


def rooms_of(unit: UnitOfWork, login_id: UUID) -> Rooms:
    """Return every brand that a login can enter, by name."""
    return Rooms(_staff(unit, login_id), _ambassadors(unit, login_id))


def staff_access(unit: UnitOfWork, login_id: UUID, *, brand_slug: str) -> StaffAccess | None:
    """Return what a login is to a brand as staff; a foreign brand and one that does not exist are both None."""
    return next(iter(_staff(unit, login_id, Brand.slug == brand_slug)), None)


def staff_with(unit: UnitOfWork, brand_id: UUID, *, roles: Collection[Role]) -> tuple[StaffAccess, ...]:
    """Return the brand's staff with one of these roles. Index: uq_staff_member_brand_id_login_id."""
    found = (
        select(StaffMember, Brand, Login.email)
        .join(Brand, col(Brand.id) == StaffMember.brand_id)
        .join(Login, col(Login.id) == StaffMember.login_id)
        .where(StaffMember.brand_id == brand_id, col(StaffMember.role).in_([role.value for role in roles]))
        .order_by(col(StaffMember.id))
    )
    return tuple(_staff_access(*row) for row in unit.session.exec(found))


def ambassador_access(unit: UnitOfWork, login_id: UUID, *, brand_slug: str) -> AmbassadorAccess | None:
    """Return what a login is to a brand as ambassador; a foreign brand and one that does not exist are both None."""
    return next(iter(_ambassadors(unit, login_id, Brand.slug == brand_slug)), None)


def latest_audit(unit: UnitOfWork, brand_id: UUID, *, limit: int = 20) -> tuple[AuditView, ...]:
    """Return the newest lines of a brand's audit log (index brand_id, done_at, id)."""
    found = (
        select(AuditEntry)
        .where(AuditEntry.brand_id == brand_id)
        .order_by(col(AuditEntry.done_at).desc(), col(AuditEntry.id).desc())
        .limit(limit)
    )
    return tuple(AuditView(row.actor, row.action, row.subject, row.done_at) for row in unit.session.exec(found))


def _staff(unit: UnitOfWork, login_id: UUID, *conditions: ColumnElement[bool] | bool) -> tuple[StaffAccess, ...]:
    found = (
        select(StaffMember, Brand, Login.email)
        .join(Brand, col(Brand.id) == StaffMember.brand_id)
        .join(Login, col(Login.id) == StaffMember.login_id)
        .where(StaffMember.login_id == login_id, *conditions)
        .order_by(Brand.name, Brand.slug)
    )
    return tuple(_staff_access(*row) for row in unit.session.exec(found))


def _staff_access(member: StaffMember, brand: Brand, email: str) -> StaffAccess:
    return StaffAccess(BrandView(brand.id, brand.slug, brand.name), member.id, member.name, email, Role(member.role))


def _ambassadors(
    unit: UnitOfWork, login_id: UUID, *conditions: ColumnElement[bool] | bool
) -> tuple[AmbassadorAccess, ...]:
    found = (
        select(Ambassador, Brand)
        .join(Brand, col(Brand.id) == Ambassador.brand_id)
        .where(Ambassador.login_id == login_id, *conditions)
        .order_by(Brand.name, Brand.slug)
    )
    return tuple(
        AmbassadorAccess(BrandView(brand.id, brand.slug, brand.name), person.id, person.name, person.email)
        for person, brand in unit.session.exec(found)
    )


def brands(unit: UnitOfWork) -> tuple[BrandView, ...]:
    """Return every brand of the installation, by slug."""
    rows = unit.session.exec(select(Brand).order_by(col(Brand.slug)))
    return tuple(BrandView(brand.id, brand.slug, brand.name) for brand in rows)
