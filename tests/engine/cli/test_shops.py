"""`goodword connections`, `goodword inbox`: a shop connected, its webhooks in, dead ones looked into and replayed."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook as Signer

from engine.bootstrap import start
from tests.support.wired import Door
from web.hooks import Hooks

SECRET = "whsec_b2xkLXNlY3JldC1vZi10aGUtc2hvcA=="
AT = ("generic_webhook", "main")
SETTINGS = {
    "signing_secrets": [SECRET],
    "currency": "EUR",
    "order": {"id": "id", "updated_at": "at", "placed_at": "at", "paid_at": "at", "net": "total", "codes": "codes"},
}


def written(name, value):
    Path(name).write_text(json.dumps(value), encoding="utf-8")
    return name


@pytest.fixture
def run(brand):
    """The brand with a connected shop."""
    brand("connections", "add", *AT, "--title", "Main shop", "--settings", written("shop.json", SETTINGS))
    return brand


def send(*bodies):
    """Send webhooks as the shop does; return the statuses of the answers."""
    goodword = start()
    hooks = Hooks(goodword)
    now = datetime.now(UTC)
    statuses = []
    for number, body in enumerate(bodies):
        text = body if isinstance(body, str) else json.dumps(body)
        headers = {
            "webhook-id": f"msg_{number}",
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Signer(SECRET).sign(msg_id=f"msg_{number}", timestamp=now, data=text),
        }
        statuses.append(Door(hooks).post(text.encode(), headers, path="/hooks/generic_webhook/main").status_code)
    hooks.close()
    goodword.close()
    return statuses


def order(number, total="10.00"):
    return {"id": number, "at": "2026-03-02T09:00:00Z", "total": total, "codes": []}


def test_a_shop_is_connected_told_and_switched(run):
    (row,) = run("connections", "list", "--json")["connections"]
    assert row["address"] == "http://127.0.0.1:8000/hooks/generic_webhook/main"
    assert (row["state"], row["last_webhook_at"], "settings_encrypted" in row) == ("on", None, False)
    shown = run("connections", "settings", *AT)
    assert SECRET not in shown
    changed = json.loads(shown) | {"currency": "USD"}
    assert json.loads(run("connections", "settings", *AT, "--set", written("new.json", changed))) == changed
    assert send(order("1")) == [200]
    run("connections", "off", *AT)
    assert send(order("2")) == [401]
    assert "off  Main shop" in run("connections", "list")
    assert "1 refused in 7 days" in run("connections", "list")
    run("connections", "on", *AT)
    assert send(order("2")) == [200]


def test_what_cannot_be_done_is_said_in_a_sentence(run):
    weak = written("weak.json", SETTINGS | {"signing_secrets": ["test"]})
    assert "signing_secrets" in run("connections", "settings", *AT, "--set", weak, fails=1)
    assert "There is no shop generic_webhook/other" in run("connections", "check", "generic_webhook", "other", fails=1)
    assert "does not talk to its shop" in run("connections", "check", *AT, fails=1)
    assert "does not talk to its shop" in run("connections", "subscribe", *AT, fails=1)
    assert "account" in run("connections", "add", "generic_webhook", "Main", "--title", "x", fails=1)
    assert "is no id of a webhook" in run("inbox", "show", "x", fails=1)


def test_dead_webhooks_are_listed_shown_rehearsed_and_replayed(run):
    assert send(order("1"), order("2", total="ten"), order("3", total="\u202e1")) == [200, 200, 200]
    run("worker", "--once")
    listed = run("inbox", "list", "--json")
    assert listed["dead_by_reason"] == {"unreadable": 2}
    one = listed["webhooks"][-1]["id"]
    shown = run("inbox", "show", one)
    assert "order.net: At total: 'ten'" in shown
    assert '"total": "ten"' in shown
    assert "\u202e" not in run("inbox", "show", listed["webhooks"][0]["id"])
    assert "would still be dead: order.net" in run("inbox", "replay", one, "--dry-run", fails=1)
    assert "Replayed 2; read 0; still dead 2." in run("inbox", "replay", "--all", fails=1)
    run("connections", "settings", *AT, "--set", written("minor.json", _by_number(SETTINGS)))
    assert "would be read: OrderEvent 2" in run("inbox", "replay", one, "--dry-run")
    assert run("inbox", "list", "--json")["dead_by_reason"] == {"unreadable": 2}
    told = run("inbox", "replay", "--reason", "unreadable", "--json")
    assert (told["replayed"], told["read"], told["still_dead"]) == (2, 2, 0)
    assert run("inbox", "list") == "No webhook is dead.\n"
    assert run("inbox", "list", "--waiting") == "No webhook waits.\n"


def test_dead_webhooks_are_laid_aside_by_name_or_reason(run):
    assert send(order("1", total="ten"), order("2", total="ten"), order("3", total="ten")) == [200] * 3
    run("worker", "--once")
    one = run("inbox", "list", "--json")["webhooks"][0]["id"]
    assert run("inbox", "lay-aside", one) == "Laid aside 1.\n"
    assert run("inbox", "lay-aside", one) == "Laid aside 0.\n"
    assert "Name webhooks" in run("inbox", "lay-aside", fails=2)
    assert "Name webhooks" in run("inbox", "lay-aside", one, "--reason", "unreadable", fails=2)
    assert run("inbox", "lay-aside", "--reason", "refused", "--json")["laid_aside"] == 0
    assert run("inbox", "lay-aside", "--reason", "unreadable", "--json")["laid_aside"] == 2
    assert run("inbox", "list") == "No webhook is dead.\n"
    assert run("inbox", "replay", "--all") == "Replayed 0; read 0; still dead 0.\n"


def _by_number(settings):
    """A template that finds an amount wherever these bodies have one."""
    return settings | {"signing_secrets": ["**********"], "order": settings["order"] | {"net": "id"}}
