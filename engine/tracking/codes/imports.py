"""Takes in the ambassadors and promo codes that a brand has already, from CSV files; a wrong row costs no other.

The codes exist in the shop, so that they are not held to the rules for chosen ones. Each is owned from now on: orders
placed before it was taken in are credited to nobody.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Final, TextIO
from uuid import UUID

from engine.enrollment.imports import PersonDraft, Row, admit, person_in, read_rows
from engine.enrollment.roster import Listed, listed_by_address
from engine.identity.rules import email_key
from engine.kernel.crypto import Keyring
from engine.kernel.database import Database, UnitOfWork
from engine.kernel.errors import GoodwordError, InputError, RowProblem
from engine.tracking.codes.queries import CodeRow, codes_by_key, owner_as_of
from engine.tracking.codes.rules import lookup_key
from engine.tracking.codes.service import CodeTakenError, CodeWish, issue_codes
from engine.tracking.codes.tables import CodeKind

BATCH: Final = 500

Tell = Callable[[RowProblem], None]
"""Takes a problem of the file, as soon as it is known."""


@dataclass(frozen=True, slots=True)
class Target:
    """Into which program of which brand a file goes, by what name the file is told of, and who takes it in."""

    brand_id: UUID
    program_id: UUID
    name: str
    by: str


@dataclass(slots=True)
class TakenIn:
    """What taking a file in did: rows that were new, that were there already, and that were refused."""

    new: int = 0
    known: int = 0
    refused: int = 0


def import_ambassadors(database: Database, target: Target, *, file: TextIO, keyring: Keyring, tell: Tell) -> TakenIn:
    """Admit everybody in a file of name, email and perhaps code; who has no code gets one when events are told.

    Each row is a transaction of its own: a person whose code is refused is not admitted either. A second run changes
    nothing.

    Raises:
        InputError: the header is wrong, or the file is not UTF-8 text.
    """
    result = TakenIn()
    rows = read_rows(file, name=target.name, required=("name", "email"), optional=("code",))
    for row in rows:
        if isinstance(row, RowProblem):
            _refuse(result, tell, row)
            continue
        person = person_in(row, target.name)
        if isinstance(person, RowProblem):
            _refuse(result, tell, person)
            continue
        try:
            work = partial(_admit, target=target, person=person, code=row.cells.get("code", ""), keyring=keyring)
            _count(result, new=database.run(work))
        except GoodwordError as error:
            _refuse(result, tell, _problem(target, row, error))
    return result


def import_codes(database: Database, target: Target, *, file: TextIO, tell: Tell) -> TakenIn:
    """Take in a file of codes, each with the address of the ambassador who owns it or with none; in batches.

    A second run changes nothing. A code that somebody else owns, or that is in another program, is refused.

    Raises:
        InputError: the header is wrong, or the file is not UTF-8 text.
    """
    result = TakenIn()
    rows = read_rows(file, name=target.name, required=("code",), optional=("email",))
    while some := list(islice(rows, BATCH)):
        for problem in (one for one in some if isinstance(one, RowProblem)):
            _refuse(result, tell, problem)
        good = [one for one in some if isinstance(one, Row)]
        answers = database.run(partial(_issue, target=target, rows=good))
        for row, answer in zip(good, answers, strict=True):
            if isinstance(answer, GoodwordError):
                _refuse(result, tell, _problem(target, row, answer))
            else:
                _count(result, new=answer)
    return result


def _admit(unit: UnitOfWork, *, target: Target, person: PersonDraft, code: str, keyring: Keyring) -> bool:
    enrollment_id, fresh = admit(
        unit, target.brand_id, program_id=target.program_id, person=person, keyring=keyring, by=target.by
    )
    if not code:
        return fresh
    [answer] = _give(unit, target, [CodeWish(enrollment_id, code, CodeKind.IMPORTED)])
    if isinstance(answer, GoodwordError):
        raise answer
    return answer or fresh


def _issue(unit: UnitOfWork, *, target: Target, rows: Sequence[Row]) -> list[bool | GoodwordError]:
    owners = [_owner_key(row) for row in rows]
    emails = {key for key in owners if isinstance(key, str)}
    known = listed_by_address(unit, target.brand_id, program_id=target.program_id, emails=emails)
    drafts = [_wish(row, key, known) for row, key in zip(rows, owners, strict=True)]
    given = iter(_give(unit, target, [one for one in drafts if isinstance(one, CodeWish)]))
    return [next(given) if isinstance(one, CodeWish) else one for one in drafts]


def _owner_key(row: Row) -> str | InputError | None:
    email = row.cells.get("email")
    try:
        return email_key(email) if email else None
    except InputError as error:
        return error


def _wish(row: Row, owner: str | InputError | None, known: Mapping[str, Listed]) -> CodeWish | InputError:
    match owner:
        case InputError():
            return owner
        case None:
            return CodeWish(None, row.cells["code"], CodeKind.IMPORTED)
        case str() if owner in known:
            return CodeWish(known[owner].enrollment_id, row.cells["code"], CodeKind.IMPORTED)
    remedy = "Bring in the ambassadors first: goodword import ambassadors FILE"
    return InputError("Nobody in the program has this address.", field="email", remedy=remedy)


def _give(unit: UnitOfWork, target: Target, wishes: Sequence[CodeWish]) -> list[bool | GoodwordError]:
    """Issue codes; tell of each whether it is new (False: it was there already, as wished), or why it was refused."""
    answers = issue_codes(unit, target.brand_id, program_id=target.program_id, wishes=wishes, by=target.by)
    keys = {key for wish in wishes if (key := lookup_key(wish.code or ""))}
    holders = {code.code_key: code for code in codes_by_key(unit, target.brand_id, keys=keys)}

    def judged(wish: CodeWish, answer: CodeRow | GoodwordError) -> bool | GoodwordError:
        if not isinstance(answer, GoodwordError):
            return True
        if not isinstance(answer, CodeTakenError):
            return answer
        holder = holders[lookup_key(wish.code or "") or ""]
        as_wished = owner_as_of(holder, unit.now) == wish.enrollment_id and holder.program_id == target.program_id
        return False if as_wished else answer

    return [judged(wish, answer) for wish, answer in zip(wishes, answers, strict=True)]


def _count(result: TakenIn, *, new: bool) -> None:
    if new:
        result.new += 1
    else:
        result.known += 1


def _refuse(result: TakenIn, tell: Tell, problem: RowProblem) -> None:
    result.refused += 1
    tell(problem)


def _problem(target: Target, row: Row, error: GoodwordError) -> RowProblem:
    match error:
        case CodeTakenError():
            return RowProblem(target.name, row.line, "code", str(error), "")
        case InputError():
            return RowProblem(target.name, row.line, error.field, error.problem, error.remedy or "")
    return RowProblem(target.name, row.line, "email" if row.cells.get("email") else None, str(error), "")
