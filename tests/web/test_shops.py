"""Shops and inbox in the admin panel: connected, masked, checked, switched; dead webhooks looked into and replayed."""

import json
import re
from html import unescape

import pytest
from sqlalchemy import select

from engine.connections.queries import connections_of, open_alarms
from engine.connections.service import settings_of_connection
from engine.identity.tables import AuditEntry
from engine.intake.webhooks.queries import dead_by_reason
from engine.kernel.tables import table_of
from engine.plugin_api import ConfigError, ConnectionReport, Subscription
from engine.plugin_host.settings import MASK
from tests.support.shop import installation
from tests.support.wire import ANSWER, SECRET
from tests.support.wired import connect, raising, wired_host

SHOPS = "/admin/bean/shops"


@pytest.fixture
def goodword(db, tmp_path):
    yield installation(db, tmp_path, host=wired_host())
    ANSWER.clear()


@pytest.fixture
def online(shop):
    """A shop that can be asked."""
    return connect(shop, connector="wire_online", token="the-token-of-the-shop")


def words(response):
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.get_data(as_text=True))).split())


def shops_of(shop):
    with shop.goodword.database.reading() as unit:
        return connections_of(unit, shop.brand_id)


def told(shop):
    (view,) = shops_of(shop)
    return settings_of_connection(view, host=shop.goodword.plugins, keyring=shop.goodword.keyring)


def acts(shop):
    log = table_of(AuditEntry)
    with shop.goodword.database.reading() as unit:
        rows = unit.execute(select(log.c.action, log.c.actor).where(log.c.actor.like("%@%")).order_by(log.c.id))
        return [(action, actor) for action, actor in rows if action.startswith(("shop", "inbox", "save"))]


FORM = {"title": "Main shop", "account": "main", "quiet_after_h": "24", "settings.webhook_secrets": SECRET}


def test_a_shop_is_connected_and_its_address_shown(owner, shop):
    assert "No shop is connected" in words(owner.get(SHOPS))
    page = owner.get(f"{SHOPS}/new/wire")
    assert 'name="settings.webhook_secrets"' in page.get_data(as_text=True)
    answer = owner.post(f"{SHOPS}/new/wire", data=FORM, follow_redirects=True)
    assert "Main shop is connected" in words(answer)
    assert "http://127.0.0.1:8000/hooks/wire/main" in words(answer)
    assert SECRET not in answer.get_data(as_text=True)
    assert told(shop).webhook_secrets[0].get_secret_value() == SECRET
    assert acts(shop) == [("shop.add", "owner@bean.example")]
    assert "Main shop" in words(owner.get(SHOPS))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"account": "Main Shop"}, "small letters, digits and hyphens"),
        ({"title": " "}, "Give a name"),
        ({"quiet_after_h": "soon"}, "number of hours"),
        ({"settings.webhook_secrets": "test"}, "at least 16 characters"),
        ({"settings.webhook_secrets": ""}, "Field required"),
    ],
    ids=lambda change: str(change)[:40],
)
def test_what_does_not_fit_is_said_beside_its_field_and_nothing_is_lost(owner, shop, change, said):
    answer = owner.post(f"{SHOPS}/new/wire", data=FORM | change)
    assert answer.status_code == 422
    assert said in words(answer)
    for key in {"title", "account"} - change.keys():
        assert f'value="{FORM[key]}"' in answer.get_data(as_text=True)
    assert shops_of(shop) == []


def test_an_account_is_connected_once_and_a_kind_must_be_known(owner, shop):
    owner.post(f"{SHOPS}/new/wire", data=FORM)
    assert "connected already" in words(owner.post(f"{SHOPS}/new/wire", data=FORM))
    assert owner.get(f"{SHOPS}/new/nothing").status_code == 404
    assert owner.get(f"{SHOPS}/new/csv_orders").status_code == 404


