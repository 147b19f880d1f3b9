"""The connector `shopify`: what it can do, each in a line or two, and where it is done."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, Final
from urllib.parse import quote, urlsplit, urlunsplit

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
    Subscription,
    Webhook,
    WebhookRequest,
)
from engine.plugin_api.reading import Record, inner, read_record, records
from plugins.shopify.api import AdminApi, answers_of_shopify
from plugins.shopify.codes import found_code, put_code, revoke
from plugins.shopify.disputes import chargeback_event
from plugins.shopify.fetch import changed_orders, order_by_id
from plugins.shopify.orders import order_event
from plugins.shopify.questions import CHECK, VISIBLE
from plugins.shopify.reading import ident
from plugins.shopify.refunds import refund_event
from plugins.shopify.settings import own
from plugins.shopify.signature import verified
from plugins.shopify.subscriptions import subscribe_missing, subscribed
from plugins.shopify.tokens import Tokens
from plugins.shopify.topics import DISPUTE, ORDER, PULLED, READ, REFUND

_SCOPES: Final[Mapping[str, str]] = {
    "read_orders": "orders cannot be read",
    "read_all_orders": "orders older than 60 days cannot be found again",
    "read_customers": "customers are not known, so nobody's first order is",
    "read_products": "rates of single products find no product",
    "write_discounts": "promo codes cannot be put into the shop",
}


_KEPT_BACK: Final = (
    "Shopify keeps from the app: {}. Nobody's own purchases and first orders are known. Custom apps see these on "
    "larger plans only, other apps after a review of protected customer data."
)


class Shopify:
    """Shopify, by webhooks and by its Admin API in GraphQL."""

    name = "shopify"
    title = "Shopify"
    capabilities = frozenset(
        {
            Capability.WEBHOOKS,
            Capability.COMPLETION,
            Capability.PULL,
            Capability.CODES,
            Capability.CODE_LINKS,
            Capability.SUBSCRIPTIONS,
        }
    )

    def __init__(self) -> None:
        self._tokens = Tokens()

    def parse(self, body: bytes, *, topic: str, settings: PluginSettings) -> tuple[CommerceEvent, ...]:
        """Return the order with its refunds, the refund, or the dispute in `body`; a test order gives nothing.

        What the body is, its shape says: the topic is not signed. An edit that was not completed gives nothing.

        Raises:
            InputError: the body cannot be read.
        """
        if topic not in READ:
            return ()
        record = read_record(body)
        if "line_items" in record:
            order = order_event(record)
            return (order, *map(refund_event, records(record, "refunds"))) if order else ()
        if topic in REFUND:
            return (refund_event(record),)
        if topic in DISPUTE:
            chargeback = chargeback_event(record)
            return (chargeback,) if chargeback else ()
        if "order_edit" in record:
            return ()
        raise InputError("This is no order: it has no line_items.", field="line_items")

    def verify(self, request: WebhookRequest, *, settings: PluginSettings) -> Webhook:
        """Return the webhook that `request` is.

        Raises:
            SignatureError: no live secret signed it, or it is another shop's.
        """
        return verified(request, own(settings))

    def complete(self, body: bytes, *, topic: str, settings: PluginSettings, http: HttpClient) -> bytes:
        """Return the order that `body` is about as the Admin API has it now, in the likeness of a webhook.

        It has what webhooks lack: when each payment and refund was made and changed, and all in the shop's money. So
        webhooks and pulls say the same. An order that the API does not have leaves the body as it is.

        Raises:
            ConfigError, RetriableError, FatalError: as `HttpClient.request`.
            InputError: the body cannot be read.
        """
        order_id = _order_in(read_record(body), topic)
        with answers_of_shopify():
            order = order_by_id(self._api(settings, http), order_id) if order_id else None
        return _written(order) if order else body

    def origins(self, settings: PluginSettings) -> tuple[str, ...]:
        """Return the shop's own origin."""
        return (own(settings).origin,)

    def check(self, *, settings: PluginSettings, http: HttpClient) -> ConnectionReport:
        """Say which shop this is, which access scopes are missing, and what Shopify keeps from the app.

        Raises:
            ConfigError, RetriableError, FatalError: as `HttpClient.request`.
        """
        api = self._api(settings, http)
        with answers_of_shopify():
            found = api.ask(CHECK)
            scopes = {each["handle"] for each in found["currentAppInstallation"]["accessScopes"]}
            name = str(found["shop"]["name"])[:200]
        problems = [f"Without the access scope {scope}, {_SCOPES[scope]}." for scope in _SCOPES if scope not in scopes]
        if {"read_orders", "read_customers"} <= scopes and (kept_back := api.ask_openly(VISIBLE)[1]):
            problems.append(_KEPT_BACK.format(", ".join(sorted(kept_back))))
        return ConnectionReport(name, tuple(problems))

    def pull(
        self, *, since: datetime, until: datetime, cursor: str | None, settings: PluginSettings, http: HttpClient
    ) -> PulledPage:
        """Return a page of the orders changed from `since` until `until`, oldest change first.

        Raises:
            ConfigError, RetriableError, FatalError: as `HttpClient.request`.
        """
        api = self._api(settings, http)
        with answers_of_shopify():
            orders, following = changed_orders(api, since=since, until=until, cursor=cursor)
            reached = datetime.fromisoformat(orders[-1]["updated_at"]) if orders else None
            deliveries = tuple(self._deliveries(orders, settings))
        return PulledPage(deliveries, following, reached)

    def find_code(self, code: str, *, settings: PluginSettings, http: HttpClient) -> ShopCode | None:
        """Return the discount that the shop has under `code`, in whatever case, or None.

        Raises:
            ConfigError, RetriableError, FatalError: as `HttpClient.request`.
        """
        with answers_of_shopify():
            return found_code(self._api(settings, http), code)

    def push_code(self, code: CodeView, *, settings: PluginSettings, http: HttpClient) -> str:
        """Put `code` into the shop as a discount of its own, and return the discount's id.

        Raises:
            ConfigError, RetriableError, FatalError: as `HttpClient.request`; FatalError also where the shop has the
                code for something else, or sells in a currency without an amount.
        """
        with answers_of_shopify():
            return put_code(self._api(settings, http), code)

    def revoke_code(self, reference: str, *, settings: PluginSettings, http: HttpClient) -> None:
        """End the discount; quiet where it is gone.

        Raises:
            ConfigError, RetriableError, FatalError: as `HttpClient.request`.
        """
        with answers_of_shopify():
            revoke(self._api(settings, http), reference)

    def code_address(self, destination: str, *, code: str, settings: PluginSettings) -> str:
        """Return the shop's shareable link: it applies `code` and redirects to the path of `destination`."""
        parts = urlsplit(destination)
        target = urlunsplit(("", "", parts.path or "/", parts.query, parts.fragment))
        path = f"/discount/{quote(code, safe='')}"
        return urlunsplit((parts.scheme, parts.netloc, path, f"redirect={quote(target, safe='/')}", ""))

    def subscriptions(self, *, address: str, settings: PluginSettings, http: HttpClient) -> tuple[Subscription, ...]:
        """Return every wanted topic and whether the shop sends it to `address`.

        Raises:
            ConfigError, RetriableError, FatalError: as `HttpClient.request`.
        """
        with answers_of_shopify():
            return subscribed(self._api(settings, http), address)

    def subscribe(self, *, address: str, settings: PluginSettings, http: HttpClient) -> None:
        """Make the shop send every wanted topic to `address`.

        Raises:
            ConfigError, RetriableError, FatalError: as `HttpClient.request`.
        """
        with answers_of_shopify():
            subscribe_missing(self._api(settings, http), address)

    def _api(self, settings: PluginSettings, http: HttpClient) -> AdminApi:
        return AdminApi(own(settings), http, self._tokens)

    def _deliveries(self, orders: list[dict[str, Any]], settings: PluginSettings) -> Iterator[Delivery]:
        for order in orders:
            body = _written(order)
            key = f"{PULLED}:{_brief(order['id'])}:{_brief(order['updated_at'])}:{sha256(body).hexdigest()[:32]}"
            yield Delivery(key, body, self._events(body, settings), topic=PULLED)

    def _events(self, body: bytes, settings: PluginSettings) -> tuple[CommerceEvent, ...]:
        """Return what `parse` makes of a pulled order; one that it cannot read must not stop those behind it."""
        try:
            return self.parse(body, topic=PULLED, settings=settings)
        except InputError:
            return ()


def _order_in(record: Record, topic: str) -> str | None:
    """Return the id of the order that a webhook is about."""
    if topic in REFUND and "line_items" not in record:
        return ident(record, "order_id")
    if topic in ORDER | REFUND:
        return ident(inner(record, "order_edit"), "order_id") if "order_edit" in record else ident(record, "id")
    return None


def _brief(value: object) -> str:
    """Return what can stand in a key; the hash beside it tells odd things apart."""
    text = str(value)[:40]
    return text if text.isprintable() else "odd"


def _written(order: Mapping[str, Any]) -> bytes:
    """Write an order down; a decimal where the schema has none becomes a text, which reading judges."""
    text = json.dumps(order, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)
    return text.encode("utf-8", "replace")
