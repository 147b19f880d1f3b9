"""Webhooks that were acknowledged are read: each once, none held up by another, none lost."""

import random
from datetime import timedelta
from itertools import permutations
from threading import Thread

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from engine.connections.queries import connection_by_id, open_alarms
from engine.connections.service import switch
from engine.connections.tables import ConnectionState
from engine.intake.queries import order_ids
from engine.intake.tables import Delivery, DeliveryBody
from engine.intake.webhooks.queries import dead_by_reason, dead_ids, letter
from engine.intake.webhooks.rules import ATTEMPTS, DOWN, LEASE, wait_after
from engine.intake.webhooks.service import Arrival, arrive, claim, replay
from engine.intake.webhooks.tables import InboxWebhook
from engine.kernel.tables import table_of
from engine.pipeline.run import Pipeline
from engine.plugin_api import ConfigError, FatalError, InputError, RetriableError
from tests.support.wire import ANSWER, order_body
from tests.support.wired import Wired, connect, raising

INBOX = table_of(InboxWebhook)


@pytest.fixture
def wired(db, tmp_path, clock):
    yield Wired.on(db, tmp_path, clock)
    ANSWER.clear()


@pytest.fixture
def online(db, tmp_path, clock):
    yield Wired.on(db, tmp_path, clock, connector="wire_online")
    ANSWER.clear()


def put(wired, *webhooks, connection=None):
    """Put webhooks into the inbox, as (key, body)."""
    connection = connection or wired.connection
    now = wired.shop.clock.now()
    arrivals = [Arrival(connection.brand_id, connection.id, key, "order", body, now) for key, body in webhooks]
    wired.database.run(lambda unit: arrive(unit, arrivals))


def only(wired):
    (row,) = wired.rows()
    return row


def alarms(wired):
    with wired.database.reading() as unit:
        return [alarm.text for alarm in open_alarms(unit, wired.shop.brand_id)]


def replay_all(wired):
    def work(unit):
        return replay(unit, wired.shop.brand_id, ids=dead_ids(unit, wired.shop.brand_id))

    return wired.database.run(work)


def crash_on(*poison):
    def parse(body):
        if body in poison:
            raise ZeroDivisionError("half")

    return parse


def test_a_webhook_is_read_once_and_its_body_is_the_deliverys(wired):
    put(wired, ("k1", order_body()))
    assert wired.read() == 1
    row = only(wired)
    assert (row["state"], row["body"], row["attempts"]) == ("done", None, 1)
    with wired.database.reading() as unit:
        (body,) = unit.execute(select(table_of(DeliveryBody).c.body)).scalars()
    assert body == order_body()
    assert wired.read() == 0


def test_versions_in_any_order_leave_the_newest(fresh_db, tmp_path, clock):
    """All 6 orders of three versions of one order."""
    versions = [(f"k{hour}", order_body(net=hour, at=f"2026-03-02T1{hour}:00:00+00:00")) for hour in range(3)]
    wired = Wired.on(fresh_db(), tmp_path, clock)
    for number, arrangement in enumerate(permutations(versions)):
        connection = connect(wired.shop, account=f"shop-{number}")
        for each in arrangement:
            put(wired, each, connection=connection)
            wired.read()
        assert wired.orders() == {"o1": 2}


def test_a_poison_webhook_holds_nobody_up(wired):
    """One in a hundred, of three kinds: no JSON, a body on which the connector breaks, and an amount that cannot be."""
    poison = {"bad json": b"{", "crash": b'{"crash":1}', "impossible": order_body("x", -5)}
    ANSWER["parse"] = crash_on(poison["crash"])
    good = [(f"k{number}", order_body(f"o{number}")) for number in range(297)]
    mixed = [*good, *poison.items()]
    random.Random(7).shuffle(mixed)
    put(wired, *mixed)
    wired.read()
    states = wired.states()
    assert [states[key] for key in ("bad json", "crash", "impossible")] == ["dead", "waiting", "dead"]
    assert {states[key] for key, _ in good} == {"done"}
    assert len(wired.orders()) == 297
    with wired.database.reading() as unit:
        assert dead_by_reason(unit, wired.shop.brand_id) == {"refused": 1, "unreadable": 1}


