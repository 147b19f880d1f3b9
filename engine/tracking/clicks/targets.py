"""What is read of the database so that a click can be answered without it: links, pages, and how programs track."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Column, bindparam, select

from engine.kernel.database import UnitOfWork
from engine.kernel.tables import table_of
from engine.programs.queries import program
from engine.tracking.clicks.leading import NOTHING, Lead, location
from engine.tracking.clicks.rules import PLACEHOLDER
from engine.tracking.clicks.tables import Target
from engine.tracking.codes.queries import codes_of, present_code
from engine.tracking.links.rules import is_destination
from engine.tracking.links.tables import Link
from engine.tracking.pages.queries import PublicPage
from engine.tracking.pages.tables import LandingPage, Product
from engine.tracking.site.queries import site_of, tracking_of
from engine.tracking.site.tables import BrandSite, Consent, KeptAddress, ProgramTracking

_LINK: Final = table_of(Link)
_PAGE: Final = table_of(LandingPage)
_LINK_COLUMNS: Final = tuple(
    _LINK.c[name]
    for name in ("id", "brand_id", "program_id", "enrollment_id", "destination", "utm", "expires_at", "archived_at")
)
_BY_SLUG: Final = select(*_LINK_COLUMNS).where(_LINK.c.slug == bindparam("slug"))


@dataclass(slots=True)
class ProgramContext:
    """How a program tracks, shared by all its links and pages in memory.

    `window`: for how many microseconds a visitor counts once. `stale`: it changed and must be read again.
    """

    brand_id: UUID
    program_id: UUID
    program_slug: str
    domains: tuple[str, ...]
    home: str
    consent: Consent
    kept: KeptAddress
    window: int
    utm: Mapping[str, str]
    stale: bool = False


@dataclass(frozen=True, slots=True)
class ClickTarget:
    """A link or page as a click needs it.

    `before` and `after` stand around the click's token in the address that it leads to when nothing else is asked for.
    From `ends_at` on its clicks do not count. `row` is what all its clicks have alike in the table: the values of
    `tables.ALIKE` with a space between them, ids as hexadecimal digits.
    """

    context: ProgramContext
    row: str
    base: str
    utm: Mapping[str, str]
    words: Mapping[str, str]
    before: str
    after: str
    ends_at: datetime | None
    read_at: float

    def lead(self) -> Lead:
        """Return where it leads, for an address that asks for more than the link itself."""
        return Lead(self.base, self.context.domains, self.utm, self.words)


@dataclass(frozen=True, slots=True)
class Watched:
    """A table whose rows stand in memory somewhere: what names a row there, and what tells that it changed."""

    name: str
    key: Column[Any]
    updated_at: Column[Any]


WATCHED: Final = tuple(
    Watched(name, table.c[key], table.c.updated_at)
    for name, table, key in (
        ("link", _LINK, "slug"),
        ("page", _PAGE, "handle"),
        ("site", table_of(BrandSite), "brand_id"),
        ("tracking", table_of(ProgramTracking), "program_id"),
        ("product", table_of(Product), "program_id"),
    )
)


def changes(unit: UnitOfWork, watched: Watched, *, since: datetime, limit: int) -> Sequence[tuple[Any, datetime]]:
    """Return the keys of rows that changed at `since` or later, with when; at most `limit`, the latest first.

    Indexes: ix_link_updated_at, ix_landing_page_updated_at, ix_brand_site_updated_at, ix_program_tracking_updated_at,
    ix_product_updated_at.
    """
    statement = select(watched.key, watched.updated_at).where(watched.updated_at >= since)
    rows = unit.execute(statement.order_by(watched.updated_at.desc()).limit(limit))
    return [(key, at) for key, at in rows]


def context_of(unit: UnitOfWork, brand_id: UUID, *, program_id: UUID) -> ProgramContext:
    """Return how a program tracks. Indexes: pk_program, uq_brand_site_brand_id, uq_program_tracking_…_program_id."""
    tracking = tracking_of(unit, brand_id, program_id=program_id)
    domains = site_of(unit, brand_id).domains
    home = tracking.home_url if is_destination(tracking.home_url, domains=domains) else ""
    return ProgramContext(
        brand_id,
        program_id,
        program(unit, brand_id, program_id=program_id).slug,
        domains,
        home,
        tracking.consent,
        tracking.kept_address,
        tracking.count_window_h * 3_600_000_000,
        dict(tracking.utm),
    )


def link_row(unit: UnitOfWork, slug: str) -> Any:
    """Return what is stored of the link with a slug, or None. Index: uq_link_slug."""
    return unit.connection.execute(_BY_SLUG, {"slug": slug}).one_or_none()


def link_target(
    unit: UnitOfWork, row: Any, *, slug: str, context: ProgramContext, read_at: float
) -> ClickTarget | None:
    """Return a link (of `link_row`) as a click needs it, or None where it leads nowhere.

    A destination that is no longer on the brand's domains gives way to the program's home address.
    """
    fits = row.destination and is_destination(row.destination, domains=context.domains)
    base = row.destination if fits else context.home
    if not base:
        return None
    utm = {**context.utm, **row.utm}
    words = _words(unit, context, row.enrollment_id, slug=slug, texts=" ".join(utm.values()))
    whole = location(Lead(base, context.domains, utm, words), NOTHING, token=PLACEHOLDER)
    before, _, after = whole.partition(PLACEHOLDER)
    ends = [at for at in (row.expires_at, row.archived_at) if at]
    return ClickTarget(
        context,
        _alike(context, row.enrollment_id, kind=Target.LINK, target_id=row.id),
        base,
        utm,
        words,
        before,
        after,
        min(ends) if ends else None,
        read_at,
    )


def page_target(page: PublicPage, *, context: ProgramContext, read_at: float) -> ClickTarget:
    """Return a landing page as a click needs it."""
    row = _alike(context, page.enrollment_id, kind=Target.PAGE, target_id=page.page_id)
    return ClickTarget(context, row, "", {}, {}, "", "", None, read_at)


def _alike(context: ProgramContext, enrollment_id: UUID, *, kind: Target, target_id: UUID) -> str:
    return f"{context.brand_id.hex} {context.program_id.hex} {enrollment_id.hex} {kind.value} {target_id.hex}"


def _words(unit: UnitOfWork, context: ProgramContext, enrollment_id: UUID, *, slug: str, texts: str) -> dict[str, str]:
    """Return the words that the templates name; what costs a look-up is looked up only where it is named."""
    words = {"link": slug, "program": context.program_slug}
    if "{handle}" in texts:
        words["handle"] = _handle(unit, context.brand_id, enrollment_id)
    if "{code}" in texts:
        words["code"] = _code(unit, context.brand_id, enrollment_id)
    return {word: value for word, value in words.items() if f"{{{word}}}" in texts}


def _handle(unit: UnitOfWork, brand_id: UUID, enrollment_id: UUID) -> str:
    """Index: uq_landing_page_brand_id_enrollment_id."""
    mine = select(_PAGE.c.handle).where(_PAGE.c.brand_id == brand_id, _PAGE.c.enrollment_id == enrollment_id)
    return str(unit.execute(mine).scalar_one_or_none() or "")


def _code(unit: UnitOfWork, brand_id: UUID, enrollment_id: UUID) -> str:
    """Return the code that the enrollment's page shows, or nothing."""
    found = present_code(codes_of(unit, brand_id, enrollment_ids=[enrollment_id]), enrollment_id, at=unit.now)
    return found.code if found else ""
