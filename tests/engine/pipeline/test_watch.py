"""Shops that fall silent, shops that switch webhooks off, and bytes that were kept long enough."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from engine.bootstrap import SCHEDULES
from engine.connections.queries import open_alarms
from engine.connections.rules import GONE
from engine.connections.service import alarm_key, raise_alarm, switch
from engine.connections.tables import ConnectionState
from engine.intake.tables import Delivery, DeliveryBody
from engine.intake.webhooks.service import Arrival, arrive
from engine.kernel.tables import table_of
from engine.pipeline.watch import OVERDUE, forget_old_bodies, watch_silence, watch_subscriptions, watch_unread
from engine.plugin_api import ConfigError, RetriableError, Subscription
from tests.support.wire import ANSWER, order_body
from tests.support.wired import Wired, raising

BASE = "https://goodword.example"
ADDRESS = f"{BASE}/hooks/wire_online/main"


@pytest.fixture
def wired(db, tmp_path, clock):
    yield Wired.on(db, tmp_path, clock, connector="wire_online")
    ANSWER.clear()


def hear(wired, key, body=None):
    connection, now = wired.connection, wired.shop.clock.now()
    arrival = Arrival(connection.brand_id, connection.id, key, "order", body or order_body(), now)
    wired.database.run(lambda unit: arrive(unit, [arrival]))


def alarms(wired):
    with wired.database.reading() as unit:
        return {alarm.kind: alarm.text for alarm in open_alarms(unit, wired.shop.brand_id)}


def watch(wired):
    return watch_subscriptions(wired.database, wired.goodword.shops, base_url=BASE)


def test_a_shop_that_fell_silent_is_told_of_within_a_quarter_of_an_hour_and_no_longer_than_it_lasts(wired):
    (every,) = [schedule.every for schedule in SCHEDULES if schedule.name == "watch_silence"]
    assert every <= timedelta(minutes=15)
    assert (watch_silence(wired.database), alarms(wired)) == (0, {})
    hear(wired, "k1")
    wired.shop.clock.advance(timedelta(hours=wired.connection.quiet_after_h))
    assert watch_silence(wired.database) == 0
    wired.shop.clock.advance(every)
    assert watch_silence(wired.database) == watch_silence(wired.database) == 1
    assert "Main shop (wire_online/main) has sent no webhook since 2026-03-02 09:00 UTC" in alarms(wired)["silent"]
    hear(wired, "k2")
    assert (watch_silence(wired.database), alarms(wired)) == (0, {})


def test_a_shop_that_is_switched_off_may_be_silent(wired):
    hear(wired, "k1")
    wired.shop.clock.advance(timedelta(days=30))
    watch_silence(wired.database)
    wired.database.run(
        lambda unit: switch(
            unit, wired.shop.brand_id, connection_id=wired.connection.id, state=ConnectionState.OFF, by="owner"
        )
    )
    assert (watch_silence(wired.database), alarms(wired)) == (0, {})


def test_webhooks_that_the_shop_switched_off_are_told_of_and_switched_on_again(wired):
    shop = {"order": True, "refund": True}
    ANSWER["subscriptions"] = lambda _: tuple(Subscription(topic, on) for topic, on in shop.items())
    ANSWER["subscribe"] = lambda address: shop.update(dict.fromkeys(shop, address == ADDRESS))
    assert (watch(wired), alarms(wired)) == (0, {})
    shop["refund"] = False
    assert watch(wired) == 1
    assert shop == {"order": True, "refund": True}
    assert "had switched off its webhooks refund" in alarms(wired)["switched_off"]
    assert (watch(wired), alarms(wired)) == (0, {})


def test_a_shop_that_let_us_go_is_back_when_it_lets_us_look(wired):
    key = alarm_key(GONE, wired.connection.id)
    said = {"key": key, "kind": GONE, "text": "It let us go.", "connection_id": wired.connection.id}
    wired.database.run(lambda unit: raise_alarm(unit, wired.shop.brand_id, **said))
    ANSWER["subscriptions"] = raising(ConfigError("not valid"))
    assert (watch(wired), alarms(wired).keys()) == (0, {"gone", "access"})
    ANSWER.clear()
    assert (watch(wired), alarms(wired)) == (0, {})


def test_a_shop_whose_webhooks_were_never_set_up_is_left_alone(wired):
    ANSWER["subscriptions"] = lambda _: (Subscription("order", enabled=False),)
    ANSWER["subscribe"] = raising(AssertionError("it was set up"))
    assert (watch(wired), alarms(wired)) == (0, {})


def test_one_that_was_heard_and_has_all_switched_off_was_set_up(wired):
    hear(wired, "k1")
    ANSWER["subscriptions"] = lambda _: (Subscription("order", enabled=False),)
    assert watch(wired) == 1


def test_a_shop_that_does_not_let_us_look_is_told_of_until_it_does(wired):
    ANSWER["subscriptions"] = raising(ConfigError("the token is not valid"))
    watch(wired)
    assert "the token is not valid" in alarms(wired)["access"]
    ANSWER["subscriptions"] = raising(RetriableError("busy"))
    watch(wired)
    assert "access" in alarms(wired)
    ANSWER.clear()
    watch(wired)
    assert alarms(wired) == {}


def test_bytes_are_forgotten_after_their_days_and_keys_and_facts_are_not(wired):
    hear(wired, "old")
    hear(wired, "poison", b"{")
    wired.read()
    wired.shop.clock.advance(timedelta(days=89))
    hear(wired, "new", order_body("o2"))
    wired.read()
    assert forget_old_bodies(wired.database, days=90) == 0
    wired.shop.clock.advance(timedelta(days=1, seconds=1))
    hear(wired, "waiting", order_body("o3"))
    assert forget_old_bodies(wired.database, days=90) == 3
    assert wired.states() == {"poison": "dead", "new": "done", "waiting": "waiting"}
    assert {row["delivery_key"]: row["body"] for row in wired.rows()}["poison"] is None
    with wired.database.reading() as unit:
        assert sorted(unit.execute(select(table_of(Delivery).c.delivery_key)).scalars()) == ["new", "old"]
        assert list(unit.execute(select(table_of(DeliveryBody).c.body)).scalars()) == [order_body("o2")]
    assert forget_old_bodies(wired.database, days=90) == 0


def test_one_that_comes_again_after_its_bytes_were_forgotten_counts_once(wired):
    hear(wired, "k1")
    wired.read()
    wired.shop.clock.advance(timedelta(days=91))
    forget_old_bodies(wired.database, days=90)
    hear(wired, "k1")
    wired.read()
    with wired.database.reading() as unit:
        assert len(unit.execute(select(table_of(Delivery))).all()) == 1


def test_webhooks_that_nobody_reads_are_told_of_until_they_are_read(wired):
    hear(wired, "k1")
    assert watch_unread(wired.database) == 0
    wired.shop.clock.advance(OVERDUE + timedelta(minutes=1))
    assert [watch_unread(wired.database) for _ in range(2)] == [1, 1]
    assert list(alarms(wired)) == ["unread"]
    assert wired.goodword.webhook_reader().poll() == 1
    assert watch_unread(wired.database) == 0
    assert alarms(wired) == {}
