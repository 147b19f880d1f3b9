"""Events are told exactly once, together with their effect, and a poisonous one holds up nobody."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text

from engine.kernel.database import UnitOfWork
from engine.outbox.dispatch import drain, wait_after
from engine.outbox.queries import health
from engine.outbox.service import Event, append
from engine.outbox.tables import OutboxEvent
from tests.engine.ledger.books import add_brand

EVENT = OutboxEvent.__table__  # type: ignore[attr-defined]


@pytest.fixture
def brand(db) -> UUID:
    return add_brand(db)


@pytest.fixture
def notes(db):
    """A table of effects without any unique key: an effect that happens twice is there twice."""
    with db.engine.begin() as connection:
        connection.execute(text("CREATE TABLE note (listener varchar, number integer)"))
    return lambda: sorted(tuple(row) for row in _all(db, "SELECT listener, number FROM note"))


def _all(db, sql):
    with db.reading() as unit:
        return unit.connection.execute(text(sql)).all()


def noting(name):
    def listener(event, unit: UnitOfWork):
        sql = text("INSERT INTO note VALUES (:name, :number)")
        unit.connection.execute(sql, {"name": name, "number": event.payload["number"]})

    return listener


def failing(_event, _unit):
    raise ValueError("no such ambassador")


def tell(db, brand, *numbers, kind="booked"):
    db.run(lambda unit: append(unit, brand, [Event(kind, {"number": number}) for number in numbers]))


def test_every_listener_hears_every_event_once_and_in_order(db, brand, notes):
    heard = []
    tell(db, brand, 3, 1, 2)
    listeners = {"booked": [noting("a"), noting("b"), lambda event, unit: heard.append(event.payload["number"])]}
    assert drain(db, listeners) == 3
    assert drain(db, listeners) == 0
    assert notes() == [(name, number) for name in "ab" for number in (1, 2, 3)]
    assert heard == [3, 1, 2]


def test_an_event_of_a_unit_that_rolled_back_was_never_there(db, brand):
    def fail(unit):
        append(unit, brand, [Event("booked", {"number": 1})])
        raise RuntimeError

    with pytest.raises(RuntimeError):
        db.run(fail)
    assert _all(db, "SELECT * FROM outbox_event") == []


def test_a_poisonous_event_waits_longer_each_time_and_others_go_on(db, brand, notes, clock):
    def listener(event, unit):
        noting("before")(event, unit)
        if event.payload["number"] == 2:
            failing(event, unit)

    listeners = {"booked": [listener]}
    tell(db, brand, 1, 2, 3)
    for attempt in range(1, 13):
        assert drain(db, listeners) == (2 if attempt == 1 else 0)
        assert drain(db, listeners) == 0
        with db.reading() as unit:
            row = unit.execute(select(EVENT).where(EVENT.c.told_at.is_(None))).one()
            assert (row.attempts, row.problem) == (attempt, "ValueError: no such ambassador")
            assert row.next_try_at == clock.now() + wait_after(attempt)
            assert (health(unit).waiting, health(unit).failing) == (1, 1)
        clock.set(row.next_try_at - timedelta(microseconds=1))
        assert drain(db, listeners) == 0
        clock.advance(timedelta(microseconds=1))
    assert notes() == [("before", 1), ("before", 3)]
    assert drain(db, {"booked": [noting("mended")]}) == 1
    assert notes()[-1] == ("mended", 2)


def test_waits_double_up_to_an_hour():
    waits = [wait_after(attempt) for attempt in range(1, 500)]
    assert waits[:3] == [timedelta(seconds=2), timedelta(seconds=4), timedelta(seconds=8)]
    assert max(waits) == waits[-1] == timedelta(hours=1)


def test_one_listener_that_fails_takes_back_what_the_others_did(db, brand, notes):
    tell(db, brand, 1)
    assert drain(db, {"booked": [noting("a"), failing, noting("b")]}) == 0
    assert notes() == []


def test_events_nobody_listens_to_are_settled_at_once(db, brand, notes):
    tell(db, brand, *range(50), kind="unheard")
    tell(db, brand, 1)
    assert drain(db, {"booked": [noting("a")]}, limit=10) == 51
    assert notes() == [("a", 1)]
    tell(db, brand, 2)
    assert drain(db, {}) == 1


def test_no_more_than_the_limit_at_a_time(db, brand, notes):
    tell(db, brand, *range(7))
    listeners = {"booked": [noting("a")]}
    assert [drain(db, listeners, limit=3) for _ in range(4)] == [3, 3, 1, 0]


@pytest.mark.slow
def test_many_processes_tell_each_event_once(db, brand, notes):
    """400 events, one in ten fails at its first telling, six drainers at once."""
    tell(db, brand, *range(400))
    failed, gate, lock = set(), threading.Barrier(6), threading.Lock()

    def listener(event, unit):
        noting("a")(event, unit)
        number = event.payload["number"]
        with lock:
            first = number not in failed
            failed.add(number)
        if first and number % 10 == 0:
            raise ValueError(number)

    def drain_all(_number):
        gate.wait()
        while drain(db, {"booked": [listener]}, limit=random.Random(_number).randint(20, 60)):
            pass

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(drain_all, range(6)))
    db.clock.advance(timedelta(hours=1))
    drain(db, {"booked": [listener]})
    assert notes() == [("a", number) for number in range(400)]
    with db.reading() as unit:
        assert health(unit).waiting == 0
