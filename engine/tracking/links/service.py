"""Links come to be, lead elsewhere, and are put away. A slug is never given to anybody else, not even afterwards.

Everything about a link but its slug and its ambassador may change; the audit log keeps what it was. `updated_at` grows
with every change, since caches of other processes wait for it.
"""

import secrets
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select as core_select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import select

from engine.enrollment.queries import enrollments
from engine.enrollment.tables import EnrollmentState
from engine.identity.queries import brand_by_slug
from engine.identity.service import record
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import ConflictError, InputError, NotFoundError
from engine.kernel.history import BackdatedError, from_now_on
from engine.kernel.ids import new_id
from engine.kernel.tables import table_of
from engine.programs.queries import program
from engine.programs.tables import ProgramState
from engine.tracking.codes.queries import codes_by_key, owner_as_of
from engine.tracking.codes.rules import lookup_key
from engine.tracking.links.queries import LinkRow, link, number_of_links
from engine.tracking.links.rules import checked_destination
from engine.tracking.links.schemas import LinkChange, LinkDraft
from engine.tracking.links.slugs import SlugRefusedError, generate_slug
from engine.tracking.links.tables import Link, SlugKind
from engine.tracking.site.queries import site_of, tracking_of
from engine.tracking.site.service import later_than

MOST_LINKS: Final = 1_000
"""How many links one enrollment may ever have, archived ones too, since their slugs are gone for good."""

_LINK = table_of(Link)
_DRAWS: Final = 20

Choose = Callable[[str], str]
"""Picks one character of a text."""


class SlugTakenError(ConflictError):
    """Another link has this slug, or had it."""

    def __init__(self, slug: str) -> None:
        self.slug = slug
        super().__init__(f"The ending {slug} is taken. Choose another one.")


def create_link(
    unit: UnitOfWork,
    brand_id: UUID,
    *,
    enrollment_id: UUID,
    draft: LinkDraft,
    by: str,
    reserved: Collection[str] = (),
    choose: Choose = secrets.choice,
) -> LinkRow:
    """Return a new link of an enrollment, with the slug that was wished or a drawn one.

    `reserved` are slugs that the one who asks may not have; those of other brands never are free, nor is somebody
    else's promo code.

    Raises:
        NotFoundError: the brand has no such enrollment.
        ConflictError: the enrollment is not active, its program is closed, or it has too many links.
        DestinationRefusedError: the destination is not on one of the brand's domains.
        InputError: there is no destination and the program has no home address; or it would have ended already.
        SlugRefusedError: the slug is reserved, or is another ambassador's promo code.
        SlugTakenError: another link has the slug.
    """
    program_id = _check_may_have_links(unit, brand_id, enrollment_id)
    values = {
        "brand_id": brand_id,
        "program_id": program_id,
        "enrollment_id": enrollment_id,
        "kind": (SlugKind.VANITY if draft.slug else SlugKind.GENERATED).value,
        "destination": _destination(unit, brand_id, program_id=program_id, url=draft.destination),
        "title": draft.title,
        "utm": draft.utm,
        "expires_at": _end(draft.expires_at, unit.now) if draft.expires_at else None,
        "archived_at": None,
        "created_at": unit.now,
        "created_by": by[:120],
        "updated_at": unit.now,
    }
    if draft.slug:
        _check_slug_is_theirs(unit, brand_id, slug=draft.slug, enrollment_id=enrollment_id, reserved=reserved)
    made = link(unit, brand_id, link_id=_insert(unit, values, slug=draft.slug, choose=choose))
    record(unit, brand_id, actor=by, action="create_link", subject=f"link {made.id}", detail=_told(made))
    return made


def change_link(
    unit: UnitOfWork,
    brand_id: UUID,
    *,
    link_id: UUID,
    change: LinkChange,
    by: str,
    enrollment_id: UUID | None = None,
) -> LinkRow:
    """Make something different about a link and return it; visitors are led by it within seconds.

    With `enrollment_id`, only if the link is that enrollment's.

    Raises:
        NotFoundError: the brand, or the enrollment, has no such link.
        ConflictError: the link is archived.
        DestinationRefusedError: the destination is not on one of the brand's domains.
        InputError: it would have ended already.
    """
    row = _locked(unit, brand_id, link_id, enrollment_id)
    if row.archived_at is not None:
        raise ConflictError(f"The link /r/{row.slug} is archived. Make another one instead.")
    asked = {name: value for name, value in dict(change).items() if name in change.model_fields_set}
    if url := asked.get("destination"):
        asked["destination"] = checked_destination(url, domains=site_of(unit, brand_id).domains)
    if ends := asked.get("expires_at"):
        asked["expires_at"] = _end(ends, unit.now)
    before = {name: getattr(row, name) for name, value in asked.items() if getattr(row, name) != value}
    if before:
        _write(unit, row, {name: asked[name] for name in before})
        detail = {name: [_plain(old), _plain(asked[name])] for name, old in before.items()}
        record(unit, brand_id, actor=by, action="change_link", subject=f"link {row.id}", detail=detail)
    return link(unit, brand_id, link_id=link_id)


