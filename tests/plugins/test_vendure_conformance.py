"""The Vendure connector is what the host expects of a connector."""

from datetime import timedelta

from engine.testing.connectors import ConnectorConformance, Sample
from plugins import vendure
from tests.plugins.by_module import body, sent, written
from tests.plugins.vendure.shop import FakeShop, a_refund, an_order, at, refunded, settings

PART = refunded(an_order(), a_refund("1", 4_000, 90, lines={"1": 1}), a_refund("2", 500, 95))


def shop_with_orders() -> FakeShop:
    """Sixty-one orders, so that a pull has several pages; the first was refunded in part."""
    return FakeShop([PART, *(an_order(f"CODE{number}", orderPlacedAt=at(number)) for number in range(60))])


class TestVendure(ConnectorConformance):
    plugin = vendure
    settings = settings(code_parameter="coupon")
    samples = (Sample(body(an_order()), "order"), Sample(body(PART), "refund"))
    sent = (Sample(written({"code": PART["code"]}), "order"), Sample(written({"code": PART["code"]}), "refund"))
    pointers = (Sample(written({"code": PART["code"]}), "order"),)
    stale_after = timedelta(minutes=5)

    def signed(self, body, *, topic, at):
        return sent(body, topic, when=at)

    def shop(self):
        return shop_with_orders()
