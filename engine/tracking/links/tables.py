"""The table of links."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index, UniqueConstraint
from sqlmodel import Field

from engine.kernel.tables import BrandRow, Document, one_of


class SlugKind(StrEnum):
    """Whether a slug was drawn or chosen."""

    GENERATED = "generated"
    VANITY = "vanity"


class Link(BrandRow, table=True):
    """An address `/r/<slug>` of one enrollment. The slug never changes and is never given to anybody else.

    Slugs are unique in the installation, since the address names no brand. `destination` may change without a new link.
    A link that expired, or was archived, still leads to its destination and counts no click.
    """

    __tablename__ = "link"
    __table_args__ = (
        UniqueConstraint("slug"),
        Index("ix_link_brand_id_enrollment_id", "brand_id", "enrollment_id", "id"),
        Index("ix_link_brand_id_program_id", "brand_id", "program_id", "id"),
        Index("ix_link_updated_at", "updated_at"),
        one_of("kind", SlugKind),
    )

    program_id: UUID = Field(foreign_key="program.id")
    enrollment_id: UUID = Field(foreign_key="enrollment.id")
    slug: str = Field(max_length=64)
    kind: str = Field(max_length=16)
    destination: str = Field(max_length=2000)
    title: str = Field(max_length=120)
    utm: dict[str, Any] = Field(sa_column=Column(Document, nullable=False))
    expires_at: datetime | None = None
    archived_at: datetime | None = None
    created_at: datetime
    created_by: str = Field(max_length=120)
    updated_at: datetime
