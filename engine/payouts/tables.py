"""Tables of payout batches, payouts, which commission rows each pays, and when a brand's payouts stand still."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field

from engine.kernel.tables import APPEND_ONLY, BrandRow, minor_column, one_of


class PayoutState(StrEnum):
    """`unknown` parks the money until the rail has been asked."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    PAID = "paid"
    FAILED = "failed"
    UNKNOWN = "unknown"
    RETURNED = "returned"


class PayoutMinimum(BrandRow, table=True):
    """The least that a brand pays out in a currency. A currency without a row is not paid out."""

    __tablename__ = "payout_minimum"
    __table_args__ = (UniqueConstraint("brand_id", "currency"),)

    currency: str = Field(max_length=3)
    minimum_minor: int = minor_column()


class PayoutBatch(BrandRow, table=True):
    """Payouts that were decided together and go over one rail. `reference` is unique for the brand."""

    __tablename__ = "payout_batch"
    __table_args__ = (UniqueConstraint("brand_id", "reference"),)

    reference: str = Field(max_length=40)
    rail: str = Field(max_length=40)
    created_at: datetime
    created_by: str = Field(max_length=120)
    submitted_at: datetime | None = None


class Payout(BrandRow, table=True):
    """One payment to one ambassador in one currency. `reference` is what the bank statement shows.

    `finished_at` is when it was recorded as paid or failed, `paid_on` the day that the bank states.
    """

    __tablename__ = "payout"
    __table_args__ = (
        UniqueConstraint("brand_id", "reference"),
        UniqueConstraint("brand_id", "batch_id", "ambassador_id", "currency"),
        Index("ix_payout_brand_id_ambassador_id", "brand_id", "ambassador_id", "id"),
        CheckConstraint("amount_minor > 0", name="amount_minor_positive"),
        one_of("state", PayoutState),
    )

    batch_id: UUID = Field(foreign_key="payout_batch.id")
    ambassador_id: UUID = Field(foreign_key="ambassador.id")
    reference: str = Field(max_length=40)
    currency: str = Field(max_length=3)
    amount_minor: int = minor_column()
    state: str = Field(max_length=16)
    state_reason: str | None = Field(default=None, max_length=500)
    created_at: datetime
    submitted_at: datetime | None = None
    finished_at: datetime | None = None
    paid_on: date | None = None
    returned_at: datetime | None = None


class PayoutLine(BrandRow, table=True):
    """One commission row in one payout. `live` until the payout failed or was returned; a row is in one live payout."""

    __tablename__ = "payout_line"
    __table_args__ = (
        Index(
            "uq_payout_line_live",
            "brand_id",
            "commission_id",
            unique=True,
            sqlite_where=text("live"),
            postgresql_where=text("live"),
        ),
        Index("ix_payout_line_payout_id", "payout_id"),  # not brand first: the foreign key looks here as well
    )

    payout_id: UUID = Field(foreign_key="payout.id")
    commission_id: UUID = Field(foreign_key="commission.id")
    amount_minor: int = minor_column()
    live: bool


class PayoutFreeze(BrandRow, table=True):
    """That the payouts of a brand were stopped or let go again; the row with the highest `seq` holds."""

    __tablename__ = "payout_freeze"
    __table_args__ = (UniqueConstraint("brand_id", "seq"), APPEND_ONLY)

    seq: int
    frozen: bool
    reason: str = Field(max_length=500)
    changed_by: str = Field(max_length=120)
    changed_at: datetime
