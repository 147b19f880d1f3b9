"""Answers a click: finds what was clicked, keeps the click, and says where the visitor goes on.

Whether a visitor is led on never depends on the database taking the click. Consent governs the cookie, the address and
the user agent; never the click's id in the address, which names nobody. Without consent every click counts that is no
machine's, marked unverified, since nothing is kept by which two of one visitor could be told.
"""

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple

from engine.kernel.clock import Clock, microseconds
from engine.kernel.crypto import Keyring
from engine.kernel.database import Database
from engine.kernel.ids import new_name_at
from engine.tracking.clicks.cache import TargetCache
from engine.tracking.clicks.keeper import ClickKeeper
from engine.tracking.clicks.leading import NOTHING, Asked, asked_in, location
from engine.tracking.clicks.rules import token_of
from engine.tracking.clicks.targets import ClickTarget
from engine.tracking.clicks.visitors import Source, VisitorKeys, visitor_of
from engine.tracking.clicks.visits import Headers, Reason, visit_of
from engine.tracking.clicks.wire import NewClick
from engine.tracking.links.slugs import lookup_slug
from engine.tracking.pages.rules import handle_or_none
from engine.tracking.site.tables import Consent

_ASSUMED: Final = Consent.ASSUMED
_EXPIRED: Final = Reason.EXPIRED
"""By names of their own: each look into an enumeration is a call."""


class Request(NamedTuple):
    """A request as the server got it. `address` is the visitor's own, past the proxies that are ours.

    `query` is not decoded. `visitor_cookie` and `consented` are what the cookies say, None where they say nothing.
    """

    method: str
    headers: Headers
    address: str
    query: str = ""
    visitor_cookie: str | None = None
    consented: bool | None = None


class Kept(NamedTuple):
    """What became of a click. `token` is empty where it was lost; `cookie` is what the browser is to keep, if any."""

    token: str
    cookie: str | None


class Tracker:
    """Keeps the clicks of one process, through the writer at an address (`writer.writing`).

    Both look-ups raise `DBAPIError` where the database is out of reach.
    """

    def __init__(self, database: Database, keyring: Keyring, *, writer: str) -> None:
        self.cache = TargetCache(database)
        self.keeper = ClickKeeper(writer)
        self._clock: Clock = database.clock
        self._keys = VisitorKeys(keyring.key)
        self._click_key = keyring.key("click")

    async def follow(self, slug: str, request: Request, *, path: str | None = None) -> tuple[str, Kept] | None:
        """Keep a click on the link with a slug and return where it leads; None where there is no such link."""
        key = lookup_slug(slug)
        target = self.cache.known_link(key) or await _apart(self.cache.link, key) if key else None
        if target is None:
            return None
        asked = asked_in(request.query, path=path) if request.query or path else NOTHING
        kept = await self.keep(target, request, asked=asked)
        if asked is NOTHING and kept.token:
            return f"{target.before}{kept.token}{target.after}", kept
        return location(target.lead(), asked, token=kept.token), kept

    async def page(self, handle: str) -> ClickTarget | None:
        """Return the landing page with a handle, None where visitors see none."""
        key = handle_or_none(handle)
        return self.cache.known_page(key) or await _apart(self.cache.page, key) if key else None

    async def keep(self, target: ClickTarget, request: Request, *, asked: Asked = NOTHING) -> Kept:
        """Keep a click on a link or page."""
        at = self._clock.now()
        context = target.context
        visit = visit_of(request.method, request.headers)
        agreed = context.consent is _ASSUMED if request.consented is None else request.consented
        key = address = agent = cookie = None
        if agreed:
            agent = visit.agent
            source = Source(request.address, agent, at, request.visitor_cookie)
            key, address, cookie = visitor_of(source, brand=context.brand_id.bytes, kept=context.kept, keys=self._keys)
        said = (key, address, agent, visit.referrer, asked.sub_id, visit.signal or "")
        reason = visit.reason or (_EXPIRED if target.ends_at and at >= target.ends_at else None)
        returning = key is not None and cookie is None
        now = microseconds(at)
        name = new_name_at(now)
        new = NewClick(name.hex(), target.row, now, agreed, *said, reason, returning, now - context.window)
        kept = await self.keeper.keep(new)
        token = token_of(self._click_key, name) if kept else ""
        return Kept(token, cookie if visit.reason is None else None)

    def close(self) -> None:
        """Have written what waits, and end the thread."""
        self.keeper.close()
        self.cache.close()


async def _apart(read: Callable[[str], ClickTarget | None], key: str) -> ClickTarget | None:
    """Read in a thread of the event loop's: who is led on from memory does not wait for the database."""
    return await asyncio.get_running_loop().run_in_executor(None, read, key)
