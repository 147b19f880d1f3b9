"""Reads of programs, their terms and the rates beside them, as plain frozen rows, and what of them holds when."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select

from engine.kernel.database import UnitOfWork
from engine.kernel.errors import NotFoundError
from engine.kernel.history import as_of
from engine.kernel.keyed import of_ids
from engine.kernel.tables import table_of
from engine.programs.rules import NO_PERSONAL_RATES, PersonalRates
from engine.programs.schemas import TermsDocument
from engine.programs.tables import AmbassadorGroup, PersonalRate, Program, ProgramState, Terms

_PROGRAM = table_of(Program)
_TERMS = table_of(Terms)
_GROUP = table_of(AmbassadorGroup)
_RATE = table_of(PersonalRate)
_VERSION = ("id", "program_id", "version", "effective_at", "published_at", "published_by", "content_hash", "document")
_RATE_COLUMNS = tuple(
    _RATE.c[name] for name in ("id", "reward", "product", "rate_bps", "effective_at", "set_by", "reason")
)


@dataclass(frozen=True, slots=True)
class ProgramRow:
    """A program as it stands."""

    id: UUID
    slug: str
    name: str
    currency: str
    time_zone: str
    priority: int
    state: ProgramState
    created_at: datetime
    closed_at: datetime | None

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which its days and months are counted."""
        return ZoneInfo(self.time_zone)


@dataclass(frozen=True, slots=True)
class TermsVersion:
    """One published version of a program's terms. It holds from `effective_at` until the next one does."""

    id: UUID
    program_id: UUID
    version: int
    effective_at: datetime
    published_at: datetime
    published_by: str
    content_hash: str
    document: TermsDocument


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group of a program's ambassadors."""

    id: UUID
    program_id: UUID
    key: str
    name: str


@dataclass(frozen=True, slots=True)
class PersonalRateRow:
    """A rate of one ambassador or code from `effective_at` on; `rate_bps` None ends it."""

    subject_id: UUID
    id: UUID
    reward: str
    product: str | None
    rate_bps: int | None
    effective_at: datetime
    set_by: str
    reason: str


PersonalRateHistory = Mapping[UUID, tuple[PersonalRateRow, ...]]
"""By enrollment or promo code, each in ascending order of (`effective_at`, id)."""


def programs_of(unit: UnitOfWork, brand_id: UUID) -> tuple[ProgramRow, ...]:
    """Return the brand's programs, those that win first."""
    rows = unit.execute(_programs(brand_id).order_by(_PROGRAM.c.priority))
    return tuple(_program(row) for row in rows)


def program(unit: UnitOfWork, brand_id: UUID, *, program_id: UUID) -> ProgramRow:
    """Return one program.

    Raises:
        NotFoundError: the brand has no such program.
    """
    row = unit.execute(_programs(brand_id).where(_PROGRAM.c.id == program_id)).one_or_none()
    if row is None:
        raise NotFoundError("program", program_id)
    return _program(row)


def program_by_slug(unit: UnitOfWork, brand_id: UUID, *, slug: str) -> ProgramRow:
    """Return one program by the slug in its addresses. Index: uq_program_brand_id_slug.

    Raises:
        NotFoundError: the brand has no such program.
    """
    row = unit.execute(_programs(brand_id).where(_PROGRAM.c.slug == slug)).one_or_none()
    if row is None:
        raise NotFoundError("program", slug)
    return _program(row)


def terms_history(unit: UnitOfWork, brand_id: UUID, *, program_id: UUID | None = None) -> tuple[TermsVersion, ...]:
    """Return every version of the brand's terms, or of one program's: by program, oldest first.

    Index: uq_terms_brand_id_program_id_version.
    """
    statement = select(*(_TERMS.c[name] for name in _VERSION)).where(_TERMS.c.brand_id == brand_id)
    if program_id is not None:
        statement = statement.where(_TERMS.c.program_id == program_id)
    rows = unit.execute(statement.order_by(_TERMS.c.program_id, _TERMS.c.version))
    return tuple(_version(row) for row in rows)


def terms_as_of(history: Sequence[TermsVersion], program_id: UUID, *, at: datetime) -> TermsVersion | None:
    """Return the terms of a program that hold at the instant `at`, of a `terms_history`; None before the first."""
    return as_of([version for version in history if version.program_id == program_id], at)


def groups_of(unit: UnitOfWork, brand_id: UUID, *, program_id: UUID) -> tuple[GroupRow, ...]:
    """Return the groups of a program, by key. Index: uq_ambassador_group_brand_id_program_id_key."""
    rows = unit.execute(
        select(_GROUP.c.id, _GROUP.c.program_id, _GROUP.c.key, _GROUP.c.name)
        .where(_GROUP.c.brand_id == brand_id, _GROUP.c.program_id == program_id)
        .order_by(_GROUP.c.key)
    )
    return tuple(GroupRow(*row) for row in rows)


def personal_rates(
    unit: UnitOfWork,
    brand_id: UUID,
    *,
    enrollment_ids: Collection[UUID] = (),
    promo_code_ids: Collection[UUID] = (),
) -> PersonalRateHistory:
    """Return every personal rate ever set for these enrollments and codes, in one keyed read for each kind.

    Indexes: ix_personal_rate_brand_id_enrollment_id, ix_personal_rate_brand_id_promo_code_id.
    """
    rows: list[PersonalRateRow] = []
    for subject, ids in ((_RATE.c.enrollment_id, enrollment_ids), (_RATE.c.promo_code_id, promo_code_ids)):
        if ids:
            found = select(subject, *_RATE_COLUMNS).where(_RATE.c.brand_id == brand_id)
            rows += [PersonalRateRow(*row) for row in unit.execute(of_ids(unit.dialect, found, key=subject, ids=ids))]
    rows.sort(key=attrgetter("subject_id", "effective_at", "id"))
    return {subject_id: tuple(of_one) for subject_id, of_one in groupby(rows, key=attrgetter("subject_id"))}


def personal_as_of(
    history: PersonalRateHistory, at: datetime, *, enrollment_id: UUID, promo_code_id: UUID | None = None
) -> PersonalRates:
    """Return the personal rates that hold at the instant `at`, for one enrollment and the code that was used."""
    of_ambassador = history.get(enrollment_id, ())
    of_code = history.get(promo_code_id, ()) if promo_code_id else ()
    if not of_ambassador and not of_code:
        return NO_PERSONAL_RATES
    code_rates = {reward: rate_bps for (reward, _), rate_bps in _holding(of_code, at).items()}
    return PersonalRates(_holding(of_ambassador, at), code_rates)


def _holding(rows: Sequence[PersonalRateRow], at: datetime) -> dict[tuple[str, str | None], int]:
    newest = {(row.reward, row.product): row.rate_bps for row in rows if row.effective_at <= at}
    return {target: rate_bps for target, rate_bps in newest.items() if rate_bps is not None}


def _programs(brand_id: UUID) -> Any:
    return select(*(_PROGRAM.c[field.name] for field in fields(ProgramRow))).where(_PROGRAM.c.brand_id == brand_id)


def _program(row: Any) -> ProgramRow:
    return ProgramRow(**dict(row._mapping) | {"state": ProgramState(row.state)})  # noqa: SLF001 - public in SQLAlchemy


def _version(row: Any) -> TermsVersion:
    fields = dict(row._mapping) | {"document": TermsDocument.model_validate(row.document)}  # noqa: SLF001 - as above
    return TermsVersion(**fields)
