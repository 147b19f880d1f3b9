"""People apply, are approved or rejected, suspended, reinstated, and leave; they move between groups.

Every step appends to the history, is audited and told; it holds from now on, and the instant itself belongs to the new
state.
"""

from datetime import date, datetime
from uuid import UUID

from sqlmodel import col, select

from engine.enrollment.rules import check_reapply, transition
from engine.enrollment.schemas import ApplicationDraft
from engine.enrollment.tables import Application, Enrollment, EnrollmentChange, EnrollmentState, GroupMembership
from engine.identity.service import record
from engine.identity.tables import Ambassador
from engine.kernel.clock import local_date
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import ConflictError, InputError, InvalidTransitionError, NotFoundError
from engine.kernel.history import effective_after, from_now_on
from engine.outbox.service import Event, append
from engine.programs.queries import ProgramRow, groups_of, program
from engine.programs.schemas import PersonalRateDraft
from engine.programs.service import set_personal_rate
from engine.programs.tables import PersonalRate, ProgramState


def apply(
    unit: UnitOfWork, brand_id: UUID, *, program_id: UUID, ambassador_id: UUID, draft: ApplicationDraft, by: str
) -> Enrollment:
    """Return the enrollment of an ambassador who applies to a program, in state applied.

    Raises:
        NotFoundError: the brand has no such program or ambassador.
        ConflictError: the program is not open.
        TooEarlyError: it was rejected, and the day from which to apply again has not come in the program's time zone.
        InvalidTransitionError: it waits, is active or is suspended.
    """
    chosen = _open_program(unit, brand_id, program_id)
    _check_ambassador(unit, brand_id, ambassador_id)
    found = select(Enrollment).where(
        Enrollment.brand_id == brand_id,
        Enrollment.program_id == program_id,
        Enrollment.ambassador_id == ambassador_id,
    )
    enrollment = unit.session.exec(found.with_for_update()).one_or_none()
    if enrollment is not None:
        transition(EnrollmentState(enrollment.state), EnrollmentState.APPLIED)
        check_reapply(enrollment.reapply_on, local_date(unit.now, chosen.zone))
    else:
        enrollment = _new_enrollment(unit, brand_id, program_id, ambassador_id)
    _enter(unit, enrollment, EnrollmentState.APPLIED, by=by, action="enrollment_applied")
    application = Application(
        brand_id=brand_id, enrollment_id=enrollment.id, answers=draft.answers, submitted_at=unit.now
    )
    unit.session.add(application)
    unit.session.flush()
    return enrollment


def approve_application(unit: UnitOfWork, brand_id: UUID, *, enrollment_id: UUID, by: str) -> Enrollment:
    """Let somebody who applied in: from now on they are active and earn.

    Raises:
        NotFoundError: the brand has no such enrollment.
        InvalidTransitionError: no application waits.
        ConflictError: the program is not open.
    """
    enrollment = _waiting(unit, brand_id, enrollment_id, EnrollmentState.ACTIVE)
    _open_program(unit, brand_id, enrollment.program_id)
    _enter(unit, enrollment, EnrollmentState.ACTIVE, by=by, action="enrollment_approved")
    return enrollment


def reject_application(
    unit: UnitOfWork, brand_id: UUID, *, enrollment_id: UUID, reason: str, by: str, reapply_on: date | None = None
) -> Enrollment:
    """Turn an application down, with a reason; it may come again from the day `reapply_on`, at any time if None.

    Raises:
        NotFoundError: the brand has no such enrollment.
        InvalidTransitionError: no application waits.
        InputError: the reason is empty or too long.
    """
    enrollment = _waiting(unit, brand_id, enrollment_id, EnrollmentState.REJECTED)
    said = _reason(reason)
    _enter(unit, enrollment, EnrollmentState.REJECTED, by=by, action="enrollment_rejected", reason=said)
    enrollment.reapply_on = reapply_on
    unit.session.flush()
    return enrollment


