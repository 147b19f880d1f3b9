"""Tables of deliveries and of order, refund and chargeback facts.

A fact is one version of a thing, never changed. The newest version of each thing is pointed at by its head row.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field

from engine.kernel.tables import APPEND_ONLY, BrandRow, Document, minor_column, one_of


class FactKind(StrEnum):
    """What a fact is about."""

    ORDER = "order"
    REFUND = "refund"
    CHARGEBACK = "chargeback"


class Delivery(BrandRow, table=True):
    """The key of something that arrived. Its bytes are in `DeliveryBody`, so that they can expire before the key."""

    __tablename__ = "delivery"
    __table_args__ = (UniqueConstraint("brand_id", "connector", "account", "delivery_key"), APPEND_ONLY)

    connector: str = Field(max_length=40)
    account: str = Field(max_length=80)
    delivery_key: str = Field(max_length=300)
    content_hash: str = Field(max_length=64)
    received_at: datetime


class DeliveryBody(BrandRow, table=True):
    """The bytes of a delivery; `id` is the delivery's."""

    __tablename__ = "delivery_body"

    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class CommerceFact(BrandRow, table=True):
    """One version of an order, refund or chargeback, as parsed, with the customer as keyed hashes.

    Versions of one thing are ordered by (`version_at`, `content_hash`).
    """

    __tablename__ = "commerce_fact"
    __table_args__ = (one_of("kind", FactKind), APPEND_ONLY)

    delivery_id: UUID
    kind: str = Field(max_length=16)
    connector: str = Field(max_length=40)
    account: str = Field(max_length=80)
    external_id: str = Field(max_length=200)
    version_at: datetime
    content_hash: str = Field(max_length=64)
    payload: dict[str, Any] = Field(sa_column=Column(Document, nullable=False))
    recorded_at: datetime


class ShopOrder(BrandRow, table=True):
    """The head of an order: its newest fact and what it is looked up by."""

    __tablename__ = "shop_order"
    __table_args__ = (
        UniqueConstraint("brand_id", "connector", "account", "external_id"),
        Index("ix_shop_order_brand_id_placed_at", "brand_id", "placed_at", "id"),
        Index(
            "ix_shop_order_customer",
            "brand_id",
            "customer_key",
            "placed_at",
            sqlite_where=text("customer_key IS NOT NULL"),
            postgresql_where=text("customer_key IS NOT NULL"),
        ),
        Index(
            "ix_shop_order_blocked",
            "brand_id",
            "id",
            sqlite_where=text("blocked_reason IS NOT NULL"),
            postgresql_where=text("blocked_reason IS NOT NULL"),
        ),
    )

    connector: str = Field(max_length=40)
    account: str = Field(max_length=80)
    external_id: str = Field(max_length=200)
    fact_id: UUID
    version_at: datetime
    content_hash: str = Field(max_length=64)
    placed_at: datetime
    paid_at: datetime | None = None
    currency: str = Field(max_length=3)
    charged_minor: int = minor_column()
    customer_key: str | None = Field(default=None, max_length=32)
    blocked_reason: str | None = Field(default=None, max_length=1000)


class ClaimHead(BrandRow):
    """The head of something taken back from an order, which may not have come yet."""

    connector: str = Field(max_length=40)
    account: str = Field(max_length=80)
    external_id: str = Field(max_length=200)
    order_external_id: str = Field(max_length=200)
    fact_id: UUID
    version_at: datetime
    content_hash: str = Field(max_length=64)


class Refund(ClaimHead, table=True):
    """The head of a refund."""

    __tablename__ = "refund"
    __table_args__ = (
        UniqueConstraint("brand_id", "connector", "account", "external_id"),
        Index("ix_refund_order", "brand_id", "connector", "account", "order_external_id"),
    )


class Chargeback(ClaimHead, table=True):
    """The head of a chargeback."""

    __tablename__ = "chargeback"
    __table_args__ = (
        UniqueConstraint("brand_id", "connector", "account", "external_id"),
        Index("ix_chargeback_order", "brand_id", "connector", "account", "order_external_id"),
    )


class Customer(BrandRow, table=True):
    """A customer of the brand by keyed hash, and the first order: the earliest paid one."""

    __tablename__ = "customer"
    __table_args__ = (UniqueConstraint("brand_id", "customer_key"),)

    customer_key: str = Field(max_length=32)
    first_order_id: UUID
    first_placed_at: datetime
    first_connector: str = Field(max_length=40)
    first_external_id: str = Field(max_length=200)


class Notice(BrandRow, table=True):
    """Something that was accepted and that somebody should know: an excessive refund, a tie. Once per `notice_key`."""

    __tablename__ = "notice"
    __table_args__ = (UniqueConstraint("brand_id", "notice_key"), APPEND_ONLY)

    notice_key: str = Field(max_length=300)
    kind: str = Field(max_length=40)
    order_id: UUID | None = None
    text: str = Field(max_length=1000)
    noticed_at: datetime
