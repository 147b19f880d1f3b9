"""Tables of programs, their terms and the rates beside them."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, UniqueConstraint
from sqlmodel import Field

from engine.kernel.tables import APPEND_ONLY, BrandRow, Document, one_of


class ProgramState(StrEnum):
    """A draft has no published terms; a closed program takes no applications and credits no order placed later."""

    DRAFT = "draft"
    OPEN = "open"
    CLOSED = "closed"


class Program(BrandRow, table=True):
    """A program of a brand. Of several that could credit one order, the lowest `priority` wins.

    `currency` is what its screens show first; commissions are in the order's own. The time zone is fixed once terms are
    published, since months and due days are counted in it.
    """

    __tablename__ = "program"
    __table_args__ = (
        UniqueConstraint("brand_id", "slug"),
        UniqueConstraint("brand_id", "priority"),
        one_of("state", ProgramState),
    )

    slug: str = Field(max_length=40)
    name: str = Field(max_length=120)
    currency: str = Field(max_length=3)
    time_zone: str = Field(max_length=64)
    priority: int
    state: str = Field(max_length=16)
    created_at: datetime
    closed_at: datetime | None = None


class Terms(BrandRow, table=True):
    """One published version of a program's terms, a `TermsDocument`. It holds until the next one's `effective_at`."""

    __tablename__ = "terms"
    __table_args__ = (UniqueConstraint("brand_id", "program_id", "version"), APPEND_ONLY)

    program_id: UUID = Field(foreign_key="program.id")
    version: int
    document: dict[str, Any] = Field(sa_column=Column(Document, nullable=False))
    content_hash: str = Field(max_length=64)
    effective_at: datetime
    published_at: datetime
    published_by: str = Field(max_length=120)


class AmbassadorGroup(BrandRow, table=True):
    """A group of a program's ambassadors. Terms name it by `key`."""

    __tablename__ = "ambassador_group"
    __table_args__ = (UniqueConstraint("brand_id", "program_id", "key"),)

    program_id: UUID = Field(foreign_key="program.id")
    key: str = Field(max_length=40)
    name: str = Field(max_length=120)
    created_at: datetime


class RateLevel(StrEnum):
    """Where a rate was found. Order is precedence, most specific first (PRODUCT: rate precedence)."""

    AMBASSADOR_PRODUCT = "ambassador_product"
    AMBASSADOR = "ambassador"
    CODE = "code"
    GROUP_PRODUCT = "group_product"
    GROUP = "group"
    PRODUCT = "product"
    COLLECTION = "collection"
    PROGRAM = "program"


class PersonalRate(BrandRow, table=True):
    """A rate of one ambassador or code, from an instant on. `rate_bps` None ends it.

    Exactly one of `enrollment_id` (with or without `product`) and `promo_code_id` is set.
    """

    __tablename__ = "personal_rate"
    __table_args__ = (
        CheckConstraint("(enrollment_id IS NULL) <> (promo_code_id IS NULL)", name="one_subject"),
        CheckConstraint("rate_bps IS NULL OR rate_bps BETWEEN 0 AND 10000", name="rate_bps_range"),
        Index("ix_personal_rate_brand_id_enrollment_id", "brand_id", "enrollment_id", "effective_at"),
        Index("ix_personal_rate_brand_id_promo_code_id", "brand_id", "promo_code_id", "effective_at"),
        APPEND_ONLY,
    )

    program_id: UUID = Field(foreign_key="program.id")
    reward: str = Field(max_length=40)
    enrollment_id: UUID | None = Field(default=None, foreign_key="enrollment.id")
    promo_code_id: UUID | None = Field(default=None, foreign_key="promo_code.id")
    product: str | None = Field(default=None, max_length=200)
    rate_bps: int | None = None
    effective_at: datetime
    set_by: str = Field(max_length=120)
    reason: str = Field(max_length=500)
