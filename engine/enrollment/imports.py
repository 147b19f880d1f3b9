"""Brings in people whom a brand has already: somebody is admitted at once, one or a file of them.

Rows of a CSV file come with the line on which they start, so that each problem names its place.
"""

import csv
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TextIO
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError

from engine.enrollment.roster import listed_by_address
from engine.enrollment.schemas import ApplicationDraft
from engine.enrollment.service import apply, approve_application
from engine.enrollment.tables import EnrollmentState
from engine.identity.schemas import Email, PersonName
from engine.identity.service import ensure_ambassador
from engine.kernel.crypto import Keyring
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import ConflictError, InputError, RowProblem


class PersonDraft(BaseModel):
    """Who is to be an ambassador."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    email: Email
    name: PersonName


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a file: the line on which it starts, and its cells by column, without blanks around them."""

    line: int
    cells: Mapping[str, str]


def read_rows(
    file: TextIO, *, name: str, required: Collection[str], optional: Collection[str]
) -> Iterator[Row | RowProblem]:
    """Yield the rows of a CSV file with a header, and a problem for each row that has too few or too many cells.

    Raises:
        InputError: a column is missing, is there twice or is none of ours, or the file is not UTF-8 text.
    """
    reader = csv.reader(file, strict=True)
    try:
        header = [cell.strip().lower() for cell in next(reader, [])]
        _check_header(header, name=name, required=required, optional=optional)
        line = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield _row(header, cells, name=name, line=line)
            line = reader.line_num + 1
    except UnicodeDecodeError:
        raise InputError(f"{name} is not UTF-8 text.", remedy="Save it as UTF-8.") from None
    except csv.Error as error:
        raise InputError(f"{name}, line {reader.line_num}: {error}.", remedy="Correct the quotes around it.") from None


def admit(
    unit: UnitOfWork, brand_id: UUID, *, program_id: UUID, person: PersonDraft, keyring: Keyring, by: str
) -> tuple[UUID, bool]:
    """Let somebody into a program, and return their enrollment and whether anything changed.

    Whoever is new applies and is approved; whose application waits is approved; an active one stays as they are.

    Raises:
        NotFoundError: the brand has no such program.
        ConflictError: the program is not open, or they are suspended.
        TooEarlyError: they were rejected, and the day from which to apply again has not come.
    """
    known = listed_by_address(unit, brand_id, program_id=program_id, emails=[person.email])
    found = next(iter(known.values()), None)
    match found.state if found else None:
        case EnrollmentState.ACTIVE if found:
            return found.enrollment_id, False
        case EnrollmentState.SUSPENDED:
            raise ConflictError(f"{person.email} is suspended. Reinstate them: goodword ambassador reinstate")
        case EnrollmentState.APPLIED if found:
            enrollment_id = found.enrollment_id
        case _:
            ambassador = ensure_ambassador(unit, brand_id, name=person.name, email=person.email, keyring=keyring)
            draft = ApplicationDraft()
            enrollment_id = apply(
                unit, brand_id, program_id=program_id, ambassador_id=ambassador.id, draft=draft, by=by
            ).id
    approve_application(unit, brand_id, enrollment_id=enrollment_id, by=by)
    return enrollment_id, True


def person_in(row: Row, name: str) -> PersonDraft | RowProblem:
    """Return who stands in a row of file `name`, or what is wrong with them."""
    cells = {"email": row.cells["email"], "name": row.cells["name"]}
    try:
        return PersonDraft.model_validate(cells)
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0])
        if not cells[field]:
            return RowProblem(name, row.line, field, f"The {field} is empty.", "Fill it in.")
        said = first["msg"].removeprefix("Value error, ").rstrip(".")
        return RowProblem(name, row.line, field, f"{said}.", "")


def _check_header(header: list[str], *, name: str, required: Collection[str], optional: Collection[str]) -> None:
    if header:
        header[0] = header[0].removeprefix("\ufeff")
    wanted = f"Its first line is {','.join(required)}, and {','.join(optional)} where you have it."
    missing = [column for column in required if column not in header]
    if missing:
        raise InputError(f"{name} has no column {', '.join(missing)}.", remedy=wanted)
    strange = sorted({column for column in header if column not in {*required, *optional}})
    if strange:
        raise InputError(f"{name} has columns that mean nothing here: {', '.join(strange)}.", remedy=wanted)
    if len(set(header)) != len(header):
        raise InputError(f"{name} has a column twice.", remedy=wanted)


def _row(header: list[str], cells: list[str], *, name: str, line: int) -> Row | RowProblem:
    if len(cells) != len(header):
        problem = f"The row has {len(cells)} cells, the header {len(header)}."
        return RowProblem(name, line, None, problem, "Put quotes around a cell that holds a comma.")
    return Row(line, {column: cell.strip() for column, cell in zip(header, cells, strict=True)})
