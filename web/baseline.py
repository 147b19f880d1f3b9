"""What links and webhooks are measured against: Flask apps as anybody would write them. For benchmarks only."""

import os
from typing import Any

from flask import Flask, redirect, request
from flask.typing import ResponseReturnValue

from engine.connections.queries import ConnectionView, connection_at
from engine.intake.webhooks.tables import InboxWebhook
from engine.kernel.bulk import insert_rows
from engine.kernel.database import open_database
from engine.kernel.ids import UUID, new_id
from engine.kernel.settings import load_settings
from engine.kernel.tables import table_of
from engine.tracking.clicks.tables import Click

SHOP = "https://shop.example.com/products/coat"


def bare() -> Flask:
    """Return an app that redirects and records nothing."""
    app = Flask(__name__, static_folder=None)

    @app.get("/r/<slug>")
    def follow(slug: str) -> ResponseReturnValue:
        return redirect(f"{SHOP}?utm_campaign={slug}")

    return app


def one_insert() -> Flask:
    """Return an app that commits a row for every click before it redirects, into the same table as ours."""
    app = Flask(__name__, static_folder=None)
    database = open_database(load_settings().database)
    click = table_of(Click)
    brand_id = UUID(os.environ["GOODWORD_BENCH_BRAND"])

    @app.get("/r/<slug>")
    def follow(slug: str) -> ResponseReturnValue:
        names = ("program_id", "enrollment_id", "target_id")
        row: dict[str, Any] = {"id": new_id(), "brand_id": brand_id, **dict.fromkeys(names, brand_id)}
        row |= {"target": "link", "at": database.clock.now(), "counted": True, "verified": True, "signals": ""}
        row |= {"address": request.remote_addr, "user_agent": request.headers.get("User-Agent", "")[:300]}
        with database.unit() as unit:
            insert_rows(unit, click, [row])
        return redirect(f"{SHOP}?utm_campaign={slug}")

    return app


def one_webhook() -> Flask:
    """Return an app that commits a row with the body for every webhook, into the same table as ours; no signature."""
    app = Flask(__name__, static_folder=None)
    database = open_database(load_settings().database)
    inbox = table_of(InboxWebhook)
    connections: dict[str, ConnectionView] = {}

    @app.post("/hooks/<connector>/<account>")
    def take(connector: str, account: str) -> ResponseReturnValue:
        body = request.get_data()
        with database.unit() as unit:
            shop = connections.get(account) or connection_at(unit, connector=connector, account=account)
            assert shop is not None, "the benchmark made it"  # noqa: S101 - a broken promise, not input
            connections[account] = shop
            row: dict[str, Any] = {"id": new_id(), "brand_id": shop.brand_id, "connection_id": shop.id, "body": body}
            row |= {"delivery_key": request.headers["webhook-id"], "body_hash": "", "topic": "", "attempts": 0}
            row |= {"received_at": unit.now, "run_at": unit.now, "state": "waiting"}
            insert_rows(unit, inbox, [row])
        return "OK"

    return app
