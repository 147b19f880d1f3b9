"""Shopify and WooCommerce asked by the host's client: addresses, parameters, bodies and signatures arrive whole."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from engine.plugin_api import CodeView, ConfigError
from plugins.shopify.connector import Shopify
from plugins.woocommerce.connector import WooCommerce
from plugins.woocommerce.settings import WooCommerceSettings
from tests.plugins.shopify import shop as shopify
from tests.plugins.wire import through_the_host
from tests.plugins.woocommerce import shop as woocommerce

CODE = CodeView("key-1", "ANNA+10%~", "Anna & Bea", 1_250, None, datetime(2026, 3, 1, tzinfo=UTC))
WINDOW = {"since": datetime(2026, 3, 1, tzinfo=UTC), "until": datetime(2026, 3, 9, tzinfo=UTC)}


def everything(connector, *, settings, http):
    """Use every capability; return the pulled orders and the code."""
    address = "https://goodword.example/hooks/x/main"
    orders, cursor, first = 0, None, True
    while first or cursor is not None:
        page = connector.pull(**WINDOW, cursor=cursor, settings=settings, http=http)
        orders, cursor, first = orders + len(page.deliveries), page.cursor, False
    for _ in range(2):
        connector.push_code(CODE, settings=settings, http=http)
        connector.subscribe(address=address, settings=settings, http=http)
    assert all(each.enabled for each in connector.subscriptions(address=address, settings=settings, http=http))
    assert connector.check(settings=settings, http=http).problems == ()
    return orders, connector.find_code(CODE.code, settings=settings, http=http)


@pytest.mark.parametrize("url", [woocommerce.SECURE, woocommerce.PLAIN], ids=["https", "http"])
def test_woocommerce(url):
    shop, settings = woocommerce.FakeShop(url), woocommerce.settings(url)
    for number in range(60):
        at = (woocommerce.T0 + timedelta(hours=number // 40)).strftime("%Y-%m-%dT%H:%M:%S")
        shop.place(woocommerce.an_order(700 + number, date_modified_gmt=at))
    shop.take_back(shop.orders[700], woocommerce.a_refund(730, "5.00"))
    http = through_the_host(shop, *WooCommerce().origins(settings))
    orders, code = everything(WooCommerce(), settings=settings, http=http)
    assert (orders, code.code, code.percent_bps) == (60, "anna+10%~", 1_250)


def test_woocommerce_with_a_wrong_secret():
    given = woocommerce.settings(woocommerce.PLAIN).model_dump() | {"consumer_secret": "cs_" + "c" * 40}
    wrong = WooCommerceSettings.model_validate(given)
    http = through_the_host(woocommerce.FakeShop(woocommerce.PLAIN), *WooCommerce().origins(wrong))
    with pytest.raises(ConfigError):
        WooCommerce().check(settings=wrong, http=http)


def test_shopify():
    shop, settings = shopify.FakeShop(), shopify.SETTINGS
    for number in range(12):
        shop.place(shopify.later(shopify.an_order(id=9_000 + number), hours=number))
    http = through_the_host(shop, *Shopify().origins(settings))
    orders, code = everything(Shopify(), settings=settings, http=http)
    assert (orders, code.code, code.percent_bps) == (12, CODE.code, 1_250)
    amounts = replace(CODE, percent_bps=None, amount_minor={"EUR": 1_005})
    Shopify().push_code(amounts, settings=settings, http=http)
    found = Shopify().find_code(CODE.code, settings=settings, http=http)
    assert found is not None
    assert found.amount_minor == {"EUR": 1_005}
