"""Tables of a brand's site, of a program's tracking settings, and of pictures."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index, LargeBinary, UniqueConstraint
from sqlmodel import Field

from engine.kernel.tables import BrandRow, Document, one_of


class Consent(StrEnum):
    """Whether a visitor must have agreed before a cookie is set and an address or a user agent is kept."""

    REQUIRED = "required"
    ASSUMED = "assumed"


class KeptAddress(StrEnum):
    """What is kept of a visitor's IP address: its network, a hash under this month's key, or nothing."""

    SHORTENED = "shortened"
    HASHED = "hashed"
    NOTHING = "nothing"


class BrandSite(BrandRow, table=True):
    """What all links and pages of a brand share. `domains` are the only hosts that they lead to, subdomains included.

    `colour` is `#rrggbb`. `updated_at` tells caches of other processes that something changed.
    """

    __tablename__ = "brand_site"
    __table_args__ = (UniqueConstraint("brand_id"), Index("ix_brand_site_updated_at", "updated_at"))

    domains: list[str] = Field(sa_column=Column(Document, nullable=False))
    colour: str = Field(max_length=7)
    logo_id: UUID | None = Field(default=None, foreign_key="asset.id")
    updated_at: datetime


class ProgramTracking(BrandRow, table=True):
    """How a program tracks. `home_url` is where its links and pages lead unless they say otherwise.

    One click per visitor and link counts within `count_window_h` hours; clicks are deleted after `retention_days`.
    `utm` is a template: what `links.rules.WORDS` names in braces is replaced. `connection_id` names the
    shop whose connector makes a page's links apply the promo code.
    """

    __tablename__ = "program_tracking"
    __table_args__ = (
        UniqueConstraint("brand_id", "program_id"),
        Index("ix_program_tracking_updated_at", "updated_at"),
        one_of("consent", Consent),
        one_of("kept_address", KeptAddress),
    )

    program_id: UUID = Field(foreign_key="program.id")
    home_url: str = Field(max_length=2000)
    consent: str = Field(max_length=16)
    kept_address: str = Field(max_length=16)
    count_window_h: int
    retention_days: int
    utm: dict[str, Any] = Field(sa_column=Column(Document, nullable=False))
    disclosure: str = Field(max_length=300)
    connection_id: UUID | None = None
    updated_at: datetime


class AssetKind(StrEnum):
    """What a picture shows."""

    PHOTO = "photo"
    LOGO = "logo"
    PRODUCT = "product"


class Asset(BrandRow, table=True):
    """A picture as we encoded it: nothing of the file that somebody sent is kept but what can be seen.

    Its bytes stand in the database, so that many web processes need no shared disk. Never changed, only replaced.
    """

    __tablename__ = "asset"
    __table_args__ = (Index("ix_asset_brand_id_sha256", "brand_id", "sha256"), one_of("kind", AssetKind))

    kind: str = Field(max_length=16)
    content_type: str = Field(max_length=40)
    width: int
    height: int
    sha256: str = Field(max_length=64)
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime
    created_by: str = Field(max_length=120)
