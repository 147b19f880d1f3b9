"""How the jobs stand, for health checks and the desk."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select

from engine.jobs.service import AT_WORK, OPEN
from engine.jobs.tables import Job, JobState
from engine.kernel.database import UnitOfWork

_JOB: Final = Job.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job as it stands."""

    id: UUID
    name: str
    key: str
    state: JobState
    run_at: datetime
    attempts: int
    problem: str | None
    finished_at: datetime | None


def job_counts(unit: UnitOfWork) -> dict[JobState, int]:
    """Return how many jobs are in each state, other than those that workers hold while they run."""
    counted = select(_JOB.c.state, func.count()).where(_JOB.c.name != AT_WORK).group_by(_JOB.c.state)
    found = dict(unit.execute(counted).all())
    return {state: found.get(state.value, 0) for state in JobState}


def latest_jobs(unit: UnitOfWork, *, state: JobState | None = None, limit: int = 50) -> tuple[JobRow, ...]:
    """Return the newest jobs, of one state or of all."""
    statement = select(_JOB).order_by(_JOB.c.id.desc()).limit(limit)
    if state is not None:
        statement = statement.where(_JOB.c.state == state.value)
    return tuple(_row(row) for row in unit.execute(statement))


def is_worker_running(unit: UnitOfWork) -> bool:
    """Tell whether a worker runs now, on whatever machine. One that only did what was due is gone already."""
    # by ix_job_open
    here = (OPEN, _JOB.c.name == AT_WORK, _JOB.c.leased_until > unit.now)
    return unit.execute(select(_JOB.c.id).where(*here).limit(1)).first() is not None


def job_by_key(unit: UnitOfWork, key: str) -> JobRow | None:
    """Return the job that was enqueued under `key`."""
    found = unit.execute(select(_JOB).where(_JOB.c.job_key == key)).first()
    return _row(found) if found else None


def _row(row: Any) -> JobRow:
    state = JobState(row.state)
    return JobRow(row.id, row.name, row.job_key, state, row.run_at, row.attempts, row.problem, row.finished_at)