def test_an_unprintable_reason_holds_nobody_up(wired):
    def parse(body):
        if body == b"odd":
            raise InputError("half\x00 a \ud800 reason\n")

    ANSWER["parse"] = parse
    put(wired, ("k1", b"odd"), ("k2", order_body()))
    wired.read()
    assert wired.states() == {"k1": "dead", "k2": "done"}
    assert wired.rows()[0]["problem"] == "half a reason"


def test_one_on_which_the_connector_breaks_again_and_again_is_dead(wired):
    ANSWER["parse"] = crash_on(b"poison")
    put(wired, ("k1", b"poison"))
    waits = []
    while only(wired)["state"] == "waiting":
        assert wired.read() == 1
        waits.append(only(wired)["run_at"] - wired.shop.clock.now())
        wired.shop.clock.advance(max(waits[-1], timedelta(0)))
    assert waits[:-1] == [wait_after(number) for number in range(1, ATTEMPTS)]
    assert (only(wired)["reason"], only(wired)["body"]) == ("connector", b"poison")
    assert "ZeroDivisionError" in only(wired)["problem"]


def test_a_connector_that_breaks_on_everything_leaves_its_webhooks_waiting(wired):
    ANSWER["parse"] = raising(ZeroDivisionError("half"))
    put(wired, *((f"k{number}", order_body(f"o{number}")) for number in range(20)))
    reader = wired.goodword.webhook_reader()
    for _ in range(12):
        reader.poll()
        wired.shop.clock.advance(timedelta(hours=1))
    assert set(wired.states().values()) == {"waiting"}
    assert len(alarms(wired)) == 1
    assert "ZeroDivisionError" in alarms(wired)[0]
    ANSWER.clear()
    while reader.poll():
        pass
    assert set(wired.states().values()) == {"done"}
    assert alarms(wired) == []


def test_without_its_plugin_everything_waits_and_says_so(wired):
    put(wired, ("k1", order_body()))
    connectors, wired.goodword.plugins.connectors = wired.goodword.plugins.connectors, {}
    wired.read()
    assert (only(wired)["state"], len(alarms(wired))) == ("waiting", 1)
    wired.goodword.plugins.connectors = connectors
    wired.shop.clock.advance(timedelta(hours=1))
    wired.read()
    assert (only(wired)["state"], alarms(wired)) == ("done", [])


def test_a_key_that_comes_back_with_another_content_is_laid_aside(wired):
    put(wired, ("k1", order_body(net=1)))
    wired.read()
    put(wired, ("k1", order_body(net=2)))
    wired.read()
    assert [(row["state"], row["reason"]) for row in wired.rows()] == [("done", None), ("dead", "contradiction")]
    assert wired.orders() == {"o1": 1}


def test_a_key_that_comes_back_written_otherwise_says_the_same(wired):
    put(wired, ("k1", order_body()), ("k1", order_body() + b" "))
    wired.read()
    assert [row["state"] for row in wired.rows()] == ["done", "done"]


def test_twins_in_one_batch_are_told_apart(wired):
    put(wired, ("k1", order_body(net=1)), ("k1", order_body(net=2)), ("k1", order_body(net=3)))
    wired.read()
    assert sorted(row["state"] for row in wired.rows()) == ["dead", "dead", "done"]


def test_a_dead_letter_is_replayed_once_its_cause_is_mended(wired):
    ANSWER["parse"] = raising(FatalError("not yet"))
    put(wired, ("k1", order_body()), ("k2", order_body("o2")))
    wired.read()
    assert set(wired.states().values()) == {"dead"}
    ANSWER.clear()
    assert len(replay_all(wired)) == 2
    wired.read()
    assert set(wired.states().values()) == {"done"}
    assert set(wired.orders()) == {"o1", "o2"}
    assert replay_all(wired) == []