def archive_link(
    unit: UnitOfWork, brand_id: UUID, *, link_id: UUID, by: str, enrollment_id: UUID | None = None
) -> LinkRow:
    """Put a link away: it leads on for whoever still has it, and counts no click. Nothing happens to one that is.

    With `enrollment_id`, only if the link is that enrollment's.

    Raises:
        NotFoundError: the brand, or the enrollment, has no such link.
    """
    row = _locked(unit, brand_id, link_id, enrollment_id)
    if row.archived_at is None:
        _write(unit, row, {"archived_at": unit.now})
        record(unit, brand_id, actor=by, action="archive_link", subject=f"link {row.id}", detail={"slug": row.slug})
    return link(unit, brand_id, link_id=link_id)


def first_link(unit: UnitOfWork, brand_id: UUID, *, enrollment_id: UUID, by: str) -> LinkRow | None:
    """Give an active enrollment its first link, which leads to the program's home address, and return it.

    None, and nothing, where it ever had a link or the program has no home address.

    Raises:
        NotFoundError: the brand has no such enrollment.
        ConflictError: as `create_link`.
    """
    found = enrollments(unit, brand_id, enrollment_ids=[enrollment_id]).get(enrollment_id)
    if found is None:
        raise NotFoundError("enrollment", enrollment_id)
    home = tracking_of(unit, brand_id, program_id=found.program_id).home_url
    if not home or number_of_links(unit, brand_id, enrollment_id=enrollment_id):
        return None
    return create_link(unit, brand_id, enrollment_id=enrollment_id, draft=LinkDraft(), by=by)


def _check_may_have_links(unit: UnitOfWork, brand_id: UUID, enrollment_id: UUID) -> UUID:
    """Return the enrollment's program, if somebody may have one more link there."""
    found = enrollments(unit, brand_id, enrollment_ids=[enrollment_id]).get(enrollment_id)
    if found is None:
        raise NotFoundError("enrollment", enrollment_id)
    if found.state is not EnrollmentState.ACTIVE:
        raise ConflictError(f"This ambassador is {found.state}; only an active one is given a link.")
    chosen = program(unit, brand_id, program_id=found.program_id)
    if chosen.state is ProgramState.CLOSED:
        raise ConflictError(f"{chosen.name} is closed, so there are no new links.")
    if number_of_links(unit, brand_id, enrollment_id=enrollment_id) >= MOST_LINKS:
        raise ConflictError(f"There are {MOST_LINKS:,} links of this ambassador already. Change one of them instead.")
    return found.program_id


def _end(instant: datetime, now: datetime) -> datetime:
    try:
        return from_now_on(instant, now)
    except BackdatedError as error:
        remedy = "Name a later instant, or none; to end a link now archive it."
        raise InputError("This link would have ended already.", field="expires_at", remedy=remedy) from error


def _destination(unit: UnitOfWork, brand_id: UUID, *, program_id: UUID, url: str) -> str:
    if url:
        return checked_destination(url, domains=site_of(unit, brand_id).domains)
    if not tracking_of(unit, brand_id, program_id=program_id).home_url:
        remedy = "Give one, or let the brand set the program's home address."
        raise InputError("This link leads nowhere yet.", field="destination", remedy=remedy)
    return ""


def _check_slug_is_theirs(
    unit: UnitOfWork, brand_id: UUID, *, slug: str, enrollment_id: UUID, reserved: Collection[str]
) -> None:
    named = brand_by_slug(unit, slug)
    if slug in reserved or (named is not None and named.id != brand_id):
        raise SlugRefusedError(slug, f"The ending {slug} is a brand's.", "Choose one that says whose link it is.")
    key = lookup_key(slug)
    for code in codes_by_key(unit, brand_id, keys=[key] if key else ()):
        if owner_as_of(code, unit.now) not in {enrollment_id, None}:
            problem = f"{code.code} is another ambassador's promo code."
            raise SlugRefusedError(
                slug, problem, "Choose another ending, so that nobody is mistaken for somebody else."
            )


def _insert(unit: UnitOfWork, values: dict[str, Any], *, slug: str | None, choose: Choose) -> UUID:
    """Insert a link and return its id; the unique key decides, also between two who write at once."""
    insert = postgresql.insert(_LINK) if unit.dialect == "postgresql" else sqlite.insert(_LINK)
    link_id, wished = new_id(), slug or generate_slug(choose=choose)
    for _ in range(_DRAWS):
        row = values | {"id": link_id, "slug": wished}
        unit.execute(insert.on_conflict_do_nothing(index_elements=["slug"]), [row])
        holder = unit.execute(core_select(_LINK.c.id).where(_LINK.c.slug == wished)).scalar_one()
        if holder == link_id:
            return link_id
        if slug:
            break
        wished = generate_slug(choose=choose)
    raise SlugTakenError(wished)


def _locked(unit: UnitOfWork, brand_id: UUID, link_id: UUID, enrollment_id: UUID | None) -> Link:
    found = select(Link).where(Link.brand_id == brand_id, Link.id == link_id)
    if enrollment_id is not None:
        found = found.where(Link.enrollment_id == enrollment_id)
    row = unit.session.exec(found.with_for_update()).one_or_none()
    if row is None:
        raise NotFoundError("link", link_id)
    return row


def _write(unit: UnitOfWork, row: Link, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    row.updated_at = later_than(row.updated_at, unit.now)
    unit.session.add(row)
    unit.session.flush()


def _told(made: LinkRow) -> dict[str, Any]:
    return {"slug": made.slug, "destination": made.destination, "enrollment_id": str(made.enrollment_id)}


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, str | dict) else str(value)
