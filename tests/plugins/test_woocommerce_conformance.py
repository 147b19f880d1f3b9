"""The WooCommerce connector is what the host expects of a connector."""

import copy

from engine.testing.connectors import ConnectorConformance, Sample
from plugins import woocommerce
from tests.plugins.woocommerce.shop import SECURE, FakeShop, a_refund, an_order, sent, settings, written

REFUND = a_refund(730, "29.46", lines={315: ("24.75", "4.71")})
LISTED = [{"id": 730, "reason": "", "total": "-29.46"}]


def shop_with_orders(url: str) -> FakeShop:
    """Sixty orders, so that a pull has several pages; the first was refunded in part."""
    shop = FakeShop(url)
    for number in range(60):
        shop.place(an_order(727 + number, date_modified_gmt=f"2026-03-02T12:{number:02}:00"))
    shop.take_back(shop.orders[727], copy.deepcopy(REFUND))
    return shop


class TestWooCommerce(ConnectorConformance):
    plugin = woocommerce
    settings = settings(SECURE).model_copy(update={"code_parameter": "apply_coupon"})
    samples = (
        Sample(written(an_order()), "order.created"),
        Sample(written(an_order(refunds=LISTED, refund_details=[REFUND])), "order.updated"),
    )
    sent = (Sample(written(an_order()), "order.created"), Sample(written({"id": 727}), "order.deleted"))
    pointers = (
        Sample(written(an_order(refunds=LISTED)), "order.updated"),
        Sample(written({"id": 727}), "order.deleted"),
    )
    stale_after = None
    missing_reference = "404"

    def signed(self, body, *, topic, at):
        return sent(body, topic, delivery_id=f"delivery-{len(body)}")

    def shop(self):
        return shop_with_orders(SECURE)
