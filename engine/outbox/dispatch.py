"""Tells events to those who listen, each exactly once.

A listener writes to the database and does nothing else: its effect and the mark that the event was told commit
together. What goes out of the house (mail, webhooks) a listener enqueues as a job. A listener that fails delays its own
event, longer each time, and no other.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, TypeAlias
from uuid import UUID

import structlog
from sqlalchemy import Select, and_, select, update

from engine.kernel.database import Database, UnitOfWork
from engine.outbox.tables import OutboxEvent

_EVENT: Final = OutboxEvent.__table__  # type: ignore[attr-defined]
_FIRST_WAIT: Final = timedelta(seconds=2)
_LONGEST_WAIT: Final = timedelta(hours=1)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ToldEvent:
    """An event as a listener gets it."""

    id: UUID
    brand_id: UUID
    kind: str
    payload: Mapping[str, Any]
    occurred_at: datetime


Listener: TypeAlias = Callable[[ToldEvent, UnitOfWork], None]
Listeners: TypeAlias = Mapping[str, Sequence[Listener]]


def drain(database: Database, listeners: Listeners, *, limit: int = 500) -> int:
    """Tell the events that are due, at most `limit`, oldest first, and return how many were settled.

    Each is told in a unit of its own, to all its listeners or to none. Several processes may drain at once. An event
    whose kind nobody listens to is settled unheard.
    """
    settled = database.run(partial(_settle_unheard, heard=list(listeners)))
    with database.reading() as unit:
        waiting = unit.execute(_due(unit).with_only_columns(_EVENT.c.id).limit(limit)).scalars().all()
    return settled + sum(_tell(database, number, listeners=listeners) for number in waiting)


def wait_after(attempts: int) -> timedelta:
    """Return how long an event rests after its n-th failure: 2 s, doubled each time, an hour at most."""
    return min(_FIRST_WAIT * (1 << min(attempts - 1, 20)), _LONGEST_WAIT)


def _tell(database: Database, number: UUID, *, listeners: Listeners) -> bool:
    try:
        return database.run(partial(_tell_in, number=number, listeners=listeners))
    except Exception as error:  # noqa: BLE001 - a listener may fail in any way; its event waits, others go on
        problem = f"{type(error).__name__}: {error}"
        _log.warning("event_not_told", id=str(number), problem=problem)
        database.run(partial(_postpone, number=number, problem=problem[:1000]))
        return False


def _tell_in(unit: UnitOfWork, number: UUID, listeners: Listeners) -> bool:
    found = unit.execute(_due(unit).where(_EVENT.c.id == number).with_for_update(skip_locked=True)).first()
    if found is None:  # somebody else told it, or tells it now
        return False
    event = ToldEvent(found.id, found.brand_id, found.kind, found.payload, found.occurred_at)
    for listener in listeners.get(event.kind, ()):
        listener(event, unit)
    unit.session.flush()
    unit.execute(update(_EVENT).where(_EVENT.c.id == number).values(told_at=unit.now, problem=None))
    return True


def _postpone(unit: UnitOfWork, number: UUID, problem: str) -> None:
    mine = and_(_EVENT.c.id == number, _EVENT.c.told_at.is_(None))
    attempts = unit.execute(select(_EVENT.c.attempts).where(mine).with_for_update()).scalar()
    if attempts is None:
        return
    again = unit.now + wait_after(attempts + 1)
    unit.execute(update(_EVENT).where(mine).values(attempts=attempts + 1, next_try_at=again, problem=problem))


def _settle_unheard(unit: UnitOfWork, heard: list[str]) -> int:
    unheard = (_EVENT.c.told_at.is_(None), _EVENT.c.next_try_at <= unit.now, _EVENT.c.kind.not_in(heard))
    settled: int = unit.execute(update(_EVENT).where(*unheard).values(told_at=unit.now)).rowcount
    return settled


def _due(unit: UnitOfWork) -> Select[Any]:
    # by ix_outbox_event_untold
    due = (_EVENT.c.told_at.is_(None), _EVENT.c.next_try_at <= unit.now)
    return select(_EVENT).where(*due).order_by(_EVENT.c.next_try_at, _EVENT.c.id)
