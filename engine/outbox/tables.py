"""The table of events that wait to be told."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, text
from sqlmodel import Field

from engine.kernel.tables import BrandRow, Document


class OutboxEvent(BrandRow, table=True):
    """One event; `told_at` is set when every listener has taken it."""

    __tablename__ = "outbox_event"
    __table_args__ = (
        Index(
            "ix_outbox_event_untold",
            "next_try_at",
            "id",
            sqlite_where=text("told_at IS NULL"),
            postgresql_where=text("told_at IS NULL"),
        ),
    )

    kind: str = Field(max_length=60)
    payload: dict[str, Any] = Field(sa_column=Column(Document, nullable=False))
    occurred_at: datetime
    next_try_at: datetime
    told_at: datetime | None = None
    attempts: int = 0
    problem: str | None = Field(default=None, max_length=1000)
