"""Jobs: enqueued in the caller's transaction, claimed by lease, finished by whoever still holds the lease."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, func, insert, literal_column, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from engine.jobs.rules import Schedule, wait_after
from engine.jobs.tables import Job, JobState
from engine.kernel.database import UnitOfWork
from engine.kernel.ids import new_id

_JOB: Final = Job.__table__  # type: ignore[attr-defined]

AT_WORK: Final = "at work"
"""The name of the job that each worker holds while it runs. It has no handler: holding it is all there is to it."""

AT_WORK_LEASE: Final = timedelta(minutes=5)
"""How long a worker is taken to run without having said so again: it died, or one job keeps it."""

KEPT: Final = timedelta(days=30)
"""How long a job that is done can be looked at. A slot of a schedule never comes again, so its key is not missed."""

OPEN: Final[ColumnElement[bool]] = literal_column("state IN ('waiting', 'running')")
"""Written out as in ix_job_open: a parameter would hide from the planner that the partial index serves."""


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A job in somebody's hands. `lease` is the token without which it cannot be finished."""

    id: UUID
    name: str
    arguments: Mapping[str, Any]
    attempts: int
    lease: UUID


def enqueue(
    unit: UnitOfWork, name: str, arguments: Mapping[str, Any], *, key: str, run_at: datetime | None = None
) -> bool:
    """Enqueue job `name` in the caller's transaction, due at `run_at` or at once.

    Returns whether it is new: `key` is unique until `purge` took the job, and a second one with the same key is none.
    """
    dialect = postgresql if unit.dialect == "postgresql" else sqlite
    row = {
        "id": new_id(),
        "name": name,
        "arguments": dict(arguments),
        "job_key": key,
        "state": JobState.WAITING.value,
        "run_at": run_at or unit.now,
        "attempts": 0,
    }
    statement = dialect.insert(_JOB).values(**row).on_conflict_do_nothing(index_elements=["job_key"])
    return unit.execute(statement.returning(_JOB.c.id)).first() is not None


def enqueue_slot(unit: UnitOfWork, schedule: Schedule) -> bool:
    """Enqueue the present slot of `schedule`, unless a job of an earlier slot is still open.

    Slots that nobody was there to see are not made up for: the present one does their work. Returns False where the
    slot has to be looked at again.
    """
    prefix = f"{schedule.name}:"
    of_schedule = func.substr(_JOB.c.job_key, 1, len(prefix)) == prefix
    earlier = select(_JOB.c.id).where(OPEN, _JOB.c.name == schedule.name, of_schedule)
    if unit.execute(earlier.limit(1)).first() is not None:
        return False
    enqueue(unit, schedule.name, {}, key=schedule.key(unit.now))
    return True


def claim(unit: UnitOfWork, names: Iterable[str], *, lease: timedelta) -> ClaimedJob | None:
    """Take the job among `names` that is due longest, for as long as `lease`, or return None.

    A job whose lease ran out is due again: whoever held it is taken for dead.
    """
    # by ix_job_open
    due = select(_JOB.c.id).where(_due(unit), _JOB.c.name.in_(list(names))).order_by(_JOB.c.run_at, _JOB.c.id).limit(1)
    if unit.dialect == "postgresql":
        due = due.with_for_update(skip_locked=True)
    taken = {
        "state": JobState.RUNNING.value,
        "attempts": _JOB.c.attempts + 1,
        "lease": new_id(),
        "leased_until": unit.now + lease,
    }
    columns = (_JOB.c.id, _JOB.c.name, _JOB.c.arguments, _JOB.c.attempts, _JOB.c.lease)
    found = unit.execute(
        update(_JOB).where(_JOB.c.id == due.scalar_subquery()).values(taken).returning(*columns)
    ).first()
    return ClaimedJob(*found) if found else None


def is_any_due(unit: UnitOfWork, names: Iterable[str]) -> bool:
    """Tell whether `claim` would find a job; writes nothing."""
    return unit.execute(select(_JOB.c.id).where(_due(unit), _JOB.c.name.in_(list(names))).limit(1)).first() is not None


def finish(unit: UnitOfWork, job: ClaimedJob) -> bool:
    """Mark `job` as done; False where its lease went to somebody else, who will finish it."""
    return _settle(unit, job, state=JobState.DONE, finished_at=unit.now, problem=None)


def fail(unit: UnitOfWork, job: ClaimedJob, *, problem: str, attempts: int) -> bool:
    """Put `job` back to be tried later, or lay it aside as dead after the last of `attempts`; False as in `finish`."""
    problem = problem[:1000]
    if job.attempts >= attempts:
        return _settle(unit, job, state=JobState.DEAD, finished_at=unit.now, problem=problem)
    return _settle(unit, job, state=JobState.WAITING, run_at=unit.now + wait_after(job.attempts), problem=problem)


def begin_work(unit: UnitOfWork, worker: UUID) -> None:
    """Say that `worker` runs, for as long as `AT_WORK_LEASE`; what others said whose time ran out is forgotten."""
    # by ix_job_open
    past = or_(_JOB.c.id == worker, _JOB.c.leased_until <= unit.now)
    unit.execute(delete(_JOB).where(OPEN, _JOB.c.name == AT_WORK, past))
    held = {"state": JobState.RUNNING.value, "lease": worker, "leased_until": unit.now + AT_WORK_LEASE}
    row = {"id": worker, "name": AT_WORK, "arguments": {}, "job_key": f"{AT_WORK}:{worker}", "attempts": 1}
    unit.execute(insert(_JOB).values(run_at=unit.now, **row, **held))


def end_work(unit: UnitOfWork, worker: UUID) -> None:
    """Say that `worker` runs no more."""
    unit.execute(delete(_JOB).where(_JOB.c.id == worker))


def purge(unit: UnitOfWork, *, most: int = 1_000) -> int:
    """Delete jobs that were done `KEPT` ago or earlier, oldest first, at most `most`; return how many they were.

    Dead ones stay: somebody has to see them.
    """
    done = (_JOB.c.state == JobState.DONE.value, _JOB.c.finished_at <= unit.now - KEPT)
    oldest = select(_JOB.c.id).where(*done).order_by(_JOB.c.id).limit(most)
    return int(unit.execute(delete(_JOB).where(_JOB.c.id.in_(oldest))).rowcount)


def _settle(unit: UnitOfWork, job: ClaimedJob, *, state: JobState, **values: Any) -> bool:
    held = and_(_JOB.c.id == job.id, _JOB.c.lease == job.lease, _JOB.c.state == JobState.RUNNING.value)
    statement = update(_JOB).where(held).values(state=state.value, lease=None, leased_until=None, **values)
    return bool(unit.execute(statement).rowcount == 1)


def _due(unit: UnitOfWork) -> ColumnElement[bool]:
    free = or_(_JOB.c.state == JobState.WAITING.value, _JOB.c.leased_until <= unit.now)
    return and_(OPEN, _JOB.c.run_at <= unit.now, free)
