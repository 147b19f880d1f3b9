"""`goodword code shops|push|drift`: the fake shop is brought up to date, changed behind our back, and put right."""

from dataclasses import replace
from datetime import timedelta

import httpx2
import pytest
from sqlalchemy import select

from engine.identity.tables import AuditEntry
from engine.kernel.database import open_database
from engine.kernel.tables import table_of
from engine.pipeline.run import Pipeline
from engine.plugin_host.http import HttpPool
from engine.testing.fakes.shop import FakeShop
from tests.support.fake_town import SECRET, TOKEN, FakeTown, fake_host

HERE = "fake_shop/main-shop"


@pytest.fixture
def town(db, tmp_path, clock):
    shop = FakeShop(clock=clock, token=TOKEN, secret=SECRET)
    return FakeTown.on(db, tmp_path, shop=shop, host=fake_host())


@pytest.fixture
def run(goodword, town, monkeypatch):
    """Run commands in an installation whose shops are reached in this process; each gets one of its own, to close."""

    def start():
        made = town.goodword
        database = open_database(made.settings.database_url, clock=town.clock)
        pipeline = Pipeline.of(database, made.plugins, keyring=made.keyring)
        http = HttpPool(transport=httpx2.MockTransport(town.shop.api.handle), clock=town.clock)
        return replace(made, database=database, pipeline=pipeline, http=http)

    monkeypatch.setattr("engine.cli.common.start", start)
    return goodword


def changed_in_the_shop(town, **fields):
    [(number, code)] = town.shop.codes.items()
    town.shop.api.codes[number] = replace(code, **fields)


def test_shops_are_brought_up_to_date_and_twice_has_the_effect_of_once(run, town):
    assert "No code is in a shop, or waits to be put there.\n" in run("code", "shops")
    pushed = run("code", "push", "--json")
    assert (pushed["again"], pushed["tried"], pushed["left"]) == (0, 1, [])
    assert [(code.code, code.percent) for code in town.shop.codes.values()] == [("ANNA15", "15.00")]
    assert "Tried 0; left to do 0.\n" in run("code", "push")
    (row,) = run("code", "shops", "--json")["codes"]
    assert (row["code"], row["shop"], row["state"], row["drift"]) == ("ANNA15", HERE, "pushed", None)
    assert "No code in any shop is odd.\n" in run("code", "shops", "--odd")


def test_what_was_changed_in_the_shop_is_seen_and_put_right(run, town):
    run("code", "push")
    assert "Shops asked: 1; codes that differ: 0.\n" in run("code", "drift")
    changed_in_the_shop(town, percent="90", active=False)
    said = run("code", "drift", fails=1)
    assert "percentage: ours 15 %, theirs 90 %" in said
    assert "switched on: ours yes, theirs no" in said
    assert "ANNA15" in run("code", "shops", "--odd")
    assert "Tried 0; left to do 0.\n" in run("code", "push")  # what somebody changed is theirs until somebody says so
    assert run("code", "push", "--again", HERE, "--json")["again"] == 1
    assert [(code.active, code.percent) for code in town.shop.codes.values()] == [(True, "15.00")]
    assert run("code", "shops", "--odd", "--json")["codes"] == []
    town.shop.api.codes.clear()
    assert "code: ours ANNA15, theirs none" in run("code", "drift", fails=1)
    log = table_of(AuditEntry)
    with town.goodword.database.reading() as unit:
        done = unit.execute(select(log.c.actor, log.c.subject, log.c.detail).where(log.c.action == "codes.put_back"))
        assert [tuple(row) for row in done] == [("command line", f"shop {HERE}", {"codes": 1})]


def test_what_failed_is_named_and_tried_again_when_asked(run, town):
    town.shop.api.token = "another"
    said = run("code", "push", fails=1)
    assert "Tried 1; left to do 1." in said
    assert "does not let us in" in said
    assert "does not let us in" in run("code", "shops", "--odd")
    town.shop.api.token = TOKEN
    assert "Tried 0; left to do 1." in run("code", "push", "--by", "ops", fails=1)
    assert "Tried 1; left to do 0.\n" in run("code", "push", "--retry-failed")
    assert run("code", "shops", "--odd", "--json")["codes"] == []


def test_what_may_succeed_later_waits_and_is_named(run, town):
    town.shop.api.fail_next(503)
    said = run("code", "push", fails=1)
    assert "Tried 1; left to do 1." in said
    assert "503" in said
    assert "503" in run("code", "shops", "--odd")
    town.clock.advance(timedelta(minutes=5))
    assert "Tried 1; left to do 0.\n" in run("code", "push")
    assert "No code in any shop is odd.\n" in run("code", "shops", "--odd")


def test_a_shop_that_cannot_be_asked_is_named(run, town):
    run("code", "push")
    town.shop.api.token = "another"
    assert f"{HERE} could not be asked" in run("code", "drift", fails=1)


def test_a_shop_that_is_none_is_said(run):
    assert "Write it as connector/account." in run("code", "push", "--again", "fake_shop", fails=1)
    assert "There is no shop fake_shop/other" in run("code", "push", "--again", "fake_shop/other", fails=1)
