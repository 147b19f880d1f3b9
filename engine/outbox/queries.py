"""What still waits to be told, for health checks and the desk."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, select

from engine.kernel.database import UnitOfWork
from engine.outbox.tables import OutboxEvent

_EVENT: Final = OutboxEvent.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class OutboxHealth:
    """How many events of all brands wait, since when, and how many of them failed before."""

    waiting: int
    failing: int
    oldest_at: datetime | None


def health(unit: UnitOfWork) -> OutboxHealth:
    """Return what waits to be told."""
    # by ix_outbox_event_untold
    columns = (func.count(), func.count().filter(_EVENT.c.attempts > 0), func.min(_EVENT.c.occurred_at))
    waiting, failing, oldest = unit.execute(select(*columns).where(_EVENT.c.told_at.is_(None))).one()
    return OutboxHealth(waiting, failing, oldest)
