"""Tables of scopes and commissions.

A scope is one thing that can owe something: enrollment, reward, subject and asset. Its head says what is booked and
when it is due; each booking is a commission row that is never changed.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, Index, UniqueConstraint, text
from sqlmodel import Field

from engine.kernel.tables import APPEND_ONLY, BrandRow, Document, minor_column, one_of


class SubjectKind(StrEnum):
    """What a scope is about: an order, or a month in the program's time zone."""

    ORDER = "order"
    PERIOD = "period"


class ScopeState(StrEnum):
    """`pending` until its due date, `approved` while something of it is unpaid, `settled` when all of it was paid."""

    PENDING = "pending"
    APPROVED = "approved"
    SETTLED = "settled"


class CommissionReason(StrEnum):
    """Why a row was booked."""

    ACCRUAL = "accrual"
    REVERSAL = "reversal"
    CORRECTION = "correction"
    SETTLEMENT = "settlement"


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


class RewardScope(BrandRow, table=True):
    """The head of a scope; written only where `seq` and state are those that were read.

    `subject` is the order's id in hexadecimal, or the month (`YYYY-MM`). `period` is the month of an order that a
    period reward will settle, `period_base_minor` the base it brings to it, `period_accrued_minor` what it accrued on
    that. `hold_reason` keeps the scope from being approved and from being paid.
    """

    __tablename__ = "reward_scope"
    __table_args__ = (
        UniqueConstraint("brand_id", "enrollment_id", "reward", "subject", "asset"),
        Index("ix_reward_scope_brand_id_order_id", "brand_id", "order_id"),
        Index("ix_reward_scope_pending", "brand_id", "due_at", **_where("state = 'pending'")),
        Index("ix_reward_scope_approved", "brand_id", "asset", "ambassador_id", **_where("state = 'approved'")),
        Index("ix_reward_scope_month", "brand_id", "enrollment_id", "reward", "period", **_where("period IS NOT NULL")),
        Index("ix_reward_scope_dirty", "brand_id", "subject", **_where("dirty")),
        one_of("subject_kind", SubjectKind),
        one_of("state", ScopeState),
    )

    enrollment_id: UUID = Field(foreign_key="enrollment.id")
    ambassador_id: UUID = Field(foreign_key="ambassador.id")
    program_id: UUID = Field(foreign_key="program.id")
    terms_id: UUID
    reward: str = Field(max_length=40)
    subject_kind: str = Field(max_length=16)
    subject: str = Field(max_length=36)
    asset: str = Field(max_length=3)
    order_id: UUID | None = None
    period: str | None = Field(default=None, max_length=7)
    seq: int
    booked_minor: int = minor_column()
    base_minor: int = minor_column()
    period_base_minor: int = minor_column()
    period_accrued_minor: int = minor_column()
    due_at: datetime
    state: str = Field(max_length=16)
    hold_reason: str | None = Field(default=None, max_length=300)
    dirty: bool = False


class Commission(BrandRow, table=True):
    """One booking of a scope, of either sign; `explanation` holds how the amount came about (`rewards.rules`)."""

    __tablename__ = "commission"
    __table_args__ = (
        UniqueConstraint("brand_id", "scope_id", "seq"),
        Index("ix_commission_brand_id_ambassador_id", "brand_id", "ambassador_id", "id"),
        one_of("reason", CommissionReason),
        APPEND_ONLY,
    )

    scope_id: UUID = Field(foreign_key="reward_scope.id")
    seq: int
    ambassador_id: UUID = Field(foreign_key="ambassador.id")
    program_id: UUID = Field(foreign_key="program.id")
    order_id: UUID | None = None
    asset: str = Field(max_length=3)
    amount_minor: int = minor_column()
    reason: str = Field(max_length=16)
    explanation: dict[str, Any] = Field(sa_column=Column(Document, nullable=False))
    transaction_id: int = Field(sa_type=BigInteger)
    booked_at: datetime


class MaturityRun(BrandRow, table=True):
    """That months were closed and due scopes approved as of an instant; rebuild repeats these."""

    __tablename__ = "maturity_run"
    __table_args__ = (Index("ix_maturity_run_brand_id_as_of", "brand_id", "as_of"), APPEND_ONLY)

    as_of: datetime
    approved: int
    settled_periods: int
