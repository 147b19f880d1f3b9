"""The fake shop's connector is what the host expects: the kit and the fake agree, whole and with thin webhooks."""

from datetime import UTC, datetime
from hashlib import sha256

from pydantic import SecretStr

from engine.kernel.canonical import dump_json
from engine.kernel.clock import VirtualClock
from engine.plugin_api import WebhookRequest
from engine.testing.connectors import ConnectorConformance, Sample
from engine.testing.fakes import shop_plugin
from engine.testing.fakes.orders import Item
from engine.testing.fakes.shop import FakeShop
from engine.testing.fakes.shop_connector import SIGNED_FOR
from engine.testing.fakes.shop_settings import FakeShopSettings
from engine.testing.fakes.webhooks import signed_headers

SECRET, OLDER, TOKEN = "fake-secret-new", "fake-secret-old", "fake-token-made-up"
START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def a_shop(**more):
    """A shop with three orders, one of them refunded in part and then in whole."""
    shop = FakeShop(clock=VirtualClock(START), secret=SECRET, token=TOKEN, page_size=2, **more)
    first = shop.place(Item("mug", 2_500, quantity=2, tax_minor=475), codes=["ANN10"], shipping_minor=490)
    shop.place(Item("rice", 999), Item("tea", 1), currency="JPY", email=None)
    shop.place(Item("lamp", 1_001), currency="KWD", landing_page="https://fake.example/?gw_click=abc")
    shop.refund(first, lines={"1": 1_000})
    shop.refund(first)
    return shop


class TestFakeShop(ConnectorConformance):
    plugin = shop_plugin
    settings = FakeShopSettings(token=SecretStr(TOKEN), signing_secrets=(SecretStr(SECRET), SecretStr(OLDER)))
    samples = tuple(Sample(dump_json(order.document()).encode(), "order.updated") for order in a_shop().orders.values())
    stale_after = SIGNED_FOR

    def signed(self, body, *, topic, at):
        delivery = f"d-{sha256(body).hexdigest()[:8]}"
        return WebhookRequest(signed_headers(body, topic=topic, delivery_id=delivery, at=at, secret=SECRET), body, at)

    def shop(self):
        return a_shop().client()


class TestFakeShopDuringARotation(TestFakeShop):
    def signed(self, body, *, topic, at):
        return WebhookRequest(signed_headers(body, topic=topic, delivery_id="d", at=at, secret=OLDER), body, at)
