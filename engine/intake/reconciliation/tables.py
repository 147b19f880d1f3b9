"""The table of comparisons with shops."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index
from sqlmodel import Field

from engine.kernel.tables import BrandRow, Document, one_of


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
