"""Reads of promo codes with everybody who ever owned them."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select

from engine.kernel.database import UnitOfWork
from engine.kernel.history import as_of
from engine.kernel.keyed import as_parameter, look_up, of_ids
from engine.kernel.paging import Page, newest_first, page_of
from engine.kernel.tables import table_of
from engine.tracking.codes.tables import CodeKind, CodeOwner, PromoCode

_CODE = table_of(PromoCode)
_OWNER = table_of(CodeOwner)
_COLUMNS = tuple(_CODE.c[name] for name in ("id", "program_id", "code", "code_key", "kind", "created_at", "expires_at"))


@dataclass(frozen=True, slots=True)
class OwnerChange:
    """From `effective_at` on the code belongs to `enrollment_id`, None for nobody."""

    effective_at: datetime
    enrollment_id: UUID | None


@dataclass(frozen=True, slots=True)
class CodeRow:
    """A promo code with its owners, oldest first."""

    id: UUID
    program_id: UUID
    code: str
    code_key: str
    kind: CodeKind
    created_at: datetime
    expires_at: datetime | None
    owners: tuple[OwnerChange, ...]


def codes_by_key(unit: UnitOfWork, brand_id: UUID, *, keys: Collection[str]) -> tuple[CodeRow, ...]:
    """Return the codes with these keys (`rules.lookup_key`), by key, in two keyed reads however many there are.

    Indexes: uq_promo_code_brand_id_code_key, ix_code_owner_brand_id_promo_code_id.
    """
    if not keys:
        return ()
    found = look_up(unit.dialect, _COLUMNS, keys={"keys": _CODE.c.code_key}, where=_CODE.c.brand_id == brand_id)
    rows = unit.execute(found.params(keys=as_parameter(unit.dialect, sorted(set(keys)))))
    return _with_owners(unit, brand_id, sorted(rows, key=attrgetter("code_key")))


def codes_of(unit: UnitOfWork, brand_id: UUID, *, enrollment_ids: Collection[UUID]) -> tuple[CodeRow, ...]:
    """Return every code that one of these enrollments ever owned, oldest first; `owner_as_of` tells whose it is now.

    Indexes: ix_code_owner_brand_id_enrollment_id, pk_promo_code, ix_code_owner_brand_id_promo_code_id.
    """
    if not enrollment_ids:
        return ()
    owned = unit.execute(_owner_rows(unit, brand_id, _OWNER.c.enrollment_id, enrollment_ids))
    code_ids = {row.promo_code_id for row in owned}
    found = select(*_COLUMNS).where(_CODE.c.brand_id == brand_id)
    rows = unit.execute(of_ids(unit.dialect, found, key=_CODE.c.id, ids=code_ids))
    return _with_owners(unit, brand_id, sorted(rows, key=attrgetter("id")))


def codes_of_program(
    unit: UnitOfWork, brand_id: UUID, *, program_id: UUID, cursor: str | None = None, limit: int = 50
) -> Page[CodeRow]:
    """Return a page of a program's codes, the newest first. Index: ix_promo_code_brand_id_program_id.

    Raises:
        InputError: the cursor is not one of ours.
    """
    found = select(*_COLUMNS).where(_CODE.c.brand_id == brand_id, _CODE.c.program_id == program_id)
    rows = unit.execute(newest_first(found, [_CODE.c.id], cursor=cursor, limit=limit)).all()
    return page_of(_with_owners(unit, brand_id, rows), ["id"], limit=limit)


def owner_as_of(code: CodeRow, at: datetime) -> UUID | None:
    """Return the enrollment that owned `code` at the instant `at`, or None where nobody did.

    The instant of a change belongs to the new owner, so there is one owner at most at any instant.
    """
    change = as_of(code.owners, at)
    return change.enrollment_id if change else None


def expired_at(code: CodeRow, at: datetime) -> bool:
    """Tell whether an order placed at the instant `at` came too late for `code`."""
    return code.expires_at is not None and at >= code.expires_at


def present_code(codes: Iterable[CodeRow], enrollment_id: UUID, *, at: datetime) -> CodeRow | None:
    """Return the code that became the enrollment's last and still works at the instant `at`, or None.

    It is what pages and cards show, where somebody has several.
    """
    theirs = [one for one in codes if owner_as_of(one, at) == enrollment_id and not expired_at(one, at)]
    since = {one.id: max(change.effective_at for change in one.owners if change.effective_at <= at) for one in theirs}
    return max(theirs, key=lambda one: (since[one.id], one.id), default=None)


def _with_owners(unit: UnitOfWork, brand_id: UUID, rows: Collection[Any]) -> tuple[CodeRow, ...]:
    owners = _owners(unit, brand_id, [row.id for row in rows])
    return tuple(_code(row, owners[row.id]) for row in rows)


def _code(row: Any, owners: Collection[OwnerChange]) -> CodeRow:
    fields = dict(row._mapping) | {"kind": CodeKind(row.kind), "owners": tuple(owners)}  # noqa: SLF001 - public in SQLAlchemy
    return CodeRow(**fields)


def _owners(unit: UnitOfWork, brand_id: UUID, code_ids: Collection[UUID]) -> Mapping[UUID, list[OwnerChange]]:
    found: defaultdict[UUID, list[OwnerChange]] = defaultdict(list)
    if not code_ids:
        return found
    rows = unit.execute(_owner_rows(unit, brand_id, _OWNER.c.promo_code_id, code_ids))
    for row in sorted(rows, key=attrgetter("effective_at", "id")):
        found[row.promo_code_id].append(OwnerChange(row.effective_at, row.enrollment_id))
    return found


def _owner_rows(unit: UnitOfWork, brand_id: UUID, key: ColumnElement[UUID], ids: Collection[UUID]) -> Select[Any]:
    columns = (_OWNER.c.promo_code_id, _OWNER.c.effective_at, _OWNER.c.id, _OWNER.c.enrollment_id)
    statement = select(*columns).where(_OWNER.c.brand_id == brand_id)
    return of_ids(unit.dialect, statement, key=key, ids=ids)
