"""Reads of promo codes in shops, and of what decides about them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select

from engine.connections.codes.rules import Standing
from engine.connections.tables import PushedCode, PushState
from engine.enrollment.queries import enrollments
from engine.enrollment.tables import EnrollmentState
from engine.kernel.database import UnitOfWork
from engine.kernel.history import as_of
from engine.kernel.keyed import among, of_ids
from engine.kernel.paging import Page, newest_first, page_of
from engine.kernel.tables import table_of
from engine.programs.queries import programs_of, terms_history
from engine.programs.tables import ProgramState
from engine.tracking.codes.queries import CodeRow, codes_by_key, owner_as_of
from engine.tracking.codes.tables import PromoCode

_PUSHED = table_of(PushedCode)
_CODE = table_of(PromoCode)


@dataclass(frozen=True, slots=True)
class PushedRow:
    """A code in one shop as it stands. `drift` is what `rules.drift_between` found when the shop was last looked at."""

    id: UUID
    connection_id: UUID
    promo_code_id: UUID
    state: PushState
    wanted_hash: str
    pushed_hash: str | None
    reference: str | None
    attempts: int
    run_at: datetime
    problem: str | None
    drift: dict[str, Any] | None
    checked_at: datetime | None
    updated_at: datetime
    code: str


def pushed_of(
    unit: UnitOfWork,
    brand_id: UUID,
    *,
    connection_id: UUID | None = None,
    odd: bool = False,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[PushedRow]:
    """Return a page of a brand's codes in shops, or in one shop, newest first.

    `odd`: those that failed, also where they are tried again, and those that drift. Index: ix_pushed_code_connection.

    Raises:
        InputError: the cursor is not one of ours.
    """
    statement = _select().where(_PUSHED.c.brand_id == brand_id)
    if connection_id is not None:
        statement = statement.where(_PUSHED.c.connection_id == connection_id)
    if odd:
        statement = statement.where(_PUSHED.c.problem.is_not(None) | _PUSHED.c.drift.is_not(None))
    rows = unit.execute(newest_first(statement, [_PUSHED.c.id], cursor=cursor, limit=limit)).all()
    return page_of([_row(row) for row in rows], ["id"], limit=limit)


def push_counts(unit: UnitOfWork, brand_id: UUID) -> dict[UUID, dict[str, int]]:
    """Return how many codes are in each state in each shop, and how many drift.

    Index: ix_pushed_code_connection.
    """
    drifting = func.sum(_PUSHED.c.drift.is_not(None).cast(_PUSHED.c.attempts.type))
    statement = (
        select(_PUSHED.c.connection_id, _PUSHED.c.state, func.count(), drifting)
        .where(_PUSHED.c.brand_id == brand_id)
        .group_by(_PUSHED.c.connection_id, _PUSHED.c.state)
    )
    found: dict[UUID, dict[str, int]] = {}
    for connection_id, state, count, drift in unit.execute(statement):
        counts = found.setdefault(connection_id, {"drift": 0})
        counts[state] = count
        counts["drift"] += int(drift or 0)
    return found


def standings_of(unit: UnitOfWork, brand_id: UUID, codes: Collection[CodeRow]) -> Mapping[UUID, Standing]:
    """Return what decides about each of `codes` now, by code id; a read each for owners, programs and terms."""
    owners = {code.id: owner_as_of(code, unit.now) for code in codes}
    people = enrollments(unit, brand_id, enrollment_ids={one for one in owners.values() if one})
    programs = {program.id: program for program in programs_of(unit, brand_id)}
    history = terms_history(unit, brand_id)
    terms = {one: as_of([each for each in history if each.program_id == one], unit.now) for one in programs}

    def standing(code: CodeRow) -> Standing:
        owner, program, version = owners[code.id], programs[code.program_id], terms[code.program_id]
        person = people.get(owner) if owner else None
        return Standing(
            owner_active=person is not None and person.state is EnrollmentState.ACTIVE,
            program_open=program.state is not ProgramState.CLOSED,
            program_name=program.name,
            discount=version.document.customer_discount if version else None,
        )

    return {code.id: standing(code) for code in codes}


def codes_by_id(unit: UnitOfWork, brand_id: UUID, *, code_ids: Collection[UUID]) -> tuple[CodeRow, ...]:
    """Return the promo codes with these ids. By primary key, then as `codes_by_key`."""
    found = select(_CODE.c.code_key).where(_CODE.c.brand_id == brand_id)
    keys = unit.execute(of_ids(unit.dialect, found, key=_CODE.c.id, ids=code_ids)).scalars().all()
    return codes_by_key(unit, brand_id, keys=keys)


def rows_of_codes(unit: UnitOfWork, brand_id: UUID, *, code_ids: Collection[UUID]) -> list[PushedRow]:
    """Return how codes stand in every shop. Index: uq_pushed_code_brand_id_promo_code_id_connection_id."""
    theirs = among(unit, _PUSHED.c.promo_code_id, sorted(code_ids))
    return [_row(row) for row in unit.execute(_select().where(_PUSHED.c.brand_id == brand_id, theirs))]


def least_recently_checked(
    unit: UnitOfWork, brand_id: UUID, *, connection_id: UUID, limit: int = 500
) -> list[PushedRow]:
    """Return codes that a shop should have, those first that were compared longest ago.

    Index: ix_pushed_code_connection. Reads what one shop holds: for a check that runs now and then.
    """
    theirs = (_PUSHED.c.brand_id == brand_id, _PUSHED.c.connection_id == connection_id)
    statement = _select().where(*theirs, _PUSHED.c.state == PushState.PUSHED.value)
    oldest = (_PUSHED.c.checked_at.asc().nulls_first(), _PUSHED.c.id)
    return [_row(row) for row in unit.execute(statement.order_by(*oldest).limit(limit))]


def drifting(unit: UnitOfWork, brand_id: UUID, *, connection_id: UUID) -> int:
    """Return how many codes of a shop differ from what was put there. Index: ix_pushed_code_connection."""
    theirs = (_PUSHED.c.brand_id == brand_id, _PUSHED.c.connection_id == connection_id)
    counted = select(func.count()).where(*theirs, _PUSHED.c.drift.is_not(None))
    return int(unit.execute(counted).scalar_one())


def is_any_due(unit: UnitOfWork) -> bool:
    """Tell whether a push of any brand is due; writes nothing. Index: ix_pushed_code_due."""
    due = select(_PUSHED.c.id).where(_PUSHED.c.state == PushState.WAITING.value, _PUSHED.c.run_at <= unit.now)
    return unit.execute(due.limit(1)).first() is not None


def ids_after(unit: UnitOfWork, brand_id: UUID, *, after: UUID | None, limit: int = 500) -> list[UUID]:
    """Return the ids of the brand's next promo codes, for looking at all of them in turn."""
    statement = select(_CODE.c.id).where(_CODE.c.brand_id == brand_id)
    if after is not None:
        statement = statement.where(_CODE.c.id > after)
    return list(unit.execute(statement.order_by(_CODE.c.id).limit(limit)).scalars())


def _select() -> Select[Any]:
    columns = [_PUSHED.c[name] for name in PushedRow.__slots__ if name != "code"]
    joined = _PUSHED.join(_CODE, _CODE.c.id == _PUSHED.c.promo_code_id)
    return select(*columns, _CODE.c.code).select_from(joined)


def _row(row: Any) -> PushedRow:
    values = dict(zip(PushedRow.__slots__, row, strict=True))
    return PushedRow(**values | {"state": PushState(values["state"])})
