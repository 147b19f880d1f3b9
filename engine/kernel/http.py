"""The way out: connections only to addresses that were checked, and every call within its time.

A name is resolved once, all its addresses are judged, and the connection goes to one that was judged; so a name that
changes its mind in between (DNS rebinding) leads nowhere. No proxy, cookie or credential is taken from the environment.
"""

import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

import httpcore2
import httpx2

from engine.kernel.addresses import Origin, is_public

Resolver: TypeAlias = Callable[[str, int], Collection[str]]
"""Gives the IP addresses of a host and port; raises OSError where there are none."""

DEADLINE: Final = "goodword_deadline"
"""The request extension that says until when, by `time.monotonic`, a call may go on."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a call may take, in seconds, and how large an answer may be, in bytes, sent and unpacked alike."""

    connect_s: float = 5.0
    read_s: float = 20.0
    call_s: float = 30.0
    largest: int = 4_000_000


class BlockedAddressError(Exception):
    """A host name leads to an address that is not the public Internet's."""


class TooLargeError(Exception):
    """An answer goes on beyond the largest that is taken."""


def resolve(host: str, port: int) -> tuple[str, ...]:
    """Return the addresses of `host` as this machine knows them.

    Raises:
        OSError: there are none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


class CheckedTransport(httpx2.BaseTransport):
    """One pool of connections. Only `private` origins may lead to other than public addresses.

    Errors of the network come out as those of httpcore2.
    """

    def __init__(
        self,
        *,
        private: Iterable[Origin] = (),
        resolver: Resolver = resolve,
        limits: Limits | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self._deadline = _Deadline()
        self._backend = _CheckedBackend(
            private=frozenset((origin.host, origin.port) for origin in private),
            resolver=resolver,
            deadline=self._deadline,
        )
        self._ssl_context = ssl_context
        self._lock = threading.Lock()
        self._pool: httpcore2.ConnectionPool | None = None

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send `request` and return the answer, its body still to be read.

        Raises:
            BlockedAddressError: the host leads to an address that is not public.
            TooLargeError: while reading.
        """
        self._deadline.ends = request.extensions.get(DEADLINE, float("inf"))
        url = request.url
        answer = self._opened().handle_request(
            httpcore2.Request(
                method=request.method,
                url=httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
                content=request.content,
                extensions={"timeout": self._timeouts()},
            )
        )
        body = _Body(cast("Iterable[bytes]", answer.stream), answer.close, self.limits.largest)
        return httpx2.Response(answer.status, headers=answer.headers, stream=body)

    def close(self) -> None:
        """Close every connection; the transport can be used again."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    def _timeouts(self) -> dict[str, float]:
        limits = self.limits
        return {"connect": limits.connect_s, "read": limits.read_s, "write": limits.read_s, "pool": limits.connect_s}

    def _opened(self) -> httpcore2.ConnectionPool:
        # Reading the machine's certificates takes time, which a process that never calls out need not spend.
        with self._lock:
            if self._pool is None:
                context = self._ssl_context or httpcore2.default_ssl_context()
                self._pool = httpcore2.ConnectionPool(
                    ssl_context=context, max_connections=16, keepalive_expiry=5.0, network_backend=self._backend
                )
            return self._pool


class _Deadline(threading.local):
    """Until when the call of this thread may go on."""

    ends: float = float("inf")

    def within(self, timeout: float | None) -> float:
        left = self.ends - time.monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout("the call took too long")
        return left if timeout is None else min(left, timeout)


class _CheckedBackend(httpcore2.NetworkBackend):
    def __init__(self, *, private: frozenset[tuple[str, int]], resolver: Resolver, deadline: _Deadline) -> None:
        self._private, self._resolver, self._deadline = private, resolver, deadline
        self._sockets = httpcore2.SyncBackend()

    def connect_tcp(  # type: ignore[override]  # httpcore names every argument
        self,
        host: str,
        port: int,
        *,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        ends = time.monotonic() + self._deadline.within(timeout)
        addresses = _in_time(self._resolver, host, port, ends=ends)
        if (host, port) not in self._private and not all(map(is_public, addresses)):
            raise BlockedAddressError(host)
        failed: Exception = httpcore2.ConnectError("the name has no address")
        for address in addresses:
            if (left := ends - time.monotonic()) <= 0:
                raise httpcore2.ConnectTimeout("no address answered in time")
            try:
                stream = self._sockets.connect_tcp(
                    address, port, timeout=left, local_address=local_address, socket_options=socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failed = error
            else:
                return _TimedStream(stream, self._deadline)
        raise failed


class _TimedStream(httpcore2.NetworkStream):
    """A connection on which no read or write outlasts the call that it is for."""

    def __init__(self, stream: httpcore2.NetworkStream, deadline: _Deadline) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.within(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.within(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(  # type: ignore[override]
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        *,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        secure = self._stream.start_tls(ssl_context, server_hostname, timeout=self._deadline.within(timeout))
        return _TimedStream(secure, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Body(httpx2.SyncByteStream):
    """An answer's bytes as they were sent, up to the largest that is taken."""

    def __init__(self, stream: Iterable[bytes], close: Callable[[], None], largest: int) -> None:
        self._stream, self._close, self._largest = stream, close, largest

    def __iter__(self) -> Iterator[bytes]:
        taken = 0
        for piece in self._stream:
            taken += len(piece)
            if taken > self._largest:
                raise TooLargeError
            yield piece

    def close(self) -> None:
        self._close()


def _in_time(resolver: Resolver, host: str, port: int, *, ends: float) -> tuple[str, ...]:
    """Return what `resolver` answers until `ends`: a resolver of the system cannot be told to hurry."""
    answers: queue.SimpleQueue[tuple[str, ...] | OSError | UnicodeError] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            answers.put(tuple(resolver(host, port)))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=look_up, name=f"resolve {host}", daemon=True).start()
    try:
        found = answers.get(timeout=max(0.0, ends - time.monotonic()))
    except queue.Empty:
        raise httpcore2.ConnectTimeout("the name was not found in time") from None
    if not isinstance(found, tuple):
        raise httpcore2.ConnectError("the name has no address")
    return found
