"""Writes events in the transaction in which they happened: either both are there, or neither."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from engine.kernel.bulk import insert_rows
from engine.kernel.database import UnitOfWork
from engine.kernel.ids import new_id
from engine.kernel.tables import table_of
from engine.outbox.tables import OutboxEvent


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. `kind` says what (`commission_booked`), `payload` holds ids and plain JSON values."""

    kind: str
    payload: Mapping[str, Any]


def append(unit: UnitOfWork, brand_id: UUID, events: Sequence[Event]) -> None:
    """Write `events` of a brand; they are told in this order once the unit commits."""
    if not events:
        return
    rows = [
        {
            "id": new_id(),
            "brand_id": brand_id,
            "kind": event.kind,
            "payload": dict(event.payload),
            "occurred_at": unit.now,
            "next_try_at": unit.now,
            "told_at": None,
            "attempts": 0,
            "problem": None,
        }
        for event in events
    ]
    insert_rows(unit, table_of(OutboxEvent), rows)
