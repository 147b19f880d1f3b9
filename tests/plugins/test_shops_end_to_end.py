"""Shopify and WooCommerce from the code in the shop to the books, by webhook and by asking alone: the books are equal.

Each shop is in memory and answers as the real one (`shopify/shop.py`, `woocommerce/shop.py`). Everything of ours is
real: the door, the inbox, its reader, the code pusher, the reconciler, both databases.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr
from sqlalchemy import select
from werkzeug.test import Client

from engine.bootstrap import Goodword
from engine.connections.queries import ConnectionView
from engine.connections.schemas import ConnectionDraft
from engine.connections.service import save_connection
from engine.intake.reconciliation.tables import ReconciliationKind
from engine.intake.tables import ShopOrder
from engine.kernel.database import Database
from engine.kernel.settings import Settings
from engine.kernel.tables import table_of
from engine.pipeline.run import Pipeline
from engine.plugin_api import WebhookRequest
from engine.plugin_host.registry import load_plugins
from engine.programs.schemas import TermsDocument
from engine.rewards.tables import RewardScope
from engine.tracking.clicks.rules import click_token
from engine.tracking.codes.service import issue_code
from tests.factories import make_brand, make_click, make_enrollment, make_program
from tests.plugins.shopify import shop as shopify
from tests.plugins.wire import pool_for
from tests.plugins.woocommerce import shop as woocommerce
from web.hooks import Hooks

TERMS = TermsDocument.model_validate(
    {
        "rewards": [{"key": "commission", "type": "percentage"}],
        "rates": [{"reward": "commission", "rate_bps": 1_000}],
        "customer_discount": {"percent_bps": 1_250},
    }
)
CODE = "ANNA12"
ACCOUNT = "main-shop"


@dataclass(frozen=True)
class House:
    """An installation with one brand and one shop; Ada has a code and a click there."""

    goodword: Goodword
    brand_id: UUID
    connection: ConnectionView
    click: str

    def hear(self, *webhooks: WebhookRequest) -> None:
        """Take webhooks in at the door, and read them."""
        hooks = Hooks(self.goodword)
        for webhook in webhooks:
            path = f"/hooks/{self.connection.connector}/{ACCOUNT}"
            assert Client(hooks).post(path, data=webhook.body, headers=dict(webhook.headers)).status_code == 200
        hooks.close()
        reader = self.goodword.webhook_reader()
        while reader.poll():
            pass

    def ask(self, kind: ReconciliationKind = ReconciliationKind.WEEKLY) -> Any:
        """Ask the shop what changed."""
        found = self.goodword.reconciler().reconcile(self.connection, kind=kind)
        assert (found.problem, found.findings.refused) == (None, [])
        return found.findings

    def books(self) -> list[tuple[Any, ...]]:
        """Return what is owed for each order, for what, and by what it was credited."""
        order, scope = table_of(ShopOrder), table_of(RewardScope)
        statement = (
            select(order.c.external_id, scope.c.booked_minor, scope.c.base_minor, scope.c.state, order.c.paid_at)
            .join_from(scope, order, order.c.id == scope.c.order_id)
            .where(scope.c.brand_id == self.brand_id)
            .order_by(order.c.external_id)
        )
        with self.goodword.database.reading() as unit:
            return [tuple(found) for found in unit.execute(statement)]


def house(database: Database, home: Path, *, connector: str, shop: Any, document: dict[str, Any]) -> House:
    settings = Settings(home=home, secret_key=SecretStr("v" * 40), smtp_url="")
    host = load_plugins(("attribution_basic", "rewards_cash", connector))
    pipeline = Pipeline.of(database, host, keyring=settings.keyring)
    goodword = Goodword(settings, database, host, pipeline, pool_for(shop, "http://127.0.0.1:8099"))

    def work(unit: Any) -> tuple[UUID, ConnectionView, str]:
        brand = make_brand(unit)
        program = make_program(unit, brand.id, document=TERMS)
        enrollment = make_enrollment(unit, program)
        issue_code(unit, brand.id, program_id=program.id, enrollment_id=enrollment.id, code=CODE, by="test")
        click = make_click(unit, enrollment)
        draft = ConnectionDraft(connector=connector, account=ACCOUNT, title="The shop", settings=document)
        view = save_connection(unit, brand.id, draft, host=host, keyring=goodword.keyring, by="test")
        return brand.id, view, click_token(goodword.keyring.key("click"), click.id)

    return House(goodword, *database.run(work))


@pytest.fixture
def houses(fresh_db, tmp_path) -> Callable[..., tuple[House, House]]:
    """Two installations in front of one shop."""

    def make(**more: Any) -> tuple[House, House]:
        told, asking = (house(fresh_db(), tmp_path / name, **more) for name in ("told", "asking"))
        return told, asking

    return make


def after(clock: Any, day: int) -> None:
    clock.set(datetime.fromisoformat(f"2026-03-{day:02}T12:00:00+00:00"))


WOOCOMMERCE = {
    "consumer_key": woocommerce.KEY,
    "consumer_secret": woocommerce.KEY_SECRET,
    "secrets": [woocommerce.SECRET],
}
SHOPIFY = {"shop": "acme.myshopify.com", "access_token": shopify.TOKEN, "secrets": [shopify.SECRET]}


def test_shopify_by_webhook_and_by_asking(houses, clock):
    shop = shopify.FakeShop()
    told, asking = houses(connector="shopify", shop=shop, document=SHOPIFY)
    for each in (told, asking):
        each.goodword.tell_events()
        assert each.goodword.code_pusher().push_due() == 1
    assert [(each["codes"], each["value"]) for each in shop.discounts.values()] == [([CODE], {"percentage": 0.125})]

    after(clock, 3)
    codes = [{"code": CODE.lower(), "amount": "11.88", "type": "percentage"}]
    by_code = shopify.an_order(processed_at="2026-03-02T12:00:00+01:00", discount_codes=codes, discount_applications=[])
    landing = f"/discount/X?redirect=%2F%3Fgw_click%3D{told.click}"
    by_click = {**deepcopy(by_code), "id": by_code["id"] + 1, "discount_codes": [], "landing_site": landing}
    by_click["note_attributes"] = [{"name": "gw_click", "value": asking.click}]
    for order in (by_code, by_click):
        shop.place(order, paid_at="2026-03-02T13:00:00Z")
    told.hear(
        *(
            shopify.sent(shopify.written(order), "orders/paid", event_id=str(order["id"]))
            for order in shop.orders.values()
        )
    )
    assert [(booked, base) for _, booked, base, *_ in told.books()] == [(898, 8985), (898, 8985)]
    assert {str(paid) for *_, paid in told.books()} == {"2026-03-02 13:00:00+00:00"}

    after(clock, 4)
    refund = shop.take_back(by_code, shopify.a_refund(by_code, 9001, units={shopify.CAP: 1}, at="2026-03-04T09:00:00Z"))
    told.hear(
        shopify.sent(shopify.written(refund), "refunds/create", event_id="r1"),
        shopify.sent(shopify.written(by_code), "orders/updated", event_id="r1"),
        shopify.sent(shopify.written(by_code), "orders/updated", event_id="r1"),
    )
    assert [base for _, _, base, *_ in told.books()] == [8985 - 3774, 8985]

    assert len(asking.ask().missing) == 3
    assert asking.books() == told.books()
    for each in (told, asking):
        again = each.ask(ReconciliationKind.SLIDING)
        assert (again.missing, again.different, again.extra) == ([], [], [])


@pytest.mark.parametrize("url", [woocommerce.SECURE, woocommerce.PLAIN], ids=["https", "http"])
def test_woocommerce_by_webhook_and_by_asking(houses, clock, url):
    shop = woocommerce.FakeShop(url)
    document = WOOCOMMERCE | {"url": url}
    told, asking = houses(connector="woocommerce", shop=shop, document=document)
    for each in (told, asking):
        each.goodword.tell_events()
        assert each.goodword.code_pusher().push_due() == 1
    assert [(each["code"], each["amount"]) for each in shop.coupons.values()] == [(CODE.lower(), "12.50")]

    after(clock, 3)
    coupon = [{"id": 1, "code": CODE.lower(), "discount": "7.50", "discount_tax": "1.43"}]
    clicks = [{"id": 1, "key": "gw_click", "value": told.click}]
    clicks += [{"id": 2, "key": "_wc_order_attribution_session_entry", "value": f"{url}/?gw_click={asking.click}"}]
    shop.place(woocommerce.an_order(1, coupon_lines=coupon, meta_data=[]))
    shop.place(woocommerce.an_order(2, coupon_lines=[], meta_data=clicks))
    greeting = WebhookRequest({"content-type": "application/x-www-form-urlencoded"}, b"webhook_id=7", woocommerce.T0)
    told.hear(
        greeting,
        *(woocommerce.sent(woocommerce.written(order), "order.created") for order in shop.orders.values()),
        *(woocommerce.sent(woocommerce.written(order), "order.updated") for order in shop.orders.values()),
    )
    assert [(booked, base) for _, booked, base, *_ in told.books()] == [(675, 6750), (675, 6750)]

    after(clock, 4)
    order = shop.orders[1]
    for refund in (
        woocommerce.a_refund(730, "29.46", lines={315: ("24.75", "4.71")}),
        woocommerce.a_refund(731, "8.00", at="2026-03-03T11:00:00"),
    ):
        shop.take_back(order, refund)
        told.hear(woocommerce.sent(woocommerce.written(order), "order.updated", delivery_id="the same"))
    left = told.books()[0][2]
    assert left < 6750 - 2475

    order["refunds"] = [each for each in order["refunds"] if each["id"] != 731]
    order["date_modified_gmt"] = "2026-03-04T08:00:00"
    shop.orders[2] |= {"status": "trash", "date_modified_gmt": "2026-03-04T09:00:00"}
    told.hear(
        woocommerce.sent(woocommerce.written(order), "order.updated"),
        woocommerce.sent(woocommerce.written({"id": 2}), "order.deleted"),
    )
    assert [(booked, base) for _, booked, base, *_ in told.books()] == [(428, 4275), (0, 0)]

    asking.ask()
    assert [owed for owed in asking.books() if owed[1]] == [owed for owed in told.books() if owed[1]]
    for each in (told, asking):
        again = each.ask(ReconciliationKind.SLIDING)
        assert (again.missing, again.different, again.extra) == ([], [], [])


def test_woocommerce_restores_a_deleted_refund_though_the_order_keeps_its_time_of_change(houses, clock):
    shop = woocommerce.FakeShop()
    told, asking = houses(connector="woocommerce", shop=shop, document=WOOCOMMERCE | {"url": woocommerce.SECURE})
    after(clock, 4)
    order = shop.place(woocommerce.an_order(1, coupon_lines=[{"id": 1, "code": CODE.lower()}]))
    shop.take_back(order, woocommerce.a_refund(730, "29.46", lines={315: ("24.75", "4.71")}))
    told.hear(woocommerce.sent(woocommerce.written(order), "order.updated"))
    asking.ask()
    assert [base for _, _, base, *_ in told.books() + asking.books()] == [6750 - 2475] * 2

    order["refunds"] = []
    told.hear(woocommerce.sent(woocommerce.written(order), "order.updated"))
    for each in (told, asking):
        each.ask()
        assert [base for _, _, base, *_ in each.books()] == [6750]
