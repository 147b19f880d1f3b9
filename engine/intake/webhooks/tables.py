"""Tables of webhooks that came, and of reconciliations."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field

from engine.kernel.tables import BrandRow, Document, one_of


class InboxState(StrEnum):
    """A dead one could not be read and waits for somebody; an ignored one is of a topic that we have no use for."""

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


class ReconciliationKind(StrEnum):
    """How far back a reconciliation looks: since the last one, a few days, a few weeks, or as somebody asked."""

    SLIDING = "sliding"
    NIGHTLY = "nightly"
    WEEKLY = "weekly"
    ASKED = "asked"


class ReconciliationState(StrEnum):
    """A failed one says why; the next one covers its time as well."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Reconciliation(BrandRow, table=True):
    """One comparison with a shop: what it told about a stretch of time, and what we had missed.

    `missing` things we did not have, `different` ones we had in another version, `extra` ones the shop no longer tells.
    `report` names them. Sliding ones go on from the newest `until` that is done.
    """

    __tablename__ = "reconciliation"
    __table_args__ = (
        Index("ix_reconciliation_connection", "brand_id", "connection_id", "until"),
        one_of("kind", ReconciliationKind),
        one_of("state", ReconciliationState),
    )

    connection_id: UUID = Field(foreign_key="connection.id")
    kind: str = Field(max_length=16)
    state: str = Field(max_length=16)
    since: datetime
    until: datetime
    started_at: datetime
    finished_at: datetime | None = None
    seen: int = 0
    missing: int = 0
    different: int = 0
    extra: int = 0
    problem: str | None = Field(default=None, max_length=1000)
    report: dict[str, Any] = Field(sa_column=Column(Document, nullable=False))
