"""Tables of promo codes and who owned them when."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from engine.kernel.tables import APPEND_ONLY, BrandRow, one_of


class CodeKind(StrEnum):
    """Where a code came from."""

    GENERATED = "generated"
    VANITY = "vanity"
    IMPORTED = "imported"


class PromoCode(BrandRow, table=True):
    """A code as people read it, and `code_key`, the one form by which it is found (`rules.code_key`).

    An order placed before `expires_at` counts.
    """

    __tablename__ = "promo_code"
    __table_args__ = (
        UniqueConstraint("brand_id", "code_key"),
        Index("ix_promo_code_brand_id_program_id", "brand_id", "program_id", "id"),
        one_of("kind", CodeKind),
    )

    program_id: UUID = Field(foreign_key="program.id")
    code: str = Field(max_length=40)
    code_key: str = Field(max_length=40)
    kind: str = Field(max_length=16)
    created_at: datetime
    expires_at: datetime | None = None


class CodeOwner(BrandRow, table=True):
    """From `effective_at` on the code belongs to `enrollment_id` (None: to nobody)."""

    __tablename__ = "code_owner"
    __table_args__ = (
        Index("ix_code_owner_brand_id_promo_code_id", "brand_id", "promo_code_id", "effective_at"),
        Index("ix_code_owner_brand_id_enrollment_id", "brand_id", "enrollment_id"),
        APPEND_ONLY,
    )

    promo_code_id: UUID = Field(foreign_key="promo_code.id")
    enrollment_id: UUID | None = Field(default=None, foreign_key="enrollment.id")
    effective_at: datetime
    changed_by: str = Field(max_length=120)
