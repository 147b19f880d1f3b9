"""Clicks that orders followed and that look odd: for staff to look at. Nothing here changes who is credited."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from sqlalchemy import and_, func, select

from engine.enrollment.tables import Enrollment
from engine.identity.tables import Ambassador
from engine.insights.clicks import Span
from engine.kernel.database import UnitOfWork
from engine.kernel.keyed import rows_of
from engine.kernel.tables import table_of
from engine.tracking.clicks.flags import flags_between
from engine.tracking.clicks.tables import Click, Target
from engine.tracking.links.tables import Link
from engine.tracking.pages.tables import LandingPage

SHOWN: Final = 50
"""How many flags are read at most: the newest."""

_AMBASSADOR: Final = table_of(Ambassador)
_CLICK: Final = table_of(Click)
_ENROLLMENT: Final = table_of(Enrollment)
_LINK: Final = table_of(Link)
_PAGE: Final = table_of(LandingPage)


@dataclass(frozen=True, slots=True)
class OddClick:
    """A click with everything that was odd about it, on whose link or page it was, and where that is found."""

    at: datetime
    ambassador_id: UUID
    ambassador: str
    path: str
    details: tuple[str, ...]


def odd_clicks(unit: UnitOfWork, brand_id: UUID, *, span: Span) -> tuple[OddClick, ...]:
    """Return the odd clicks of a span, newest first. One that retention has deleted is not shown any more.

    Indexes: the unique one of click_flag, pk_click.
    """
    flags = flags_between(unit, brand_id, since=span.since, until=span.until, most=SHOWN)
    clicks = _clicks(unit, brand_id, {flag.click_id for flag in flags})
    found = []
    for click_id, theirs in groupby(flags, key=lambda flag: flag.click_id):
        click = clicks.get(click_id)
        if click is not None:
            details = tuple(flag.detail for flag in theirs)
            path = f"{'/a/' if click.target == Target.PAGE else '/r/'}{click.ending or ''}"
            found.append(OddClick(click.at, click.ambassador_id, click.name, path, details))
    return tuple(found)


def _clicks(unit: UnitOfWork, brand_id: UUID, ids: Collection[UUID]) -> dict[UUID, Any]:
    found = rows_of(unit, _CLICK.c.id, sorted(ids))
    of_click = (_CLICK.c.id, _CLICK.c.at, _CLICK.c.target)
    ending = func.coalesce(_LINK.c.slug, _PAGE.c.handle).label("ending")
    rows = unit.execute(
        select(*of_click, _AMBASSADOR.c.id.label("ambassador_id"), _AMBASSADOR.c.name, ending)
        .select_from(
            found.join(_ENROLLMENT, _ENROLLMENT.c.id == _CLICK.c.enrollment_id)
            .join(_AMBASSADOR, _AMBASSADOR.c.id == _ENROLLMENT.c.ambassador_id)
            .outerjoin(_LINK, and_(_LINK.c.id == _CLICK.c.target_id, _LINK.c.brand_id == brand_id))
            .outerjoin(_PAGE, and_(_PAGE.c.id == _CLICK.c.target_id, _PAGE.c.brand_id == brand_id))
        )
        .where(_CLICK.c.brand_id == brand_id)
    )
    return {row.id: row for row in rows}
