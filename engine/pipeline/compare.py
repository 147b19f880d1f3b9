"""Comparisons that somebody asked for: queued where they are asked, run by the worker beside its other jobs."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from engine.connections.queries import ConnectionView, connection_by_id
from engine.intake.reconciliation.service import AlreadyRunningError
from engine.intake.reconciliation.tables import ReconciliationKind
from engine.jobs.service import ClaimedJob, claim, enqueue, fail, finish, is_any_due
from engine.kernel.database import UnitOfWork
from engine.pipeline.reconcile import Reconciler

COMPARE: Final = "compare_shop"
"""The job that compares the shop in its arguments."""

_LEASE: Final = timedelta(minutes=15)
"""Longer than a run may take: `Reconciler.budget`."""

_ATTEMPTS: Final = 8


def ask_to_compare(unit: UnitOfWork, connection: ConnectionView, *, since: datetime) -> bool:
    """Queue a comparison with a shop from `since` (aware UTC) on; False where the same was asked within the minute."""
    arguments = {
        "brand_id": str(connection.brand_id),
        "connection_id": str(connection.id),
        "since": since.isoformat(),
    }
    return enqueue(unit, COMPARE, arguments, key=f"{COMPARE}:{connection.id}:{unit.now:%Y-%m-%dT%H:%M}")


@dataclass(frozen=True, slots=True)
class AskedPoller:
    """Runs what was asked; a poller of the worker, since a run may take minutes and other jobs shall not wait for it.

    A shop that is being compared just now is asked again soon after.
    """

    by: Reconciler

    def poll(self) -> int:
        """Run one comparison that was asked for; return 0 where none was."""
        database = self.by.pipeline.database
        with database.reading() as unit:
            if not is_any_due(unit, [COMPARE]):
                return 0
        job = database.run(partial(claim, names=[COMPARE], lease=_LEASE))
        if job is None:
            return 0
        database.run(self._done(job))
        return 1

    def _done(self, job: ClaimedJob) -> Callable[[UnitOfWork], bool]:
        """Do it, and return what says so."""
        ids = {name: UUID(job.arguments[name]) for name in ("brand_id", "connection_id")}
        with self.by.pipeline.database.reading() as unit:
            shop = connection_by_id(unit, ids["brand_id"], connection_id=ids["connection_id"])
        since = datetime.fromisoformat(job.arguments["since"])
        try:
            self.by.reconcile(shop, kind=ReconciliationKind.ASKED, since=since)
        except AlreadyRunningError as error:
            return partial(fail, job=job, problem=str(error), attempts=_ATTEMPTS)
        return partial(finish, job=job)
