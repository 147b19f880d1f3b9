"""Reads of links as plain rows."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, func, select

from engine.enrollment.tables import Enrollment
from engine.identity.tables import Ambassador
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import NotFoundError
from engine.kernel.paging import Page, newest_first, page_of
from engine.kernel.tables import table_of
from engine.tracking.links.tables import Link, SlugKind

_LINK = table_of(Link)
_ENROLLMENT = table_of(Enrollment)
_AMBASSADOR = table_of(Ambassador)


@dataclass(frozen=True, slots=True)
class LinkRow:
    """A link as it stands. `destination` empty: it leads to the program's home address, whatever that is then."""

    id: UUID
    program_id: UUID
    enrollment_id: UUID
    slug: str
    kind: SlugKind
    destination: str
    title: str
    utm: Mapping[str, str]
    expires_at: datetime | None
    archived_at: datetime | None
    created_at: datetime
    created_by: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class OwnedLink:
    """A link with the ambassador whose it is."""

    id: UUID
    link: LinkRow
    ambassador_id: UUID
    ambassador: str
    email: str


_COLUMNS: Final = tuple(_LINK.c[field.name] for field in fields(LinkRow))


def link(unit: UnitOfWork, brand_id: UUID, *, link_id: UUID) -> LinkRow:
    """Return one link. Index: pk_link.

    Raises:
        NotFoundError: the brand has no such link.
    """
    row = unit.execute(_links(brand_id).where(_LINK.c.id == link_id)).one_or_none()
    if row is None:
        raise NotFoundError("link", link_id)
    return _link(row)


def link_by_slug(unit: UnitOfWork, brand_id: UUID, *, slug: str) -> LinkRow | None:
    """Return the brand's link with this slug (`slugs.lookup_slug`), if it has one. Index: uq_link_slug."""
    row = unit.execute(_links(brand_id).where(_LINK.c.slug == slug)).one_or_none()
    return _link(row) if row is not None else None


def links_of(
    unit: UnitOfWork, brand_id: UUID, *, enrollment_id: UUID, cursor: str | None = None, limit: int = 50
) -> Page[LinkRow]:
    """Return a page of an enrollment's links, also archived ones, the newest first.

    Index: ix_link_brand_id_enrollment_id.

    Raises:
        InputError: the cursor is not one of ours.
    """
    found = _links(brand_id).where(_LINK.c.enrollment_id == enrollment_id)
    rows = unit.execute(newest_first(found, [_LINK.c.id], cursor=cursor, limit=limit))
    return page_of([_link(row) for row in rows], ["id"], limit=limit)


def number_of_links(unit: UnitOfWork, brand_id: UUID, *, enrollment_id: UUID) -> int:
    """Return how many links an enrollment ever had. Index: ix_link_brand_id_enrollment_id."""
    found = select(func.count()).where(_LINK.c.brand_id == brand_id, _LINK.c.enrollment_id == enrollment_id)
    return int(unit.execute(found).scalar_one())


def links_of_program(
    unit: UnitOfWork, brand_id: UUID, *, program_id: UUID, cursor: str | None = None, limit: int = 50
) -> Page[OwnedLink]:
    """Return a page of a program's links with their ambassadors, also archived ones, the newest first.

    Indexes: ix_link_brand_id_program_id, pk_enrollment, pk_ambassador.

    Raises:
        InputError: the cursor is not one of ours.
    """
    found = _owned(brand_id).where(_LINK.c.program_id == program_id)
    rows = unit.execute(newest_first(found, [_LINK.c.id], cursor=cursor, limit=limit))
    return page_of([_owned_link(row) for row in rows], ["id"], limit=limit)


def owned_link(unit: UnitOfWork, brand_id: UUID, *, link_id: UUID) -> OwnedLink:
    """Return one link with its ambassador. Indexes: pk_link, pk_enrollment, pk_ambassador.

    Raises:
        NotFoundError: the brand has no such link.
    """
    row = unit.execute(_owned(brand_id).where(_LINK.c.id == link_id)).one_or_none()
    if row is None:
        raise NotFoundError("link", link_id)
    return _owned_link(row)


def counts_at(row: LinkRow, at: datetime) -> bool:
    """Tell whether a click on a link at the instant `at` may count."""
    ends = (row.expires_at, row.archived_at)
    return all(end is None or at < end for end in ends)


def _links(brand_id: UUID) -> Select[Any]:
    return select(*_COLUMNS).where(_LINK.c.brand_id == brand_id)


def _owned(brand_id: UUID) -> Select[Any]:
    return (
        select(*_COLUMNS, _AMBASSADOR.c.id.label("ambassador_id"), _AMBASSADOR.c.name, _AMBASSADOR.c.email)
        .join_from(_LINK, _ENROLLMENT, _ENROLLMENT.c.id == _LINK.c.enrollment_id)
        .join(_AMBASSADOR, _AMBASSADOR.c.id == _ENROLLMENT.c.ambassador_id)
        .where(_LINK.c.brand_id == brand_id)
    )


def _owned_link(row: Any) -> OwnedLink:
    return OwnedLink(row.id, _link(row), row.ambassador_id, row.name, row.email)


def _link(row: Any) -> LinkRow:
    values = {column.name: getattr(row, column.name) for column in _COLUMNS}
    return LinkRow(**values | {"kind": SlugKind(row.kind)})
