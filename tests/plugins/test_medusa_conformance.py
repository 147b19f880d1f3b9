"""The Medusa connector is what the host expects of a connector."""

from datetime import timedelta

from engine.testing.connectors import ConnectorConformance, Sample
from plugins import medusa
from tests.plugins.by_module import body, sent, written
from tests.plugins.medusa.shop import FakeShop, an_order, at, refunded, settings

PART = refunded(an_order(), ("ref_1", "20", 60))


def shop_with_orders() -> FakeShop:
    """Sixty orders, so that a pull has several pages; the first was refunded in part."""
    shop = FakeShop()
    shop.place(PART, *(an_order(f"order_{number:02}", created_at=at(number)) for number in range(2, 61)))
    return shop


class TestMedusa(ConnectorConformance):
    plugin = medusa
    settings = settings(code_parameter="promo")
    samples = (Sample(body(an_order()), "order"), Sample(body(PART), "order"))
    sent = (Sample(written({"id": "order_1"}), "order"),)
    pointers = (Sample(written({"id": "order_1"}), "order"),)
    stale_after = timedelta(minutes=5)
    missing_reference = "promo_01JMISSING"

    def signed(self, body, *, topic, at):
        return sent(body, topic, when=at)

    def shop(self):
        return shop_with_orders()
