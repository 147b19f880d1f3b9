"""Promo codes in a shop and comparisons with it, on its page: what is wrong is shown, and put right from there."""

import re
from dataclasses import replace
from datetime import timedelta
from html import unescape

import pytest
from sqlalchemy import select

from engine.connections.service import switch
from engine.connections.tables import ConnectionState, PushedCode
from engine.identity.service import add_staff
from engine.identity.tables import AuditEntry, Realm, Role
from engine.intake.reconciliation.queries import latest_of
from engine.intake.reconciliation.service import begin
from engine.intake.reconciliation.tables import ReconciliationKind
from engine.kernel.tables import table_of
from engine.pipeline.compare import AskedPoller
from engine.testing.fakes.shop import FakeShop
from tests.support.fake_town import SECRET, TOKEN, FakeTown, fake_host
from tests.support.shop import Shop


@pytest.fixture
def town(db, tmp_path, clock):
    shop = FakeShop(clock=clock, token=TOKEN, secret=SECRET)
    return FakeTown.on(db, tmp_path, shop=shop, host=fake_host())


@pytest.fixture
def goodword(town):
    return town.goodword


@pytest.fixture
def shop(town, clock):
    def work(unit):
        for role in Role:
            add_staff(unit, town.brand_id, email=f"{role}@bean.example", name=role.title(), role=role)

    town.goodword.database.run(work)
    return Shop(town.goodword, clock, town.brand_id, "brand", town.program_id, "friends")


@pytest.fixture
def mugs(town, shop, owner):
    """What stands on the page of the shop."""
    slug = owner.get("/admin/", follow_redirects=True).request.path.strip("/").split("/")[1]
    return Page(owner, f"/admin/{slug}/shops", town.connection.id)


class Page:
    def __init__(self, client, shops, connection_id):
        self.client, self.shops, self.address = client, shops, f"{shops}/{connection_id}"

    def words(self):
        return words(self.client.get(self.address))

    def press(self, what, **form):
        answer = self.client.post(f"{self.address}/{what}", data=form, follow_redirects=True)
        assert answer.status_code == 200
        return words(answer)


def words(response):
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.get_data(as_text=True))).split())


def push(town):
    town.goodword.tell_events()
    while town.goodword.code_pusher().push_due():
        pass


def acts(town):
    log = table_of(AuditEntry)
    with town.goodword.database.reading() as unit:
        rows = unit.execute(select(log.c.action, log.c.detail).where(log.c.actor == "owner@bean.example"))
        return [tuple(row) for row in rows.all()]


def changed(town, **fields):
    [(number, code)] = town.shop.codes.items()
    town.shop.api.codes[number] = replace(code, **fields)
    town.goodword.code_pusher().look_for_drift(town.connection)


def test_codes_in_the_shop_are_counted(town, mugs):
    assert "No code is in this shop yet." in mugs.words()
    push(town)
    assert "1 in the shop, 0 waiting, 0 failed, 0 changed in the shop" in mugs.words()
    assert "Every code that was put into the shop is as it was put there." in mugs.words()


def test_what_somebody_changed_in_the_shop_is_shown_and_put_back(town, mugs):
    push(town)
    changed(town, percent="90", active=False)
    said = mugs.words()
    assert "Discount: ours 15 %, theirs 90 %" in said
    assert "Switched on: ours yes, theirs no" in said
    assert "Putting ours back overwrites what somebody changed in the shop" in said
    assert "Codes that are put back as ours now: 1." in mugs.press("codes/again")
    assert town.shop.codes[next(iter(town.shop.codes))].percent == "90"  # no shop is asked within a request
    push(town)
    assert [(code.percent, code.active) for code in town.shop.codes.values()] == [("15.00", True)]
    assert "0 changed in the shop" in mugs.words()
    assert acts(town) == [("codes.put_back", {"codes": 1})]


def test_an_amount_in_a_currency_that_nobody_knows_is_shown_as_the_shop_said_it(town, mugs):
    push(town)
    drift = {"amount_minor": {"ours": {"EUR": 500}, "theirs": {"XQQ": 7}}, "code": {"ours": "<b>", "theirs": None}}
    table = table_of(PushedCode)
    town.goodword.database.run(lambda unit: unit.execute(table.update().values(drift=drift)))
    assert "ours €5.00, theirs 7 XQQ" in mugs.words()
    assert "Code: ours <b>, theirs none" in mugs.words()


def test_what_failed_is_shown_and_tried_again(town, mugs):
    town.shop.api.token = "another"
    push(town)
    assert "does not let us in" in mugs.words()
    town.shop.api.token = TOKEN
    assert "Failed codes that are tried again now: 1." in mugs.press("codes/retry")
    push(town)
    assert "1 in the shop, 0 waiting, 0 failed" in mugs.words()
    assert acts(town) == [("codes.retry", {"codes": 1})]


def test_a_comparison_is_queued_run_by_the_worker_and_shown(town, mugs):
    assert "Not compared yet." in mugs.words()
    order_id = town.shop.place(codes=["ANNA15"])
    town.clock.advance(timedelta(minutes=1))
    assert "Mugs is being compared." in mugs.press("compare", days="35")
    mugs.press("compare", days="35")
    assert town.orders() == []  # no shop is asked within a request
    poller = AskedPoller(town.reconciler())
    assert [poller.poll(), poller.poll()] == [1, 0]
    assert town.orders() == [order_id]
    said = mugs.words()
    assert "Asked for 1 1 0 0" in said
    assert f"Missing: order {order_id}" in said
    assert acts(town) == [("shop.compare", {"days": 35})] * 2


def test_a_comparison_that_meets_another_waits_for_it(town, mugs):
    named = {"connection_id": town.connection.id, "connected_at": town.connection.created_at}
    town.goodword.database.run(lambda unit: begin(unit, town.brand_id, kind=ReconciliationKind.SLIDING, **named))
    mugs.press("compare", days="nonsense")
    poller = AskedPoller(town.reconciler())
    assert [poller.poll(), poller.poll()] == [1, 0]
    town.clock.advance(timedelta(hours=2))
    assert poller.poll() == 1
    with town.goodword.database.reading() as unit:
        kinds = [row.kind for row in latest_of(unit, town.brand_id, connection_id=town.connection.id)]
    assert ReconciliationKind.ASKED in kinds


def test_a_comparison_that_broke_off_says_why(town, mugs):
    town.shop.api.token = "another"
    mugs.press("compare")
    AskedPoller(town.reconciler()).poll()
    assert "Broke off" in mugs.words()
    assert "does not let us in" in mugs.words()


def test_a_shop_that_is_off_is_not_compared(town, mugs):
    off = {"connection_id": town.connection.id, "state": ConnectionState.OFF, "by": "test"}
    town.goodword.database.run(lambda unit: switch(unit, town.brand_id, **off))
    assert "Compare now" not in mugs.words()
    assert "This shop is off" in mugs.press("compare")
    assert AskedPoller(town.reconciler()).poll() == 0


def test_a_viewer_sees_it_all_and_no_button(town, mugs, always):
    push(town)
    changed(town, percent="90")
    viewer = always("viewer@bean.example", Realm.STAFF)
    said = words(viewer.get(mugs.address))
    assert "theirs 90" in said
    assert [word for word in ("Put ours back", "Compare now", "Done") if word in said] == []
    assert viewer.post(f"{mugs.address}/codes/again").status_code == 403
