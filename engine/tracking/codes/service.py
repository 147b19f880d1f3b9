"""Promo codes are issued, given to somebody else, released, and expire; who owned them when is kept for ever.

A code belongs to one enrollment at most at any instant, since each change ends what held before. Orders are credited by
when they were placed, so nothing here reaches back.
"""

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select

from engine.enrollment.queries import EnrollmentRow, enrollments
from engine.enrollment.tables import EnrollmentState
from engine.identity.service import record
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import ConflictError, GoodwordError, NotFoundError
from engine.kernel.history import effective_after, from_now_on
from engine.kernel.ids import new_id
from engine.kernel.tables import table_of
from engine.outbox.service import Event, append
from engine.programs.queries import program, programs_of
from engine.programs.schemas import PersonalRateDraft
from engine.programs.service import set_personal_rate
from engine.programs.tables import PersonalRate, ProgramState
from engine.tracking.codes.queries import CodeRow, OwnerChange, codes_by_key
from engine.tracking.codes.rules import check_reserved, check_vanity, code_key, generate_code, shown_code
from engine.tracking.codes.tables import CodeKind, CodeOwner, PromoCode

_CODE = table_of(PromoCode)
_DRAWS = 20
_TOLD_AT_ONCE = 500

Choose = Callable[[str], str]
"""Picks one character of a text."""


class CodeTakenError(ConflictError):
    """The brand has this code already, in whatever way it is written."""

    def __init__(self, code: str, program_name: str) -> None:
        self.code, self.program_name = code, program_name
        super().__init__(f"The code {code} is taken in the program {program_name}. Choose another one.")


@dataclass(frozen=True, slots=True)
class CodeWish:
    """A code to issue: the text that somebody chose or a shop has, or None to have one drawn, after `stem` if given.

    `enrollment_id` None issues a code that nobody owns yet. Orders placed from `expires_at` on do not count. A code of
    kind imported exists in the shop already, so that it is not held to the rules for chosen ones.
    """

    enrollment_id: UUID | None = None
    code: str | None = None
    kind: CodeKind = CodeKind.VANITY
    stem: str = ""
    expires_at: datetime | None = None


def issue_code(
    unit: UnitOfWork,
    brand_id: UUID,
    *,
    program_id: UUID,
    by: str,
    enrollment_id: UUID | None = None,
    code: str | None = None,
    stem: str = "",
    expires_at: datetime | None = None,
    reserved: Collection[str] = (),
    choose: Choose = secrets.choice,
) -> CodeRow:
    """Return a new code of the program, owned from now on by the enrollment, or by nobody; see `CodeWish`.

    `reserved` are words that the brand keeps for itself, beside those of the house.

    Raises:
        NotFoundError: the brand has no such program, or the program no such enrollment.
        ConflictError: the program is closed, or the enrollment is not active.
        CodeRefusedError: the text cannot be a code, is reserved, or would be misread.
        CodeTakenError: the brand has this code.
        BackdatedError: it would have expired already.
    """
    wish = CodeWish(enrollment_id=enrollment_id, code=code, stem=stem, expires_at=expires_at)
    [answer] = issue_codes(
        unit, brand_id, program_id=program_id, wishes=[wish], by=by, reserved=reserved, choose=choose
    )
    if isinstance(answer, GoodwordError):
        raise answer
    return answer


def issue_codes(
    unit: UnitOfWork,
    brand_id: UUID,
    *,
    program_id: UUID,
    wishes: Sequence[CodeWish],
    by: str,
    reserved: Collection[str] = (),
    choose: Choose = secrets.choice,
) -> tuple[CodeRow | GoodwordError, ...]:
    """Answer each wish in order, by the new code or by why it was refused; a refused one never costs the others.

    Of two wishes for one code the earlier gets it. The errors are those of `issue_code`.

    Raises:
        NotFoundError: the brand has no such program.
        ConflictError: the program is closed.
    """
    _check_not_closed(unit, brand_id, program_id)
    owners = enrollments(unit, brand_id, enrollment_ids={one.enrollment_id for one in wishes if one.enrollment_id})

    def draft(wish: CodeWish) -> CodeRow | GoodwordError:
        try:
            _check_owner(wish.enrollment_id, program_id, owners)
            return _draft(wish, program_id, now=unit.now, reserved=reserved, choose=choose)
        except GoodwordError as error:
            return error

    answers = dict(enumerate(_insert(unit, brand_id, [draft(wish) for wish in wishes])))
    for _ in range(_DRAWS):
        again = [place for place in answers if wishes[place].code is None and _is_taken(answers[place])]
        fresh = _insert(unit, brand_id, [draft(wishes[place]) for place in again])
        answers.update(zip(again, fresh, strict=True))
    issued = [answer for answer in answers.values() if isinstance(answer, CodeRow)]
    _write_owners(unit, brand_id, issued, by=by)
    if issued:
        detail = {"count": len(issued), "codes": [code.code for code in issued[:20]]}
        record(unit, brand_id, actor=by, action="issue_codes", subject=f"program {program_id}", detail=detail)
        _tell(unit, brand_id, [code.id for code in issued])
    return tuple(answers.values())


