"""The HTTP client that a plugin is given: pinned to the declared origins, bounded, and silent about secrets."""

import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from typing import Any, Final
from urllib.parse import urlencode

import httpx2

from engine.kernel.addresses import DEFAULT_PORTS, Origin, parse_origin
from engine.kernel.canonical import dump_json
from engine.kernel.clock import Clock, SystemClock
from engine.kernel.http import DEADLINE, CheckedTransport, Limits, TooLargeError
from engine.plugin_api.errors import ConfigError, FatalError, PluginError
from engine.plugin_api.http import HttpResponse
from engine.plugin_host.http_answers import Call, meaning, origin_of, refusal

USER_AGENT: Final = "Goodword/0.1"

_METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"})
_OURS: Final = frozenset(
    {"connection", "content-length", "cookie", "expect", "host", "te", "trailer", "transfer-encoding", "upgrade"}
)
_ENCODINGS: Final = frozenset({"", "identity", "gzip", "deflate"})


class HttpPool:
    """The installation's one pool of connections, from which every plugin gets its own pinned client.

    `private_origins` are those that the operator vouches for: they may be http, on any port and at any address.

    Raises:
        InputError: one of them is no origin.
    """

    def __init__(
        self,
        private_origins: Iterable[str] = (),
        *,
        clock: Clock | None = None,
        transport: httpx2.BaseTransport | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._private = frozenset(map(parse_origin, private_origins))
        self._limits = limits or Limits()
        self._transport = transport or CheckedTransport(private=self._private, limits=self._limits)
        self._clock = clock or SystemClock()

    def client(self, origins: Iterable[str]) -> "HostHttpClient":
        """Return a client that talks to `origins` and to nobody else.

        Raises:
            ConfigError: one is no origin, or is not https on port 443 and the operator does not vouch for it.
        """
        pinned = frozenset(self._admitted(text) for text in origins)
        return HostHttpClient(pinned, transport=self._transport, limits=self._limits, clock=self._clock)

    def close(self) -> None:
        """Close every connection."""
        self._transport.close()

    def _admitted(self, text: str) -> Origin:
        try:
            url = httpx2.URL(text)
            origin = origin_of(url)
        except (httpx2.InvalidURL, ValueError):
            raise ConfigError(f"{text!r:.200} is no address of a shop. Write it as https://shop.example.") from None
        if url.userinfo or url.query or url.fragment or url.path not in ("", "/"):
            raise ConfigError(f"{origin} was given with more than scheme, host and port. Leave the rest away.")
        if origin in self._private or (origin.scheme == "https" and origin.port == DEFAULT_PORTS["https"]):
            return origin
        remedy = "If that is meant, name it in GOODWORD_PRIVATE_ORIGINS."
        raise ConfigError(f"{origin} is not https on its usual port. {remedy}")


class HostHttpClient:
    """`HttpClient` over one pool of connections; `HttpPool.client` makes it. May be used by several threads."""

    def __init__(
        self, origins: frozenset[Origin], *, transport: httpx2.BaseTransport, limits: Limits, clock: Clock
    ) -> None:
        self.origins = origins
        self._transport, self._limits, self._clock = transport, limits, clock

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
        """Return the answer to a request; any status in `accept` is returned beside those from 200 to 299.

        Raises:
            ConfigError: 401 or 403, or the host leads to an address that is not public.
            RetriableError: 408, 425, 429, 5xx, a timeout or no connection; `retry_after_s` where the shop names one.
            FatalError: another status, also a redirect; an origin that was not declared; an answer that is too large.
        """
        target = self._pinned(url)
        call = Call(method.upper(), origin_of(target), target.path[:200])
        content, kind = _content(call, json=json, form=form)
        request = self._request(
            call, target.copy_merge_params(params or {}), headers={**kind, **(headers or {})}, content=content
        )
        try:
            answer = self._exchange(call, request, accept=accept)
        except Exception as error:
            told = error if isinstance(error, PluginError) else meaning(call, error, largest=self._limits.largest)
            call.log(type(told or error).__name__)
            if told is None:
                raise
            raise told from None  # what it says of itself may quote a header
        call.log("answered", status=answer.status, size=len(answer.body))
        return answer

    def _pinned(self, url: str) -> httpx2.URL:
        try:
            target = httpx2.URL(url)
            origin = origin_of(target)
        except (httpx2.InvalidURL, ValueError, TypeError):
            raise FatalError("A request went to what is no absolute http or https address.") from None
        if target.userinfo or "\\" in url:
            raise FatalError(f"A request to {origin} named a user or used a backslash: neither is sent.")
        if origin not in self.origins:
            raise FatalError(f"A request went to {origin}, which the plugin did not declare among its origins.")
        return target

    def _request(
        self, call: Call, url: httpx2.URL, *, headers: Mapping[str, str], content: bytes | None
    ) -> httpx2.Request:
        if call.method not in _METHODS:
            raise FatalError(f"{call.method!r:.20} is no method that is sent. Use {', '.join(sorted(_METHODS))}.")
        sent = {"accept": "application/json", "accept-encoding": "gzip, deflate", "user-agent": USER_AGENT}
        for name, value in headers.items():
            if name.lower() in _OURS:
                raise FatalError(f"{call} set the header {name.lower()}, which is the host's to set.")
            sent[name.lower()] = value
        deadline = {DEADLINE: call.started + self._limits.call_s}
        try:
            return httpx2.Request(call.method, url, headers=sent, content=content, extensions=deadline)
        except (UnicodeError, TypeError, AttributeError):
            raise FatalError(f"{call} has a header that is no plain text.") from None

    def _exchange(self, call: Call, request: httpx2.Request, *, accept: tuple[int, ...]) -> HttpResponse:
        with closing(self._transport.handle_request(request)) as answer:
            status = answer.status_code
            if not (200 <= status < 300 or status in accept):
                raise refusal(call, answer, now=self._clock.now())
            body = self._body(call, answer)
            return HttpResponse(status, {k: v for k, v in answer.headers.items() if k != "set-cookie"}, body)

    def _body(self, call: Call, answer: httpx2.Response) -> bytes:
        encoding = answer.headers.get("content-encoding", "").strip().lower()
        if encoding not in _ENCODINGS:
            raise FatalError(f"{call} was answered in the encoding {encoding!r:.40}, which was not asked for.")
        declared = answer.headers.get("content-length", "")
        if declared.isascii() and declared.isdigit() and int(declared[:20]) > self._limits.largest:
            raise TooLargeError
        pieces, taken = [], 0
        for piece in answer.iter_bytes():
            taken += len(piece)
            if taken > self._limits.largest:
                raise TooLargeError
            if time.monotonic() > call.started + self._limits.call_s:
                raise httpx2.ReadTimeout("the call took too long")
            pieces.append(piece)
        return b"".join(pieces)


def _content(call: Call, *, json: Any, form: Mapping[str, str] | None) -> tuple[bytes | None, dict[str, str]]:
    """Return a body with the header that names its kind."""
    if json is not None and form is not None:
        raise FatalError(f"{call} was given both JSON and a form. Give one.")
    if form is not None:
        return urlencode(form).encode(), {"content-type": "application/x-www-form-urlencoded"}
    if json is None:
        return None, {}
    try:
        return dump_json(json).encode(), {"content-type": "application/json"}
    except (TypeError, ValueError):
        raise FatalError(f"{call} was given what cannot be written as JSON. Write amounts as text.") from None
