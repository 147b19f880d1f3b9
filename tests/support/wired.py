"""A brand with a wired shop: webhooks in, through whichever door a test takes, and what became of them."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from sqlalchemy import select
from werkzeug.test import Client, TestResponse

from engine.bootstrap import Goodword
from engine.connections.queries import ConnectionView
from engine.connections.schemas import ConnectionDraft
from engine.connections.service import save_connection
from engine.intake.tables import ShopOrder
from engine.intake.webhooks.tables import InboxWebhook
from engine.kernel.clock import VirtualClock
from engine.kernel.database import Database
from engine.kernel.tables import table_of
from engine.plugin_host.discover import GROUP
from engine.plugin_host.registry import PluginHost, load_plugins
from tests.support.shop import PLUGINS, Shop, installation, open_shop
from tests.support.wire import SECRET, order_body, signed
from web.hooks import Hooks


def wired_host() -> PluginHost:
    """The plugins that a brand needs, and the wire."""
    points = [EntryPoint(name, f"plugins.{name}", GROUP) for name in PLUGINS]
    points.append(EntryPoint("wire", "tests.support.wire", GROUP))
    return load_plugins([point.name for point in points], entry_points=points)


@dataclass
class Wired:
    """A brand whose shop `main` is on the wire; Ada has a code there."""

    shop: Shop
    connection: ConnectionView

    @classmethod
    def on(cls, database: Database, home: Path, clock: VirtualClock, *, connector: str = "wire") -> "Wired":
        goodword = installation(database, home, host=wired_host())
        shop = open_shop(goodword, clock)
        shop.ambassador("Ada", "ada@example.org", code="ADA")
        return cls(shop, connect(shop, connector=connector))

    @property
    def goodword(self) -> Goodword:
        return self.shop.goodword

    @property
    def database(self) -> Database:
        return self.shop.goodword.database

    def read(self) -> int:
        """Read what is due, all of it."""
        reader, read = self.goodword.webhook_reader(), 0
        while found := reader.poll():
            read += found
        return read

    def rows(self) -> list[Mapping[str, Any]]:
        """What is in the inbox, oldest first."""
        inbox = table_of(InboxWebhook)
        with self.database.reading() as unit:
            return list(unit.execute(select(inbox).order_by(inbox.c.id)).mappings())

    def states(self) -> dict[str, str]:
        """How each webhook stands, by key."""
        return {row["delivery_key"]: row["state"] for row in self.rows()}

    def orders(self) -> dict[str, int]:
        """What customers were charged, by order."""
        order = table_of(ShopOrder)
        with self.database.reading() as unit:
            return dict(unit.execute(select(order.c.external_id, order.c.charged_minor)).all())


def connect(shop: Shop, *, account: str = "main", connector: str = "wire", **settings: Any) -> ConnectionView:
    """Connect a shop of the brand."""
    document = {"webhook_secrets": [SECRET]} | settings
    draft = ConnectionDraft(connector=connector, account=account, title="Main shop", settings=document)
    goodword = shop.goodword
    return goodword.database.run(
        lambda unit: save_connection(
            unit, shop.brand_id, draft, host=goodword.plugins, keyring=goodword.keyring, by="owner"
        )
    )


@dataclass
class Door:
    """The shop's way in."""

    hooks: Hooks

    def post(
        self, body: bytes, headers: Mapping[str, str], *, path: str = "/hooks/wire/main", **more: Any
    ) -> TestResponse:
        return Client(self.hooks).post(path, data=body, headers=dict(headers), **more)

    def send(self, key: str = "k1", body: bytes | None = None, *, path: str = "/hooks/wire/main", **more: Any) -> int:
        """Send a webhook as the shop does and return the status of the answer."""
        written = order_body() if body is None else body
        return self.post(written, signed(written, key=key, **more), path=path).status_code


def said(value: Any) -> bytes:
    return json.dumps(value).encode()


Raises = Callable[..., Any]


def raising(error: BaseException) -> Raises:
    """Return an answer that raises `error`."""

    def answer(*_: Any, **__: Any) -> Any:
        raise error

    return answer
