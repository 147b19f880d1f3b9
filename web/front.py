"""The front: a plain WSGI app before Flask that answers what visitors of links, landing pages and shops' webhooks ask.

`/r/…` and `/a/<handle>` are answered from memory once the click is on disk; the pages themselves are rendered by Flask,
once for all visitors. Everything else goes to Flask as it came.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from io import BytesIO
from typing import Final
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from werkzeug.test import run_wsgi_app

from engine.tracking.clicks.cache import OUT_OF_REACH, TwoGenerations
from engine.tracking.clicks.rules import PLACEHOLDER
from engine.tracking.clicks.targets import ClickTarget
from engine.tracking.clicks.tracker import Request, Tracker
from engine.tracking.clicks.visitors import CONSENT_COOKIE, COOKIE_DAYS, VISITOR_COOKIE

RENDERED: Final = 400
"""How many rendered pages are kept at most."""

_READING: Final = frozenset({"GET", "HEAD"})
_HEADERS: Final = (
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "strict-origin-when-cross-origin"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Robots-Tag", "noindex, nofollow"),
    ("Content-Type", "text/plain; charset=utf-8"),
)
_OWN: Final = frozenset({"cache-control", "content-length"})
_PERSONAL: Final = frozenset(
    {
        *("HTTP_COOKIE", "HTTP_AUTHORIZATION", "HTTP_RANGE", "HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE"),
        *("HTTP_USER_AGENT", "HTTP_REFERER"),
    }
)
_OVER_HTTPS: Final = ("Strict-Transport-Security", "max-age=31536000")


@dataclass(frozen=True, slots=True)
class Rendered:
    """A page as Flask rendered it for `target`, cut where each visitor's click id goes."""

    target: ClickTarget
    headers: tuple[tuple[str, str], ...]
    parts: tuple[bytes, ...]


