"""Says which codes shops should have, hands out what is to be done, and writes down how it went."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import insert, null, select, update

from engine.connections.codes.queries import PushedRow, codes_by_id, rows_of_codes, standings_of
from engine.connections.codes.rules import NOWHERE, hash_of, wanted
from engine.connections.tables import PushedCode, PushState
from engine.kernel.database import UnitOfWork
from engine.kernel.ids import new_id
from engine.kernel.tables import table_of

_PUSHED = table_of(PushedCode)

LEASE: Final = timedelta(minutes=5)
"""How long a push may take before it is taken for lost and done again; doing it twice has the effect of once."""


@dataclass(frozen=True, slots=True)
class PushTask:
    """One code to be put into one shop, or taken out of it: `wanted_hash` says which wish this is.

    `attempts` counts this one, and those before, if any.
    """

    id: UUID
    brand_id: UUID
    connection_id: UUID
    promo_code_id: UUID
    wanted_hash: str
    reference: str | None
    attempts: int


def want_codes(
    unit: UnitOfWork, brand_id: UUID, *, code_ids: Collection[UUID], connection_ids: Collection[UUID]
) -> int:
    """Bring what the shops should have of these codes up to date; return how many pushes that leaves to do.

    A wish that is as before changes nothing, also one that failed: it waits for somebody.
    """
    codes = codes_by_id(unit, brand_id, code_ids=code_ids)
    standings = standings_of(unit, brand_id, codes)
    known = {(row.promo_code_id, row.connection_id): row for row in rows_of_codes(unit, brand_id, code_ids=code_ids)}
    fresh: list[dict[str, Any]] = []
    changed = 0
    for code in codes:
        wish = hash_of(wanted(code, standings[code.id], at=unit.now))
        for connection_id in connection_ids:
            row = known.get((code.id, connection_id))
            if row is None and wish != NOWHERE:
                fresh.append(_fresh(unit, brand_id, connection_id, code.id) | {"wanted_hash": wish})
            elif row is not None and row.wanted_hash != wish:
                _wish(unit, row, wish)
                changed += 1
    if fresh:
        unit.execute(insert(_PUSHED), fresh)
    return changed + len(fresh)


def retry_failed(unit: UnitOfWork, brand_id: UUID, *, connection_id: UUID | None = None) -> int:
    """Let every failed push of the brand, or of one shop, be tried again; return how many."""
    failed = [_PUSHED.c.brand_id == brand_id, _PUSHED.c.state == PushState.FAILED.value]
    if connection_id is not None:
        failed.append(_PUSHED.c.connection_id == connection_id)
    again = {"state": PushState.WAITING.value, "attempts": 0, "run_at": unit.now, "updated_at": unit.now}
    return int(unit.execute(update(_PUSHED).where(*failed).values(**again)).rowcount)


def push_again(unit: UnitOfWork, brand_id: UUID, *, connection_id: UUID) -> int:
    """Let every code that drifted in a shop be put there again; return how many."""
    drifted = (
        _PUSHED.c.brand_id == brand_id,
        _PUSHED.c.connection_id == connection_id,
        _PUSHED.c.drift.is_not(None),
    )
    again = {"state": PushState.WAITING.value, "attempts": 0, "run_at": unit.now, "updated_at": unit.now}
    return int(unit.execute(update(_PUSHED).where(*drifted).values(**again)).rowcount)


def claim(unit: UnitOfWork, *, limit: int = 20) -> list[PushTask]:
    """Take the pushes that are due longest, of whatever brand, for as long as `LEASE`. Index: ix_pushed_code_due."""
    due = (
        select(_PUSHED.c.id)
        .where(_PUSHED.c.state == PushState.WAITING.value, _PUSHED.c.run_at <= unit.now)
        .order_by(_PUSHED.c.run_at, _PUSHED.c.id)
        .limit(limit)
    )
    if unit.dialect == "postgresql":
        due = due.with_for_update(skip_locked=True)
    ids = list(unit.execute(due).scalars())
    if not ids:
        return []
    taken = update(_PUSHED).where(_PUSHED.c.id.in_(ids))
    taken = taken.values(run_at=unit.now + LEASE, attempts=_PUSHED.c.attempts + 1)
    columns = (_PUSHED.c[name] for name in PushTask.__slots__)
    return sorted((PushTask(*row) for row in unit.execute(taken.returning(*columns))), key=lambda task: task.id)


def settle(unit: UnitOfWork, task: PushTask, *, state: PushState, reference: str | None) -> bool:
    """Write down that the shop has what `task` wished; False where another wish came meanwhile and is still to do."""
    values = {
        "state": state.value,
        "reference": reference,
        "pushed_hash": task.wanted_hash,
        "problem": None,
        "drift": null(),
        "checked_at": unit.now,
        "updated_at": unit.now,
    }
    if unit.execute(_same_wish(task).values(**values)).rowcount:
        return True
    learned = {"reference": reference, "pushed_hash": task.wanted_hash, "run_at": unit.now}
    unit.execute(update(_PUSHED).where(_PUSHED.c.id == task.id).values(**learned))
    return False


def put_off(unit: UnitOfWork, task: PushTask, *, until: datetime, problem: str) -> None:
    """Let `task` be tried again at `until`."""
    values = {"run_at": until, "problem": problem[:1000], "updated_at": unit.now}
    unit.execute(_same_wish(task).values(**values))


def give_up(unit: UnitOfWork, task: PushTask, *, problem: str) -> None:
    """Lay `task` aside with its reason until somebody looks."""
    values = {"state": PushState.FAILED.value, "problem": problem[:1000], "updated_at": unit.now}
    unit.execute(_same_wish(task).values(**values))


def note_drift(unit: UnitOfWork, brand_id: UUID, *, row_id: UUID, drift: dict[str, Any]) -> None:
    """Write down where a shop's code differs from what we put there; empty: nowhere."""
    named = (_PUSHED.c.brand_id == brand_id, _PUSHED.c.id == row_id)
    unit.execute(update(_PUSHED).where(*named).values(drift=drift or null(), checked_at=unit.now))


def _fresh(unit: UnitOfWork, brand_id: UUID, connection_id: UUID, code_id: UUID) -> dict[str, Any]:
    return {
        "id": new_id(),
        "brand_id": brand_id,
        "connection_id": connection_id,
        "promo_code_id": code_id,
        "state": PushState.WAITING.value,
        "attempts": 0,
        "run_at": unit.now,
        "updated_at": unit.now,
    }


def _wish(unit: UnitOfWork, row: PushedRow, wish: str) -> None:
    """Write another wish. That the one before was tried is kept where nobody knows what became of it."""
    values = {
        "wanted_hash": wish,
        "state": PushState.WAITING.value,
        "attempts": 0 if row.reference else min(row.attempts, 1),
        "run_at": unit.now,
        "problem": None,
        "updated_at": unit.now,
    }
    unit.execute(update(_PUSHED).where(_PUSHED.c.id == row.id).values(**values))


def _same_wish(task: PushTask) -> Any:
    waiting = _PUSHED.c.state == PushState.WAITING.value
    return update(_PUSHED).where(_PUSHED.c.id == task.id, _PUSHED.c.wanted_hash == task.wanted_hash, waiting)
