"""Tables of decisions and of links between customers and ambassadors."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index, UniqueConstraint
from sqlmodel import Field

from engine.kernel.tables import APPEND_ONLY, BrandRow, Document, one_of
from engine.tracking.clicks.tables import Target


class Outcome(StrEnum):
    """What a decision came to."""

    CREDITED = "credited"
    SELF_PURCHASE = "self_purchase"
    NOBODY = "nobody"


class Decision(BrandRow, table=True):
    """Who gets the credit for an order: all candidates, the rule, the reason and the policy's version.

    A later one (higher `seq`) replaces it; nothing is edited. `shares` and `candidates` are written by
    `attribution.rules`.
    """

    __tablename__ = "decision"
    __table_args__ = (
        UniqueConstraint("brand_id", "order_id", "seq"),
        one_of("outcome", Outcome),
        APPEND_ONLY,
    )

    order_id: UUID
    seq: int
    outcome: str = Field(max_length=16)
    program_id: UUID | None = None
    terms_id: UUID | None = None
    rule: str = Field(max_length=60)
    reason: str = Field(max_length=1000)
    shares: list[dict[str, Any]] = Field(sa_column=Column(Document, nullable=False))
    candidates: list[dict[str, Any]] = Field(sa_column=Column(Document, nullable=False))
    content_hash: str = Field(max_length=64)
    decided_at: datetime


class CustomerLink(BrandRow, table=True):
    """The ambassador of a program's customer, by the customer's earliest order credited by code or click."""

    __tablename__ = "customer_link"
    __table_args__ = (UniqueConstraint("brand_id", "program_id", "customer_key"),)

    program_id: UUID = Field(foreign_key="program.id")
    customer_key: str = Field(max_length=32)
    enrollment_id: UUID = Field(foreign_key="enrollment.id")
    order_id: UUID
    placed_at: datetime
    connector: str = Field(max_length=40)
    external_id: str = Field(max_length=200)


class Touch(BrandRow, table=True):
    """A click that came before an order, as it was when the order was first judged: clicks are deleted, touches stay.

    The order is named as the shop names it, so that replaying the facts finds its touches again. `reason` is why the
    click was not counted, as the click says it. `visitor_key` tells which clicks of an order are one visitor's.
    """

    __tablename__ = "touch"
    __table_args__ = (
        UniqueConstraint("brand_id", "connector", "account", "order_external_id", "click_id"),
        Index("ix_touch_click", "brand_id", "click_id"),
        one_of("target", Target),
        APPEND_ONLY,
    )

    connector: str = Field(max_length=40)
    account: str = Field(max_length=80)
    order_external_id: str = Field(max_length=200)
    click_id: UUID
    program_id: UUID = Field(foreign_key="program.id")
    enrollment_id: UUID = Field(foreign_key="enrollment.id")
    target: str = Field(max_length=8)
    target_id: UUID
    at: datetime
    reason: str | None = Field(default=None, max_length=24)
    verified: bool
    visitor_key: str | None = Field(default=None, max_length=32)
    recorded_at: datetime
