"""The HTTP API of `FakeShop`: what a connector may ask, and how it is let down when a test wants that."""

import base64
import binascii
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpcore2
import httpx2

from engine.kernel.canonical import dump_json
from engine.kernel.clock import Clock
from engine.plugin_api import InputError, read_json
from engine.testing.fakes.orders import FakeOrder, written
from engine.testing.fakes.webhooks import PostOffice


@dataclass(frozen=True, slots=True)
class Code:
    """A discount code as the shop has it; `percent` of the order, or `amounts` by currency, as decimal text."""

    code: str
    title: str
    percent: str | None
    amounts: Mapping[str, str] | None
    starts_at: str | None
    expires_at: str | None
    active: bool = True


@dataclass(frozen=True, slots=True)
class _Refusal:
    status: int
    retry_after: str | None = None
    after_effect: bool = False


@dataclass(slots=True)
class ShopApi:
    """Answers requests. `requests` keeps the method and path of each, `down` lets none through."""

    orders: Mapping[str, FakeOrder]
    post_office: PostOffice
    topics: tuple[str, ...]
    token: str
    clock: Clock
    page_size: int = 50
    rate_limit: int | None = None
    down: bool = False
    codes: dict[str, Code] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    _refusals: deque[_Refusal] = field(default_factory=deque)
    _recent: deque[datetime] = field(default_factory=deque)
    _codes_made: int = 0

    def fail_next(self, status: int, *, times: int = 1, retry_after: str | None = None) -> None:
        """Answer the next requests with `status`, and do nothing for them."""
        self._refusals.extend([_Refusal(status, retry_after)] * times)

    def lose_next_answer(self) -> None:
        """Do what the next request asks, and let its answer get lost: the connector cannot know that it was done."""
        self._refusals.append(_Refusal(0, after_effect=True))

    def handle(self, request: httpx2.Request) -> httpx2.Response:
        """Return the answer to a request.

        Raises:
            httpcore2.ReadTimeout: the shop is down, or the answer gets lost.
        """
        self.requests.append((request.method, request.url.path))
        if self.down:
            raise httpcore2.ReadTimeout("the shop is down")
        refusal = self._refusals.popleft() if self._refusals else self._too_many()
        if refusal is not None and not refusal.after_effect:
            headers = {"Retry-After": refusal.retry_after} if refusal.retry_after else {}
            return _answer(refusal.status, {"error": "not now"}, headers)
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return _answer(401, {"error": "wrong token"})
        answer = self._answer(request)
        if refusal is not None:
            raise httpcore2.ReadTimeout("the answer got lost")
        return answer

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        match request.method, *request.url.path.strip("/").split("/"):
            case "GET", "shop":
                return _answer(200, {"name": "Fake shop"})
            case "GET", "orders":
                return self._page(request.url.params)
            case "GET", "orders", order_id:
                order = self.orders.get(order_id)
                return _answer(200, order.document()) if order else _missing()
            case _, "codes", *rest:
                return self._about_codes(request, "/".join(rest))
            case "GET", "subscriptions":
                return _answer(200, {"subscriptions": self._subscriptions(request.url.params.get("address", ""))})
            case "PUT", "subscriptions":
                return self._subscribe(request)
            case _:
                return _missing()

    def _page(self, params: httpx2.QueryParams) -> httpx2.Response:
        """Answer with orders by change, oldest first; the cursor is the place of the last one given."""
        since, until = params.get("since", ""), params.get("until", "9")
        try:
            after = base64.urlsafe_b64decode(params.get("cursor", "").encode()).decode()
        except (binascii.Error, ValueError):
            return _answer(400, {"error": "no such cursor"})
        places = sorted((f"{written(order.updated_at)} {order.order_id}", order) for order in self.orders.values())
        rest = [(place, one) for place, one in places if since <= written(one.updated_at) < until and place > after]
        given = rest[: self.page_size]
        more = len(rest) > len(given)
        cursor = base64.urlsafe_b64encode(given[-1][0].encode()).decode() if more else None
        return _answer(200, {"orders": [order.document() for _, order in given], "next": cursor})

    def _about_codes(self, request: httpx2.Request, code_id: str) -> httpx2.Response:
        match request.method:
            case "GET":
                found = self._named(request.url.params.get("code", ""))
                return _answer(200, {"codes": [self._code(key) for key in found]})
            case "DELETE" if code_id:
                return _answer(204, None) if self.codes.pop(code_id, None) else _missing()
            case "POST" | "PUT" as method:
                return self._write_code(request.content, None if method == "POST" else code_id)
            case _:
                return _missing()

    def _write_code(self, body: bytes, code_id: str | None) -> httpx2.Response:
        try:
            asked = read_json(body)
            code = Code(
                *(asked.get(name) for name in ("code", "title", "percent", "amounts", "starts_at", "expires_at"))
            )
        except (InputError, AttributeError):
            return _answer(400, {"error": "no code"})
        if not code.code or (code.percent is None) == (code.amounts is None):
            return _answer(422, {"error": "a code has a name, and either a percentage or amounts"})
        if code_id is None:
            if self._named(code.code):
                return _answer(409, {"error": "there is a code of that name"})
            self._codes_made += 1
            code_id = str(self._codes_made)
        elif code_id not in self.codes:
            return _missing()
        self.codes[code_id] = code
        return _answer(200, self._code(code_id))

    def _named(self, code: str) -> list[str]:
        return [key for key, one in self.codes.items() if one.code.casefold() == code.casefold()]

    def _code(self, code_id: str) -> dict[str, Any]:
        code = self.codes[code_id]
        return {
            "id": code_id,
            "code": code.code,
            "active": code.active,
            "percent": code.percent,
            "amounts": code.amounts,
            "expires_at": code.expires_at,
        }

    def _subscriptions(self, address: str) -> list[dict[str, Any]]:
        mine = [one for one in self.post_office.subscriptions if one.address == address]
        return [{"topic": one.topic, "enabled": one.enabled} for one in mine]

    def _subscribe(self, request: httpx2.Request) -> httpx2.Response:
        try:
            asked = read_json(request.content)
            address, topics = str(asked["address"]), tuple(map(str, asked["topics"]))
        except (InputError, KeyError, TypeError):
            return _answer(400, {"error": "no address or topics"})
        if not set(topics) <= set(self.topics):
            return _answer(422, {"error": f"topics are {', '.join(self.topics)}"})
        self.post_office.subscribe(address, topics)
        return _answer(200, {"subscriptions": self._subscriptions(address)})

    def _too_many(self) -> _Refusal | None:
        if self.rate_limit is None:
            return None
        now = self.clock.now()
        while self._recent and self._recent[0] <= now - timedelta(minutes=1):
            self._recent.popleft()
        if len(self._recent) >= self.rate_limit:
            left = self._recent[0] + timedelta(minutes=1) - now
            return _Refusal(429, str(left.seconds + 1))
        self._recent.append(now)
        return None


def _answer(status: int, document: object, headers: Mapping[str, str] | None = None) -> httpx2.Response:
    body = b"" if document is None else dump_json(document).encode()
    return httpx2.Response(status, headers={"Content-Type": "application/json", **(headers or {})}, content=body)


def _missing() -> httpx2.Response:
    return _answer(404, {"error": "there is no such thing"})
