"""Tables of connections to shops, of promo codes in them, and of what is wrong with them."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index, UniqueConstraint, text
from sqlmodel import Field

from engine.kernel.tables import BrandRow, Document, one_of


class ConnectionState(StrEnum):
    """An off one is neither pulled nor pushed to, and its webhooks are refused."""

    ON = "on"
    OFF = "off"


class Connection(BrandRow, table=True):
    """One shop account of a brand and what its connector must know to talk to it.

    `account` names it in orders and in the address of its webhooks, `/hooks/<connector>/<account>`; the pair is unique
    in the installation, since that address names no brand. Silence of `quiet_after_h` hours raises an alarm.
    """

    __tablename__ = "connection"
    __table_args__ = (
        UniqueConstraint("connector", "account"),
        Index("ix_connection_brand_id", "brand_id", "id"),
        one_of("state", ConnectionState),
    )

    connector: str = Field(max_length=40)
    account: str = Field(max_length=80)
    title: str = Field(max_length=120)
    settings_encrypted: str
    state: str = Field(max_length=8)
    quiet_after_h: int
    created_at: datetime
    updated_at: datetime


class Alarm(BrandRow, table=True):
    """Something that is wrong until it is not: a shop gone silent, webhooks switched off, a key that no longer works.

    Open while `ended_at` is null; one open alarm per `alarm_key`.
    """

    __tablename__ = "alarm"
    __table_args__ = (
        Index(
            "uq_alarm_open",
            "brand_id",
            "alarm_key",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    alarm_key: str = Field(max_length=200)
    kind: str = Field(max_length=40)
    connection_id: UUID | None = Field(default=None, foreign_key="connection.id")
    text: str = Field(max_length=1000)
    raised_at: datetime
    ended_at: datetime | None = None


class PushState(StrEnum):
    """How a code stands in a shop. `failed` waits for somebody; what may succeed later is `waiting` with a `run_at`."""

    WAITING = "waiting"
    PUSHED = "pushed"
    FAILED = "failed"
    REVOKED = "revoked"


class PushedCode(BrandRow, table=True):
    """A promo code in one shop: what it should say there (`wanted_hash`), what was pushed, and how that went.

    `drift` says where the shop was found to differ from what was pushed.
    """

    __tablename__ = "pushed_code"
    __table_args__ = (
        UniqueConstraint("brand_id", "promo_code_id", "connection_id"),
        Index("ix_pushed_code_connection", "brand_id", "connection_id", "id"),
        Index("ix_pushed_code_due", "state", "run_at"),
        one_of("state", PushState),
    )

    connection_id: UUID = Field(foreign_key="connection.id")
    promo_code_id: UUID = Field(foreign_key="promo_code.id")
    state: str = Field(max_length=16)
    wanted_hash: str = Field(max_length=64)
    pushed_hash: str | None = Field(default=None, max_length=64)
    reference: str | None = Field(default=None, max_length=200)
    attempts: int = 0
    run_at: datetime
    problem: str | None = Field(default=None, max_length=1000)
    drift: dict[str, Any] | None = Field(default=None, sa_column=Column(Document, nullable=True))
    checked_at: datetime | None = None
    updated_at: datetime


class RefusedWebhooks(BrandRow, table=True):
    """How many webhooks of a connection were refused on a day (UTC): all that is kept of what nobody signed."""

    __tablename__ = "refused_webhooks"
    __table_args__ = (UniqueConstraint("brand_id", "connection_id", "day"),)

    connection_id: UUID = Field(foreign_key="connection.id")
    day: date
    refused: int