class Front:
    """Answers links and pages; hands webhooks to `hooks` and everything else to `app`.

    `proxies` says how many proxies of ours stand before the server: only what they say of a visitor's address is
    believed, as by Flask behind `ProxyFix`.
    """

    def __init__(
        self,
        app: WSGIApplication,
        tracker: Tracker,
        *,
        hooks: WSGIApplication,
        proxies: int = 0,
        secure_cookies: bool = False,
    ) -> None:
        self._app, self._tracker, self._hooks, self._proxies = app, tracker, hooks, proxies
        self._headers = (*_HEADERS, _OVER_HTTPS) if secure_cookies else _HEADERS
        lasting = f"; Max-Age={COOKIE_DAYS * 86_400}; Path=/; HttpOnly; SameSite=Lax"
        self._cookie_end = f"{lasting}; Secure" if secure_cookies else lasting
        self._rendered: TwoGenerations[Rendered] = TwoGenerations(RENDERED)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        path: str = environ["PATH_INFO"]
        try:
            if path.startswith("/r/"):
                return self._link(path[3:], environ, start_response=start_response)
            if path.startswith("/a/") and "/" not in path[3:] and environ["REQUEST_METHOD"] in _READING:
                return self._page(path[3:], environ, start_response=start_response)
        except OUT_OF_REACH:
            said = "This address cannot be looked up right now. Try again in a moment."
            return self._say(HTTPStatus.SERVICE_UNAVAILABLE, said, start_response=start_response)
        return (self._hooks if path.startswith("/hooks/") else self._app)(environ, start_response)

    def _link(self, place: str, environ: WSGIEnvironment, *, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in _READING:
            said = "A link is opened, not written to."
            return self._say(HTTPStatus.METHOD_NOT_ALLOWED, said, start_response=start_response)
        slug, _, path = place.partition("/")
        led = self._tracker.follow(slug, self._request(environ), path=_decoded(path) if path else None)
        if led is None:
            return self._app(environ, start_response)
        location, kept = led
        headers = [("Location", location), ("Content-Length", "0"), *self._headers]
        if kept.cookie:
            headers.append(self._cookie(kept.cookie))
        start_response("302 Found", headers)
        return ()

    def _page(self, handle: str, environ: WSGIEnvironment, *, start_response: StartResponse) -> Iterable[bytes]:
        target = self._tracker.page(handle)
        page = self._page_of(target, handle, environ) if target else None
        if target is None or page is None:
            return self._app(environ, start_response)
        kept = self._tracker.keep(target, self._request(environ))
        body = kept.token.encode().join(page.parts)
        headers = [*page.headers, ("Content-Length", str(len(body)))]
        if kept.cookie:
            headers.append(self._cookie(kept.cookie))
        start_response("200 OK", headers)
        return () if environ["REQUEST_METHOD"] == "HEAD" else (body,)

    def _page_of(self, target: ClickTarget, handle: str, environ: WSGIEnvironment) -> Rendered | None:
        """Return the page as everybody gets it, rendered now where it is not there yet; None where Flask refuses."""
        page = self._rendered.get(handle)
        if page is None or page.target is not target:
            page = _rendered(self._app, environ, target)
            if page is not None:
                self._rendered.put(handle, page)
        return page

    def _request(self, environ: WSGIEnvironment) -> Request:
        cookies = _cookies(environ["HTTP_COOKIE"]) if "HTTP_COOKIE" in environ else {}
        return Request(
            environ["REQUEST_METHOD"],
            environ,
            self._address(environ),
            environ.get("QUERY_STRING", ""),
            cookies.get(VISITOR_COOKIE),
            {"1": True, "0": False}.get(cookies.get(CONSENT_COOKIE, "")),
        )

    def _address(self, environ: WSGIEnvironment) -> str:
        """Return the visitor's address: what the outermost proxy of ours saw, as `ProxyFix` takes it."""
        if self._proxies:
            seen = environ.get("HTTP_X_FORWARDED_FOR", "").split(",")
            if len(seen) >= self._proxies and (address := seen[-self._proxies].strip().strip('"')):
                return str(address)
        return str(environ.get("REMOTE_ADDR", ""))

    def _cookie(self, value: str) -> tuple[str, str]:
        return "Set-Cookie", f"{VISITOR_COOKIE}={value}{self._cookie_end}"

    def _say(self, status: HTTPStatus, sentence: str, *, start_response: StartResponse) -> Iterable[bytes]:
        more = ("Retry-After", "5") if status is HTTPStatus.SERVICE_UNAVAILABLE else ("Allow", "GET, HEAD")
        body = f"{sentence}\n".encode()
        start_response(f"{status} {status.phrase}", [*self._headers, more, ("Content-Length", str(len(body)))])
        return (body,)


def _rendered(app: WSGIApplication, environ: WSGIEnvironment, target: ClickTarget) -> Rendered | None:
    """Have `app` render a page for nobody in particular: without cookies, query and conditions."""
    asked = {name: value for name, value in environ.items() if name not in _PERSONAL}
    asked |= {"REQUEST_METHOD": "GET", "QUERY_STRING": "", "CONTENT_LENGTH": "0", "wsgi.input": BytesIO()}
    body, status, headers = run_wsgi_app(app, asked, buffered=True)
    if not status.startswith("200 ") or "Set-Cookie" in headers:
        return None
    kept = [(name, value) for name, value in headers if name.lower() not in _OWN]
    parts = b"".join(body).split(PLACEHOLDER.encode())
    return Rendered(target, (*kept, ("Cache-Control", "no-store")), tuple(parts))


def _cookies(header: str) -> dict[str, str]:
    """Return cookies by name; of two with one name the first, which is the one of the longest path."""
    pairs = (pair.strip().partition("=") for pair in reversed(header.split(";")))
    return {name: value for name, _, value in pairs}


def _decoded(path: str) -> str:
    """Return a part of the path as text: WSGI gives its bytes as Latin-1."""
    return path.encode("latin-1").decode("utf-8", "replace")
