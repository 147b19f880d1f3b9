"""Links and pages in memory, so that a click reads nothing from the database.

Bounded by number, guessed addresses too. What another process changes is seen within two seconds: a thread asks every
second, by index, what has a newer `updated_at`. What no such mark tells (a code that changed hands, somebody suspended)
is read again after a lifetime of minutes. While the database is out of reach, what is known goes on to be answered.
"""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from engine.kernel.database import Database, UnitOfWork
from engine.tracking.clicks.targets import (
    WATCHED,
    ClickTarget,
    ProgramContext,
    changes,
    context_of,
    link_row,
    link_target,
    page_target,
)
from engine.tracking.pages.queries import public_page

V = TypeVar("V")

LINKS: Final = 200_000
"""How many links are kept at most: about 0.8 kB each, 165 MB in all."""

PAGES: Final = 1_000
UNKNOWN: Final = 20_000
"""How many addresses are remembered that lead nowhere."""

LINK_LIFETIME_S: Final = 900.0
PAGE_LIFETIME_S: Final = 60.0
POLL_S: Final = 1.0

_MOST_CHANGES: Final = 2_000
_LATE: Final = timedelta(seconds=60)
"""How much later than its `updated_at` a change may be committed and still be seen by asking."""
_ROUNDS: Final = 3
"""How often a change is applied: what somebody was just reading when it was made is put down after the first time."""

OUT_OF_REACH: Final = (DBAPIError, PoolTimeoutError)
"""What is raised where the database cannot be read."""
_log = structlog.get_logger(__name__)


