"""The host's own HTTP client in front of a shop in memory: what a plugin asks survives being written as a request."""

import json
from typing import Any
from urllib.parse import parse_qsl

import httpx2

from engine.plugin_api import ConfigError, HttpClient
from engine.plugin_host.http import HttpPool

_PASSED_ON = ("authorization", "x-shopify-access-token")
_STATUSES = (400, 402, 404, 410, 423)


def through_the_host(shop: Any, *origins: str) -> HttpClient:
    """Return the client that a plugin with these origins gets; private ones are vouched for."""
    return pool_for(shop, *origins).client(origins)


def _content(request: httpx2.Request) -> dict[str, Any]:
    if "form" in request.headers.get("content-type", ""):
        return {"form": dict(parse_qsl(request.content.decode()))}
    return {"json": json.loads(request.content) if request.content else None}


def pool_for(shop: Any, *origins: str) -> HttpPool:
    """Return a pool of connections whose only other end is `shop`, which may answer requests as they are (`answer`)."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        try:
            found = shop.request(
                request.method,
                str(request.url.copy_with(query=None)),
                params=dict(parse_qsl(request.url.query.decode(), keep_blank_values=True)) or None,
                headers={name: request.headers[name] for name in _PASSED_ON if name in request.headers},
                **_content(request),
                accept=_STATUSES,
            )
        except ConfigError:
            return httpx2.Response(401)
        return httpx2.Response(found.status, headers=dict(found.headers), content=found.body)

    private = [origin for origin in origins if origin.startswith("http:")]
    return HttpPool(private, transport=httpx2.MockTransport(getattr(shop, "answer", answer)))
