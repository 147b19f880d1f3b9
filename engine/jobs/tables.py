"""The table of jobs."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index, text
from sqlmodel import Field, SQLModel

from engine.kernel.ids import new_id
from engine.kernel.tables import Document, one_of


class JobState(StrEnum):
    """A running job whose lease ran out is waiting again."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"


class Job(SQLModel, table=True):
    """One piece of work. `job_key` is unique: the same slot of a schedule is enqueued once.

    `lease` is the fencing token of whoever runs it; only its holder may finish it. Each worker that runs holds one job
    that is nobody's work, so that it can be told that it runs.
    """

    __tablename__ = "job"
    __table_args__ = (
        Index(
            "ix_job_open",
            "run_at",
            "id",
            sqlite_where=text("state IN ('waiting', 'running')"),
            postgresql_where=text("state IN ('waiting', 'running')"),
        ),
        one_of("state", JobState),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    name: str = Field(max_length=60)
    arguments: dict[str, Any] = Field(sa_column=Column(Document, nullable=False))
    job_key: str = Field(unique=True, max_length=200)
    state: str = Field(max_length=16)
    run_at: datetime
    attempts: int = 0
    lease: UUID | None = None
    leased_until: datetime | None = None
    problem: str | None = Field(default=None, max_length=1000)
    finished_at: datetime | None = None
