"""Writes events in the transaction in which they happened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import insert

from engine.kernel.database import UnitOfWork
from engine.kernel.ids import new_id
from engine.kernel.tables import table_of
from engine.outbox.tables import OutboxEvent


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: a kind such as `enrollment_approved`, and ids; never personal data."""

    kind: str
    payload: Mapping[str, Any]


def append(unit: UnitOfWork, brand_id: UUID, events: Sequence[Event]) -> None:
    """Write `events`; they are told after the transaction has committed, and never if it has not."""
    if not events:
        return
    when = {"brand_id": brand_id, "occurred_at": unit.now, "next_try_at": unit.now, "attempts": 0}
    rows = [{**when, "id": new_id(), "kind": event.kind, "payload": dict(event.payload)} for event in events]
    unit.execute(insert(table_of(OutboxEvent)), rows)