def test_settings_are_shown_masked_and_a_mask_keeps_what_there_is(owner, shop, online):
    page = owner.get(f"{SHOPS}/{online.id}").get_data(as_text=True)
    assert SECRET not in page
    assert "the-token-of-the-shop" not in page
    assert f"{MASK} 1" in page
    changed = {
        "title": "Renamed",
        "quiet_after_h": "12",
        "settings.webhook_secrets": f"the-new-secret-of-the-shop\n{MASK} 1",
        "settings.token": MASK,
        "settings.origin": "https://new.example",
    }
    assert owner.post(f"{SHOPS}/{online.id}/settings", data=changed).status_code == 303
    (view,) = shops_of(shop)
    assert (view.title, view.quiet_after_h) == ("Renamed", 12)
    assert [one.get_secret_value() for one in told(shop).webhook_secrets] == ["the-new-secret-of-the-shop", SECRET]
    assert told(shop).token.get_secret_value() == "the-token-of-the-shop"
    weak = owner.post(f"{SHOPS}/{online.id}/settings", data=changed | {"settings.webhook_secrets": "test"})
    assert (weak.status_code, "at least 16 characters" in words(weak)) == (422, True)


def test_a_connection_is_checked_and_subscribed(owner, shop, online):
    ANSWER["check"] = lambda: ConnectionReport("Wire & Sons")
    ANSWER["subscriptions"] = lambda _: (Subscription("order", enabled=False),)
    assert "The shop does not send order." in words(owner.post(f"{SHOPS}/{online.id}/check"))
    addresses: list[str] = []
    ANSWER["subscribe"] = addresses.append
    owner.post(f"{SHOPS}/{online.id}/subscribe")
    assert addresses == ["http://127.0.0.1:8000/hooks/wire_online/main"]
    del ANSWER["subscriptions"]
    assert "It calls itself Wire & Sons." in words(owner.post(f"{SHOPS}/{online.id}/check"))
    ANSWER["check"] = raising(ConfigError("The token is not valid."))
    assert "The token is not valid." in words(owner.post(f"{SHOPS}/{online.id}/check"))
    ANSWER["subscribe"] = raising(ConfigError("Not allowed."))
    assert "Not allowed." in words(owner.post(f"{SHOPS}/{online.id}/subscribe", follow_redirects=True))
    assert [action for action, _ in acts(shop)] == ["shop.check", "shop.subscribe", "shop.check", "shop.check"]


def test_a_shop_is_switched_off_and_on(owner, shop, online):
    owner.post(f"{SHOPS}/{online.id}/switch", data={"state": "off"})
    assert not shops_of(shop)[0].is_on
    assert "Off" in words(owner.get(SHOPS))
    owner.post(f"{SHOPS}/{online.id}/switch", data={"state": "on"})
    assert shops_of(shop)[0].is_on
    assert [action for action, _ in acts(shop)] == ["shop.off", "shop.on"]


def test_a_shop_whose_plugin_is_gone_is_shown_with_the_reason(owner, shop, online, goodword):
    goodword.plugins.connectors = {}
    assert "There is no connector" in words(owner.get(f"{SHOPS}/{online.id}"))


def test_dead_webhooks_are_shown_inert_and_rehearsed_and_replayed(full_shop, owner, goodword):
    page = owner.get("/admin/bean/inbox")
    assert "2 webhooks could not be read" in words(page)
    links = re.findall(r'href="(/admin/bean/inbox/[^"/]+)"', page.get_data(as_text=True))
    shown = words(owner.get(links[-1]))
    assert '"total": "twelve"' in shown
    assert "\\x1b[31m" in words(owner.get(links[0]))
    assert "It would still not be read: order.net" in words(owner.post(f"{links[-1]}/rehearse"))
    assert "still cannot be read" in words(owner.post(f"{links[-1]}/replay", follow_redirects=True))
    (view,) = shops_of(full_shop)
    template = {"id": "id", "updated_at": "at", "placed_at": "at", "paid_at": "at", "net": "id"}
    data = {
        "title": view.title,
        "quiet_after_h": "48",
        "settings.signing_secrets": f"{MASK} 1",
        "settings.currency": "EUR",
        "settings.order": json.dumps(template),
    }
    assert owner.post(f"{SHOPS}/{view.id}/settings", data=data).status_code == 303
    assert "It would be read: Order 7" in words(owner.post(f"{links[-1]}/rehearse"))
    assert "The webhook was read." in words(owner.post(f"{links[-1]}/replay", follow_redirects=True))
    assert "Webhooks that are read again now: 1." in words(
        owner.post("/admin/bean/inbox/replay", follow_redirects=True)
    )
    with goodword.database.reading() as unit:
        assert dead_by_reason(unit, full_shop.brand_id) == {}
    assert [action for action, _ in acts(full_shop)].count("inbox.replay") == 3


