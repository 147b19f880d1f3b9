"""Reads of enrollments: their histories for a batch of orders, and the pages that screens show."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

from sqlalchemy import select

from engine.enrollment.rules import GroupChange, StateChange
from engine.enrollment.tables import Application, Enrollment, EnrollmentChange, EnrollmentState, GroupMembership
from engine.identity.tables import Ambassador
from engine.kernel.database import UnitOfWork
from engine.kernel.keyed import of_ids
from engine.kernel.paging import Page, newest_first, page_of
from engine.kernel.tables import table_of
from engine.programs.tables import AmbassadorGroup, Program

_ENROLLMENT = table_of(Enrollment)
_CHANGE = table_of(EnrollmentChange)
_APPLICATION = table_of(Application)
_MEMBERSHIP = table_of(GroupMembership)
_GROUP = table_of(AmbassadorGroup)
_AMBASSADOR = table_of(Ambassador)
_PROGRAM = table_of(Program)
_when = attrgetter("effective_at", "id")


@dataclass(frozen=True, slots=True)
class EnrollmentRow:
    """An enrollment as it stands."""

    id: UUID
    program_id: UUID
    ambassador_id: UUID
    state: EnrollmentState
    created_at: datetime
    changed_at: datetime
    reapply_on: date | None


@dataclass(frozen=True, slots=True)
class WaitingApplication:
    """Somebody who applied and waits for an answer, with what they wrote last."""

    enrollment_id: UUID
    name: str
    email: str
    program_id: UUID
    program_name: str
    answers: dict[str, str]
    submitted_at: datetime


@dataclass(frozen=True, slots=True)
class EnrollmentHistory:
    """An enrollment with all that it ever was, oldest first; `email_hash` recognises the ambassador's own orders."""

    id: UUID
    program_id: UUID
    ambassador_id: UUID
    email_hash: str
    changes: tuple[StateChange, ...]
    groups: tuple[GroupChange, ...]


def histories(
    unit: UnitOfWork, brand_id: UUID, *, enrollment_ids: Collection[UUID]
) -> Mapping[UUID, EnrollmentHistory]:
    """Return the histories of these enrollments, in three keyed reads however many there are.

    Indexes: pk_enrollment, ix_enrollment_change_brand_id_enrollment_id, ix_group_membership_brand_id_enrollment_id.
    """
    if not enrollment_ids:
        return {}
    changes, groups = _changes(unit, brand_id, enrollment_ids), _groups(unit, brand_id, enrollment_ids)
    found = (
        select(_ENROLLMENT.c.id, _ENROLLMENT.c.program_id, _ENROLLMENT.c.ambassador_id, _AMBASSADOR.c.email_hash)
        .join_from(_ENROLLMENT, _AMBASSADOR, _AMBASSADOR.c.id == _ENROLLMENT.c.ambassador_id)
        .where(_ENROLLMENT.c.brand_id == brand_id)
    )
    rows = unit.execute(of_ids(unit.dialect, found, key=_ENROLLMENT.c.id, ids=enrollment_ids))
    return {row.id: _history(row, changes[row.id], groups[row.id]) for row in rows}


def enrollments(unit: UnitOfWork, brand_id: UUID, *, enrollment_ids: Collection[UUID]) -> Mapping[UUID, EnrollmentRow]:
    """Return those of these enrollments that the brand has. Index: pk_enrollment."""
    if not enrollment_ids:
        return {}
    rows = unit.execute(of_ids(unit.dialect, _enrollments(brand_id), key=_ENROLLMENT.c.id, ids=enrollment_ids))
    return {row.id: _enrollment(row) for row in rows}


def enrollments_of(unit: UnitOfWork, brand_id: UUID, *, ambassador_id: UUID) -> tuple[EnrollmentRow, ...]:
    """Return every enrollment of an ambassador, oldest first. Index: ix_enrollment_brand_id_ambassador_id."""
    found = _enrollments(brand_id).where(_ENROLLMENT.c.ambassador_id == ambassador_id)
    return tuple(_enrollment(row) for row in unit.execute(found.order_by(_ENROLLMENT.c.id)))


