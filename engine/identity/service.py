"""Brands, staff and ambassadors come to be, and what they do is written down."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlmodel import select

from engine.identity.rules import email_key, same_person_key
from engine.identity.tables import Ambassador, AuditEntry, Brand, Login, Role, StaffMember
from engine.kernel.crypto import Keyring
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import ConflictError


def create_brand(unit: UnitOfWork, *, slug: str, name: str) -> Brand:
    """Return a new brand.

    Raises:
        ConflictError: another brand has this slug.
    """
    if unit.session.exec(select(Brand).where(Brand.slug == slug)).first():
        raise ConflictError(f"There is a brand {slug!r} already. Choose another slug.")
    brand = Brand(slug=slug, name=name, created_at=unit.now)
    unit.session.add(brand)
    unit.session.flush()
    return brand


def ensure_login(unit: UnitOfWork, email: str) -> Login:
    """Return the login with this address, made where there was none.

    Raises:
        InputError: `email` has not the shape of an address.
    """
    key = email_key(email)
    login = unit.session.exec(select(Login).where(Login.email_key == key)).first()
    if login is None:
        login = Login(email=email.strip(), email_key=key, created_at=unit.now)
        unit.session.add(login)
        unit.session.flush()
    return login


def add_staff(unit: UnitOfWork, brand_id: UUID, *, email: str, name: str, role: Role) -> StaffMember:
    """Return the member of staff with this address; their name and role become what is given.

    Raises:
        InputError: `email` has not the shape of an address.
    """
    login = ensure_login(unit, email)
    found = select(StaffMember).where(StaffMember.brand_id == brand_id, StaffMember.login_id == login.id)
    member = unit.session.exec(found).first()
    if member is None:
        member = StaffMember(brand_id=brand_id, login_id=login.id, name=name, role=role.value, added_at=unit.now)
    member.name, member.role = name, role.value
    unit.session.add(member)
    unit.session.flush()
    return member


def ensure_ambassador(unit: UnitOfWork, brand_id: UUID, *, name: str, email: str, keyring: Keyring) -> Ambassador:
    """Return the brand's ambassador with this address, made where there was none; a known one keeps their name.

    `keyring` makes the hash by which an order of the ambassador's own is recognised, the same that intake makes for
    customers.

    Raises:
        InputError: `email` has not the shape of an address.
    """
    key = email_key(email)
    found = select(Ambassador).where(Ambassador.brand_id == brand_id, Ambassador.email_key == key)
    ambassador = unit.session.exec(found).first()
    if ambassador is not None:
        return ambassador
    ambassador = Ambassador(
        brand_id=brand_id,
        login_id=ensure_login(unit, email).id,
        name=name,
        email=email.strip(),
        email_key=key,
        email_hash=keyring.keyed_hash(f"customer:{brand_id}", same_person_key(email)),
        created_at=unit.now,
    )
    unit.session.add(ambassador)
    unit.session.flush()
    return ambassador


def record(
    unit: UnitOfWork, brand_id: UUID, *, actor: str, action: str, subject: str, detail: Mapping[str, Any] | None = None
) -> None:
    """Write into the audit log that `actor` did `action` to `subject`. Never put a secret into `detail`."""
    entry = AuditEntry(
        brand_id=brand_id,
        actor=actor[:120],
        action=action,
        subject=subject[:120],
        detail=dict(detail or {}),
        done_at=unit.now,
    )
    unit.session.add(entry)
    unit.session.flush()