def suspend(unit: UnitOfWork, brand_id: UUID, *, enrollment_id: UUID, reason: str, by: str) -> Enrollment:
    """Stop an active ambassador from earning with orders placed from now on; payouts freeze.

    Raises:
        NotFoundError: the brand has no such enrollment.
        InvalidTransitionError: it is not active.
        InputError: the reason is empty or too long.
    """
    enrollment = _locked(unit, brand_id, enrollment_id)
    said = _reason(reason)
    _enter(unit, enrollment, EnrollmentState.SUSPENDED, by=by, action="enrollment_suspended", reason=said)
    return enrollment


def reinstate(unit: UnitOfWork, brand_id: UUID, *, enrollment_id: UUID, by: str) -> Enrollment:
    """Let a suspended ambassador earn again, with orders placed from now on.

    Raises:
        NotFoundError: the brand has no such enrollment.
        InvalidTransitionError: it is not suspended.
    """
    enrollment = _locked(unit, brand_id, enrollment_id)
    if enrollment.state != EnrollmentState.SUSPENDED:
        raise InvalidTransitionError("enrollment", state=enrollment.state, asked=EnrollmentState.ACTIVE)
    _enter(unit, enrollment, EnrollmentState.ACTIVE, by=by, action="enrollment_reinstated")
    return enrollment


def leave(unit: UnitOfWork, brand_id: UUID, *, enrollment_id: UUID, by: str) -> Enrollment:
    """End an enrollment from now on; what was earned stays, and the ambassador may apply again.

    Raises:
        NotFoundError: the brand has no such enrollment.
        InvalidTransitionError: it is neither active nor suspended.
    """
    enrollment = _locked(unit, brand_id, enrollment_id)
    _enter(unit, enrollment, EnrollmentState.LEFT, by=by, action="enrollment_left")
    return enrollment


def move_group(
    unit: UnitOfWork,
    brand_id: UUID,
    *,
    enrollment_id: UUID,
    group_id: UUID | None,
    by: str,
    effective_at: datetime | None = None,
) -> GroupMembership:
    """Put an ambassador into a group of the program, or into none, from `effective_at` or now on.

    Raises:
        NotFoundError: the brand has no such enrollment, or its program no such group.
        BackdatedError: `effective_at` has passed.
    """
    enrollment = _locked(unit, brand_id, enrollment_id)
    groups = {group.id for group in groups_of(unit, brand_id, program_id=enrollment.program_id)}
    if group_id is not None and group_id not in groups:
        raise NotFoundError("group", group_id)
    membership = GroupMembership(
        brand_id=brand_id,
        enrollment_id=enrollment_id,
        group_id=group_id,
        effective_at=from_now_on(effective_at, unit.now),
        changed_by=by,
    )
    unit.session.add(membership)
    unit.session.flush()
    detail = {"group_id": str(group_id) if group_id else None, "effective_at": membership.effective_at.isoformat()}
    record(unit, brand_id, actor=by, action="move_group", subject=f"enrollment {enrollment_id}", detail=detail)
    return membership


def set_ambassador_rate(
    unit: UnitOfWork,
    brand_id: UUID,
    *,
    enrollment_id: UUID,
    draft: PersonalRateDraft,
    by: str,
    effective_at: datetime | None = None,
) -> PersonalRate:
    """Agree on a rate with one ambassador, for all products or for one, from `effective_at` or now on.

    Raises:
        NotFoundError: the brand has no such enrollment.
        InputError: the newest terms have no such reward.
        BackdatedError: `effective_at` has passed.
    """
    enrollment = _locked(unit, brand_id, enrollment_id)
    return set_personal_rate(
        unit,
        brand_id,
        program_id=enrollment.program_id,
        enrollment_id=enrollment_id,
        draft=draft,
        by=by,
        effective_at=effective_at,
    )


