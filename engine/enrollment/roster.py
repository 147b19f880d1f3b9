"""Who is in which program, by address: what lists show and what imports and commands look people up by."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select

from engine.enrollment.tables import Enrollment, EnrollmentState
from engine.identity.rules import email_key
from engine.identity.tables import Ambassador
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import InputError
from engine.kernel.keyed import as_parameter, look_up
from engine.kernel.paging import Page, newest_first, page_of
from engine.kernel.tables import table_of
from engine.programs.queries import ProgramRow
from engine.programs.tables import Program

_ENROLLMENT = table_of(Enrollment)
_AMBASSADOR = table_of(Ambassador)
_PROGRAM = table_of(Program)


@dataclass(frozen=True, slots=True)
class Listed:
    """An ambassador in one program."""

    enrollment_id: UUID
    ambassador_id: UUID
    name: str
    email: str
    email_key: str
    program_id: UUID
    program: str
    state: EnrollmentState
    changed_at: datetime


def roster(
    unit: UnitOfWork,
    brand_id: UUID,
    *,
    program_id: UUID | None = None,
    state: EnrollmentState | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[Listed]:
    """Return a page of a brand's enrollments, the newest first, of one program or in one state where that is given.

    In one state it is read in order by ix_enrollment_brand_id_state; else by the brand's or program's key, and sorted.

    Raises:
        InputError: the cursor is not one of ours.
    """
    found = _listed(brand_id)
    if program_id is not None:
        found = found.where(_ENROLLMENT.c.program_id == program_id)
    if state is not None:
        found = found.where(_ENROLLMENT.c.state == state.value)
    rows = unit.execute(newest_first(found, [_ENROLLMENT.c.id], cursor=cursor, limit=limit))
    return page_of([_row(row) for row in rows], ["enrollment_id"], limit=limit)


def listed_by_address(
    unit: UnitOfWork, brand_id: UUID, *, program_id: UUID, emails: Collection[str]
) -> Mapping[str, Listed]:
    """Return those of a program who have one of these addresses, by `email_key`, in two keyed reads.

    Indexes: uq_ambassador_brand_id_email_key, uq_enrollment_brand_id_program_id_ambassador_id.

    Raises:
        InputError: one of `emails` has not the shape of an address.
    """
    keys = sorted({email_key(email) for email in emails})
    if not keys:
        return {}
    of_brand = _AMBASSADOR.c.brand_id == brand_id
    known = look_up(unit.dialect, (_AMBASSADOR.c.id,), keys={"keys": _AMBASSADOR.c.email_key}, where=of_brand)
    ids = [row.id for row in unit.execute(known.params(keys=as_parameter(unit.dialect, keys)))]
    found = _listed(brand_id).where(_ENROLLMENT.c.program_id == program_id, _AMBASSADOR.c.id.in_(ids))
    return {row.email_key: _row(row) for row in unit.execute(found)}


def listed_as(unit: UnitOfWork, brand_id: UUID, *, program: ProgramRow, email: str) -> Listed:
    """Return who has this address in `program`.

    Raises:
        InputError: it has not the shape of an address, or nobody in the program has it.
    """
    found = listed_by_address(unit, brand_id, program_id=program.id, emails=[email]).get(email_key(email))
    if found is None:
        remedy = "See who is: goodword ambassador list"
        raise InputError(f"{email} is not in {program.name}.", field="email", remedy=remedy)
    return found


def _listed(brand_id: UUID) -> Select[Any]:
    return (
        select(
            _ENROLLMENT.c.id.label("enrollment_id"),
            _AMBASSADOR.c.id.label("ambassador_id"),
            _AMBASSADOR.c.name,
            _AMBASSADOR.c.email,
            _AMBASSADOR.c.email_key,
            _PROGRAM.c.id.label("program_id"),
            _PROGRAM.c.slug.label("program"),
            _ENROLLMENT.c.state,
            _ENROLLMENT.c.changed_at,
        )
        .join_from(_ENROLLMENT, _AMBASSADOR, _AMBASSADOR.c.id == _ENROLLMENT.c.ambassador_id)
        .join(_PROGRAM, _PROGRAM.c.id == _ENROLLMENT.c.program_id)
        .where(_ENROLLMENT.c.brand_id == brand_id)
    )


def _row(row: Any) -> Listed:
    return Listed(**dict(row._mapping) | {"state": EnrollmentState(row.state)})  # noqa: SLF001 - public in SQLAlchemy