def test_what_is_worth_nothing_is_laid_aside_and_no_longer_counted(full_shop, owner, goodword):
    links = re.findall(r'href="(/admin/bean/inbox/[^"/]+)"', owner.get("/admin/bean/inbox").get_data(as_text=True))
    assert "is laid aside" in words(owner.post(f"{links[0]}/lay-aside", follow_redirects=True))
    assert "1 webhook could not be read" in words(owner.get("/admin/bean/inbox"))
    shown = words(owner.get(links[0]))
    assert "Its bytes are no longer kept here." in shown
    assert "Read it again" not in shown
    owner.post(f"{links[0]}/lay-aside")  # twice is once
    assert ("inbox.lay_aside", "owner@bean.example") in acts(full_shop)
    with goodword.database.reading() as unit:
        assert dead_by_reason(unit, full_shop.brand_id) == {"unreadable": 1}


def test_filters_narrow_the_inbox(full_shop, owner):
    assert "Nothing here" in words(owner.get("/admin/bean/inbox?reason=engine"))
    assert "Nothing waits." in words(owner.get("/admin/bean/inbox?show=waiting"))
    assert "Roastery" in words(owner.get("/admin/bean/inbox?reason=unreadable&shop=nonsense"))
    assert owner.get("/admin/bean/inbox?cursor=nonsense").status_code in {400, 422}


def test_a_plugins_settings_are_changed_on_screen(owner, shop):
    page = owner.get("/admin/bean/plugins").get_data(as_text=True)
    assert "/admin/bean/plugins/csv_orders" in page
    columns = {"order_id": "Order", "placed_at": "Placed", "amount": "Total"}
    data = {"settings.columns": json.dumps(columns), "settings.currency": "EUR", "settings.delimiter": ";"}
    assert owner.post("/admin/bean/plugins/csv_orders", data=data).status_code == 303
    shown = owner.get("/admin/bean/plugins/csv_orders").get_data(as_text=True)
    assert unescape(shown).count('"order_id": "Order"') == 1
    wrong = owner.post("/admin/bean/plugins/csv_orders", data=data | {"settings.columns": "{"})
    assert (wrong.status_code, "This is no JSON." in words(wrong)) == (422, True)
    lacking = owner.post("/admin/bean/plugins/csv_orders", data=data | {"settings.currency": ""})
    assert (lacking.status_code, "declare either one currency" in words(lacking)) == (422, True)
    assert acts(shop) == [("save_settings", "owner@bean.example")]
    for other in ("wire", "rewards_cash", "nothing"):
        assert owner.get(f"/admin/bean/plugins/{other}").status_code == 404


def test_an_alarm_leads_to_its_shop_and_what_is_for_staff_is_done_by_them(full_shop, owner):
    shops = owner.get("/admin/bean/shops").get_data(as_text=True)
    assert "The customer 191167 asks to be forgotten." in shops
    (address,) = set(re.findall(r'href="(/admin/bean/shops/[0-9a-f-]{36})"', shops))
    assert "The customer 191167" in words(owner.get(address))
    (end,) = re.findall(r'action="(/admin/bean/shops/alarms/[^"]+/end)"', shops)
    assert "Done. It stays in the audit log." in words(owner.post(end, follow_redirects=True))
    assert "191167" not in words(owner.get("/admin/bean/shops"))
    assert owner.post(end).status_code == 303
    with full_shop.goodword.database.reading() as unit:
        assert open_alarms(unit, full_shop.brand_id) == []
        log = table_of(AuditEntry)
        (entry,) = unit.execute(select(log.c.actor, log.c.detail).where(log.c.action == "alarm.end")).all()
    assert entry.actor == "owner@bean.example"
    assert "191167" in entry.detail["text"]
