"""Tables of enrollments, applications and group membership, each with its whole history."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index, UniqueConstraint
from sqlmodel import Field

from engine.kernel.tables import APPEND_ONLY, BrandRow, Document, one_of


class EnrollmentState(StrEnum):
    """Only an `active` ambassador earns."""

    APPLIED = "applied"
    ACTIVE = "active"
    REJECTED = "rejected"
    SUSPENDED = "suspended"
    LEFT = "left"


class Enrollment(BrandRow, table=True):
    """One ambassador in one program, as it stands; the history is in `EnrollmentChange`."""

    __tablename__ = "enrollment"
    __table_args__ = (
        UniqueConstraint("brand_id", "program_id", "ambassador_id"),
        Index("ix_enrollment_brand_id_ambassador_id", "brand_id", "ambassador_id"),
        Index("ix_enrollment_brand_id_state", "brand_id", "state", "id"),
        one_of("state", EnrollmentState),
    )

    program_id: UUID = Field(foreign_key="program.id")
    ambassador_id: UUID = Field(foreign_key="ambassador.id")
    state: str = Field(max_length=16)
    created_at: datetime
    changed_at: datetime
    reapply_on: date | None = None


class EnrollmentChange(BrandRow, table=True):
    """From `effective_at` on the enrollment is in `state`."""

    __tablename__ = "enrollment_change"
    __table_args__ = (
        Index("ix_enrollment_change_brand_id_enrollment_id", "brand_id", "enrollment_id", "effective_at"),
        one_of("state", EnrollmentState),
        APPEND_ONLY,
    )

    enrollment_id: UUID = Field(foreign_key="enrollment.id")
    state: str = Field(max_length=16)
    effective_at: datetime
    reason: str = Field(max_length=1000)
    changed_by: str = Field(max_length=120)


class Application(BrandRow, table=True):
    """What somebody wrote when applying; applying again is another row."""

    __tablename__ = "application"
    __table_args__ = (
        Index("ix_application_brand_id_enrollment_id", "brand_id", "enrollment_id", "submitted_at"),
        APPEND_ONLY,
    )

    enrollment_id: UUID = Field(foreign_key="enrollment.id")
    answers: dict[str, Any] = Field(sa_column=Column(Document, nullable=False))
    submitted_at: datetime


class GroupMembership(BrandRow, table=True):
    """From `effective_at` on the enrollment is in `group_id` (None: in no group)."""

    __tablename__ = "group_membership"
    __table_args__ = (
        Index("ix_group_membership_brand_id_enrollment_id", "brand_id", "enrollment_id", "effective_at"),
        APPEND_ONLY,
    )

    enrollment_id: UUID = Field(foreign_key="enrollment.id")
    group_id: UUID | None = Field(default=None, foreign_key="ambassador_group.id")
    effective_at: datetime
    changed_by: str = Field(max_length=120)
