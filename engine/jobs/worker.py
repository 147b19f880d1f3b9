"""Does the jobs. Any number of workers on one database share them; each job has one holder at a time."""

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final, TypeAlias

import structlog
from sqlalchemy.exc import DBAPIError

from engine.jobs.rules import Handler, Schedule
from engine.jobs.service import ClaimedJob, begin_work, claim, end_work, enqueue_slot, fail, finish, is_any_due
from engine.kernel.database import Database
from engine.kernel.ids import new_id

LEASE: Final = timedelta(minutes=15)
"""How long a job may take before its holder is taken for dead."""

ATTEMPTS: Final = 8

Poller: TypeAlias = Callable[[], int]
"""Does some of what is due and returns how much that was; 0 where nothing is. Any number may run beside each other."""

_PAUSE: Final = timedelta(seconds=1)
_SAID_EVERY: Final = timedelta(seconds=30)
_POLL_PAUSE: Final = timedelta(seconds=0.5)
_log = structlog.get_logger(__name__)


class Worker:
    """Runs jobs by their handlers, enqueues the slots of schedules, and lets pollers look for what came.

    Pollers are for what cannot wait for a job and is too much for a row each: webhooks. Each has a thread of its own,
    so that a long job does not hold it up.

    A job whose handler raises is tried again later, `attempts` times in all, then it is dead. A job that names no
    handler here is left to other workers.
    """

    def __init__(
        self,
        database: Database,
        handlers: Mapping[str, Handler],
        schedules: Sequence[Schedule] = (),
        *,
        pollers: Sequence[Poller] = (),
        lease: timedelta = LEASE,
        attempts: int = ATTEMPTS,
    ) -> None:
        self._database, self._handlers, self._schedules = database, dict(handlers), tuple(schedules)
        self._lease, self._attempts, self._pollers = lease, attempts, tuple(pollers)
        self._seen: dict[str, int] = {}

    def run_once(self) -> int:
        """Do everything that is due now, and return how many jobs were run, whether they succeeded or not."""
        for poll in self._pollers:
            while poll():
                pass
        self._enqueue_slots()
        done = 0
        while self._run_next():
            done += 1
        return done

    def run_forever(self, stop: threading.Event) -> None:
        """Do what is due, again and again, until `stop` is set; what is in hand is finished first."""
        threads = [threading.Thread(target=_keep_polling, args=(poll, stop), daemon=True) for poll in self._pollers]
        for thread in threads:
            thread.start()
        self._run_jobs(stop)
        for thread in threads:
            thread.join()

    def _run_jobs(self, stop: threading.Event) -> None:
        worker, said_at = new_id(), datetime.min.replace(tzinfo=UTC)
        while not stop.is_set():
            try:
                if self._database.clock.now() - said_at >= _SAID_EVERY:
                    self._database.run(partial(begin_work, worker=worker))
                    said_at = self._database.clock.now()
                self._enqueue_slots()
                found = self._run_next()
            except DBAPIError as error:
                _log.warning("database_out_of_reach", problem=str(error.orig))
                found = False
            if not found:
                stop.wait(_PAUSE.total_seconds())
        with suppress(DBAPIError):
            self._database.run(partial(end_work, worker=worker))

    def _run_next(self) -> bool:
        with self._database.reading() as unit:
            if not is_any_due(unit, self._handlers):
                return False
        job = self._database.run(partial(claim, names=list(self._handlers), lease=self._lease))
        if job is not None:
            self._run(job)
        return job is not None

    def _run(self, job: ClaimedJob) -> None:
        problem = self._problem_with(job)
        if problem is None:
            kept = self._database.run(partial(finish, job=job))
        else:
            _log.warning("job_failed", job=job.name, id=str(job.id), attempt=job.attempts, problem=problem)
            kept = self._database.run(partial(fail, job=job, problem=problem, attempts=self._attempts))
        if not kept:
            _log.warning("job_lease_lost", job=job.name, id=str(job.id))

    def _problem_with(self, job: ClaimedJob) -> str | None:
        """Run the handler; return what went wrong, or None."""
        if job.attempts > self._attempts:
            return f"Its worker died {self._attempts} times while doing it."
        try:
            self._handlers[job.name](self._database, job.arguments)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a handler may fail in any way, and not end the worker
            return f"{type(error).__name__}: {error}"
        return None

    def _enqueue_slots(self) -> None:
        for schedule in self._schedules:
            slot = schedule.slot(self._database.clock.now())
            if self._seen.get(schedule.name) != slot and self._database.run(partial(enqueue_slot, schedule=schedule)):
                self._seen[schedule.name] = slot


def _keep_polling(poll: Poller, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            found = poll()
        except Exception as error:  # noqa: BLE001 - whatever it was, what is due is still due
            _log.warning("poller_failed", problem=f"{type(error).__name__}: {error}")
            found = 0
        if not found:
            stop.wait(_POLL_PAUSE.total_seconds())
