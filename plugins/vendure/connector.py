"""The connector `vendure`: what it can do, and where each part is done."""

import json
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

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
    Webhook,
    WebhookKind,
    WebhookRequest,
    address_with,
    read_json,
    signed_id,
)
from plugins.vendure.api import AdminApi, answers_of_the_shop
from plugins.vendure.codes import found_code, put_code, revoke
from plugins.vendure.questions import CHECK, one_order, orders_placed
from plugins.vendure.reading import changed_at, events_of
from plugins.vendure.settings import own

PER_PAGE: Final = 50
_TOPICS: Final = frozenset({"order", "refund"})


class Vendure:
    """A Vendure shop: its own small plugin says that an order changed, the Admin API says what it is now."""

    name = "vendure"
    title = "Vendure"
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
        return events_of(order, of_sellers=bool(own(settings).channel)) if order else ()

    def verify(self, request: WebhookRequest, *, settings: PluginSettings) -> Webhook:
        """Return the webhook, signed as Standard Webhooks are, with any of the live secrets.

        Raises:
            SignatureError: none of them signed it, or not within the last five minutes.
        """
        keys = [secret.get_secret_value().encode() for secret in own(settings).secrets]
        message_id = signed_id(request, keys)
        topic = request.headers.get("x-goodword-topic", "")[:80]
        kind = WebhookKind.EVENT if topic in _TOPICS else WebhookKind.IGNORED
        return Webhook(message_id, topic if topic.isprintable() else "", kind)

    def complete(self, body: bytes, *, topic: str, settings: PluginSettings, http: HttpClient) -> bytes:
        """Return the order that the webhook names, as it is now.

        Raises:
            InputError: the webhook names no order.
            ConfigError, RetriableError, FatalError: the shop could not be asked.
        """
        document = read_json(body)
        code = document.get("code") if isinstance(document, dict) else None
        if not isinstance(code, str) or not 0 < len(code) <= 100:
            raise InputError("The webhook names no order.", field="code")
        chosen = own(settings)
        with answers_of_the_shop():
            items = AdminApi.signed_in(chosen, http).ask(one_order(chosen.click_field), code=code)["orders"]["items"]
            return _body(items[0]) if items else b"{}"

    def origins(self, settings: PluginSettings) -> tuple[str, ...]:
        """Return the shop's own."""
        return (own(settings).origin,)

    def check(self, *, settings: PluginSettings, http: HttpClient) -> ConnectionReport:
        """Say which channel this is, and which permissions the administrator lacks.

        Raises:
            ConfigError, RetriableError, FatalError: the shop could not be asked.
        """
        with answers_of_the_shop():
            found = AdminApi.signed_in(own(settings), http).ask(CHECK)
            allowed = {one for channel in found["me"]["channels"] for one in channel["permissions"]}
            lacking = {
                "ReadOrder": "Orders cannot be read.",
                "ReadPromotion": "Promo codes cannot be looked up.",
                "CreatePromotion": "Promo codes cannot be put into the shop.",
                "UpdatePromotion": "Promo codes cannot be changed or taken out of the shop.",
            }
            problems = [text for name, text in lacking.items() if name not in allowed and "SuperAdmin" not in allowed]
            channel = found["activeChannel"]
            return ConnectionReport(f"{channel['code']} ({channel['currencyCode']})", tuple(problems))

    def pull(
        self, *, since: datetime, until: datetime, cursor: str | None, settings: PluginSettings, http: HttpClient
    ) -> PulledPage:
        """Return a page of the orders that changed, by when they were placed.

        Vendure cannot be asked what changed: refunds and states leave `updatedAt` as it was. So orders are looked at
        for as long as they may be refunded, and those that did not change are left out.

        Raises:
            ConfigError, RetriableError, FatalError: the shop could not be asked.
        """
        chosen = own(settings)
        skip = _skip(cursor)
        with answers_of_the_shop():
            answer = AdminApi.signed_in(chosen, http).ask(
                orders_placed(chosen.click_field),
                since=(since - timedelta(days=chosen.refund_days)).isoformat(),
                until=until.isoformat(),
                skip=skip,
                take=PER_PAGE,
            )["orders"]
            items = answer["items"]
            deliveries = tuple(self._delivery(item, settings) for item in items if _changed(item, since, until))
            more = skip + len(items)
            return PulledPage(deliveries, str(more) if items and more < answer["totalItems"] else None)

    def code_address(self, destination: str, *, code: str, settings: PluginSettings) -> str | None:
        """Return `destination` with the code as the storefront reads it, None where it reads none."""
        name = own(settings).code_parameter
        return address_with(destination, parameters={name: code}) if name else None

    def find_code(self, code: str, *, settings: PluginSettings, http: HttpClient) -> ShopCode | None:
        """Return the promotion with this coupon code."""
        with answers_of_the_shop():
            return found_code(AdminApi.signed_in(own(settings), http), code)

    def push_code(self, code: CodeView, *, settings: PluginSettings, http: HttpClient) -> str:
        """Create or change the promotion with this coupon code; return its id."""
        with answers_of_the_shop():
            return put_code(AdminApi.signed_in(own(settings), http), code)

    def revoke_code(self, reference: str, *, settings: PluginSettings, http: HttpClient) -> None:
        """Switch the promotion off."""
        with answers_of_the_shop():
            revoke(AdminApi.signed_in(own(settings), http), reference)

    def _delivery(self, item: Any, settings: PluginSettings) -> Delivery:
        body = _body(item)
        key = f"order:{item['code']}:{sha256(body).hexdigest()[:32]}"
        return Delivery(key, body, self._events(body, settings), topic="order")

    def _events(self, body: bytes, settings: PluginSettings) -> tuple[CommerceEvent, ...]:
        """Return what `parse` makes of a pulled order; one that it cannot read must not stop those behind it."""
        try:
            return self.parse(body, topic="order", settings=settings)
        except InputError:
            return ()


def _changed(item: Any, since: datetime, until: datetime) -> bool:
    try:
        return since <= changed_at(item) + timedelta(seconds=1) and changed_at(item) < until + timedelta(seconds=1)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError):
        return True  # `parse` says what is wrong with it


def _body(order: Any) -> bytes:
    return json.dumps({"order": order}, sort_keys=True, separators=(",", ":"), default=str).encode()


def _skip(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 10):
        raise FatalError("The cursor is not one of this connector's.")
    return int(cursor)
