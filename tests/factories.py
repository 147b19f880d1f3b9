"""Tiny builders of rows that a test stands on: written straight into the tables, valid, and no more than asked for.

Each takes an open unit of work and returns the row. What is not given is made up, always differently, so that two calls
never collide. Times default to the unit's.
"""

from datetime import datetime
from itertools import count
from uuid import UUID

from engine.enrollment.tables import Enrollment, EnrollmentChange, EnrollmentState, GroupMembership
from engine.identity.tables import Ambassador, Brand
from engine.kernel.canonical import content_hash
from engine.kernel.database import UnitOfWork
from engine.kernel.ids import new_id, new_id_at
from engine.programs.schemas import TermsDocument
from engine.programs.tables import AmbassadorGroup, PersonalRate, Program, ProgramState, Terms
from engine.tracking.clicks.tables import Click, Target
from engine.tracking.codes.rules import code_key
from engine.tracking.codes.tables import CodeKind, CodeOwner, PromoCode

_numbers = count(1)

TEN_PERCENT = TermsDocument.model_validate(
    {
        "rewards": [{"key": "commission", "type": "percentage"}],
        "rates": [{"reward": "commission", "rate_bps": 1_000}],
    }
)
"""The plainest terms: ten percent of everything, code before click, 30 days' hold."""


def make_brand(unit: UnitOfWork, *, name: str = "Acme") -> Brand:
    return _added(unit, Brand(slug=f"brand-{next(_numbers)}", name=name, created_at=unit.now))


def make_program(
    unit: UnitOfWork,
    brand_id: UUID,
    *,
    name: str = "Friends",
    document: TermsDocument | None = TEN_PERCENT,
    time_zone: str = "UTC",
    currency: str = "EUR",
    priority: int | None = None,
    effective_at: datetime | None = None,
) -> Program:
    """A program with published terms, or a draft where `document` is None."""
    number = next(_numbers)
    program = Program(
        brand_id=brand_id,
        slug=f"program-{number}",
        name=name,
        currency=currency,
        time_zone=time_zone,
        priority=priority or number,
        state=ProgramState.OPEN if document else ProgramState.DRAFT,
        created_at=effective_at or unit.now,
    )
    _added(unit, program)
    if document:
        make_terms(unit, program, document=document, effective_at=effective_at)
    return program


def make_terms(
    unit: UnitOfWork,
    program: Program,
    *,
    document: TermsDocument = TEN_PERCENT,
    version: int = 1,
    effective_at: datetime | None = None,
) -> Terms:
    written = document.model_dump(mode="json")
    terms = Terms(
        brand_id=program.brand_id,
        program_id=program.id,
        version=version,
        document=written,
        content_hash=content_hash(written),
        effective_at=effective_at or unit.now,
        published_at=effective_at or unit.now,
        published_by="factory",
    )
    return _added(unit, terms)


def make_ambassador(unit: UnitOfWork, brand_id: UUID, *, name: str = "Ada", email: str | None = None) -> Ambassador:
    address = email or f"ambassador-{next(_numbers)}@example.org"
    ambassador = Ambassador(
        brand_id=brand_id,
        name=name,
        email=address,
        email_key=address.casefold(),
        email_hash=content_hash(address.casefold())[:32],
        created_at=unit.now,
    )
    return _added(unit, ambassador)


def make_enrollment(
    unit: UnitOfWork,
    program: Program,
    *,
    ambassador: Ambassador | None = None,
    state: EnrollmentState = EnrollmentState.ACTIVE,
    since: datetime | None = None,
) -> Enrollment:
    """An enrollment of `ambassador`, or of a new one, that is in `state` since then and was in none before."""
    person = ambassador or make_ambassador(unit, program.brand_id)
    start = since or unit.now
    enrollment = Enrollment(
        brand_id=program.brand_id,
        program_id=program.id,
        ambassador_id=person.id,
        state=state.value,
        created_at=start,
        changed_at=start,
    )
    _added(unit, enrollment)
    change = EnrollmentChange(
        brand_id=program.brand_id,
        enrollment_id=enrollment.id,
        state=state.value,
        effective_at=start,
        reason="",
        changed_by="factory",
    )
    _added(unit, change)
    return enrollment


