"""Webhooks at the door: who gets in, who gets which answer, and what is left of it."""

import gzip
import io
import json
import sqlite3
import threading
import time
from contextlib import closing
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, select
from sqlalchemy.exc import OperationalError
from werkzeug.test import Client, EnvironBuilder

from engine.connections.queries import open_alarms, refused_of
from engine.connections.service import end_by_hand, switch
from engine.connections.tables import ConnectionState
from engine.intake.tables import Delivery
from engine.kernel.crypto import UnreadableSecretError
from engine.kernel.errors import ConflictError, NotFoundError
from engine.kernel.tables import table_of
from engine.pipeline.watch import watch_silence
from engine.plugin_api import PluginError, Webhook, WebhookKind
from tests.support.shop import open_shop
from tests.support.wire import ANSWER, SECRET, order_body, signed
from tests.support.wired import Door, Wired, connect, raising
from web.hooks import Hooks

STALE_AFTER_S = 0.05
REFUSED = (401, b"Unauthorized\n")


@pytest.fixture
def wired(db, tmp_path, clock):
    yield Wired.on(db, tmp_path, clock)
    ANSWER.clear()


@pytest.fixture
def door(wired):
    hooks = Hooks(wired.goodword)
    hooks._shops._stale_after = STALE_AFTER_S
    yield Door(hooks)
    hooks.close()


def refusals(wired, door):
    door.hooks._refusals.write()
    with wired.database.reading() as unit:
        return refused_of(unit, wired.shop.brand_id).get(wired.connection.id, 0)


def answer(response):
    return response.status_code, response.data


def test_a_signed_webhook_is_in_the_inbox_when_it_is_answered(wired, door):
    body = order_body()
    response = door.post(body, signed(body, key="k1", topic="orders/paid"))
    assert answer(response) == (200, b"OK\n")
    (row,) = wired.rows()
    assert (row["delivery_key"], row["topic"], row["body"], row["state"]) == ("k1", "orders/paid", body, "waiting")
    assert row["received_at"] == wired.shop.clock.now()
    assert (row["brand_id"], row["connection_id"]) == (wired.shop.brand_id, wired.connection.id)


def test_an_answer_sets_nothing_and_leads_nowhere(door):
    for response in (door.post(b"{}", {}), door.post(b"", signed(b"", key="k"))):
        assert {"Set-Cookie", "Location"}.isdisjoint(response.headers)
        assert response.headers["Cache-Control"] == "no-store"


def test_the_same_webhook_many_times_is_there_once(wired, door):
    assert [door.send() for _ in range(5)] == [200] * 5
    assert len(wired.rows()) == 1


def test_one_key_with_other_bytes_is_kept_as_well(wired, door):
    assert door.send("k1", order_body(net=1)) == door.send("k1", order_body(net=2)) == 200
    assert len(wired.rows()) == 2


def test_the_same_webhook_at_once_from_many_is_there_once(wired, door):
    statuses = []
    threads = [threading.Thread(target=lambda: statuses.append(door.send())) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 16
    assert len(wired.rows()) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Wire-Signature": ""},
        {"X-Wire-Signature": "sha256=00"},
        signed(order_body(), key="other"),
        signed(order_body(net=1), key="k1"),
        signed(order_body(), key="k1", secret="somebody else's secret, long enough"),
    ],
    ids=["none", "empty", "wrong scheme", "other key", "other body", "other secret"],
)
def test_who_did_not_sign_is_refused_and_leaves_a_count(wired, door, headers):
    response = door.post(order_body(), headers | {"X-Wire-Key": "k1"})
    assert answer(response) == REFUSED
    assert wired.rows() == []
    assert refusals(wired, door) == 1


def test_nobody_learns_from_a_refusal_whether_there_is_such_an_account(wired, door):
    body = order_body()
    known = door.post(body, {})
    for path in ("/hooks/wire/nobody", "/hooks/nothing/main", "/hooks/wire/", "/hooks/wire/main/x", "/hooks/x"):
        unknown = door.post(body, signed(body, key="k1"), path=path)
        assert answer(unknown) == answer(known) == REFUSED
        assert dict(unknown.headers) == dict(known.headers)
    assert refusals(wired, door) == 1


def test_the_secret_of_one_shop_opens_no_other(wired, door):
    connect(wired.shop, account="second", webhook_secrets=["another-secret-of-another-shop"])
    assert door.send(path="/hooks/wire/second") == 401
    assert door.send() == 200


