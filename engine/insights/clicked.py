"""The clicks behind an order: on which link or page, when, how long before the order, and what was odd about them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from engine.attribution.rules import Clicked
from engine.insights.said import Said
from engine.kernel.database import UnitOfWork
from engine.kernel.keyed import rows_of
from engine.kernel.tables import table_of
from engine.tracking.clicks.flags import Flag, flags_of
from engine.tracking.clicks.tables import Target
from engine.tracking.links.tables import Link
from engine.tracking.pages.tables import LandingPage

_LINK: Final = table_of(Link)
_PAGE: Final = table_of(LandingPage)
_LINKED: Final = {
    "later": "The link %(link)s of %(name)s was clicked on %(clicked)s, after the order.",
    "moments": "The link %(link)s of %(name)s was clicked on %(clicked)s, less than two minutes before the order.",
    "minutes": "The link %(link)s of %(name)s was clicked on %(clicked)s, %(number)s minutes before the order.",
    "hours": "The link %(link)s of %(name)s was clicked on %(clicked)s, %(number)s hours before the order.",
    "day": "The link %(link)s of %(name)s was clicked on %(clicked)s, 1 day before the order.",
    "days": "The link %(link)s of %(name)s was clicked on %(clicked)s, %(number)s days before the order.",
}
_PAGED: Final = {
    "later": "The page of %(name)s was opened on %(clicked)s, after the order.",
    "moments": "The page of %(name)s was opened on %(clicked)s, less than two minutes before the order.",
    "minutes": "The page of %(name)s was opened on %(clicked)s, %(number)s minutes before the order.",
    "hours": "The page of %(name)s was opened on %(clicked)s, %(number)s hours before the order.",
    "day": "The page of %(name)s was opened on %(clicked)s, 1 day before the order.",
    "days": "The page of %(name)s was opened on %(clicked)s, %(number)s days before the order.",
}
_MY_LINK: Final = {
    "later": "Your link %(link)s was clicked on %(clicked)s, after the order.",
    "moments": "Your link %(link)s was clicked on %(clicked)s, less than two minutes before the order.",
    "minutes": "Your link %(link)s was clicked on %(clicked)s, %(number)s minutes before the order.",
    "hours": "Your link %(link)s was clicked on %(clicked)s, %(number)s hours before the order.",
    "day": "Your link %(link)s was clicked on %(clicked)s, 1 day before the order.",
    "days": "Your link %(link)s was clicked on %(clicked)s, %(number)s days before the order.",
}
_MY_PAGE: Final = {
    "later": "Your page was opened on %(clicked)s, after the order.",
    "moments": "Your page was opened on %(clicked)s, less than two minutes before the order.",
    "minutes": "Your page was opened on %(clicked)s, %(number)s minutes before the order.",
    "hours": "Your page was opened on %(clicked)s, %(number)s hours before the order.",
    "day": "Your page was opened on %(clicked)s, 1 day before the order.",
    "days": "Your page was opened on %(clicked)s, %(number)s days before the order.",
}


@dataclass(frozen=True, slots=True)
class ClickStory:
    """One click behind an order. `name` is what its link or page is called, `path` where it is found.

    `seconds_before` the order, negative after it; `window_days` is how long clicks count, None where no terms say it;
    `reason` why the click was not counted; `flags` what looked odd, for staff.
    """

    id: UUID
    target: str
    name: str
    path: str | None
    at: datetime
    seconds_before: int
    window_days: int | None
    reason: str | None
    flags: tuple[Flag, ...]

    @property
    def on_page(self) -> bool:
        """Whether a landing page was opened, not a link clicked."""
        return self.target == Target.PAGE

    def sentence(self, *, name: str | None = None) -> Said:
        """Return when it was clicked, said to its ambassador, or about the one called `name`."""
        how_long, number = _how_long(self.seconds_before)
        values: dict[str, str | datetime] = {"clicked": self.at, "number": str(number), "link": self.name}
        if name is None:
            return Said((_MY_PAGE if self.on_page else _MY_LINK)[how_long], values)
        return Said((_PAGED if self.on_page else _LINKED)[how_long], values | {"name": name})

    def window(self) -> Said | None:
        """Return how long clicks count; None where no terms said it."""
        if self.window_days is None:
            return None
        if self.window_days == 1:
            return Said("Clicks count for 1 day.")
        return Said("Clicks count for %(days)s days.", {"days": str(self.window_days)})


def _how_long(seconds: int) -> tuple[str, int]:
    """Return in what to say how long before the order a click was, and the number of these."""
    if seconds < 0:
        return "later", 0
    if seconds < 120:
        return "moments", seconds
    if seconds < 7_200:
        return "minutes", seconds // 60
    if seconds < 86_400:
        return "hours", seconds // 3_600
    days = seconds // 86_400
    return ("day" if days == 1 else "days"), days


def click_stories(unit: UnitOfWork, brand_id: UUID, pointers: Iterable[Mapping[str, Any]]) -> Mapping[UUID, ClickStory]:
    """Return the clicks that a decision's candidates name, by id. Indexes: pk_link, pk_landing_page, the flags' key."""
    clicked = [
        (Clicked.read(pointer), datetime.fromisoformat(pointer["at"])) for pointer in pointers if "click" in pointer
    ]
    if not clicked:
        return {}
    links = _links(unit, brand_id, {each.target_id for each, _ in clicked if each.target == Target.LINK})
    pages = _pages(unit, brand_id, {each.target_id for each, _ in clicked if each.target == Target.PAGE})
    flags: dict[UUID, list[Flag]] = {}
    for flag in flags_of(unit, brand_id, [each.click_id for each, _ in clicked]):
        flags.setdefault(flag.click_id, []).append(flag)
    found = {}
    for each, at in clicked:
        name, path = (links | pages).get(each.target_id, (each.target_id.hex[-8:], None))
        found[each.click_id] = ClickStory(
            id=each.click_id,
            target=each.target,
            name=name,
            path=path,
            at=at,
            seconds_before=each.seconds_before,
            window_days=each.window_days,
            reason=each.reason,
            flags=tuple(flags.get(each.click_id, ())),
        )
    return found


def _links(unit: UnitOfWork, brand_id: UUID, ids: Iterable[UUID]) -> dict[UUID, tuple[str, str]]:
    found = rows_of(unit, _LINK.c.id, sorted(ids))
    columns = (_LINK.c.id, _LINK.c.title, _LINK.c.slug)
    rows = unit.execute(select(*columns).select_from(found).where(_LINK.c.brand_id == brand_id))
    return {row.id: (row.title or row.slug, f"/r/{row.slug}") for row in rows}


def _pages(unit: UnitOfWork, brand_id: UUID, ids: Iterable[UUID]) -> dict[UUID, tuple[str, str]]:
    found = rows_of(unit, _PAGE.c.id, sorted(ids))
    rows = unit.execute(select(_PAGE.c.id, _PAGE.c.handle).select_from(found).where(_PAGE.c.brand_id == brand_id))
    return {row.id: (row.handle, f"/a/{row.handle}") for row in rows}
