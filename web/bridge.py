"""Between the server and what answers: requests as granian's RSGI gives them, and WSGI apps in threads behind it.

RSGI is what an event loop costs least with; granian is its only server, and no library carries WSGI over it.
"""

import asyncio
import sys
from collections.abc import Mapping
from io import BytesIO
from typing import Any, Final, Protocol
from wsgiref.types import WSGIApplication, WSGIEnvironment

from werkzeug.datastructures import Headers as WerkzeugHeaders
from werkzeug.test import run_wsgi_app

from web.front import Answer, Call

LARGEST_BODY: Final = 8 * 1024 * 1024
"""More than any route takes: what each takes is up to the app."""

_SPLIT: Final = {"HTTP_COOKIE": "; "}
_PLAIN: Final = {"HTTP_CONTENT_TYPE": "CONTENT_TYPE", "HTTP_CONTENT_LENGTH": "CONTENT_LENGTH"}


_TELLING: Final = {
    name: f"HTTP_{name.upper().replace('-', '_')}"
    for name in (
        *("cookie", "referer", "user-agent", "x-forwarded-for", "purpose", "sec-purpose", "x-moz", "x-purpose"),
        *("sec-fetch-dest", "sec-fetch-mode", "sec-fetch-user"),
    )
}
"""What a click is judged by: `clicks.visits` and `web.front` ask for no more."""


class Scope(Protocol):
    """What is said of a request, as RSGI has it."""

    scheme: str
    method: str
    path: str
    query_string: str
    http_version: str
    client: str
    server: str
    authority: str | None

    @property
    def headers(self) -> Any:
        """The headers, as often as they came, by names in lower case."""
        ...


class Line(Protocol):
    """The way back to who asked, as RSGI has it."""

    def __aiter__(self) -> Any:
        """Give the body piece by piece."""
        ...

    def response_empty(self, status: int, headers: list[tuple[str, str]]) -> None:
        """Answer without a body."""
        ...

    def response_bytes(self, status: int, headers: list[tuple[str, str]], /, body: bytes) -> None:
        """Answer with a body."""
        ...


def call_of(scope: Scope) -> Call:
    """Return a request without its body, and of its headers those that say something of a visit."""
    found: dict[str, str] = {}
    for name, value in scope.headers.items():
        if key := _TELLING.get(name):
            found[key] = f"{found[key]}{_SPLIT.get(key, ',')}{value}" if key in found else value
    return Call(scope.method, scope.path, scope.query_string, found, _host(scope.client))


def send(line: Line, answer: Answer) -> None:
    """Give an answer to who asked."""
    if answer.body:
        line.response_bytes(answer.status, answer.headers, answer.body)
    else:
        line.response_empty(answer.status, answer.headers)


async def behind(app: WSGIApplication, scope: Scope, *, line: Line) -> Answer:
    """Return what a WSGI app answers; it runs in a thread of the event loop's. A body that is too large is refused."""
    body = await _body(line)
    if body is None:
        return Answer(413, [("content-length", "0"), ("connection", "close")])
    environ = _environ(scope, body)
    return await asyncio.get_running_loop().run_in_executor(None, _asked, app, environ)


def _asked(app: WSGIApplication, environ: WSGIEnvironment) -> Answer:
    pieces, status, headers = run_wsgi_app(app, environ, buffered=True)
    return Answer(int(status[:3]), _lower(headers), b"".join(pieces))


def _lower(headers: WerkzeugHeaders) -> list[tuple[str, str]]:
    return [(name.lower(), value) for name, value in headers]


def _headers(scope: Scope) -> Mapping[str, str]:
    """Return the headers by their names in CGI; one that came several times is one list.

    A name with _ is left out: it would pass for the one with - that a proxy of ours has set.
    """
    found: dict[str, str] = {}
    for name, value in scope.headers.items():
        if "_" in name:
            continue
        key = f"HTTP_{name.upper().replace('-', '_')}"
        found[key] = f"{found[key]}{_SPLIT.get(key, ',')}{value}" if key in found else value
    if scope.authority and "HTTP_HOST" not in found:
        found["HTTP_HOST"] = scope.authority  # HTTP/2 says it so
    return found


def _environ(scope: Scope, body: bytes) -> WSGIEnvironment:
    port = scope.server.rpartition(":")[2]
    headers = {_PLAIN.get(key, key): value for key, value in _headers(scope).items()}
    headers.pop("HTTP_TRANSFER_ENCODING", None)
    return {
        **headers,
        "CONTENT_LENGTH": str(len(body)),
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_NAME": _host(scope.server),
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": _host(scope.client),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": BytesIO(body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }


def _host(address: str) -> str:
    """Return the host of `host:port`, an IPv6 address without its brackets."""
    return address.rpartition(":")[0].removeprefix("[").removesuffix("]")


async def _body(line: Line) -> bytes | None:
    """Return the whole body, or None for one that is larger than anybody takes."""
    pieces: list[bytes] = []
    size = 0
    async for piece in line:
        size += len(piece)
        if size > LARGEST_BODY:
            return None
        pieces.append(bytes(piece))
    return b"".join(pieces)
