"""Tables of brands and people. All personal data of an ambassador is here and nowhere else."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from engine.kernel.ids import new_id
from engine.kernel.tables import APPEND_ONLY, BrandRow, Document, one_of


class Role(StrEnum):
    """What a member of a brand's staff may do; each includes what stands below it, `finance` beside `manager`."""

    OWNER = "owner"
    MANAGER = "manager"
    FINANCE = "finance"
    VIEWER = "viewer"


class Realm(StrEnum):
    """The two rooms that a login can enter; a session is for one of them."""

    AMBASSADOR = "ambassador"
    STAFF = "staff"


class Brand(SQLModel, table=True):
    """A tenant: everything else belongs to one."""

    __tablename__ = "brand"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    slug: str = Field(unique=True, max_length=40)
    name: str = Field(max_length=120)
    created_at: datetime


class Login(SQLModel, table=True):
    """Somebody who can sign in. Belongs to no brand: one login may serve several."""

    __tablename__ = "login"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    email: str = Field(max_length=254)
    email_key: str = Field(unique=True, max_length=254)
    created_at: datetime


class StaffMember(BrandRow, table=True):
    """A login that works for a brand."""

    __tablename__ = "staff_member"
    __table_args__ = (UniqueConstraint("brand_id", "login_id"), one_of("role", Role))

    login_id: UUID = Field(foreign_key="login.id", index=True)
    name: str = Field(max_length=120)
    role: str = Field(max_length=16)
    added_at: datetime


class Ambassador(BrandRow, table=True):
    """A person who recommends a brand.

    `email_hash` is the keyed hash by which an order of the ambassador's own is recognised.
    """

    __tablename__ = "ambassador"
    __table_args__ = (
        UniqueConstraint("brand_id", "email_key"),
        Index("ix_ambassador_brand_id_email_hash", "brand_id", "email_hash"),
    )

    login_id: UUID | None = Field(default=None, foreign_key="login.id", index=True)
    name: str = Field(max_length=120)
    email: str = Field(max_length=254)
    email_key: str = Field(max_length=254)
    email_hash: str = Field(max_length=32)
    created_at: datetime


class SignInLink(SQLModel, table=True):
    """A link that signs in once. Only the hash of its token is kept."""

    __tablename__ = "sign_in_link"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    login_id: UUID = Field(foreign_key="login.id", index=True)
    token_hash: str = Field(unique=True, max_length=64)
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None


class WebSession(SQLModel, table=True):
    """A signed-in browser. Only the hash of its token is kept; ending it is a row, so it can be ended anywhere."""

    __tablename__ = "web_session"
    __table_args__ = (one_of("realm", Realm),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    login_id: UUID = Field(foreign_key="login.id", index=True)
    realm: str = Field(max_length=16)
    brand_id: UUID | None = Field(default=None, foreign_key="brand.id")
    token_hash: str = Field(unique=True, max_length=64)
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None


class AuditEntry(BrandRow, table=True):
    """What somebody did, to what, when."""

    __tablename__ = "audit_entry"
    __table_args__ = (Index("ix_audit_entry_brand_id_done_at", "brand_id", "done_at", "id"), APPEND_ONLY)

    actor: str = Field(max_length=120)
    action: str = Field(max_length=60)
    subject: str = Field(max_length=120)
    detail: dict[str, Any] = Field(sa_column=Column(Document, nullable=False))
    done_at: datetime


class RateCounter(SQLModel, table=True):
    """How often something was tried in one window. `subject_hash` names who tried what, and cannot be read back."""

    __tablename__ = "rate_counter"
    __table_args__ = (
        UniqueConstraint("subject_hash", "window_start"),
        Index("ix_rate_counter_window_start", "window_start"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    subject_hash: str = Field(max_length=64)
    window_start: datetime
    attempts: int
