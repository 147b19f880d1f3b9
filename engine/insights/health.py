"""Whether an installation does its work: one look at everything that fails quietly.

Of the whole installation, for whoever runs it; counts only, nothing of any brand or person.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum
from typing import Final

from sqlalchemy import ColumnElement, func, literal_column, select
from sqlalchemy.exc import DBAPIError

from engine.connections.tables import Alarm
from engine.intake.webhooks.tables import InboxState, InboxWebhook
from engine.jobs.queries import is_worker_running, job_counts, latest_jobs
from engine.jobs.tables import JobState
from engine.kernel.database import Database, UnitOfWork
from engine.kernel.migrate import pending
from engine.kernel.tables import table_of
from engine.tracking.clicks.tables import ClickLoss

QUIET: Final = timedelta(minutes=5)
"""How long no job may have been done where no worker runs: somebody may do them by `goodword worker --once`."""

_LOSS: Final = table_of(ClickLoss)
_ALARM: Final = table_of(Alarm)
_INBOX: Final = table_of(InboxWebhook)

_DEAD: Final[ColumnElement[bool]] = literal_column(f"inbox_webhook.state = '{InboxState.DEAD.value}'")
"""Written out as in the partial index: a parameter would hide from the planner that it serves."""


class Level(IntEnum):
    """How bad it is: a warning wants somebody to look, what is failing does not work."""

    OK = 0
    WARNING = 1
    FAILING = 2


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `says` is a sentence; `number` is what was counted, if anything was."""

    name: str
    level: Level
    says: str
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """All that was looked at."""

    checks: tuple[Check, ...]

    @property
    def level(self) -> Level:
        """The worst of all."""
        return max(check.level for check in self.checks)


def health(database: Database) -> Health:
    """Look at everything. Never raises where the database is out of reach: that is an answer."""
    try:
        if pending(database.engine.url.render_as_string(hide_password=False)):
            says = "The database is not at this version. Run `goodword db upgrade`."
            return Health((Check("database", Level.FAILING, says),))
        with database.reading() as unit:
            return Health((_ANSWERS, *(look(unit) for look in _LOOKS)))
    except DBAPIError as error:
        said = " ".join(str(error.orig).split())
        return Health((Check("database", Level.FAILING, f"The database is out of reach: {said}."),))


def _worker(unit: UnitOfWork) -> Check:
    if is_worker_running(unit):
        return Check("worker", Level.OK, "A worker is doing the jobs.")
    done = latest_jobs(unit, state=JobState.DONE, limit=1)
    if not done:
        return Check("worker", Level.WARNING, "No worker has run here yet. `goodword serve` brings one along.")
    since = unit.now - (done[0].finished_at or done[0].run_at)
    minutes = int(since.total_seconds()) // 60
    if since > QUIET:
        says = f"No worker has run for {minutes} minutes: nothing is approved, told or read. Run `goodword worker`."
        return Check("worker", Level.FAILING, says, minutes)
    return Check("worker", Level.WARNING, "No worker runs, though jobs were done just now. Run `goodword worker`.")


def _dead_jobs(unit: UnitOfWork) -> Check:
    dead = job_counts(unit)[JobState.DEAD]
    if not dead:
        return Check("jobs", Level.OK, "No job was given up.", 0)
    last = latest_jobs(unit, state=JobState.DEAD, limit=1)[0]
    says = f"Jobs that were given up: {dead:,}, the last one {last.name}: {last.problem}"
    return Check("jobs", Level.WARNING, says, dead)


def _lost_clicks(unit: UnitOfWork) -> Check:
    """Index: ix_click_loss_lost_until."""
    since = unit.now - timedelta(days=1)
    rows = unit.execute(
        select(func.coalesce(func.sum(_LOSS.c.lost), 0), func.max(_LOSS.c.reason)).where(_LOSS.c.lost_until >= since)
    )
    lost, reason = rows.one()
    if not lost:
        return Check("clicks", Level.OK, "Every click of the last 24 hours was kept.", 0)
    says = f"{lost:,} clicks of the last 24 hours were led on and not kept: {reason}"
    return Check("clicks", Level.WARNING, says, int(lost))


def _alarms(unit: UnitOfWork) -> Check:
    """Index: uq_alarm_open."""
    number = int(unit.execute(select(func.count()).where(_ALARM.c.ended_at.is_(None))).scalar_one())
    if not number:
        return Check("alarms", Level.OK, "Nothing is wrong with any connection.", 0)
    return Check("alarms", Level.WARNING, f"Open alarms of connections: {number:,}.", number)


def _dead_letters(unit: UnitOfWork) -> Check:
    """Index: ix_inbox_webhook_dead."""
    number = int(unit.execute(select(func.count()).select_from(_INBOX).where(_DEAD)).scalar_one())
    if not number:
        return Check("inbox", Level.OK, "Every webhook could be read.", 0)
    says = f"Webhooks that could not be read: {number:,}. See `goodword inbox list`."
    return Check("inbox", Level.WARNING, says, number)


_ANSWERS: Final = Check("database", Level.OK, "The database answers and is at this version.")
_LOOKS: Final[tuple[Callable[[UnitOfWork], Check], ...]] = (_worker, _dead_jobs, _lost_clicks, _alarms, _dead_letters)
