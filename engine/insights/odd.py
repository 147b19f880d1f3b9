"""Clicks that orders followed and that look odd: for staff to look at. Nothing here changes who is credited."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from sqlalchemy import and_, func, select

from engine.attribution.tables import Touch
from engine.enrollment.tables import Enrollment
from engine.identity.tables import Ambassador
from engine.insights.clicks import Span
from engine.kernel.database import UnitOfWork
from engine.kernel.keyed import among
from engine.kernel.tables import table_of
from engine.tracking.clicks.flags import flags_between
from engine.tracking.clicks.tables import Target
from engine.tracking.links.tables import Link
from engine.tracking.pages.tables import LandingPage

SHOWN: Final = 50
"""How many flags are read at most: the newest."""

_AMBASSADOR: Final = table_of(Ambassador)
_ENROLLMENT: Final = table_of(Enrollment)
_LINK: Final = table_of(Link)
_PAGE: Final = table_of(LandingPage)
_TOUCH: Final = table_of(Touch)


@dataclass(frozen=True, slots=True)
class OddClick:
    """A click with everything that was odd about it, on whose link or page it was, and where that is found.

    `order` is the shop's number of an order that named it, `orders` how many did.
    """

    at: datetime
    ambassador_id: UUID
    ambassador: str
    path: str
    order: str
    orders: int
    details: tuple[str, ...]


def odd_clicks(unit: UnitOfWork, brand_id: UUID, *, span: Span) -> tuple[OddClick, ...]:
    """Return the odd clicks of a span, newest first, also those that retention has deleted: touches stay.

    Indexes: the unique one of click_flag, ix_touch_click.
    """
    flags = flags_between(unit, brand_id, since=span.since, until=span.until, most=SHOWN)
    touches = _touches(unit, brand_id, {flag.click_id for flag in flags})
    return tuple(
        OddClick(
            touch.at,
            touch.ambassador_id,
            touch.name,
            f"{'/a/' if touch.target == Target.PAGE else '/r/'}{touch.ending or ''}",
            touch.order,
            touch.orders,
            tuple(flag.detail for flag in theirs),
        )
        for click_id, theirs in groupby(flags, key=lambda flag: flag.click_id)
        if (touch := touches.get(click_id))
    )


def _touches(unit: UnitOfWork, brand_id: UUID, click_ids: Collection[UUID]) -> dict[UUID, Any]:
    if not click_ids:
        return {}
    of_click = (_TOUCH.c.click_id, _TOUCH.c.at, _TOUCH.c.target)
    whose = (_AMBASSADOR.c.id.label("ambassador_id"), _AMBASSADOR.c.name)
    ending = func.coalesce(_LINK.c.slug, _PAGE.c.handle).label("ending")
    rows = unit.execute(
        select(
            *of_click,
            *whose,
            ending,
            func.min(_TOUCH.c.order_external_id).label("order"),
            func.count().label("orders"),
        )
        .join_from(_TOUCH, _ENROLLMENT, _ENROLLMENT.c.id == _TOUCH.c.enrollment_id)
        .join(_AMBASSADOR, _AMBASSADOR.c.id == _ENROLLMENT.c.ambassador_id)
        .outerjoin(_LINK, and_(_LINK.c.id == _TOUCH.c.target_id, _LINK.c.brand_id == brand_id))
        .outerjoin(_PAGE, and_(_PAGE.c.id == _TOUCH.c.target_id, _PAGE.c.brand_id == brand_id))
        .where(_TOUCH.c.brand_id == brand_id, among(unit, _TOUCH.c.click_id, sorted(click_ids)))
        .group_by(*of_click, _AMBASSADOR.c.id, _AMBASSADOR.c.name, _LINK.c.slug, _PAGE.c.handle)
    )
    return {row.click_id: row for row in rows}
