"""Tables of landing pages, their versions, and the products that a brand shows on them."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index, UniqueConstraint
from sqlmodel import Field

from engine.kernel.tables import BrandRow, Document, one_of


class LandingPage(BrandRow, table=True):
    """An ambassador's page `/a/<handle>` in one program. It shows its live version; without one it is not there.

    Handles are unique in the installation, since the address names no brand.
    """

    __tablename__ = "landing_page"
    __table_args__ = (
        UniqueConstraint("handle"),
        UniqueConstraint("brand_id", "enrollment_id"),
        Index("ix_landing_page_updated_at", "updated_at"),
    )

    program_id: UUID = Field(foreign_key="program.id")
    enrollment_id: UUID = Field(foreign_key="enrollment.id")
    handle: str = Field(max_length=40)
    live_version_id: UUID | None = None
    hidden_at: datetime | None = None
    created_at: datetime
    updated_at: datetime


class VersionState(StrEnum):
    """A draft is the ambassador's; a submitted one waits for the brand; approved ones were or are live."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    REJECTED = "rejected"


class LandingVersion(BrandRow, table=True):
    """One version of a page's content, a `pages.schemas.PageDocument`. Only a draft changes."""

    __tablename__ = "landing_version"
    __table_args__ = (
        UniqueConstraint("brand_id", "page_id", "number"),
        Index("ix_landing_version_waiting", "brand_id", "state", "id"),
        one_of("state", VersionState),
    )

    page_id: UUID = Field(foreign_key="landing_page.id")
    number: int
    document: dict[str, Any] = Field(sa_column=Column(Document, nullable=False))
    state: str = Field(max_length=16)
    updated_at: datetime
    submitted_at: datetime | None = None
    decided_at: datetime | None = None
    decided_by: str | None = Field(default=None, max_length=120)
    reason: str | None = Field(default=None, max_length=500)


class Product(BrandRow, table=True):
    """A product as the brand enters it for its pages: what it is, where it is sold, and its price as text."""

    __tablename__ = "product"
    __table_args__ = (
        Index("ix_product_brand_id_program_id", "brand_id", "program_id", "position"),
        Index("ix_product_updated_at", "updated_at"),
    )

    program_id: UUID = Field(foreign_key="program.id")
    position: int
    title: str = Field(max_length=120)
    link: str = Field(max_length=2000)
    price_text: str = Field(max_length=40)
    image_id: UUID | None = Field(default=None, foreign_key="asset.id")
    hidden_at: datetime | None = None
    updated_at: datetime
