"""An installation with one brand whose shop is the fake one: told by its webhooks as far as they come, or asking."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
from pydantic import SecretStr
from sqlalchemy import select

from engine.bootstrap import Goodword
from engine.connections.queries import ConnectionView
from engine.connections.schemas import ConnectionDraft
from engine.connections.service import save_connection
from engine.intake.reconciliation.tables import ReconciliationKind
from engine.intake.tables import ShopOrder
from engine.intake.webhooks.service import Arrival, arrive
from engine.kernel.clock import VirtualClock
from engine.kernel.database import Database
from engine.kernel.settings import Settings
from engine.kernel.tables import table_of
from engine.pipeline.reconcile import Reconciled, Reconciler
from engine.pipeline.run import Pipeline
from engine.plugin_api import WebhookRequest
from engine.plugin_host.discover import GROUP
from engine.plugin_host.http import HttpPool
from engine.plugin_host.registry import PluginHost, load_plugins
from engine.programs.schemas import TermsDocument
from engine.rewards.tables import RewardScope
from engine.testing.fakes.shop import TOPICS, FakeShop
from engine.testing.fakes.webhooks import Post
from engine.tracking.codes.service import issue_code
from tests.factories import make_brand, make_enrollment, make_program

TOKEN, SECRET = "fake-token-of-the-tests", "fake-secret-of-the-tests"
HOOK = "https://goodword.example/hooks/fake_shop/main-shop"
TERMS = TermsDocument.model_validate(
    {
        "rewards": [{"key": "commission", "type": "percentage"}],
        "rates": [{"reward": "commission", "rate_bps": 1_000}],
        "customer_discount": {"percent_bps": 1_500},
    }
)


def fake_host(module: str = "engine.testing.fakes.shop_plugin") -> PluginHost:
    """Return the in-tree plugins that price orders, and the fake shop's."""
    installed = [point for point in entry_points(group=GROUP) if point.name in {"attribution_basic", "rewards_cash"}]
    fake = EntryPoint(name="fake_shop", value=module, group=GROUP)
    names = [point.name for point in (*installed, fake)]
    return load_plugins(names, entry_points=[*installed, fake])


@dataclass(frozen=True, slots=True)
class FakeTown:
    """A brand with a program, an ambassador who owns the code ANNA15, and the fake shop."""

    goodword: Goodword
    clock: VirtualClock
    shop: FakeShop
    brand_id: UUID
    program_id: UUID
    enrollment_id: UUID
    code_id: UUID
    connection: ConnectionView
    waits: list[float]

    @classmethod
    def on(
        cls, database: Database, folder: Path, *, shop: FakeShop, host: PluginHost, document: TermsDocument = TERMS
    ) -> "FakeTown":
        """Build one in `database`, beside `shop`."""
        url = database.engine.url.render_as_string(hide_password=False)
        settings = Settings(home=folder, database_url=url, secret_key=SecretStr("f" * 40), smtp_url="")
        pipeline = Pipeline.of(database, host, keyring=settings.keyring)
        pool = HttpPool(transport=httpx2.MockTransport(shop.api.handle), clock=shop.clock)
        goodword = Goodword(settings, database, host, pipeline, pool)

        def work(unit: Any) -> tuple[Any, ...]:
            brand = make_brand(unit)
            program = make_program(unit, brand.id, document=document)
            enrollment = make_enrollment(unit, program)
            wish: dict[str, Any] = {"program_id": program.id, "enrollment_id": enrollment.id, "code": "ANNA15"}
            code = issue_code(unit, brand.id, by="test", **wish)
            told = {"token": TOKEN, "signing_secrets": [SECRET]}
            draft = ConnectionDraft(connector="fake_shop", account="main-shop", title="Mugs", settings=told)
            view = save_connection(unit, brand.id, draft, host=host, keyring=settings.keyring, by="test")
            return brand.id, program.id, enrollment.id, code.id, view

        brand_id, program_id, enrollment_id, code_id, view = database.run(work)
        return cls(goodword, shop.clock, shop, brand_id, program_id, enrollment_id, code_id, view, [])

    def reconciler(self, **options: Any) -> Reconciler:
        """Return a reconciler that notes how long it is asked to wait instead of waiting."""
        return Reconciler(self.goodword.pipeline, self.goodword.shops, wait=self.waits.append, **options)

    def compare(
        self,
        kind: ReconciliationKind = ReconciliationKind.SLIDING,
        *,
        wait: timedelta = timedelta(minutes=1),
        **options: Any,
    ) -> Reconciled:
        """Ask the shop, a while after whatever happened last."""
        self.clock.advance(wait)
        return self.reconciler().reconcile(self.connection, kind=kind, **options)

    def receive(self, post: Post) -> int:
        """Take a webhook as the door does: verified over raw bytes, stored, 200."""
        opened = self.goodword.shops.open(self.connection)
        found = opened.verify(WebhookRequest(post.headers, post.body, self.clock.now()))
        arrival = Arrival(
            self.brand_id, self.connection.id, found.key, found.topic, post.body, received_at=self.clock.now()
        )
        self.goodword.database.run(lambda unit: arrive(unit, [arrival]))
        return 200

    def listen(self) -> None:
        """Let the shop send its webhooks here."""
        self.shop.post_office.subscribe(HOOK, TOPICS)

    def read(self) -> None:
        """Read what came, as the worker does."""
        while self.goodword.webhook_reader().poll():
            pass

    def run(self, lasting: timedelta) -> None:
        """Let time pass: webhooks come when they are due, and are read."""
        self.shop.run(self.receive, lasting=lasting)
        self.read()

    def owed(self) -> Mapping[str, int]:
        """Return what is booked for each order, in minor units."""
        order, scope = table_of(ShopOrder), table_of(RewardScope)
        statement = (
            select(order.c.external_id, scope.c.booked_minor)
            .join_from(order, scope, scope.c.order_id == order.c.id)
            .where(order.c.brand_id == self.brand_id)
        )
        with self.goodword.database.reading() as unit:
            return {external_id: booked for external_id, booked in unit.execute(statement) if booked}

    def orders(self) -> Sequence[str]:
        """Return the shop's ids of the orders that are here."""
        order = table_of(ShopOrder)
        with self.goodword.database.reading() as unit:
            found = unit.execute(select(order.c.external_id).where(order.c.brand_id == self.brand_id)).scalars()
            return sorted(found)
