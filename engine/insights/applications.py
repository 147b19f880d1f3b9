"""People who applied, whatever became of it, with their answers and the history of their enrollment."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, select

from engine.enrollment.tables import Application, Enrollment, EnrollmentChange, EnrollmentState
from engine.identity.tables import Ambassador
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import NotFoundError
from engine.kernel.paging import Page, newest_first, page_of
from engine.kernel.tables import table_of
from engine.programs.tables import Program

_ENROLLMENT: Final = table_of(Enrollment)
_CHANGE: Final = table_of(EnrollmentChange)
_APPLICATION: Final = table_of(Application)
_AMBASSADOR: Final = table_of(Ambassador)
_PROGRAM: Final = table_of(Program)


@dataclass(frozen=True, slots=True)
class ApplicantRow:
    """One enrollment with its person and program; `id` is the enrollment's."""

    id: UUID
    ambassador_id: UUID
    name: str
    email: str
    program_id: UUID
    program_name: str
    time_zone: str
    state: EnrollmentState
    changed_at: datetime
    reapply_on: date | None


@dataclass(frozen=True, slots=True)
class Answers:
    """What somebody wrote when applying."""

    submitted_at: datetime
    answers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Change:
    """One step of an enrollment."""

    state: EnrollmentState
    effective_at: datetime
    reason: str
    changed_by: str


@dataclass(frozen=True, slots=True)
class ApplicantFile:
    """Everything about one enrollment; applications newest first, changes oldest first."""

    row: ApplicantRow
    applications: tuple[Answers, ...]
    changes: tuple[Change, ...]


def applicants(
    unit: UnitOfWork, brand_id: UUID, *, state: EnrollmentState, cursor: str | None = None, limit: int = 50
) -> Page[ApplicantRow]:
    """Return a page of enrollments in a state, newest first. Index: ix_enrollment_brand_id_state."""
    found = unit.execute(
        newest_first(
            _rows(brand_id).where(_ENROLLMENT.c.state == state.value), [_ENROLLMENT.c.id], cursor=cursor, limit=limit
        )
    )
    return page_of([_row(row) for row in found], ["id"], limit=limit)


def applicant_file(unit: UnitOfWork, brand_id: UUID, *, enrollment_id: UUID) -> ApplicantFile:
    """Return everything about one enrollment.

    Indexes: ix_application_brand_id_enrollment_id, ix_enrollment_change_brand_id_enrollment_id.

    Raises:
        NotFoundError: the brand has no such enrollment.
    """
    row = unit.execute(_rows(brand_id).where(_ENROLLMENT.c.id == enrollment_id)).one_or_none()
    if row is None:
        raise NotFoundError("enrollment", enrollment_id)
    applications = unit.execute(
        select(_APPLICATION.c.submitted_at, _APPLICATION.c.answers)
        .where(_APPLICATION.c.brand_id == brand_id, _APPLICATION.c.enrollment_id == enrollment_id)
        .order_by(_APPLICATION.c.submitted_at.desc(), _APPLICATION.c.id.desc())
    )
    changes = unit.execute(
        select(_CHANGE.c.state, _CHANGE.c.effective_at, _CHANGE.c.reason, _CHANGE.c.changed_by)
        .where(_CHANGE.c.brand_id == brand_id, _CHANGE.c.enrollment_id == enrollment_id)
        .order_by(_CHANGE.c.effective_at, _CHANGE.c.id)
    )
    return ApplicantFile(
        _row(row),
        tuple(Answers(submitted_at, answers) for submitted_at, answers in applications),
        tuple(Change(EnrollmentState(state), *rest) for state, *rest in changes),
    )


def _rows(brand_id: UUID) -> Select[Any]:
    return (
        select(
            _ENROLLMENT.c.id,
            _ENROLLMENT.c.ambassador_id,
            _AMBASSADOR.c.name,
            _AMBASSADOR.c.email,
            _ENROLLMENT.c.program_id,
            _PROGRAM.c.name.label("program_name"),
            _PROGRAM.c.time_zone,
            _ENROLLMENT.c.state,
            _ENROLLMENT.c.changed_at,
            _ENROLLMENT.c.reapply_on,
        )
        .join_from(_ENROLLMENT, _AMBASSADOR, _AMBASSADOR.c.id == _ENROLLMENT.c.ambassador_id)
        .join(_PROGRAM, _PROGRAM.c.id == _ENROLLMENT.c.program_id)
        .where(_ENROLLMENT.c.brand_id == brand_id)
    )


def _row(row: Any) -> ApplicantRow:
    return ApplicantRow(**dict(row._mapping) | {"state": EnrollmentState(row.state)})  # noqa: SLF001 - public in SQLAlchemy