def test_a_body_written_anew_is_not_what_was_signed(door):
    body = order_body()
    again = json.dumps(json.loads(body), indent=1).encode()
    assert answer(door.post(again, signed(body, key="k1"))) == REFUSED


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bit=st.integers(0, len(order_body()) * 8 - 1))
def test_no_flipped_bit_gets_in(door, bit):
    body = bytearray(order_body())
    body[bit // 8] ^= 1 << bit % 8
    assert door.post(bytes(body), signed(order_body(), key="k1")).status_code == 401


def test_while_a_secret_is_replaced_both_count_and_soon_only_the_new_one(wired, door):
    new = "the-new-secret-of-the-shop"
    connect(wired.shop, webhook_secrets=[new, SECRET])
    assert (door.send("a", secret=new), door.send("b")) == (200, 200)
    connect(wired.shop, webhook_secrets=[new])
    time.sleep(STALE_AFTER_S)
    assert (door.send("c", secret=new), door.send("d")) == (200, 401)


def test_a_shop_that_is_switched_off_is_refused_and_counted(wired, door):
    assert door.send("a") == 200
    switch_off(wired)
    time.sleep(STALE_AFTER_S)
    assert door.send("b") == 401
    assert refusals(wired, door) == 1


def switch_off(wired):
    wired.database.run(
        lambda unit: switch(
            unit, wired.shop.brand_id, connection_id=wired.connection.id, state=ConnectionState.OFF, by="owner"
        )
    )


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_only_post_is_taken(door, method):
    response = Client(door.hooks).open("/hooks/wire/main", method=method)
    assert (response.status_code, response.headers["Allow"]) == (405, "POST")


def test_what_is_too_large_is_refused_without_being_read(wired, door):
    class Unread(io.BytesIO):
        def read(self, *_):
            raise AssertionError("it was read")

    environ = EnvironBuilder("/hooks/wire/main", method="POST").get_environ()
    environ |= {"CONTENT_LENGTH": str(11 * 1024 * 1024), "wsgi.input": Unread()}
    statuses = []
    door.hooks(environ, lambda status, _headers: statuses.append(status))
    assert [status[:3] for status in statuses] == ["413"]


def chunked(door, body, headers=None):
    builder = EnvironBuilder("/hooks/wire/main", method="POST", headers=headers or {})
    environ = builder.get_environ()
    environ.pop("CONTENT_LENGTH", None)
    stream = io.BytesIO(body)
    environ |= {"wsgi.input": stream, "wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    statuses = []
    door.hooks(environ, lambda status, _headers: statuses.append(int(status[:3])))
    return statuses[0], stream.tell()


def test_a_body_in_chunks_is_read_to_its_end_and_never_past_the_limit(wired, door):
    body = order_body()
    assert chunked(door, body, signed(body, key="k1"))[0] == 200
    status, read = chunked(door, b"\r" * 11 * 1024 * 1024)
    assert status == 413
    assert read <= 1024 * 1024 + 1


@pytest.mark.parametrize("length", ["-1", "1e3", "0x10", "9" * 19, "1, 2"])
def test_a_length_that_is_none_is_a_bad_request(door, length):
    environ = EnvironBuilder("/hooks/wire/main", method="POST").get_environ() | {"CONTENT_LENGTH": length}
    statuses = []
    door.hooks(environ, lambda status, _headers: statuses.append(status[:3]))
    assert statuses == ["400"]


def test_half_a_body_is_a_bad_request(wired, door):
    environ = EnvironBuilder("/hooks/wire/main", method="POST").get_environ()
    environ |= {"CONTENT_LENGTH": "100", "wsgi.input": io.BytesIO(b"half")}
    statuses = []
    door.hooks(environ, lambda status, _headers: statuses.append(status[:3]))
    assert statuses == ["400"]


def test_compressed_bodies_are_not_unpacked(wired, door):
    body = gzip.compress(b"0" * 10_000_000)
    response = door.post(body, signed(body, key="k1") | {"Content-Encoding": "gzip"})
    assert response.status_code == 415
    assert wired.rows() == []


def test_a_greeting_is_answered_and_leaves_nothing(wired, door):
    assert door.post(b"webhook_id=1", {"X-Wire-Kind": "ping"}).status_code == 200
    assert wired.rows() == []
    assert refusals(wired, door) == 0


def test_a_topic_of_no_use_is_answered_and_kept_without_its_body(wired, door):
    assert door.send(kind="ignored", topic="products/update") == 200
    (row,) = wired.rows()
    assert (row["state"], row["topic"], row["body"]) == ("ignored", "products/update", None)


def alarms(wired):
    with wired.database.reading() as unit:
        return open_alarms(unit, wired.shop.brand_id)


def asking(words, kind=WebhookKind.IGNORED):
    """Let the connector say that a webhook matters, by its key."""
    ANSWER["verify"] = lambda request: Webhook(request.headers["x-wire-key"], "privacy", kind, matters=words)


def test_what_matters_to_staff_is_an_alarm_until_somebody_ends_it(wired, door):
    asking("The customer 7 asks to be forgotten.")
    assert [door.send("k1", b"seven"), door.send("k1", b"seven"), door.send("k2", b"seven")] == [200] * 3
    (alarm,) = alarms(wired)
    assert (alarm.kind, alarm.connection_id) == ("for_staff", wired.connection.id)
    assert alarm.text == "Main shop (wire/main): The customer 7 asks to be forgotten."
    asking("The customer 8 asks to be forgotten.")
    door.send("k3", b"eight")
    assert len(alarms(wired)) == 2
    wired.shop.clock.advance(timedelta(days=1))
    door.send("k4", b"nine")
    watch_silence(wired.database)
    assert len(alarms(wired)) == 3
    brand_id = wired.shop.brand_id
    for _ in range(2):
        wired.database.run(lambda unit: end_by_hand(unit, brand_id, alarm_id=alarm.id, by="owner@bean.example"))
    asking("The customer 7 asks to be forgotten.")
    door.send("k1", b"seven")  # the shop tries again what it had sent
    assert alarm.id not in {each.id for each in alarms(wired)}
    assert len(alarms(wired)) == 2
    assert {row["state"] for row in wired.rows()} == {"ignored"}
    assert {row["body"] for row in wired.rows()} == {None}


def test_a_shop_that_lets_us_go_is_told_of_until_it_is_back(wired, door):
    asking("The shop removed our app.", WebhookKind.GOODBYE)
    assert door.send("k1") == 200
    (alarm,) = alarms(wired)
    assert (alarm.kind, alarm.text) == ("gone", "Main shop (wire/main): The shop removed our app.")
    with pytest.raises(ConflictError, match="ends by itself"):
        wired.database.run(lambda unit: end_by_hand(unit, wired.shop.brand_id, alarm_id=alarm.id, by="owner"))
    wired.shop.clock.advance(timedelta(days=2))
    asking("Forget everything.")  # what a shop sends when it is gone does not bring it back
    door.send("k2")
    watch_silence(wired.database)
    assert [each.kind for each in alarms(wired)] == ["gone", "for_staff"]
    ANSWER.clear()
    door.send("k3")
    watch_silence(wired.database)
    assert [each.kind for each in alarms(wired)] == ["for_staff"]


def test_a_goodbye_without_words_is_told_in_ours(wired, door):
    asking("", WebhookKind.GOODBYE)
    assert door.send("k1") == 200
    assert "The shop let us go" in alarms(wired)[0].text


def test_an_order_may_matter_too_and_is_read(wired, door):
    asking("Look at this one.", WebhookKind.EVENT)
    assert door.send("k1") == 200
    wired.read()
    assert (wired.orders(), [each.kind for each in alarms(wired)]) == ({"o1": 10_000}, ["for_staff"])


def test_nobody_ends_an_alarm_of_a_foreign_brand(wired, door, clock):
    asking("Look.")
    door.send("k1")
    other = open_shop(wired.goodword, clock, slug="other", name="Other")
    with pytest.raises(NotFoundError):
        wired.database.run(lambda unit: end_by_hand(unit, other.brand_id, alarm_id=alarms(wired)[0].id, by="x"))


@pytest.mark.parametrize(
    "broken",
    [
        raising(ZeroDivisionError("half")),
        raising(SystemExit(3)),
        raising(PluginError("no")),
        lambda _: None,
        lambda _: Webhook(key="", topic=""),
        lambda _: Webhook(key="a\nb", topic=""),
        lambda _: Webhook(key="k" * 301, topic=""),
        lambda _: Webhook(key="k", topic="t" * 81),
        lambda _: Webhook(key="k", topic="", matters="a\nb"),
        lambda _: Webhook(key="k", topic="", matters="m" * 601),
        lambda _: Webhook(key="k", topic="", matters=7),  # type: ignore[arg-type]
        lambda _: Webhook(key="k", topic="", kind=WebhookKind.PING, matters="Hello."),
    ],
    ids=[
        "raises",
        "exits",
        "refuses",
        "nothing",
        "no key",
        "key of two lines",
        "endless key",
        "endless topic",
        "words of two lines",
        "endless words",
        "words that are none",
        "a greeting that matters",
    ],
)
def test_a_connector_that_breaks_lets_nothing_in_and_the_shop_tries_again(wired, door, broken):
    ANSWER["verify"] = broken
    response = door.post(order_body(), signed(order_body(), key="k1"))
    assert (response.status_code, "Retry-After" in response.headers) == (503, True)
    assert wired.rows() == []


def test_nobody_outside_can_switch_a_connector_off(wired, door):
    ANSWER["verify"] = raising(ZeroDivisionError("half"))
    assert [door.send(str(number)) for number in range(10)] == [503] * 10
    ANSWER.clear()
    assert door.send() == 200


def test_without_its_plugin_a_shop_is_asked_to_try_again(wired, door):
    wired.goodword.plugins.connectors = {}
    assert door.send() == 503


def test_without_its_key_settings_cannot_be_read_and_nothing_gets_in(wired, door, monkeypatch):
    monkeypatch.setattr(wired.goodword.keyring, "decrypt", raising(UnreadableSecretError()))
    assert door.send() == 503
    assert wired.rows() == []


def test_what_cannot_be_written_is_not_acknowledged(wired, door, monkeypatch):
    assert door.send("a") == 200
    monkeypatch.setattr("web.hooks.arrive", raising(OperationalError("insert", {}, Exception("disk full"))))
    assert door.send("b") == 503
    monkeypatch.undo()
    assert door.send("b") == 200
    assert wired.states() == {"a": "waiting", "b": "waiting"}


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_database_that_somebody_locked_acknowledges_nothing_and_loses_nothing(wired, door):
    assert door.send("a") == 200
    with closing(sqlite3.connect(wired.database.engine.url.database, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        body, began = order_body(), time.monotonic()
        response = door.post(body, signed(body, key="b"))
        assert (response.status_code, "Retry-After" in response.headers) == (503, True)
        assert time.monotonic() - began < 5, "Shopify does not wait longer"
        holder.execute("ROLLBACK")
    until = time.monotonic() + 20
    while door.send("b") != 200:  # until the one that waits for the lock has given up
        assert time.monotonic() < until
    assert wired.states() == {"a": "waiting", "b": "waiting"}


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_full_disk_acknowledges_nothing_that_it_has_not_kept(wired, door):
    engine, body = wired.database.engine, b"x" * 100_000

    def small(connection, _):
        connection.execute(f"PRAGMA max_page_count={pages + 60}").close()

    with engine.connect() as look:
        pages = look.exec_driver_sql("PRAGMA page_count").scalar_one()
    event.listen(engine, "connect", small)
    engine.dispose()
    told = {f"k{number}": door.send(f"k{number}", body) for number in range(8)}
    assert set(told.values()) == {200, 503}
    assert set(wired.states()) == {key for key, status in told.items() if status == 200}
    event.remove(engine, "connect", small)
    engine.dispose()
    assert [door.send(key, body) for key in told] == [200] * 8
    assert len(wired.rows()) == 8


def test_any_bytes_that_were_signed_are_acknowledged(wired, door):
    """A body that nobody can read is the shop's word all the same: it is kept for somebody to look at."""
    bodies = [b"", b"\x00\xff", b"{", b"[" * 100_000, b'{"a":NaN}', b"9" * 5_000, "\u202e\u0000".encode()]
    assert [door.send(str(number), body) for number, body in enumerate(bodies)] == [200] * len(bodies)
    assert wired.read() == len(bodies)
    assert set(wired.states().values()) == {"dead"}


def test_a_webhook_becomes_a_commission(wired, door):
    assert door.send() == 200
    assert wired.read() == 1
    assert wired.orders() == {"o1": 10_000}
    with wired.database.reading() as unit:
        delivery = unit.execute(select(table_of(Delivery))).one()
    assert (delivery.connector, delivery.account, delivery.delivery_key) == ("wire", "main", "k1")
