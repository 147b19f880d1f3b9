"""The front: answers what visitors of links and landing pages ask, before Flask and without a thread of their own.

`/r/…` and `/a/<handle>` are answered from memory once the click is on disk; the pages themselves are rendered by Flask,
once for all visitors. Everything else is Flask's.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, NamedTuple
from wsgiref.types import WSGIApplication

from werkzeug.test import create_environ, run_wsgi_app

from engine.tracking.clicks.cache import OUT_OF_REACH, TwoGenerations
from engine.tracking.clicks.rules import PLACEHOLDER
from engine.tracking.clicks.targets import ClickTarget
from engine.tracking.clicks.tracker import Request, Tracker
from engine.tracking.clicks.visitors import CONSENT_COOKIE, COOKIE_DAYS, VISITOR_COOKIE

RENDERED: Final = 400
"""How many rendered pages are kept at most."""

Headers = list[tuple[str, str]]

_READING: Final = frozenset({"GET", "HEAD"})
_HEADERS: Final = (
    ("cache-control", "no-store"),
    ("referrer-policy", "strict-origin-when-cross-origin"),
    ("x-content-type-options", "nosniff"),
    ("x-robots-tag", "noindex, nofollow"),
)
_PLAIN: Final = ("content-type", "text/plain; charset=utf-8")
_OWN: Final = frozenset({"cache-control", "content-length"})
_OVER_HTTPS: Final = ("strict-transport-security", "max-age=31536000")
_FOUND: Final = HTTPStatus.FOUND.value
_OK: Final = HTTPStatus.OK.value


class Call(NamedTuple):
    """A request: `path` decoded, `query` not, `headers` by their names in CGI, `peer` the address that connected."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    peer: str


class Answer(NamedTuple):
    """What is answered: header names in lower case."""

    status: int
    headers: Headers
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A page as Flask rendered it for `target`, cut where each visitor's click id goes."""

    target: ClickTarget
    headers: tuple[tuple[str, str], ...]
    parts: tuple[bytes, ...]


class Front:
    """Answers links and pages; `app` renders the pages.

    `proxies` says how many proxies of ours stand before the server: only what they say of a visitor's address is
    believed, as by Flask behind `ProxyFix`.
    """

    def __init__(
        self, app: WSGIApplication, tracker: Tracker, *, proxies: int = 0, secure_cookies: bool = False
    ) -> None:
        self._app, self._tracker, self._proxies = app, tracker, proxies
        self._headers = (*_HEADERS, _OVER_HTTPS) if secure_cookies else _HEADERS
        lasting = f"; Max-Age={COOKIE_DAYS * 86_400}; Path=/; HttpOnly; SameSite=Lax"
        self._cookie_end = f"{lasting}; Secure" if secure_cookies else lasting
        self._rendered: TwoGenerations[Rendered] = TwoGenerations(RENDERED)

    async def answer(self, call: Call) -> Answer | None:
        """Answer a request, or return None where it is Flask's to answer."""
        path = call.path
        try:
            if path.startswith("/r/"):
                return await self._link(path[3:], call)
            if path.startswith("/a/") and "/" not in path[3:] and call.method in _READING:
                return await self._page(path[3:], call)
        except OUT_OF_REACH:
            said = "This address cannot be looked up right now. Try again in a moment."
            return self._say(HTTPStatus.SERVICE_UNAVAILABLE, said, header=("retry-after", "5"))
        return None

    async def _link(self, place: str, call: Call) -> Answer | None:
        if call.method not in _READING:
            said = "A link is opened, not written to."
            return self._say(HTTPStatus.METHOD_NOT_ALLOWED, said, header=("allow", "GET, HEAD"))
        slug, _, path = place.partition("/")
        led = await self._tracker.follow(slug, self._request(call), path=path or None)
        if led is None:
            return None
        location, kept = led
        headers = [("location", location), *self._headers]
        if kept.cookie:
            headers.append(self._cookie(kept.cookie))
        return Answer(_FOUND, headers)

    async def _page(self, handle: str, call: Call) -> Answer | None:
        target = await self._tracker.page(handle)
        page = await self._page_of(target, handle, call.path) if target else None
        if target is None or page is None:
            return None
        kept = await self._tracker.keep(target, self._request(call))
        headers = [*page.headers]
        if kept.cookie:
            headers.append(self._cookie(kept.cookie))
        body = kept.token.encode().join(page.parts)
        if call.method == "HEAD":
            return Answer(_OK, [*headers, ("content-length", str(len(body)))])
        return Answer(_OK, headers, body)

    async def _page_of(self, target: ClickTarget, handle: str, path: str) -> Rendered | None:
        """Return the page as everybody gets it, rendered now where it is not there yet; None where Flask refuses."""
        page = self._rendered.get(handle)
        if page is None or page.target is not target:
            page = await asyncio.get_running_loop().run_in_executor(None, _rendered, self._app, path, target)
            if page is not None:
                self._rendered.put(handle, page)
        return page

    def _request(self, call: Call) -> Request:
        headers = call.headers
        cookies = _cookies(headers["HTTP_COOKIE"]) if "HTTP_COOKIE" in headers else {}
        consented = {"1": True, "0": False}.get(cookies[CONSENT_COOKIE]) if CONSENT_COOKIE in cookies else None
        address = self._address(call) if self._proxies else call.peer
        return Request(call.method, headers, address, call.query, cookies.get(VISITOR_COOKIE), consented)

    def _address(self, call: Call) -> str:
        """Return the visitor's address: what the outermost proxy of ours saw, as `ProxyFix` takes it."""
        seen = call.headers.get("HTTP_X_FORWARDED_FOR", "").split(",")
        if len(seen) >= self._proxies and (address := seen[-self._proxies].strip().strip('"')):
            return address
        return call.peer

    def _cookie(self, value: str) -> tuple[str, str]:
        return "set-cookie", f"{VISITOR_COOKIE}={value}{self._cookie_end}"

    def _say(self, status: HTTPStatus, sentence: str, *, header: tuple[str, str]) -> Answer:
        return Answer(status.value, [*self._headers, _PLAIN, header], f"{sentence}\n".encode())


def _rendered(app: WSGIApplication, path: str, target: ClickTarget) -> Rendered | None:
    """Have `app` render a page for nobody in particular."""
    body, status, headers = run_wsgi_app(app, create_environ(path), buffered=True)
    if not status.startswith("200 ") or "Set-Cookie" in headers:
        return None
    kept = [(name.lower(), value) for name, value in headers if name.lower() not in _OWN]
    parts = b"".join(body).split(PLACEHOLDER.encode())
    return Rendered(target, (*kept, ("cache-control", "no-store")), tuple(parts))


def _cookies(header: str) -> dict[str, str]:
    """Return cookies by name; of two with one name the first, which is the one of the longest path."""
    pairs = (pair.strip().partition("=") for pair in reversed(header.split(";")))
    return {name: value for name, _, value in pairs}
