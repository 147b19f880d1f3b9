"""What an answer of a shop, or the lack of one, means to the host: which error, in which words.

The words name the method, the origin and the path. What was sent stays out: a query, a header or a body may be secret.
"""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Final

import httpcore2
import httpx2
import structlog

from engine.kernel.addresses import DEFAULT_PORTS, Origin
from engine.kernel.http import BlockedAddressError, TooLargeError
from engine.plugin_api.errors import ConfigError, FatalError, PluginError, RetriableError
from engine.plugin_host.guard import ASKED

LONGEST_RETRY_AFTER_S: Final = 3_600
_UNWELCOME: Final = frozenset({401, 403})
_LATER: Final = frozenset({408, 425, 429})

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Call:
    """One call, as a sentence or a log line may name it."""

    method: str
    origin: Origin
    path: str
    started: float = field(default_factory=time.monotonic)

    def __str__(self) -> str:
        return f"{self.method} {self.origin}{self.path}"

    def log(self, outcome: str, **facts: int) -> None:
        """Write what became of the call."""
        tell = _log.info if outcome == "answered" else _log.warning
        seconds = round(time.monotonic() - self.started, 3)
        place = {"method": self.method, "origin": str(self.origin), "path": self.path}
        asked = ASKED.get()
        who = {"plugin": asked.plugin} if asked else {}
        tell("http_call", **who, **place, outcome=outcome, seconds=seconds, **facts)


def refusal(call: Call, answer: httpx2.Response, *, now: datetime) -> PluginError:
    """Return the error that an answer with an unwelcome status stands for."""
    status = answer.status_code
    if status in _UNWELCOME:
        return ConfigError(f"{call} was answered {status}: the shop does not let us in. Check the credentials.")
    if status in _LATER or status >= 500:
        delay = retry_after_s(answer.headers.get("retry-after"), now=now)
        return RetriableError(f"{call} was answered {status}; it may work later.", retry_after_s=delay)
    if 300 <= status < 400:
        return FatalError(f"{call} was redirected{_to(answer)}. Redirects are not followed; use the final address.")
    return FatalError(f"{call} was answered {status}.")


def meaning(call: Call, error: Exception, *, largest: int) -> PluginError | None:
    """Return the error that a failed call stands for, or None where `error` is no failure of the network.

    What `error` itself says is never repeated: it may quote a header.
    """
    match error:
        case httpcore2.TimeoutException() | httpx2.TimeoutException():
            return RetriableError(f"{call} was not answered in time.")
        case httpcore2.ConnectError() | httpx2.ConnectError():
            return RetriableError(f"{call}: no connection. The host is down, unknown, or its certificate is not valid.")
        case httpcore2.LocalProtocolError() | httpx2.LocalProtocolError():
            return FatalError(f"{call} cannot be sent: a header or the path holds what HTTP does not allow.")
        case httpcore2.NetworkError() | httpcore2.ProtocolError() | httpx2.NetworkError() | httpx2.ProtocolError():
            return RetriableError(f"{call}: the connection broke before the answer was complete.")
        case httpx2.DecodingError():
            return FatalError(f"{call} was answered with what cannot be unpacked.")
        case TooLargeError():
            return FatalError(f"{call} was answered with more than {largest:,} bytes. Ask for smaller pages.")
        case BlockedAddressError():
            where = f"{call.origin.host} leads to an address that is not public"
            return ConfigError(f"{call}: {where}. If that is meant, name {call.origin} in GOODWORD_PRIVATE_ORIGINS.")
        case _:
            return None


def retry_after_s(value: str | None, *, now: datetime) -> int | None:
    """Return how many seconds a Retry-After asks for, from 0 to 3,600; None where it says nothing that can be read.

    Shops write whole seconds, seconds with decimals, or a date.
    """
    if not value or len(value) > 60:
        return None
    try:
        seconds = Decimal(value.strip())
    except InvalidOperation:
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            return None
        left = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now
        seconds = Decimal(left.days * 86_400 + left.seconds)
    if not seconds.is_finite():
        return None
    return int(min(max(seconds, Decimal(0)), Decimal(LONGEST_RETRY_AFTER_S)).to_integral_value(ROUND_CEILING))


def origin_of(url: httpx2.URL) -> Origin:
    """Return the origin of an absolute http or https address.

    Raises:
        ValueError: it is none.
    """
    if url.scheme not in DEFAULT_PORTS or not url.raw_host:
        raise ValueError("no absolute http or https address")
    port = DEFAULT_PORTS[url.scheme] if url.port is None else url.port
    return Origin(url.scheme, url.raw_host.decode("ascii").lower(), port)


def _to(answer: httpx2.Response) -> str:
    """Say where a redirect led: origin and path, since a query may carry what is secret."""
    try:
        place = httpx2.URL(answer.headers.get("location", ""))
        origin = str(origin_of(place)) if place.host else ""
    except (httpx2.InvalidURL, ValueError):
        return ""
    return f" to {origin}{place.path}"[:200] if origin or place.path else ""
