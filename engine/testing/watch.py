"""Looks over a plugin's shoulder: who is called, what is said, which threads are left."""

import io
import logging
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from pydantic import BaseModel, SecretBytes, SecretStr
from structlog.testing import capture_logs

from engine.plugin_api import HttpClient, HttpResponse

_OUTSIDE = frozenset(
    {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "subprocess.Popen", "os.system"}
)


class _Sentinel:
    """Python's audit hooks cannot be taken off again: one for the process, which looks only while asked to."""

    def __init__(self) -> None:
        self.seen: list[str] | None = None
        sys.addaudithook(self._notice)

    def _notice(self, event: str, _arguments: tuple[Any, ...]) -> None:
        if self.seen is not None and event in _OUTSIDE:
            self.seen.append(event)
            raise PermissionError(f"{event}: what is pure asks nobody outside")


@cache
def _sentinel() -> _Sentinel:
    return _Sentinel()


@contextmanager
def nobody_outside() -> Iterator[list[str]]:
    """Refuse every connection, name look-up and program while the block runs; give the list of what was tried."""
    sentinel, tried = _sentinel(), list[str]()
    before, sentinel.seen = sentinel.seen, tried
    try:
        yield tried
    finally:
        sentinel.seen = before


@contextmanager
def threads_left() -> Iterator[list[str]]:
    """Give a list that names, after the block, the threads that it started and that still run."""
    before = set(threading.enumerate())
    left: list[str] = []
    yield left
    started = [thread for thread in threading.enumerate() if thread not in before]
    for thread in started:
        thread.join(0.2)
    left += [thread.name for thread in started if thread.is_alive()]


@dataclass(slots=True)
class Said:
    """What was written while somebody listened."""

    logs: list[Any] = field(default_factory=list)
    printed: io.StringIO = field(default_factory=io.StringIO)
    more: list[str] = field(default_factory=list)

    def __contains__(self, text: str) -> bool:
        return text in str(self.logs) or text in self.printed.getvalue() or any(text in one for one in self.more)


@contextmanager
def listening() -> Iterator[Said]:
    """Give everything that is logged or printed while the block runs."""
    said = Said()
    handler = logging.StreamHandler(said.printed)
    root, level = logging.getLogger(), logging.getLogger().level
    with ExitStack() as stack:
        said.logs = stack.enter_context(capture_logs())
        stack.enter_context(redirect_stdout(said.printed))
        stack.enter_context(redirect_stderr(said.printed))
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        try:
            yield said
        finally:
            root.removeHandler(handler)
            root.setLevel(level)


@dataclass(frozen=True, slots=True)
class Request:
    """A request that a plugin made."""

    method: str
    url: str
    params: Mapping[str, str]
    json: Any
    form: Mapping[str, str] | None


@dataclass(slots=True)
class WatchedClient:
    """An `HttpClient` that hands everything on and remembers what was asked."""

    inner: HttpClient
    requests: list[Request] = field(default_factory=list)

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        accept: tuple[int, ...] = (),
    ) -> HttpResponse:
        """Return what `inner` answers."""
        self.requests.append(Request(method.upper(), url, dict(params or {}), json, form))
        return self.inner.request(method, url, params=params, headers=headers, json=json, form=form, accept=accept)


def secrets_in(value: object) -> frozenset[str]:
    """Return every secret that settings hold, at whatever depth."""
    match value:
        case SecretStr() if value.get_secret_value():
            return frozenset({value.get_secret_value()})
        case SecretBytes() if value.get_secret_value():
            return frozenset({value.get_secret_value().decode(errors="replace")})
        case BaseModel():
            return secrets_in({name: getattr(value, name) for name in type(value).model_fields})
        case Mapping():
            return frozenset(secret for inner in value.values() for secret in secrets_in(inner))
        case list() | tuple() | set() | frozenset():
            return frozenset(secret for inner in value for secret in secrets_in(inner))
        case _:
            return frozenset()
