"""The host's HTTP client, as a plugin sees it: pinned to the declared origins, no redirects, bounded in time and size.

Every failure has a class that says what the host does next, so that a plugin need not look at status codes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from engine.kernel.strict_json import read_json


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What the shop answered. Names of `headers` are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body read as JSON; decimals as `Decimal`, never as float.

        Raises:
            InputError: it is no JSON, or JSON that cannot be relied on (`read_json`).
        """
        return read_json(self.body)


class HttpClient(Protocol):
    """Sends requests to the shop."""

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
            ConfigError: 401 or 403: the shop does not let us in; somebody must look at the settings.
            RetriableError: 408, 425, 429, 5xx, a timeout or no connection; with the delay where the shop names one.
            FatalError: another status, an origin that was not declared, an answer that is too large.
        """
        ...
