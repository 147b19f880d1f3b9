"""The Shopify connector is what the host expects of a connector."""

import copy

from engine.testing.connectors import ConnectorConformance, Sample
from plugins import shopify
from tests.plugins.shopify.shop import CAP, SETTINGS, FakeShop, a_refund, an_order, later, sent, written

ORDER = an_order()
REFUND = a_refund(ORDER, 9001, units={CAP: 1})


def shop_with_orders() -> FakeShop:
    """Twelve orders, so that a pull has two pages; the first was refunded in part."""
    shop = FakeShop()
    for number in range(12):
        shop.place(later(ORDER, hours=number, id=ORDER["id"] + number))
    shop.take_back(shop.orders[ORDER["id"]], copy.deepcopy(REFUND))
    return shop


class TestShopify(ConnectorConformance):
    plugin = shopify
    settings = SETTINGS
    samples = (
        Sample(written(ORDER), "orders/paid"),
        Sample(written({**ORDER, "refunds": [REFUND]}), "orders/updated"),
        Sample(written(REFUND), "refunds/create"),
    )
    pointers = (
        Sample(written({"order_edit": {"id": 1, "order_id": ORDER["id"]}}), "orders/edited"),
        Sample(written(REFUND), "refunds/create"),
    )
    stale_after = None
    missing_reference = "gid://shopify/DiscountCodeNode/404"
    destination = "https://acme.example/products/cap?colour=red#top"

    def signed(self, body, *, topic, at):
        return sent(body, topic, event_id=f"event-{len(body)}")

    def shop(self):
        return shop_with_orders()
