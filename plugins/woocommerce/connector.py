"""The connector `woocommerce`: what it can do, each in a line or two, and where it is done."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from engine.plugin_api import (
    Capability,
    CodeView,
    CommerceEvent,
    ConfigError,
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
    address_with,
)
from engine.plugin_api.reading import read_record
from plugins.woocommerce.api import RestApi, answers_of_the_shop
from plugins.woocommerce.codes import found_code, missing, put_code, revoke
from plugins.woocommerce.fetch import changed_orders, order_by_id, with_details
from plugins.woocommerce.orders import order_event
from plugins.woocommerce.reading import ident
from plugins.woocommerce.refunds import refund_events
from plugins.woocommerce.settings import own
from plugins.woocommerce.signature import READ, UPDATED, verified
from plugins.woocommerce.subscriptions import subscribe_all, subscribed


class WooCommerce:
    """WooCommerce, by webhooks and by its REST API, version 3."""

    name = "woocommerce"
    title = "WooCommerce"
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

    def parse(self, body: bytes, *, topic: str, settings: PluginSettings) -> tuple[CommerceEvent, ...]:
        """Return the order with its refunds; a draft gives nothing.

        Raises:
            InputError: the body cannot be read; also where an order was deleted for good before it could be asked for.
        """
        if topic not in READ:
            return ()
        record = read_record(body)
        if "line_items" not in record:
            problem = f"Order {ident(record, 'id')} was deleted for good: the shop knows nothing of it any more."
            raise InputError(problem, field="line_items", remedy="Correct what it earned by hand.")
        order = order_event(record)
        return (order, *refund_events(record)) if order else ()

    def verify(self, request: WebhookRequest, *, settings: PluginSettings) -> Webhook:
        """Return the webhook that `request` is.

        Raises:
            SignatureError: no live secret signed it.
        """
        return verified(request, own(settings))

    def complete(self, body: bytes, *, topic: str, settings: PluginSettings, http: HttpClient) -> bytes:
        """Return the order with the details of its refunds; what only names an order becomes that order.

        An order without refunds needs nothing and stays as it is.

        Raises:
            ConfigError, RetriableError, FatalError: as `HttpClient.request`.
            InputError: the body cannot be read.
        """
        record = read_record(body)
        order_id, api = ident(record, "id"), RestApi(own(settings), http)
        if topic not in READ or ("line_items" in record and not record.get("refunds")):
            return body
        with answers_of_the_shop():
            order = with_details(api, record) if "line_items" in record else order_by_id(api, order_id)
        return _written(order) if order else body

    def origins(self, settings: PluginSettings) -> tuple[str, ...]:
        """Return the shop's origin."""
        return (own(settings).origin,)

    def check(self, *, settings: PluginSettings, http: HttpClient) -> ConnectionReport:
        """Say which shop this is, what its key may do, and whether coupons are switched on.

        Raises:
            ConfigError, RetriableError, FatalError: as `HttpClient.request`.
        """
        api = RestApi(own(settings), http)
        with answers_of_the_shop():
            index = api.ask("GET", "")
            name, namespaces, home = str(index["name"])[:200], index["namespaces"], str(index["home"]).rstrip("/")
            if "wc/v3" not in namespaces:
                raise ConfigError("This is a WordPress without WooCommerce, or with one before 3.5.")
            elsewhere = urlsplit(home)[:3] != urlsplit(api.settings.url)[:3]
            problems = [
                f"The shop calls itself {home[:200]}: enter that address, or signatures do not match."
            ] * elsewhere
            try:
                api.page("wc/v3/orders", {"per_page": "1"})
            except ConfigError as error:
                raise ConfigError(" ".join((str(error), *problems))) from None
            problems += missing(api)
        return ConnectionReport(name, tuple(problems))

    def pull(
        self, *, since: datetime, until: datetime, cursor: str | None, settings: PluginSettings, http: HttpClient
    ) -> PulledPage:
        """Return a page of the orders changed from `since` until `until`; those in the bin come last.

        Raises:
            ConfigError, RetriableError, FatalError: as `HttpClient.request`.
        """
        api = RestApi(own(settings), http)
        with answers_of_the_shop():
            orders, following = changed_orders(api, since=since, until=until, cursor=cursor)
            deliveries = tuple(self._deliveries(orders, settings))
        return PulledPage(deliveries, following)

    def find_code(self, code: str, *, settings: PluginSettings, http: HttpClient) -> ShopCode | None:
        """Return the coupon that the shop has under `code`, in whatever case, or None.

        Raises:
            ConfigError, RetriableError, FatalError: as `HttpClient.request`.
        """
        with answers_of_the_shop():
            return found_code(RestApi(own(settings), http), code)

    def push_code(self, code: CodeView, *, settings: PluginSettings, http: HttpClient) -> str:
        """Put `code` into the shop as a coupon, and return the coupon's id.

        Raises:
            ConfigError, RetriableError, FatalError: as `HttpClient.request`; FatalError also where the shop sells in a
                currency without an amount.
        """
        with answers_of_the_shop():
            return put_code(RestApi(own(settings), http), code)

    def revoke_code(self, reference: str, *, settings: PluginSettings, http: HttpClient) -> None:
        """Take the coupon out of use; quiet where it is gone.

        Raises:
            ConfigError, RetriableError, FatalError: as `HttpClient.request`.
        """
        with answers_of_the_shop():
            revoke(RestApi(own(settings), http), reference)

    def code_address(self, destination: str, *, code: str, settings: PluginSettings) -> str | None:
        """Return `destination` with the coupon: on a checkout link as WooCommerce takes it, else as its extension does.

        None where no extension is named. `/checkout-link/` (10.0 or newer) hands on whatever else its address carries.
        """
        chosen = own(settings)
        is_checkout = urlsplit(destination).path.rstrip("/") == f"{urlsplit(chosen.url).path}/checkout-link"
        name = "coupon" if is_checkout else chosen.code_parameter
        return address_with(destination, parameters={name: code}) if name else None

    def subscriptions(self, *, address: str, settings: PluginSettings, http: HttpClient) -> tuple[Subscription, ...]:
        """Return every wanted topic and whether the shop sends it to `address`.

        Raises:
            ConfigError, RetriableError, FatalError: as `HttpClient.request`.
        """
        with answers_of_the_shop():
            return subscribed(RestApi(own(settings), http), address)

    def subscribe(self, *, address: str, settings: PluginSettings, http: HttpClient) -> None:
        """Make the shop send every wanted topic to `address`.

        Raises:
            ConfigError, RetriableError, FatalError: as `HttpClient.request`.
        """
        with answers_of_the_shop():
            subscribe_all(RestApi(own(settings), http), address)

    def _deliveries(self, orders: list[dict[str, Any]], settings: PluginSettings) -> Iterator[Delivery]:
        for order in orders:
            body = _written(order)
            key = (
                f"{UPDATED}:{_brief(order['id'])}:{_brief(order['date_modified_gmt'])}:{sha256(body).hexdigest()[:32]}"
            )
            yield Delivery(key, body, self._events(body, settings), topic=UPDATED)

    def _events(self, body: bytes, settings: PluginSettings) -> tuple[CommerceEvent, ...]:
        """Return what `parse` makes of a pulled order; one that it cannot read must not stop those behind it."""
        try:
            return self.parse(body, topic=UPDATED, settings=settings)
        except InputError:
            return ()


def _brief(value: object) -> str:
    """Return what can stand in a key; the hash beside it tells odd things apart."""
    text = str(value)[:40]
    return text if text.isprintable() else "odd"


def _written(order: Mapping[str, Any]) -> bytes:
    """Write an order down. Decimals become texts, as almost all amounts of WooCommerce are."""
    return json.dumps(order, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str).encode(
        "utf-8", "replace"
    )
