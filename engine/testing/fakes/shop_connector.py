"""The connector of the fake shop: webhooks in, orders pulled, codes out, subscriptions kept."""

import hashlib
import hmac
import json
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from engine.plugin_api import (
    Capability,
    CodeView,
    CommerceEvent,
    ConnectionReport,
    Delivery,
    FatalError,
    HttpClient,
    InputError,
    PluginSettings,
    PulledPage,
    ShopCode,
    SignatureError,
    Subscription,
    Webhook,
    WebhookRequest,
)
from engine.testing.fakes.shop_asking import ask, checked, code_document, field, send, shop_code, written
from engine.testing.fakes.shop_reading import events_in

TOPICS: Final = ("order.placed", "order.paid", "order.updated", "order.refunded", "order.cancelled")
SIGNED_FOR: Final = timedelta(minutes=5)


class FakeShopConnector:
    """Reads and asks the fake shop. It keeps nothing: whatever it needs comes with the call."""

    name = "fake_shop"
    title = "Fake shop"
    capabilities = frozenset(
        {
            Capability.WEBHOOKS,
            Capability.PULL,
            Capability.CODES,
            Capability.CODE_LINKS,
            Capability.SUBSCRIPTIONS,
        }
    )

    def verify(self, request: WebhookRequest, *, settings: PluginSettings) -> Webhook:
        """Return the webhook under the shop's delivery id, which a retry keeps.

        Raises:
            SignatureError: it was not signed with one of the secrets, or not within five minutes.
        """
        headers = request.headers
        signed_at, topic, delivery = (headers.get(f"x-shop-{name}", "") for name in ("time", "topic", "delivery"))
        signed = b".".join([delivery.encode(), signed_at.encode(), topic.encode(), request.body])
        given = headers.get("x-shop-signature", "").encode()
        secrets = [secret.get_secret_value().encode() for secret in checked(settings).signing_secrets]
        matches = [
            hmac.compare_digest(hmac.new(secret, signed, hashlib.sha256).hexdigest().encode(), given)
            for secret in secrets
        ]
        if not any(matches):
            raise SignatureError("The signature does not fit the body.")
        age = request.received_at.timestamp() - int(signed_at)
        if abs(age) > SIGNED_FOR.total_seconds():
            raise SignatureError("The webhook was signed too long ago.")
        return Webhook(key=f"{delivery}:{hashlib.sha256(request.body).hexdigest()[:16]}", topic=topic)

    def parse(self, body: bytes, *, topic: str, settings: PluginSettings) -> tuple[CommerceEvent, ...]:
        """Return the order and its refunds; topics that are not about orders give nothing.

        Raises:
            InputError: the body is no order of this shop.
        """
        return events_in(body) if topic in TOPICS else ()

    def origins(self, settings: PluginSettings) -> tuple[str, ...]:
        """Return the shop's address."""
        return (checked(settings).address,)

    def check(self, *, settings: PluginSettings, http: HttpClient) -> ConnectionReport:
        """Ask the shop for its name.

        Raises:
            ConfigError, RetriableError, FatalError: as `HttpClient.request`.
        """
        return ConnectionReport(shop=field(ask(http, "GET /shop", settings=settings), "name", kind=str))

    def pull(
        self, *, since: datetime, until: datetime, cursor: str | None, settings: PluginSettings, http: HttpClient
    ) -> PulledPage:
        """Return a page of orders by when they changed.

        Raises:
            ConfigError, RetriableError, FatalError: as `HttpClient.request`.
        """
        params = {"since": written(since), "until": written(until)} | ({"cursor": cursor} if cursor else {})
        page = ask(http, "GET /orders", settings=settings, params=params)
        deliveries = tuple(self._delivery(order, settings) for order in field(page, "orders", kind=list))
        return PulledPage(deliveries, page.get("next"))

    def find_code(self, code: str, *, settings: PluginSettings, http: HttpClient) -> ShopCode | None:
        """Return what the shop has under `code`, in whatever case.

        Raises:
            ConfigError, RetriableError, FatalError: as `HttpClient.request`.
        """
        found = field(ask(http, "GET /codes", settings=settings, params={"code": code}), "codes", kind=list)
        return shop_code(found[0]) if found else None

    def push_code(self, code: CodeView, *, settings: PluginSettings, http: HttpClient) -> str:
        """Write the code over the one of that name, or make it.

        Raises:
            ConfigError, RetriableError, FatalError: as `HttpClient.request`.
        """
        found = self.find_code(code.code, settings=settings, http=http)
        call = f"PUT /codes/{quote(found.reference, safe='')}" if found else "POST /codes"
        return field(ask(http, call, settings=settings, json=code_document(code)), "id", kind=str)

    def revoke_code(self, reference: str, *, settings: PluginSettings, http: HttpClient) -> None:
        """Delete the code; one that is gone already is fine.

        Raises:
            ConfigError, RetriableError, FatalError: as `HttpClient.request`.
        """
        send(http, f"DELETE /codes/{quote(reference, safe='')}", settings=settings, accept=(404,))

    def code_address(self, destination: str, *, code: str, settings: PluginSettings) -> str:
        """Return the address under which the shop applies `code` and then shows `destination`."""
        parts = urlsplit(destination)
        shown = urlunsplit(("", "", parts.path or "/", parts.query, ""))
        return urlunsplit(
            (parts.scheme, parts.netloc, f"/discount/{quote(code, safe='')}", urlencode({"to": shown}), "")
        )

    def subscriptions(self, *, address: str, settings: PluginSettings, http: HttpClient) -> tuple[Subscription, ...]:
        """Return every topic, and whether the shop sends it to `address`.

        Raises:
            ConfigError, RetriableError, FatalError: as `HttpClient.request`.
        """
        found = field(
            ask(http, "GET /subscriptions", settings=settings, params={"address": address}), "subscriptions", kind=list
        )
        sent = {one["topic"] for one in found if isinstance(one, dict) and one.get("enabled") is True}
        return tuple(Subscription(topic, topic in sent) for topic in TOPICS)

    def subscribe(self, *, address: str, settings: PluginSettings, http: HttpClient) -> None:
        """Switch every topic on.

        Raises:
            ConfigError, RetriableError, FatalError: as `HttpClient.request`.
        """
        ask(http, "PUT /subscriptions", settings=settings, json={"address": address, "topics": list(TOPICS)})

    def _delivery(self, order: Any, settings: PluginSettings) -> Delivery:
        if not isinstance(order, dict):
            raise FatalError("The shop lists an order that is none.")
        body, topic = json.dumps(order, default=str).encode(), "order.updated"
        try:
            events = self.parse(body, topic=topic, settings=settings)
        except InputError as error:
            raise FatalError(f"The shop lists an order that cannot be read: {error}") from None
        return Delivery(f"order:{order['id']}:{order['updated_at']}", body, events, topic=topic)