def _enter(
    unit: UnitOfWork, enrollment: Enrollment, asked: EnrollmentState, *, by: str, action: str, reason: str = ""
) -> None:
    """Write `asked` down as what holds from now on, and tell it."""
    newest = _newest_change(unit, enrollment)
    transition(EnrollmentState(newest.state) if newest else None, asked)
    change = EnrollmentChange(
        brand_id=enrollment.brand_id,
        enrollment_id=enrollment.id,
        state=asked.value,
        effective_at=unit.now,
        reason=reason,
        changed_by=by,
    )
    latest = (newest.effective_at, newest.id) if newest else None
    change.effective_at = effective_after(latest, now=unit.now, row_id=change.id)
    enrollment.state, enrollment.changed_at, enrollment.reapply_on = asked.value, change.effective_at, None
    unit.session.add_all([enrollment, change])
    unit.session.flush()
    subject, detail = f"enrollment {enrollment.id}", {"reason": reason} if reason else {}
    record(unit, enrollment.brand_id, actor=by, action=action, subject=subject, detail=detail)
    append(unit, enrollment.brand_id, events=[_event(enrollment, action)])


def _event(enrollment: Enrollment, kind: str) -> Event:
    ids = {
        "enrollment_id": enrollment.id,
        "program_id": enrollment.program_id,
        "ambassador_id": enrollment.ambassador_id,
    }
    return Event(kind=kind, payload={name: str(one) for name, one in ids.items()})


def _newest_change(unit: UnitOfWork, enrollment: Enrollment) -> EnrollmentChange | None:
    found = select(EnrollmentChange).where(
        EnrollmentChange.brand_id == enrollment.brand_id, EnrollmentChange.enrollment_id == enrollment.id
    )
    newest = found.order_by(col(EnrollmentChange.effective_at).desc(), col(EnrollmentChange.id).desc())
    return unit.session.exec(newest.limit(1)).one_or_none()


def _locked(unit: UnitOfWork, brand_id: UUID, enrollment_id: UUID) -> Enrollment:
    found = select(Enrollment).where(Enrollment.brand_id == brand_id, Enrollment.id == enrollment_id)
    enrollment = unit.session.exec(found.with_for_update()).one_or_none()
    if enrollment is None:
        raise NotFoundError("enrollment", enrollment_id)
    return enrollment


def _waiting(unit: UnitOfWork, brand_id: UUID, enrollment_id: UUID, asked: EnrollmentState) -> Enrollment:
    enrollment = _locked(unit, brand_id, enrollment_id)
    if enrollment.state != EnrollmentState.APPLIED:
        raise InvalidTransitionError("enrollment", state=enrollment.state, asked=asked)
    return enrollment


def _new_enrollment(unit: UnitOfWork, brand_id: UUID, program_id: UUID, ambassador_id: UUID) -> Enrollment:
    return Enrollment(
        brand_id=brand_id,
        program_id=program_id,
        ambassador_id=ambassador_id,
        state=EnrollmentState.APPLIED,
        created_at=unit.now,
        changed_at=unit.now,
    )


def _open_program(unit: UnitOfWork, brand_id: UUID, program_id: UUID) -> ProgramRow:
    chosen = program(unit, brand_id, program_id=program_id)
    if chosen.state is not ProgramState.OPEN:
        why = "is closed" if chosen.state is ProgramState.CLOSED else "has no terms yet"
        raise ConflictError(f"{chosen.name} {why}, so nobody can join it.")
    return chosen


def _check_ambassador(unit: UnitOfWork, brand_id: UUID, ambassador_id: UUID) -> None:
    found = select(Ambassador.id).where(Ambassador.brand_id == brand_id, Ambassador.id == ambassador_id)
    if unit.session.exec(found).one_or_none() is None:
        raise NotFoundError("ambassador", ambassador_id)


def _reason(text: str) -> str:
    said = text.strip()
    if not 1 <= len(said) <= 1000 or "\0" in said:
        raise InputError("A reason has 1 to 1,000 characters.", field="reason", remedy="Say why in a sentence.")
    return said
