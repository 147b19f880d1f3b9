"""The connector `medusa`: what it can do, and where each part is done."""

import re
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from engine.plugin_api import (
    Capability,
    CodeView,
    CommerceEvent,
    ConnectionReport,
    Delivery,
    HttpClient,
    InputError,
    PluginSettings,
    PulledPage,
    ShopCode,
    Webhook,
    WebhookKind,
    WebhookRequest,
    address_with,
    read_json,
    signed_id,
)
from plugins.medusa.api import AdminApi, answers_of_the_shop
from plugins.medusa.codes import found_code, put_code, revoke, store_of
from plugins.medusa.fields import FIELDS, body_of
from plugins.medusa.orders import changed_at, events_of
from plugins.medusa.pages import orders_looked_at
from plugins.medusa.settings import own

TOPIC: Final = "order"
_ORDER_ID: Final = re.compile(r"[A-Za-z0-9_]{1,100}", re.ASCII)
_TIES: Final = timedelta(milliseconds=1)


class Medusa:
    """A Medusa shop: a small subscriber in it says that an order changed, the Admin API says what it is now."""

    name = "medusa"
    title = "Medusa"
    capabilities = frozenset(
        {Capability.WEBHOOKS, Capability.COMPLETION, Capability.PULL, Capability.CODES, Capability.CODE_LINKS}
    )

    def parse(self, body: bytes, *, topic: str, settings: PluginSettings) -> tuple[CommerceEvent, ...]:
        """Return the order in `body` with its refunds; nothing for what is no order of the Admin API.

        Raises:
            InputError: the body cannot be read.
        """
        document = read_json(body)
        order = document.get("order") if isinstance(document, dict) else None
        return events_of(order) if order else ()

    def verify(self, request: WebhookRequest, *, settings: PluginSettings) -> Webhook:
        """Return the webhook, signed as Standard Webhooks are, with any of the live secrets.

        Raises:
            SignatureError: none of them signed it, or not within the last five minutes.
        """
        keys = [secret.get_secret_value().encode() for secret in own(settings).secrets]
        message_id = signed_id(request, keys)
        topic = request.headers.get("x-goodword-topic", "")[:80]
        kind = WebhookKind.EVENT if topic == TOPIC else WebhookKind.IGNORED
        return Webhook(message_id, topic if topic.isprintable() else "", kind)

    def complete(self, body: bytes, *, topic: str, settings: PluginSettings, http: HttpClient) -> bytes:
        """Return the order that the webhook names, as it is now; an empty object where the shop has none.

        Raises:
            InputError: the webhook names no order.
            ConfigError, RetriableError, FatalError: the shop could not be asked.
        """
        document = read_json(body)
        order_id = document.get("id") if isinstance(document, dict) else None
        if not isinstance(order_id, str) or not _ORDER_ID.fullmatch(order_id):
            raise InputError("The webhook names no order.", field="id")
        with answers_of_the_shop():
            found = AdminApi(own(settings), http).maybe("GET", f"orders/{order_id}", params={"fields": FIELDS})
            return body_of(found["order"]) if found else b"{}"

    def origins(self, settings: PluginSettings) -> tuple[str, ...]:
        """Return the shop's own."""
        return (own(settings).origin,)

    def check(self, *, settings: PluginSettings, http: HttpClient) -> ConnectionReport:
        """Say which store this is. A secret API key may do everything, so nothing can be lacking.

        Raises:
            ConfigError, RetriableError, FatalError: the shop could not be asked.
        """
        api = AdminApi(own(settings), http)
        with answers_of_the_shop():
            store = store_of(api)
            api.get("orders", {"limit": "1", "fields": "id"})["orders"]
            return ConnectionReport(str(store["name"])[:200])

    def pull(
        self, *, since: datetime, until: datetime, cursor: str | None, settings: PluginSettings, http: HttpClient
    ) -> PulledPage:
        """Return a page of the orders that changed, by when they were placed.

        Captures and refunds leave an order's `updated_at` as it was. So orders are looked at for as long as they may be
        refunded, older ones where they say themselves that they changed; those that did not are left out.

        Raises:
            ConfigError, RetriableError, FatalError: the shop could not be asked.
        """
        chosen = own(settings)
        with answers_of_the_shop():
            found, following = orders_looked_at(AdminApi(chosen, http), since=since, until=until, cursor=cursor)
            deliveries = tuple(self._delivery(order, settings) for order in found if _changed(order, since, until))
        return PulledPage(deliveries, following)

    def code_address(self, destination: str, *, code: str, settings: PluginSettings) -> str | None:
        """Return `destination` with the code as the storefront reads it, None where it reads none."""
        name = own(settings).code_parameter
        return address_with(destination, parameters={name: code}) if name else None

    def find_code(self, code: str, *, settings: PluginSettings, http: HttpClient) -> ShopCode | None:
        """Return the promotion with this code, in whatever case."""
        with answers_of_the_shop():
            return found_code(AdminApi(own(settings), http), code)

    def push_code(self, code: CodeView, *, settings: PluginSettings, http: HttpClient) -> str:
        """Create or change the promotion with this code; return its id."""
        with answers_of_the_shop():
            return put_code(AdminApi(own(settings), http), code)

    def revoke_code(self, reference: str, *, settings: PluginSettings, http: HttpClient) -> None:
        """Switch the promotion off."""
        with answers_of_the_shop():
            revoke(AdminApi(own(settings), http), reference)

    def _delivery(self, order: Any, settings: PluginSettings) -> Delivery:
        body = body_of(order)
        key = f"{TOPIC}:{str(order['id'])[:100]}:{sha256(body).hexdigest()[:32]}"
        return Delivery(key, body, self._events(body, settings), topic=TOPIC)

    def _events(self, body: bytes, settings: PluginSettings) -> tuple[CommerceEvent, ...]:
        """Return what `parse` makes of a pulled order; one that it cannot read must not stop those behind it."""
        try:
            return self.parse(body, topic=TOPIC, settings=settings)
        except InputError:
            return ()


def _changed(order: Any, since: datetime, until: datetime) -> bool:
    try:
        return since - _TIES <= changed_at(order) < until + _TIES
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError):
        return True  # `parse` says what is wrong with it
