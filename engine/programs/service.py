"""Programs come to be, publish terms, close; groups and personal rates are added. Nothing is ever back-dated."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from sqlmodel import col, select

from engine.identity.service import record
from engine.kernel.canonical import content_hash
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import ConflictError, InputError, NotFoundError
from engine.kernel.history import from_now_on
from engine.outbox.service import Event, append
from engine.plugin_api import RewardType
from engine.plugin_host.guard import Registered
from engine.programs.queries import groups_of
from engine.programs.rules import TermsProblem, check_terms
from engine.programs.schemas import GroupDraft, PersonalRateDraft, ProgramDraft, TermsDocument
from engine.programs.tables import AmbassadorGroup, PersonalRate, Program, ProgramState, Terms


class ActivePlugins(Protocol):
    """As much of the plugin host as publishing terms needs: what active plugins registered, by name."""

    @property
    def reward_types(self) -> Mapping[str, Registered[RewardType]]:
        """The reward types."""
        ...

    @property
    def attribution_models(self) -> Collection[str]:
        """The names of the attribution models; a mapping from them will do."""
        ...


class TermsRefusedError(InputError):
    """Terms that cannot be published; all problems at once."""

    def __init__(self, problems: tuple[TermsProblem, ...]) -> None:
        self.problems = problems
        listed = "".join(f"\n  - {problem}" for problem in problems)
        super().__init__(f"These terms cannot be published:{listed}")


def create_program(unit: UnitOfWork, brand_id: UUID, *, draft: ProgramDraft, by: str) -> Program:
    """Return a new program without terms, in state draft.

    Raises:
        ConflictError: another program of the brand has this slug or this priority.
    """
    _check_free(unit, brand_id, draft, program_id=None)
    program = Program(brand_id=brand_id, state=ProgramState.DRAFT, created_at=unit.now, **draft.model_dump())
    _add(unit, program)
    _record(unit, program, by, "create_program", slug=draft.slug)
    return program


def change_program(unit: UnitOfWork, brand_id: UUID, *, program_id: UUID, draft: ProgramDraft, by: str) -> Program:
    """Give a program the name, slug and currency of `draft`, and while it has no terms its zone and priority too.

    Months and due days are counted in the time zone and orders of the past were won by priority, so that both are
    fixed once terms are published.

    Raises:
        NotFoundError: the brand has no such program.
        ConflictError: the slug or priority is taken, or the zone or priority of a published program would change.
    """
    program = _locked(unit, brand_id, program_id)
    _check_free(unit, brand_id, draft, program_id=program_id)
    if program.state != ProgramState.DRAFT:
        for field in ("time_zone", "priority"):
            if getattr(draft, field) != getattr(program, field):
                problem = f"The {field.replace('_', ' ')} of {program.name} is fixed since its terms were published."
                raise ConflictError(f"{problem} Create another program instead.")
    for field, value in draft.model_dump().items():
        setattr(program, field, value)
    _add(unit, program)
    _record(unit, program, by, "change_program", **draft.model_dump())
    return program


def publish_terms(
    unit: UnitOfWork,
    brand_id: UUID,
    *,
    program_id: UUID,
    document: TermsDocument,
    host: ActivePlugins,
    by: str,
    effective_at: datetime | None = None,
) -> Terms:
    """Publish `document` as the next version, in force from `effective_at` (now where none is given) on.

    The first version opens the program and fixes its time zone.

    Raises:
        NotFoundError: the brand has no such program.
        TermsRefusedError: the document has problems; all are named.
        BackdatedError: `effective_at` has passed.
        ConflictError: the program is closed, nothing would change, or newer terms are planned for later than this.
    """
    program = _locked(unit, brand_id, program_id)
    if program.state == ProgramState.CLOSED:
        raise ConflictError(f"{program.name} is closed. Create another program instead.")
    starts = from_now_on(effective_at, unit.now)
    _check_document(unit, program, document, host)
    written = document.model_dump(mode="json")
    newest = _newest_terms(unit, program)
    _check_follows(newest, starts, content_hash(written))
    terms = Terms(
        brand_id=brand_id,
        program_id=program_id,
        version=newest.version + 1 if newest else 1,
        document=written,
        content_hash=content_hash(written),
        effective_at=starts,
        published_at=unit.now,
        published_by=by,
    )
    program.state = ProgramState.OPEN
    _add(unit, terms, program)
    _record(unit, program, by, "publish_terms", version=terms.version, effective_at=starts.isoformat())
    told = {"program_id": str(program_id), "terms_id": str(terms.id), "effective_at": starts.isoformat()}
    append(unit, brand_id, [Event("terms_published", told)])
    return terms


def close_program(unit: UnitOfWork, brand_id: UUID, *, program_id: UUID, by: str) -> Program:
    """Close a program from now on: no applications, no credit for orders placed later; what was earned stays.

    Raises:
        NotFoundError: the brand has no such program.
        ConflictError: it is closed already.
    """
    program = _locked(unit, brand_id, program_id)
    if program.state == ProgramState.CLOSED:
        raise ConflictError(f"{program.name} is closed already.")
    program.state, program.closed_at = ProgramState.CLOSED, unit.now
    _add(unit, program)
    _record(unit, program, by, "close_program")
    return program


def create_group(unit: UnitOfWork, brand_id: UUID, *, program_id: UUID, draft: GroupDraft, by: str) -> AmbassadorGroup:
    """Return a new group of a program; terms name it by its key.

    Raises:
        NotFoundError: the brand has no such program.
        ConflictError: the program has a group with this key.
    """
    program = _locked(unit, brand_id, program_id)
    if any(group.key == draft.key for group in groups_of(unit, brand_id, program_id=program_id)):
        raise ConflictError(f"{program.name} has a group {draft.key!r} already. Choose another key.")
    group = AmbassadorGroup(
        brand_id=brand_id, program_id=program_id, created_at=unit.now, key=draft.key, name=draft.name
    )
    _add(unit, group)
    _record(unit, program, by, "create_group", key=draft.key)
    return group


def set_personal_rate(
    unit: UnitOfWork,
    brand_id: UUID,
    *,
    program_id: UUID,
    draft: PersonalRateDraft,
    by: str,
    enrollment_id: UUID | None = None,
    promo_code_id: UUID | None = None,
    effective_at: datetime | None = None,
) -> PersonalRate:
    """Write down a rate of exactly one enrollment or promo code of the program, from `effective_at` or now on.

    Whose it is was checked by the caller, which knows enrollments (`enrollment.service.set_ambassador_rate`) or codes
    (`tracking.service.set_code_rate`).

    Raises:
        NotFoundError: the brand has no such program.
        InputError: the newest terms have no such reward, or a code's rate names a product.
        BackdatedError: `effective_at` has passed.
    """
    program = _locked(unit, brand_id, program_id)
    _check_reward(_newest_terms(unit, program), draft.reward)
    if promo_code_id and draft.product:
        raise InputError("A promo code has one rate for all products.", field="product", remedy="Leave it empty.")
    rate = PersonalRate(
        brand_id=brand_id,
        program_id=program_id,
        enrollment_id=enrollment_id,
        promo_code_id=promo_code_id,
        effective_at=from_now_on(effective_at, unit.now),
        set_by=by,
        **draft.model_dump(),
    )
    _add(unit, rate)
    subject = f"enrollment {enrollment_id}" if enrollment_id else f"promo code {promo_code_id}"
    detail = draft.model_dump() | {"effective_at": rate.effective_at.isoformat()}
    record(unit, brand_id, actor=by, action="set_personal_rate", subject=subject, detail=detail)
    return rate


def _locked(unit: UnitOfWork, brand_id: UUID, program_id: UUID) -> Program:
    found = select(Program).where(Program.brand_id == brand_id, Program.id == program_id).with_for_update()
    program = unit.session.exec(found).one_or_none()
    if program is None:
        raise NotFoundError("program", program_id)
    return program


def _newest_terms(unit: UnitOfWork, program: Program) -> Terms | None:
    found = select(Terms).where(Terms.brand_id == program.brand_id, Terms.program_id == program.id)
    return unit.session.exec(found.order_by(col(Terms.version).desc()).limit(1)).one_or_none()


def _check_free(unit: UnitOfWork, brand_id: UUID, draft: ProgramDraft, *, program_id: UUID | None) -> None:
    for other in unit.session.exec(select(Program).where(Program.brand_id == brand_id, Program.id != program_id)):
        if other.slug == draft.slug:
            raise ConflictError(f"There is a program {draft.slug!r} already. Choose another slug.")
        if other.priority == draft.priority:
            problem = f"{other.name} has priority {draft.priority} already, and of two programs one must win."
            raise ConflictError(f"{problem} Choose another priority.")


def _check_document(unit: UnitOfWork, program: Program, document: TermsDocument, host: ActivePlugins) -> None:
    groups = {group.key for group in groups_of(unit, program.brand_id, program_id=program.id)}
    types = {name: registered.value for name, registered in host.reward_types.items()}
    problems = check_terms(document, groups=groups, reward_types=types, attribution_models=host.attribution_models)
    if problems:
        raise TermsRefusedError(problems)


def _check_follows(newest: Terms | None, starts: datetime, fresh_hash: str) -> None:
    if newest is None:
        return
    if newest.content_hash == fresh_hash:
        raise ConflictError(f"Version {newest.version} says exactly this already. There is nothing to publish.")
    if starts <= newest.effective_at:
        planned = f"Version {newest.version} holds from {newest.effective_at:%Y-%m-%d %H:%M:%S} UTC on."
        raise ConflictError(f"{planned} Let the next version start later.")


def _check_reward(terms: Terms | None, reward: str) -> None:
    keys = [one["key"] for one in terms.document["rewards"]] if terms else []
    if reward not in keys:
        remedy = f"Name one of: {', '.join(keys)}." if keys else "Publish terms first."
        raise InputError(f"The program has no reward {reward!r}.", field="reward", remedy=remedy)


def _add(unit: UnitOfWork, *rows: object) -> None:
    unit.session.add_all(rows)
    unit.session.flush()


def _record(unit: UnitOfWork, program: Program, by: str, action: str, **detail: Any) -> None:
    record(unit, program.brand_id, actor=by, action=action, subject=f"program {program.id}", detail=detail)
