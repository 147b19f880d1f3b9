"""Comparisons that somebody or something asked for: queued where that is, run by the worker beside its other jobs."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from engine.connections.queries import ConnectionView, connection_by_id, connections_of
from engine.intake.reconciliation.rules import OVERLAP, SETTLED
from engine.intake.reconciliation.service import AlreadyRunningError
from engine.intake.reconciliation.tables import ReconciliationKind
from engine.jobs.service import ClaimedJob, claim, enqueue, fail, finish, is_any_due
from engine.kernel.database import UnitOfWork
from engine.outbox.dispatch import ToldEvent
from engine.pipeline.reconcile import Reconciler

COMPARE: Final = "compare_shop"
"""The job that compares the shop in its arguments."""

_LEASE: Final = timedelta(minutes=15)
"""Longer than a run may take: `Reconciler.budget`."""

_ATTEMPTS: Final = 10
"""With the pauses between, longer than a comparison that died is in the way of the next."""

_TIE_WAIT: Final = SETTLED * 2
"""How long after a tie its shop is asked: longer than its own unit of time, so that the answer is the last word."""

_TIE_SLOT_S: Final = 300


def ask_to_compare(unit: UnitOfWork, connection: ConnectionView, *, since: datetime) -> bool:
    """Queue a comparison with a shop from `since` (aware UTC) on; False where the same was asked within the minute."""
    key = f"{COMPARE}:{connection.id}:{unit.now:%Y-%m-%dT%H:%M}"
    return enqueue(unit, COMPARE, _arguments(connection, since), key=key)


@dataclass(frozen=True, slots=True)
class TieListener:
    """Has a shop asked which of two contents with one time of change holds."""

    by: Reconciler

    def on_versions_tied(self, event: ToldEvent, unit: UnitOfWork) -> None:
        """Queue a comparison with the shop, where it can be asked; many ties of an hour end in one."""
        named = {name: event.payload[name] for name in ("connector", "account")}
        found = [shop for shop in connections_of(unit, event.brand_id) if _named(shop) == named]
        for shop in self.by.pullable(found):
            changed_at = datetime.fromisoformat(event.payload["version_at"])
            since = changed_at.replace(minute=0, second=0, microsecond=0) - OVERLAP
            run_at = unit.now + _TIE_WAIT
            key = f"{COMPARE}:{shop.id}:tie:{since:%Y-%m-%dT%H}:{int(run_at.timestamp()) // _TIE_SLOT_S}"
            enqueue(unit, COMPARE, _arguments(shop, since), key=key, run_at=run_at)


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
        if not self.by.pullable([shop]):  # it was switched off meanwhile
            return partial(finish, job=job)
        try:
            self.by.reconcile(shop, kind=ReconciliationKind.ASKED, since=since)
        except AlreadyRunningError as error:
            return partial(fail, job=job, problem=str(error), attempts=_ATTEMPTS)
        return partial(finish, job=job)


def _arguments(connection: ConnectionView, since: datetime) -> dict[str, str]:
    ids = {"brand_id": str(connection.brand_id), "connection_id": str(connection.id)}
    return ids | {"since": since.isoformat()}


def _named(shop: ConnectionView) -> dict[str, str]:
    return {"connector": shop.connector, "account": shop.account}