def assign_code(unit: UnitOfWork, brand_id: UUID, *, promo_code_id: UUID, enrollment_id: UUID, by: str) -> None:
    """Give a code to an active enrollment of its program, from now on; nothing happens where it has it already.

    Raises:
        NotFoundError: the brand has no such code, or its program no such enrollment.
        ConflictError: the enrollment is not active.
    """
    code = _locked(unit, brand_id, promo_code_id)
    _check_owner(enrollment_id, code.program_id, enrollments(unit, brand_id, enrollment_ids=[enrollment_id]))
    _change_owner(unit, code, enrollment_id, by=by, action="assign_code")


def release_code(unit: UnitOfWork, brand_id: UUID, *, promo_code_id: UUID, by: str) -> None:
    """Take a code from whoever owns it, from now on; nothing happens where nobody does.

    Raises:
        NotFoundError: the brand has no such code.
    """
    _change_owner(unit, _locked(unit, brand_id, promo_code_id), None, by=by, action="release_code")


def expire_code(
    unit: UnitOfWork, brand_id: UUID, *, promo_code_id: UUID, by: str, expires_at: datetime | None = None
) -> PromoCode:
    """Let a code end at `expires_at`, or now: orders placed from then on do not count.

    Raises:
        NotFoundError: the brand has no such code.
        ConflictError: it expired already; orders were judged by that, so it does not come back.
        BackdatedError: `expires_at` has passed.
    """
    code = _locked(unit, brand_id, promo_code_id)
    if code.expires_at is not None and code.expires_at <= unit.now:
        raise ConflictError(f"The code {code.code} has expired. Issue another code instead.")
    code.expires_at = from_now_on(expires_at, unit.now)
    unit.session.add(code)
    unit.session.flush()
    _record(unit, code, by, "expire_code", expires_at=code.expires_at.isoformat())
    return code


def set_code_rate(
    unit: UnitOfWork,
    brand_id: UUID,
    *,
    promo_code_id: UUID,
    draft: PersonalRateDraft,
    by: str,
    effective_at: datetime | None = None,
) -> PersonalRate:
    """Set the rate of one code, from `effective_at` or now on.

    Raises:
        NotFoundError: the brand has no such code.
        InputError: the newest terms have no such reward, or the draft names a product.
        BackdatedError: `effective_at` has passed.
    """
    code = _locked(unit, brand_id, promo_code_id)
    return set_personal_rate(
        unit,
        brand_id,
        program_id=code.program_id,
        promo_code_id=promo_code_id,
        draft=draft,
        by=by,
        effective_at=effective_at,
    )


def _draft(wish: CodeWish, program_id: UUID, *, now: datetime, reserved: Collection[str], choose: Choose) -> CodeRow:
    text = generate_code(wish.stem, choose=choose) if wish.code is None else wish.code
    kind = CodeKind.GENERATED if wish.code is None else wish.kind
    key = code_key(text)
    check_reserved(key, reserved)
    if kind is CodeKind.VANITY:
        check_vanity(key)
    return CodeRow(
        id=new_id(),
        program_id=program_id,
        code=shown_code(text),
        code_key=key,
        kind=kind,
        created_at=now,
        expires_at=from_now_on(wish.expires_at, now) if wish.expires_at else None,
        owners=(OwnerChange(now, wish.enrollment_id),) if wish.enrollment_id else (),
    )