class TwoGenerations(Generic[V]):
    """A map of at most `most` entries that forgets what was not asked for in a long time.

    What is asked for moves to the younger half; when that is full, the older half is forgotten as a whole. Safe for
    threads: each step is one operation on one dictionary.
    """

    __slots__ = ("_half", "_old", "_young")

    def __init__(self, most: int) -> None:
        self._half = max(1, most // 2)
        self._young: dict[Any, V] = {}
        self._old: dict[Any, V] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def get(self, key: object) -> V | None:
        """Return what is kept under `key`, or None."""
        found = self._young.get(key)
        if found is None:
            found = self._old.get(key)
            if found is not None:
                self.put(key, found)
        return found

    def put(self, key: object, value: V) -> None:
        """Keep `value` under `key`."""
        if len(self._young) >= self._half and key not in self._young:
            self._old, self._young = self._young, {}
        self._young[key] = value
        self._old.pop(key, None)

    def drop(self, key: object) -> None:
        """Forget what is kept under `key`."""
        self._young.pop(key, None)
        self._old.pop(key, None)

    def values(self) -> list[V]:
        """Return what is kept."""
        return [*self._young.values(), *self._old.values()]

    def clear(self) -> None:
        """Forget everything."""
        self._young, self._old = {}, {}


class TargetCache:
    """Finds links by slug and pages by handle, in memory where it can. Its thread starts with the first look-up.

    Raises from every look-up that has to read:
        DBAPIError: the database is out of reach, and this one is not known.
    """

    def __init__(self, database: Database, *, links: int = LINKS, pages: int = PAGES, unknown: int = UNKNOWN) -> None:
        self._database = database
        self._links: TwoGenerations[ClickTarget] = TwoGenerations(links)
        self._pages: TwoGenerations[ClickTarget] = TwoGenerations(pages)
        self._unknown: TwoGenerations[float] = TwoGenerations(unknown)
        self._programs: TwoGenerations[ProgramContext] = TwoGenerations(10_000)
        self._applied: dict[str, dict[Any, tuple[datetime, int]]] = {one.name: {} for one in WATCHED}
        self._asked_at: datetime | None = None
        self._poller: threading.Thread | None = None
        self._ended = threading.Event()

    def __len__(self) -> int:
        return len(self._links) + len(self._pages)

    def known_link(self, slug: str) -> ClickTarget | None:
        """Return the link with a slug if it is in memory and fresh. Never waits."""
        return _fresh(self._links.get(slug), LINK_LIFETIME_S)

    def link(self, slug: str) -> ClickTarget | None:
        """Return the link with a slug (`slugs.lookup_slug`), or None where there is none or it leads nowhere."""
        return self.known_link(slug) or self._again(self._links, slug, read=self._read_link)

    def known_page(self, handle: str) -> ClickTarget | None:
        """Return the page with a handle if it is in memory and fresh. Never waits."""
        return _fresh(self._pages.get(handle), PAGE_LIFETIME_S)

    def page(self, handle: str) -> ClickTarget | None:
        """Return the page with a handle (`pages.rules.handle_or_none`), or None where visitors see none."""
        return self.known_page(handle) or self._again(self._pages, handle, read=self._read_page)

    def refresh(self) -> None:
        """Ask now what has changed, and forget it.

        Raises:
            DBAPIError: the database is out of reach.
        """
        with self._database.reading() as unit:
            since = min(self._asked_at or unit.now, unit.now) - _LATE
            for watched in WATCHED:
                self._apply(watched.name, changes(unit, watched, since=since, limit=_MOST_CHANGES))
            self._asked_at = unit.now

    def close(self) -> None:
        """End the thread, and let go of its connection."""
        self._ended.set()
        if self._poller is not None and self._poller.is_alive():
            self._poller.join(timeout=10)

    def _again(
        self,
        kept: TwoGenerations[ClickTarget],
        key: str,
        *,
        read: Callable[[UnitOfWork, str], ClickTarget | None],
    ) -> ClickTarget | None:
        """Read what is not known or too old; what is known is good enough where the database is out of reach."""
        known = kept.get(key)
        nowhere = (id(kept), key)
        if known is None and time.monotonic() - (self._unknown.get(nowhere) or -PAGE_LIFETIME_S) < PAGE_LIFETIME_S:
            return None
        self._ensure_poller()
        try:
            with self._database.reading() as unit:
                found = read(unit, key)
        except OUT_OF_REACH:
            if known is None:
                raise
            return known
        if found is None:
            kept.drop(key)
            self._unknown.put(nowhere, time.monotonic())
        else:
            kept.put(key, found)
        return found

    def _read_link(self, unit: UnitOfWork, slug: str) -> ClickTarget | None:
        row = link_row(unit, slug)
        if row is None:
            return None
        context = self._context(unit, row.brand_id, program_id=row.program_id)
        return link_target(unit, row, slug=slug, context=context, read_at=time.monotonic())

    def _read_page(self, unit: UnitOfWork, handle: str) -> ClickTarget | None:
        page = public_page(unit, handle)
        if page is None:
            return None
        context = self._context(unit, page.brand_id, program_id=page.program_id)
        return page_target(page, context=context, read_at=time.monotonic())

    def _context(self, unit: UnitOfWork, brand_id: UUID, *, program_id: UUID) -> ProgramContext:
        found = self._programs.get(program_id)
        if found is None or found.stale:
            found = context_of(unit, brand_id, program_id=program_id)
            self._programs.put(program_id, found)
        return found

    def _apply(self, name: str, changed: Sequence[tuple[Any, datetime]]) -> None:
        before = self._applied[name]
        if len(changed) == _MOST_CHANGES:
            newest = {changed[0][0]: (changed[0][1], 0)}
            if newest.keys() != before.keys() or changed[0][1] != before[changed[0][0]][0]:
                self._clear()
            self._applied[name] = newest
            return
        now: dict[Any, tuple[datetime, int]] = {}
        for key, at in changed:
            known_at, rounds = before.get(key, (None, 0))
            left = rounds if known_at == at else _ROUNDS
            if left:
                self._forget(name, key)
            now[key] = (at, max(0, left - 1))
        self._applied[name] = now

    def _forget(self, name: str, key: Any) -> None:
        match name:
            case "link":
                self._links.drop(key)
                self._unknown.drop((id(self._links), key))
            case "page":
                self._pages.drop(key)
                self._unknown.drop((id(self._pages), key))
            case "site":
                self._outdate(lambda context: context.brand_id == key)
            case _:
                self._outdate(lambda context: context.program_id == key)

    def _outdate(self, is_meant: Callable[[ProgramContext], bool]) -> None:
        """Have everything read again that belongs to the programs meant, when it is next asked for."""
        for context in self._programs.values():
            if is_meant(context):
                context.stale = True
        self._unknown.clear()

    def _clear(self) -> None:
        for kept in (self._links, self._pages, self._unknown, self._programs):
            kept.clear()

    def _ensure_poller(self) -> None:
        if self._poller is None or not self._poller.is_alive():
            self._poller = threading.Thread(target=self._poll, name="target-cache", daemon=True)
            self._poller.start()

    def _poll(self) -> None:
        reached = True
        while not self._ended.wait(POLL_S):
            try:
                self.refresh()
            except OUT_OF_REACH as error:
                if reached:
                    _log.warning("changes_of_links_out_of_sight", problem=str(error))
                reached = False
            else:
                reached = True


def _fresh(found: ClickTarget | None, lifetime_s: float) -> ClickTarget | None:
    if found is None or found.context.stale or time.monotonic() - found.read_at >= lifetime_s:
        return None
    return found
