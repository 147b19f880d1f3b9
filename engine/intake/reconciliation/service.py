"""Writes down that a reconciliation runs, and how it ended."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select, update

from engine.intake.reconciliation.queries import done_until
from engine.intake.reconciliation.rules import Findings, stretch
from engine.intake.reconciliation.tables import Reconciliation, ReconciliationKind, ReconciliationState
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import ConflictError
from engine.kernel.tables import table_of

_RECONCILIATION = table_of(Reconciliation)

GIVEN_UP_AFTER: Final = timedelta(minutes=20)
"""A reconciliation that still runs after this died with its process; twice as long as one takes."""

_DIED: Final = "The process that ran it ended. What was read is taken in; the next one covers its time."


class AlreadyRunningError(ConflictError):
    """The shop is being asked just now, `since` an instant ago."""

    def __init__(self, since: datetime) -> None:
        self.since = since
        super().__init__(f"This shop has been compared since {since:%H:%M} UTC. Wait until that is done.")


def begin(
    unit: UnitOfWork,
    brand_id: UUID,
    *,
    connection_id: UUID,
    connected_at: datetime,
    kind: ReconciliationKind,
    since: datetime | None = None,
) -> Reconciliation:
    """Write down that a reconciliation begins and return its row; `since` is for one that somebody asked for.

    Raises:
        AlreadyRunningError: another one of this connection runs.
    """
    running = select(_RECONCILIATION.c.started_at).where(
        _RECONCILIATION.c.brand_id == brand_id,
        _RECONCILIATION.c.connection_id == connection_id,
        _RECONCILIATION.c.state == ReconciliationState.RUNNING.value,
        _RECONCILIATION.c.started_at > unit.now - GIVEN_UP_AFTER,
    )
    started_at = unit.execute(running.limit(1)).scalar_one_or_none()
    if started_at is not None:
        raise AlreadyRunningError(started_at)
    _end_dead(unit, brand_id, connection_id=connection_id)
    last = done_until(unit, brand_id, connection_id=connection_id)
    start, until = stretch(kind, now=unit.now, done_until=last, connected_at=connected_at)
    row = Reconciliation(
        brand_id=brand_id,
        connection_id=connection_id,
        kind=kind.value,
        state=ReconciliationState.RUNNING.value,
        since=since or start,
        until=until,
        started_at=unit.now,
        report={},
    )
    unit.session.add(row)
    unit.session.flush()
    return row


def end(
    unit: UnitOfWork, brand_id: UUID, *, row_id: UUID, findings: Findings, until: datetime, problem: str | None
) -> None:
    """Write down what a reconciliation found, until when it came, and why it broke off, if it did."""
    state = ReconciliationState.FAILED if problem else ReconciliationState.DONE
    unit.execute(
        update(_RECONCILIATION)
        .where(_RECONCILIATION.c.brand_id == brand_id, _RECONCILIATION.c.id == row_id)
        .values(
            state=state.value,
            until=until,
            finished_at=unit.now,
            problem=problem[:1000] if problem else None,
            report=findings.report(),
            **findings.counts(),
        )
    )


def _end_dead(unit: UnitOfWork, brand_id: UUID, *, connection_id: UUID) -> None:
    """Write down of those that died with their process that they did; what they took in stays."""
    dead = {"state": ReconciliationState.FAILED.value, "finished_at": unit.now, "problem": _DIED}
    unit.execute(
        update(_RECONCILIATION)
        .where(
            _RECONCILIATION.c.brand_id == brand_id,
            _RECONCILIATION.c.connection_id == connection_id,
            _RECONCILIATION.c.state == ReconciliationState.RUNNING.value,
        )
        .values(**dead)
    )
