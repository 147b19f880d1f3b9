"""Asks a server as granian does, without one: a scope, a line, an event loop that runs beside the test."""

import asyncio
import threading
from functools import lru_cache
from http import HTTPStatus

from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder


@lru_cache(maxsize=1)
def _loop():
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="asking", daemon=True).start()
    return loop


def awaited(coroutine):
    """Return what a coroutine returns, from any thread: all run in one event loop."""
    return asyncio.run_coroutine_threadsafe(coroutine, _loop()).result(timeout=60)


class Scope:
    """What granian says of a request."""

    http_version, scheme, authority, server = "1.1", "http", None, "127.0.0.1:8000"

    def __init__(self, builder, *, peer):
        environ = builder.get_environ()
        self.method, self.client = environ["REQUEST_METHOD"], f"{peer}:50000"
        self.path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
        self.query_string = environ["QUERY_STRING"]
        self.headers = [(name.lower(), value) for name, value in builder.headers.items()]
        self.headers = _Items([("host", environ["HTTP_HOST"]), *self.headers])


class _Items(list):
    def items(self):
        return self


class Line:
    """Gives the body in two pieces, and takes one answer."""

    def __init__(self, body=b""):
        self.pieces = [body[:3], body[3:]] if body else []
        self.answer: tuple[int, list[tuple[str, str]], bytes] = (0, [], b"")

    async def __aiter__(self):
        for piece in self.pieces:
            yield piece

    def response_empty(self, status, headers):
        self.answer = status, headers, b""

    def response_bytes(self, status, headers, body):
        self.answer = status, [*headers, ("content-length", str(len(body)))], body


def ask(server, path, *, method="GET", peer="203.0.113.9", body=b"", headers=()):
    """Return what a server answers: status with its phrase, headers, body."""
    builder = EnvironBuilder(path=path, method=method, headers=list(headers), input_stream=None)
    line = Line(body)
    awaited(server.__rsgi__(Scope(builder, peer=peer), line))
    status, found, content = line.answer
    return f"{status} {HTTPStatus(status).phrase}", Headers(found), content