def _insert(
    unit: UnitOfWork, brand_id: UUID, drafts: Sequence[CodeRow | GoodwordError]
) -> list[CodeRow | GoodwordError]:
    """Insert the drafts whose keys are free; the unique key decides, also between two who write at once."""
    codes = {draft.code_key: draft for draft in reversed(drafts) if isinstance(draft, CodeRow)}
    if not codes:
        return list(drafts)
    rows = [_values(codes[key]) | {"brand_id": brand_id} for key in sorted(codes)]
    insert = postgresql.insert(_CODE) if unit.dialect == "postgresql" else sqlite.insert(_CODE)
    unit.execute(insert.on_conflict_do_nothing(index_elements=["brand_id", "code_key"]), rows)
    holders = {code.code_key: code for code in codes_by_key(unit, brand_id, keys=codes.keys())}
    names = {one.id: one.name for one in programs_of(unit, brand_id)}
    return [_judged(draft, holders, names) for draft in drafts]


def _judged(
    draft: CodeRow | GoodwordError, holders: Mapping[str, CodeRow], names: Mapping[UUID, str]
) -> CodeRow | GoodwordError:
    if isinstance(draft, GoodwordError):
        return draft
    holder = holders[draft.code_key]
    return draft if holder.id == draft.id else CodeTakenError(draft.code, names[holder.program_id])


def _values(code: CodeRow) -> dict[str, Any]:
    return {name: value for name, value in asdict(code).items() if name != "owners"}


def _is_taken(answer: CodeRow | GoodwordError) -> bool:
    return isinstance(answer, CodeTakenError)


def _write_owners(unit: UnitOfWork, brand_id: UUID, codes: Sequence[CodeRow], *, by: str) -> None:
    unit.session.add_all(
        CodeOwner(
            brand_id=brand_id,
            promo_code_id=code.id,
            enrollment_id=change.enrollment_id,
            effective_at=change.effective_at,
            changed_by=by,
        )
        for code in codes
        for change in code.owners
    )
    unit.session.flush()


def _change_owner(unit: UnitOfWork, code: PromoCode, enrollment_id: UUID | None, *, by: str, action: str) -> None:
    found = select(CodeOwner).where(CodeOwner.brand_id == code.brand_id, CodeOwner.promo_code_id == code.id)
    newest = found.order_by(col(CodeOwner.effective_at).desc(), col(CodeOwner.id).desc()).limit(1)
    present = unit.session.exec(newest).one_or_none()
    if (present.enrollment_id if present else None) == enrollment_id:
        return
    change = CodeOwner(
        brand_id=code.brand_id,
        promo_code_id=code.id,
        enrollment_id=enrollment_id,
        effective_at=unit.now,
        changed_by=by,
    )
    latest = (present.effective_at, present.id) if present else None
    change.effective_at = effective_after(latest, now=unit.now, row_id=change.id)
    unit.session.add(change)
    unit.session.flush()
    _record(unit, code, by, action, enrollment_id=str(enrollment_id) if enrollment_id else None)


def _check_owner(enrollment_id: UUID | None, program_id: UUID, owners: Mapping[UUID, EnrollmentRow]) -> None:
    if enrollment_id is None:
        return
    owner = owners.get(enrollment_id)
    if owner is None or owner.program_id != program_id:
        raise NotFoundError("enrollment of this program", enrollment_id)
    if owner.state is not EnrollmentState.ACTIVE:
        raise ConflictError(f"This ambassador is {owner.state}; only an active one is given a code.")


def _check_not_closed(unit: UnitOfWork, brand_id: UUID, program_id: UUID) -> None:
    chosen = program(unit, brand_id, program_id=program_id)
    if chosen.state is ProgramState.CLOSED:
        raise ConflictError(f"{chosen.name} is closed, so it issues no codes.")


def _locked(unit: UnitOfWork, brand_id: UUID, promo_code_id: UUID) -> PromoCode:
    found = select(PromoCode).where(PromoCode.brand_id == brand_id, PromoCode.id == promo_code_id).with_for_update()
    code = unit.session.exec(found).one_or_none()
    if code is None:
        raise NotFoundError("promo code", promo_code_id)
    return code


def _record(unit: UnitOfWork, code: PromoCode, by: str, action: str, **detail: str | None) -> None:
    record(unit, code.brand_id, actor=by, action=action, subject=f"promo code {code.id}", detail=detail)
    _tell(unit, code.brand_id, [code.id])


def _tell(unit: UnitOfWork, brand_id: UUID, code_ids: Sequence[UUID]) -> None:
    """Tell which codes are no longer as they were; shops that take codes follow."""
    parts = [code_ids[start : start + _TOLD_AT_ONCE] for start in range(0, len(code_ids), _TOLD_AT_ONCE)]
    append(unit, brand_id, [Event("codes_changed", {"promo_code_ids": [str(one) for one in part]}) for part in parts])