def applications_waiting(
    unit: UnitOfWork, brand_id: UUID, *, cursor: str | None = None, limit: int = 50
) -> Page[WaitingApplication]:
    """Return a page of applications that wait, newest enrollment first.

    Indexes: ix_enrollment_brand_id_state, ix_application_brand_id_enrollment_id.

    Raises:
        InputError: the cursor is not one of ours.
    """
    found = (
        select(
            _ENROLLMENT.c.id.label("enrollment_id"),
            _AMBASSADOR.c.name,
            _AMBASSADOR.c.email,
            _ENROLLMENT.c.program_id,
            _PROGRAM.c.name.label("program_name"),
            _APPLICATION.c.answers,
            _APPLICATION.c.submitted_at,
        )
        .join_from(_ENROLLMENT, _AMBASSADOR, _AMBASSADOR.c.id == _ENROLLMENT.c.ambassador_id)
        .join(_PROGRAM, _PROGRAM.c.id == _ENROLLMENT.c.program_id)
        .join(_APPLICATION, _APPLICATION.c.id == _newest_application())
        .where(_ENROLLMENT.c.brand_id == brand_id, _ENROLLMENT.c.state == EnrollmentState.APPLIED.value)
    )
    rows = unit.execute(newest_first(found, [_ENROLLMENT.c.id], cursor=cursor, limit=limit))
    return page_of([WaitingApplication(**row._mapping) for row in rows], ["enrollment_id"], limit=limit)  # noqa: SLF001


def _newest_application() -> Any:
    return (
        select(_APPLICATION.c.id)
        .where(_APPLICATION.c.brand_id == _ENROLLMENT.c.brand_id, _APPLICATION.c.enrollment_id == _ENROLLMENT.c.id)
        .order_by(_APPLICATION.c.submitted_at.desc(), _APPLICATION.c.id.desc())
        .limit(1)
        .correlate(_ENROLLMENT)
        .scalar_subquery()
    )


def _enrollments(brand_id: UUID) -> Any:
    columns = (_ENROLLMENT.c[field.name] for field in fields(EnrollmentRow))
    return select(*columns).where(_ENROLLMENT.c.brand_id == brand_id)


def _enrollment(row: Any) -> EnrollmentRow:
    return EnrollmentRow(**dict(row._mapping) | {"state": EnrollmentState(row.state)})  # noqa: SLF001 - public in SQLAlchemy


def _history(row: Any, changes: list[StateChange], groups: list[GroupChange]) -> EnrollmentHistory:
    return EnrollmentHistory(
        id=row.id,
        program_id=row.program_id,
        ambassador_id=row.ambassador_id,
        email_hash=row.email_hash,
        changes=tuple(changes),
        groups=tuple(groups),
    )


def _changes(unit: UnitOfWork, brand_id: UUID, ids: Collection[UUID]) -> Mapping[UUID, list[StateChange]]:
    found: defaultdict[UUID, list[StateChange]] = defaultdict(list)
    columns = (_CHANGE.c.enrollment_id, _CHANGE.c.effective_at, _CHANGE.c.id, _CHANGE.c.state)
    statement = select(*columns).where(_CHANGE.c.brand_id == brand_id)
    rows = unit.execute(of_ids(unit.dialect, statement, key=_CHANGE.c.enrollment_id, ids=ids))
    for row in sorted(rows, key=_when):
        found[row.enrollment_id].append(StateChange(row.effective_at, EnrollmentState(row.state)))
    return found


def _groups(unit: UnitOfWork, brand_id: UUID, ids: Collection[UUID]) -> Mapping[UUID, list[GroupChange]]:
    found: defaultdict[UUID, list[GroupChange]] = defaultdict(list)
    columns = (_MEMBERSHIP.c.enrollment_id, _MEMBERSHIP.c.effective_at, _MEMBERSHIP.c.id, _MEMBERSHIP.c.group_id)
    statement = (
        select(*columns, _GROUP.c.key)
        .outerjoin_from(_MEMBERSHIP, _GROUP, _GROUP.c.id == _MEMBERSHIP.c.group_id)
        .where(_MEMBERSHIP.c.brand_id == brand_id)
    )
    rows = unit.execute(of_ids(unit.dialect, statement, key=_MEMBERSHIP.c.enrollment_id, ids=ids))
    for row in sorted(rows, key=_when):
        found[row.enrollment_id].append(GroupChange(row.effective_at, row.group_id, row.key))
    return found
