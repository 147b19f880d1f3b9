"""However many webhooks get lost, after two reconciliations the books of every connector are as if none had been.

Ten orders in each shop, every second of them refunded in part. Of what the shops send of it, a share is lost, the rest
comes in disorder and some of it twice; beside each stands an installation that was told nothing and only asks.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from engine.kernel.settings import DEFAULT_PLUGINS
from engine.plugin_api import Capability, WebhookRequest
from engine.plugin_host.registry import load_plugins
from tests.plugins import by_module
from tests.plugins.medusa import shop as medusa
from tests.plugins.shopify import shop as shopify
from tests.plugins.stripe_payments import account as stripe
from tests.plugins.stripe_payments.objects import seconds
from tests.plugins.stripe_payments.objects import written as stripe_written
from tests.plugins.stripe_payments.world import Account
from tests.plugins.test_shops_end_to_end import CODE, SHOPIFY, WOOCOMMERCE, houses  # noqa: F401 - a fixture
from tests.plugins.vendure import shop as vendure
from tests.plugins.woocommerce import shop as woocommerce

NOW = datetime.fromisoformat("2026-03-04T12:00:00+00:00")
ORDERS = range(1, 11)
Day = tuple[Any, dict[str, Any], Callable[[Any], Iterator[WebhookRequest]]]


def shopify_day(shop: shopify.FakeShop) -> Iterator[WebhookRequest]:
    for number in ORDERS:
        codes = [{"code": CODE, "amount": "11.88", "type": "percentage"}]
        order = shopify.an_order(
            id=70_000 + number,
            processed_at="2026-03-02T12:00:00+01:00",
            discount_codes=codes,
            discount_applications=[],
        )
        shop.place(order)
        yield shopify.sent(shopify.written(order), "orders/create", event_id=f"c{number}")
        if number % 2:
            shop.take_back(order, shopify.a_refund(order, 9_000 + number, units={shopify.MUG: 1}))
            yield shopify.sent(shopify.written(order["refunds"][0]), "refunds/create", event_id=f"r{number}")


def woocommerce_day(shop: woocommerce.FakeShop) -> Iterator[WebhookRequest]:
    for number in ORDERS:
        order = shop.place(woocommerce.an_order(number, coupon_lines=[{"id": 1, "code": CODE.lower()}]))
        yield woocommerce.sent(woocommerce.written(order), "order.created")
        if number % 2:
            shop.take_back(order, woocommerce.a_refund(700 + number, "8.00"))
            yield woocommerce.sent(woocommerce.written(order), "order.updated")


def medusa_day(shop: medusa.FakeShop) -> Iterator[WebhookRequest]:
    for number in ORDERS:
        cups, cap = medusa.an_item("ordli_1", "27.5", 2, off="5.5", code=CODE), medusa.an_item("ordli_2", "18")
        order = medusa.an_order(f"order_{number}", items=[cups, cap])
        shop.place(medusa.refunded(order, (f"ref_{number}", "5", 40)) if number % 2 else order)
        for told in range(1 + number % 2):
            pointer = by_module.written({"id": order["id"]})
            yield by_module.sent(pointer, when=NOW, message_id=f"msg_{number}_{told}")


def vendure_day(shop: vendure.FakeShop) -> Iterator[WebhookRequest]:
    for number in ORDERS:
        order = vendure.an_order(f"CODE{number}", id=str(number), couponCodes=[CODE], customFields={"click": None})
        refund = vendure.a_refund(str(number), 1_200, 90)
        shop.orders.append(vendure.refunded(order, refund) if number % 2 else order)
        for told in range(1 + number % 2):
            pointer = by_module.written({"code": order["code"]})
            yield by_module.sent(pointer, when=NOW, message_id=f"msg_{number}_{told}")


def stripe_day(account: Account) -> Iterator[WebhookRequest]:
    (code,) = account.folders["promotion_codes"].values()
    discounts = [{"coupon": code["promotion"]["coupon"], "promotion_code": code["id"]}]
    at = seconds(NOW - timedelta(days=1))
    for number in ORDERS:
        account.buy(str(number), at=at, discounts=discounts)
        if number % 2:
            account.refund(str(number), f"re_{number}", 700, at=at + 60)
    for event in account.folders["events"].values():
        yield stripe.sent(stripe_written(event), at=NOW)


def shop_of(connector: str) -> Day:
    match connector:
        case "shopify":
            return shopify.FakeShop(), SHOPIFY, shopify_day
        case "woocommerce":
            shop = woocommerce.FakeShop()
            return shop, WOOCOMMERCE | {"url": shop.url}, woocommerce_day
        case "medusa":
            settings = {"url": medusa.URL, "api_key": medusa.KEY, "secrets": [by_module.SECRET]}
            return medusa.FakeShop(), settings, medusa_day
        case "vendure":
            settings = {"admin_api": vendure.URL, "username": vendure.NAME, "password": vendure.PASSWORD}
            return vendure.FakeShop(), settings | {"secrets": [by_module.SECRET]}, vendure_day
        case "stripe_payments":
            return Account(now=seconds(NOW)), {"api_key": stripe.KEY, "webhook_secrets": [stripe.SECRET]}, stripe_day
    raise AssertionError(f"{connector} can be asked, and nobody lets its webhooks get lost")


ASKED = ("medusa", "shopify", "stripe_payments", "vendure", "woocommerce")


@pytest.mark.parametrize("lost", [0, 30, 70, 100])
@pytest.mark.parametrize("connector", ASKED)
def test_webhooks_lost_are_made_good_by_asking_twice(houses, clock, connector, lost):  # noqa: F811
    """Which are lost, which come twice, and the order of all, is drawn by the share as seed."""
    random = Random(lost)
    shop, document, day = shop_of(connector)
    told, asking = houses(connector=connector, shop=shop, document=document)
    told.goodword.tell_events()
    told.goodword.code_pusher().push_due()
    sent = list(day(shop))
    clock.set(NOW)
    came = random.sample(sent, len(sent) * (100 - lost) // 100)
    told.hear(*random.sample(came, len(came)), *random.sample(came, len(came) // 3))
    for each in (told, asking):
        each.ask()
        again = each.ask()
        assert (again.missing, again.different, again.extra) == ([], [], [])
    assert told.books() == asking.books()
    assert [booked > 0 for _, booked, *_ in told.books()] == [True] * len(ORDERS)
    assert len({booked for _, booked, *_ in told.books()}) == 2, "whole orders and refunded ones owe different sums"


def test_every_connector_that_can_be_asked_is_held_to_it():
    host = load_plugins(DEFAULT_PLUGINS)
    pulling = [name for name, one in host.connectors.items() if Capability.PULL in one.value.capabilities]
    assert sorted(pulling) == sorted(ASKED)
