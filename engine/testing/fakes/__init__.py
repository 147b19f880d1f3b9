"""Stand-ins with the semantics of the real thing, seeded and without sockets, for the core's tests and for authors."""

from collections.abc import Callable

import httpx2

from engine.kernel.clock import Clock, VirtualClock
from engine.plugin_api import HttpClient
from engine.plugin_host.http import HttpPool

__all__ = ["VirtualClock", "host_client"]


def host_client(
    *origins: str, answer: Callable[[httpx2.Request], httpx2.Response] | None = None, clock: Clock | None = None
) -> HttpClient:
    """Return the client that the host would give a connector of these `origins`.

    `answer` takes the place of the shop: it gets each request and returns what comes back, or raises what httpcore2
    does. Without it the shop itself is asked, to be recorded.
    """
    transport = None if answer is None else httpx2.MockTransport(answer)
    return HttpPool(transport=transport, clock=clock).client(origins)