def make_group(unit: UnitOfWork, program: Program, *, key: str = "gold") -> AmbassadorGroup:
    group = AmbassadorGroup(
        brand_id=program.brand_id, program_id=program.id, key=key, name=key.title(), created_at=unit.now
    )
    return _added(unit, group)


def put_into_group(
    unit: UnitOfWork, enrollment: Enrollment, *, group: AmbassadorGroup | None, since: datetime | None = None
) -> GroupMembership:
    membership = GroupMembership(
        brand_id=enrollment.brand_id,
        enrollment_id=enrollment.id,
        group_id=group.id if group else None,
        effective_at=since or unit.now,
        changed_by="factory",
    )
    return _added(unit, membership)


def make_code(
    unit: UnitOfWork,
    program: Program,
    *,
    enrollment: Enrollment | None = None,
    code: str | None = None,
    since: datetime | None = None,
    expires_at: datetime | None = None,
) -> PromoCode:
    """A code that `enrollment` owns since then, or that nobody owns."""
    text = code or f"CODE-{next(_numbers)}"
    promo_code = PromoCode(
        brand_id=program.brand_id,
        program_id=program.id,
        code=text,
        code_key=code_key(text),
        kind=CodeKind.VANITY,
        created_at=since or unit.now,
        expires_at=expires_at,
    )
    _added(unit, promo_code)
    if enrollment:
        give_code(unit, promo_code, enrollment=enrollment, since=since)
    return promo_code


def give_code(
    unit: UnitOfWork, code: PromoCode, *, enrollment: Enrollment | None, since: datetime | None = None
) -> CodeOwner:
    owner = CodeOwner(
        brand_id=code.brand_id,
        promo_code_id=code.id,
        enrollment_id=enrollment.id if enrollment else None,
        effective_at=since or unit.now,
        changed_by="factory",
    )
    return _added(unit, owner)


def agree_rate(
    unit: UnitOfWork,
    subject: Enrollment | PromoCode,
    *,
    rate_bps: int | None,
    reward: str = "commission",
    product: str | None = None,
    since: datetime | None = None,
) -> PersonalRate:
    """A personal rate of an enrollment or a code."""
    rate = PersonalRate(
        brand_id=subject.brand_id,
        program_id=subject.program_id,
        enrollment_id=subject.id if isinstance(subject, Enrollment) else None,
        promo_code_id=subject.id if isinstance(subject, PromoCode) else None,
        reward=reward,
        product=product,
        rate_bps=rate_bps,
        effective_at=since or unit.now,
        set_by="factory",
        reason="agreed",
    )
    return _added(unit, rate)


def make_click(
    unit: UnitOfWork,
    enrollment: Enrollment,
    *,
    at: datetime | None = None,
    visitor: str | None = None,
    reason: str | None = None,
    target: Target = Target.LINK,
    target_id: UUID | None = None,
    signals: str = "",
) -> Click:
    """A click on a link of `enrollment`, or on what `target_id` names; counted unless there is a `reason`."""
    instant = at or unit.now
    click = Click(
        id=new_id_at(instant),
        brand_id=enrollment.brand_id,
        program_id=enrollment.program_id,
        enrollment_id=enrollment.id,
        target=target.value,
        target_id=target_id or new_id(),
        at=instant,
        counted=reason is None,
        reason=reason,
        verified=visitor is not None,
        visitor_key=visitor,
        signals=signals,
    )
    return _added(unit, click)


def _added(unit: UnitOfWork, row):
    unit.session.add(row)
    unit.session.flush()
    return row
