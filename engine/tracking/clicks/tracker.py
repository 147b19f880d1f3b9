"""Answers a click: finds what was clicked, keeps the click, and says where the visitor goes on.

Whether a visitor is led on never depends on the database taking the click. Consent governs the cookie, the address and
the user agent; never the click's id in the address, which names nobody. Without consent every click counts that is no
machine's, marked unverified, since nothing is kept by which two of one visitor could be told.
"""

from typing import NamedTuple

from engine.kernel.clock import Clock
from engine.kernel.crypto import Keyring
from engine.kernel.database import Database
from engine.kernel.ids import new_id_at
from engine.tracking.clicks.cache import TargetCache
from engine.tracking.clicks.leading import NOTHING, Asked, asked_in, location
from engine.tracking.clicks.rules import click_token
from engine.tracking.clicks.store import NewClick
from engine.tracking.clicks.targets import ClickTarget
from engine.tracking.clicks.visitors import Source, visitor_of
from engine.tracking.clicks.visits import Headers, Reason, visit_of
from engine.tracking.clicks.writer import ClickWriter
from engine.tracking.links.slugs import lookup_slug
from engine.tracking.pages.rules import handle_or_none
from engine.tracking.site.tables import Consent


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
    """Keeps the clicks of one process. Both look-ups raise `DBAPIError` where the database is out of reach."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self.cache = TargetCache(database)
        self.writer = ClickWriter(database)
        self._clock: Clock = database.clock
        self._key = keyring.key
        self._click_key = keyring.key("click")

    def follow(self, slug: str, request: Request, *, path: str | None = None) -> tuple[str, Kept] | None:
        """Keep a click on the link with a slug and return where it leads; None where there is no such link."""
        key = lookup_slug(slug)
        target = self.cache.link(key) if key else None
        if target is None:
            return None
        asked = asked_in(request.query, path=path) if request.query or path else NOTHING
        kept = self.keep(target, request, asked=asked)
        if asked is NOTHING and kept.token:
            return f"{target.before}{kept.token}{target.after}", kept
        return location(target.lead(), asked, token=kept.token), kept

    def page(self, handle: str) -> ClickTarget | None:
        """Return the landing page with a handle, None where visitors see none."""
        key = handle_or_none(handle)
        return self.cache.page(key) if key else None

    def keep(self, target: ClickTarget, request: Request, *, asked: Asked = NOTHING) -> Kept:
        """Keep a click on a link or page."""
        at = self._clock.now()
        context = target.context
        visit = visit_of(request.method, request.headers)
        source = Source(request.address, visit.agent, at, request.visitor_cookie)
        agreed = context.consent is Consent.ASSUMED if request.consented is None else request.consented
        visitor = visitor_of(source, brand=context.brand_id.bytes, kept=context.kept, key=self._key) if agreed else None
        click_id = new_id_at(at)
        kept = self.writer.keep(
            NewClick(
                click_id,
                context.brand_id,
                context.program_id,
                target.enrollment_id,
                target.kind,
                target.id,
                at,
                agreed,
                visitor.key if visitor else None,
                visitor.address if visitor else None,
                visit.agent if agreed else None,
                visit.referrer,
                asked.sub_id,
                visit.signal or "",
                visit.reason or (Reason.EXPIRED if target.ends_at and at >= target.ends_at else None),
                visitor is not None and visitor.cookie is None,
                at - context.window,
            )
        )
        cookie = visitor.cookie if visitor and visit.reason is None else None
        return Kept(click_token(self._click_key, click_id) if kept else "", cookie)

    def close(self) -> None:
        """Write what waits, and end the threads."""
        self.writer.close()
        self.cache.close()