def test_nobody_replays_what_is_another_brands(wired):
    put(wired, ("k1", b"{"))
    wired.read()
    row = only(wired)
    stranger = wired.shop.program_id
    assert wired.database.run(lambda unit: replay(unit, stranger, ids=[row["id"]])) == []
    assert only(wired)["state"] == "dead"


def test_a_rehearsal_says_what_would_happen_and_does_nothing(wired):
    reader = wired.goodword.webhook_reader()
    told = reader.rehearse(wired.connection, key="k1", topic="order", body=order_body())
    assert (told.done.new, told.done.orders, told.done.booked, told.problem) == (1, 1, 1, None)
    assert [event.external_id for event in told.events] == ["o1"]
    assert wired.orders() == {}
    bad = reader.rehearse(wired.connection, key="k1", topic="order", body=b"{")
    assert (bad.done, "no JSON" in bad.problem) == (None, True)
    refused = reader.rehearse(wired.connection, key="k1", topic="order", body=order_body(net=-1))
    assert "whole number of minor units" in refused.problem
    with wired.database.reading() as unit:
        assert unit.execute(select(table_of(Delivery))).all() == []


def test_many_readers_share_an_inbox(wired):
    """Four at once, 400 webhooks of 100 orders: each order once, each webhook settled."""
    put(wired, *((f"k{number}", order_body(f"o{number % 100}", 1 + number // 100)) for number in range(400)))
    threads = [Thread(target=wired.read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(wired.states().values()) == {"done"}
    assert len(wired.orders()) == 100


def test_who_took_webhooks_and_died_holds_them_no_longer_than_the_lease(wired):
    put(wired, ("k1", order_body()))
    (taken,) = wired.database.run(lambda unit: claim(unit, limit=5))
    assert wired.read() == 0
    wired.shop.clock.advance(LEASE)
    assert wired.read() == 1
    assert (taken.attempts, only(wired)["attempts"], only(wired)["state"]) == (1, 2, "done")


def dies_on(*poison):
    """Let the process that reads one of these bodies die: killed, or out of memory."""

    def parse(body):
        if body in poison:
            raise KeyboardInterrupt

    ANSWER["parse"] = parse


def read_by_many(wired, *, lives=20):
    """Read what is due, by a new process whenever one died; return how many died."""
    deaths = 0
    for _ in range(lives):
        try:
            wired.read()
        except KeyboardInterrupt:
            deaths += 1
        wired.shop.clock.advance(LEASE)
    return deaths


def test_one_that_kills_whoever_reads_it_is_dead_after_two_and_the_others_are_read(wired):
    dies_on(b"deadly")
    put(wired, *((f"k{number}", order_body(f"o{number}")) for number in range(6)), ("k6", b"deadly"))
    put(wired, *((f"k{number}", order_body(f"o{number}")) for number in range(7, 12)))
    assert read_by_many(wired) == 2
    states = wired.states()
    assert states.pop("k6") == "dead"
    assert set(states.values()) == {"done"}
    (row,) = [row for row in wired.rows() if row["state"] == "dead"]
    assert (row["reason"], row["body"]) == ("reader", b"deadly")
    ANSWER["parse"] = crash_on()
    replay_all(wired)
    wired.read()
    assert wired.rows()[6]["reason"] == "unreadable"  # a replayed one begins anew


def test_two_that_kill_cost_four_readers_and_nothing_else(wired):
    dies_on(b"deadly", b"deadly too")
    put(wired, ("k1", b"deadly"), ("k2", order_body()), ("k3", b"deadly too"))
    assert read_by_many(wired) <= 4
    assert wired.states() == {"k1": "dead", "k2": "done", "k3": "dead"}


def test_an_outage_twice_does_not_look_like_a_death(wired, monkeypatch):
    put(wired, ("k1", order_body()))
    reader = wired.goodword.webhook_reader()
    monkeypatch.setattr(Pipeline, "ingest", raising(OperationalError("x", {}, Exception("gone"))))
    for _ in range(4):
        with pytest.raises(OperationalError):
            reader.poll()
        wired.shop.clock.advance(LEASE)
    monkeypatch.undo()
    reader.poll()
    assert wired.states() == {"k1": "done"}


def test_dying_between_taking_in_and_saying_so_counts_once(wired, monkeypatch):
    put(wired, ("k1", order_body()))
    monkeypatch.setattr("engine.pipeline.webhooks.settle", raising(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        wired.read()
    monkeypatch.undo()
    assert (wired.states(), wired.orders()) == ({"k1": "waiting"}, {"o1": 10_000})
    wired.shop.clock.advance(LEASE)
    wired.read()
    assert wired.states() == {"k1": "done"}
    with wired.database.reading() as unit:
        ids = order_ids(unit, wired.shop.brand_id, connector="wire", account="main", external_ids=["o1"])
        assert len(ids) == len(unit.execute(select(table_of(Delivery))).all()) == 1


def test_an_outage_of_the_database_costs_no_webhook_an_attempt_more_than_one(wired, monkeypatch):
    put(wired, ("k1", order_body()))
    monkeypatch.setattr(Pipeline, "ingest", raising(OperationalError("x", {}, Exception("gone"))))
    with pytest.raises(OperationalError):
        wired.read()
    monkeypatch.undo()
    wired.shop.clock.advance(LEASE)
    wired.read()
    assert wired.states() == {"k1": "done"}


def test_one_that_cannot_be_stored_is_found_out_and_the_others_go_in(wired, monkeypatch):
    ingest = Pipeline.ingest

    def picky(self, brand_id, source, *, deliveries):
        if any(delivery.key == "k3" for delivery in deliveries):
            raise ValueError("cannot")
        return ingest(self, brand_id, source, deliveries=deliveries)

    monkeypatch.setattr(Pipeline, "ingest", picky)
    put(wired, *((f"k{number}", order_body(f"o{number}")) for number in range(6)))
    for _ in range(ATTEMPTS):
        wired.read()
        wired.shop.clock.advance(timedelta(hours=1))
    states = wired.states()
    assert states.pop("k3") == "dead"
    assert set(states.values()) == {"done"}


# --- completion


def test_what_was_completed_is_what_is_kept(online):
    ANSWER["complete"] = lambda body: order_body("o9")
    put(online, ("k1", b'{"id":"o9"}'))
    online.read()
    assert online.orders() == {"o9": 10_000}
    with online.database.reading() as unit:
        assert list(unit.execute(select(table_of(DeliveryBody).c.body)).scalars()) == [order_body("o9")]


def test_no_unit_is_open_while_the_shop_is_asked(online):
    checked_out = []

    def complete(body):
        checked_out.append(online.database.engine.pool.checkedout())
        return body

    ANSWER["complete"] = complete
    put(online, ("k1", order_body()))
    online.read()
    assert checked_out == [0]


def test_a_shop_that_asks_to_wait_is_waited_for_and_asked_once(online):
    asked = []

    def busy(body):
        asked.append(body)
        raise RetriableError("busy", retry_after_s=90)

    ANSWER["complete"] = busy
    put(online, *((f"k{number}", order_body(f"o{number}")) for number in range(5)))
    online.read()
    assert len(asked) == 1
    waits = {row["run_at"] - online.shop.clock.now() for row in online.rows()}
    assert waits == {timedelta(seconds=90)}
    ANSWER.clear()
    online.shop.clock.advance(timedelta(seconds=90))
    online.read()
    assert set(online.states().values()) == {"done"}


def failing_on(*poison, error=None):
    """Let the shop fail on these, without a word of when to try again."""
    asked = []

    def complete(body):
        asked.append(body)
        if not poison or body in poison:
            raise error or RetriableError("500")
        return body

    ANSWER["complete"] = complete
    return asked


def test_one_on_which_the_shop_fails_again_and_again_holds_nobody_up_and_is_dead_at_last(online):
    failing_on(b"poison")
    put(online, ("k0", b"poison"))
    reader = online.goodword.webhook_reader()
    for number in range(1, 40):
        put(online, (f"k{number}", order_body(f"o{number}")))
        while reader.poll():
            pass
        assert online.states()[f"k{number}"] == "done"
        online.shop.clock.advance(timedelta(minutes=1))
    assert (online.rows()[0]["state"], online.rows()[0]["reason"]) == ("dead", "shop")
    assert alarms(online) == []


def test_a_shop_that_is_down_is_asked_three_times_a_round_and_nothing_dies(online):
    asked = failing_on()
    put(online, *((f"k{number}", order_body(f"o{number}")) for number in range(20)))
    reader = online.goodword.webhook_reader()
    reader.poll()
    assert len(asked) == DOWN
    for _ in range(10):
        online.shop.clock.advance(timedelta(hours=1))
        while reader.poll():
            pass
    assert set(online.states().values()) == {"waiting"}
    assert len(alarms(online)) == 1
    ANSWER.clear()
    online.shop.clock.advance(timedelta(hours=1))
    while reader.poll():
        pass
    assert (set(online.states().values()), alarms(online)) == ({"done"}, [])


def test_a_shop_that_does_not_let_us_in_raises_an_alarm_until_it_does(online):
    ANSWER["complete"] = raising(ConfigError("the token is not valid"))
    put(online, ("k1", order_body()))
    online.read()
    assert (online.states(), len(alarms(online))) == ({"k1": "waiting"}, 1)
    assert "the token is not valid" in alarms(online)[0]
    ANSWER.clear()
    online.shop.clock.advance(timedelta(hours=1))
    online.read()
    assert (online.states(), alarms(online)) == ({"k1": "done"}, [])


def test_what_the_shop_will_not_give_is_dead(online):
    ANSWER["complete"] = raising(FatalError("gone"))
    put(online, ("k1", order_body()))
    online.read()
    assert (only(online)["state"], only(online)["reason"], only(online)["body"]) == ("dead", "not_there", order_body())


def test_a_shop_that_is_off_is_not_asked_anything(online):
    ANSWER["complete"] = raising(AssertionError("it was asked"))
    put(online, ("k1", order_body()))

    def off(unit):
        brand = online.shop.brand_id
        switch(unit, brand, connection_id=online.connection.id, state=ConnectionState.OFF, by="owner")
        return connection_by_id(unit, brand, connection_id=online.connection.id)

    assert not online.database.run(off).is_on
    online.read()
    assert online.states() == {"k1": "waiting"}


def test_a_letter_is_found_by_its_brand_alone(wired):
    put(wired, ("k1", b"{"))
    wired.read()
    with wired.database.reading() as unit:
        found = letter(unit, wired.shop.brand_id, webhook_id=only(wired)["id"])
    assert (found.body, found.row.reason, found.row.shop) == (b"{", "unreadable", "Main shop")


def test_a_claim_goes_by_the_index_of_what_waits(sqlite_backend, tmp_path, clock):
    database = sqlite_backend.open(clock)
    seen: list[str] = []
    with database.unit() as unit:
        driver = unit.connection.connection.driver_connection
        driver.set_trace_callback(seen.append)
        claim(unit, limit=5)
        driver.set_trace_callback(None)
        (written,) = [line for line in seen if line.startswith("SELECT inbox_webhook")]
        plan = [row[3] for row in unit.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {written}")]
    sqlite_backend.discard(database)
    assert "SEARCH inbox_webhook USING INDEX ix_inbox_webhook_waiting (run_at<?)" in plan


def test_old_rows_are_untouched_by_a_claim_that_finds_nothing(wired):
    put(wired, ("k1", order_body()))
    wired.database.run(lambda unit: unit.execute(update(INBOX).values(run_at=unit.now + timedelta(days=1))))
    assert wired.read() == 0
    assert only(wired)["attempts"] == 0
