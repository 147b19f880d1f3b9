"""The table of webhooks that came."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Column, Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field

from engine.kernel.tables import BrandRow, one_of


class InboxState(StrEnum):
    """A dead one could not be read and waits for somebody; an ignored one is of no use, or was dead and laid aside."""

    WAITING = "waiting"
    DONE = "done"
    IGNORED = "ignored"
    DEAD = "dead"


class InboxWebhook(BrandRow, table=True):
    """A webhook that its shop signed. The same key with the same bytes is stored once.

    The same key with other bytes is stored too: whether it says the same is seen when it is read. A waiting one is due
    at `run_at`; whoever reads it puts that off for as long as they may take, so that it is due again if they die, and
    `attempts` is the token without which they cannot finish it. `reason` is a short word by which dead letters are
    grouped, `problem` the sentence. The body is dropped once it is kept as a delivery's.
    """

    __tablename__ = "inbox_webhook"
    __table_args__ = (
        UniqueConstraint("brand_id", "connection_id", "delivery_key", "body_hash"),
        Index("ix_inbox_webhook_received", "brand_id", "connection_id", "received_at"),
        Index(
            "ix_inbox_webhook_waiting",
            "run_at",
            "id",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
        Index(
            "ix_inbox_webhook_dead",
            "brand_id",
            "reason",
            "id",
            sqlite_where=text("state = 'dead'"),
            postgresql_where=text("state = 'dead'"),
        ),
        one_of("state", InboxState),
    )

    connection_id: UUID = Field(foreign_key="connection.id")
    delivery_key: str = Field(max_length=300)
    body_hash: str = Field(max_length=64)
    topic: str = Field(max_length=80)
    body: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    received_at: datetime
    state: str = Field(max_length=8)
    attempts: int = 0
    run_at: datetime
    reason: str | None = Field(default=None, max_length=40)
    problem: str | None = Field(default=None, max_length=1000)
