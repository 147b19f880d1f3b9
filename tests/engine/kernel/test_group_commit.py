"""Group commit: who returns is on disk, who is not is told why, and nobody waits for ever."""

import os
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, event, insert, select
from sqlalchemy.exc import OperationalError

from engine.kernel.database import open_database
from engine.kernel.group_commit import GroupCommit, NotWrittenError

KEPT = Table("kept", MetaData(), Column("number", Integer, primary_key=True))


@pytest.fixture
def grouped(db):
    """A database with a table of numbers, and how the batches written to it were composed."""
    KEPT.metadata.create_all(db.engine)
    batches = []

    def write(numbers):
        with db.unit() as unit:
            unit.execute(insert(KEPT), [{"number": number} for number in numbers])
        batches.append(list(numbers))

    group = GroupCommit(write, largest=50, patience_s=10)
    yield db, group, batches
    group.close()
    KEPT.metadata.drop_all(db.engine)


def kept(db):
    with db.reading() as unit:
        return set(unit.execute(select(KEPT.c.number)).scalars())


def wait_until(true):
    until = time.monotonic() + 10
    while not true():
        assert time.monotonic() < until
        time.sleep(0.001)


def test_who_returns_is_on_disk(grouped):
    db, group, _ = grouped

    def put(number):
        group.put(number)
        return number in kept(db)

    with ThreadPoolExecutor(16) as threads:
        assert all(threads.map(put, range(200)))


def test_items_that_come_together_share_a_transaction_of_at_most_the_largest():
    batches, taken, go = [], threading.Event(), threading.Event()

    def write(numbers):
        taken.set()
        go.wait(10)
        batches.append(list(numbers))

    group = GroupCommit(write, largest=20, patience_s=20)
    with ThreadPoolExecutor(65) as threads:
        put = [threads.submit(group.put, 0)]
        assert taken.wait(10)
        put += [threads.submit(group.put, number) for number in range(1, 65)]
        wait_until(lambda: group.waiting == 64)
        go.set()
        for one in put:
            one.result()
    group.close()
    assert [len(batch) for batch in batches] == [1, 20, 20, 20, 4]
    assert sorted(number for batch in batches for number in batch) == list(range(65))


def test_one_bad_item_does_not_take_the_others_with_it(grouped):
    db, group, _ = grouped
    group.put(7)

    def put(number):
        try:
            group.put(number)
        except NotWrittenError as error:
            return error
        return None

    with ThreadPoolExecutor(32) as threads:
        told = list(threads.map(put, [*range(8, 108), 7, *range(108, 208)]))
    assert kept(db) == set(range(7, 208))
    refused = [error for error in told if error]
    assert len(refused) == 1
    assert "IntegrityError" in refused[0].reason
    assert not refused[0].outage


def test_a_locked_database_refuses_within_the_patience_and_recovers(sqlite_backend, clock):
    db = sqlite_backend.open(clock)
    event.listen(db.engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout=200"))
    KEPT.metadata.create_all(db.engine)

    def write(numbers):
        with db.unit() as unit:
            unit.execute(insert(KEPT), [{"number": number} for number in numbers])

    def put(number):
        started = time.monotonic()
        with pytest.raises(NotWrittenError) as caught:
            group.put(number)
        return time.monotonic() - started, caught.value

    group = GroupCommit(write, patience_s=2)
    holder = sqlite3.connect(str(db.engine.url.database), isolation_level=None)
    try:
        holder.execute("BEGIN IMMEDIATE")
        with ThreadPoolExecutor(8) as threads:
            told = list(threads.map(put, range(8)))
        assert all(waited < 10 for waited, _ in told)  # the holder lets go only afterwards
        assert all("locked" in error.reason or "turn" in error.reason for _, error in told)
        holder.execute("ROLLBACK")
        group.put(100)
        assert kept(db) == {100}
    finally:
        holder.close()
        group.close()
        sqlite_backend.discard(db)


def test_a_full_database_refuses_with_the_reason(tmp_path):
    db = open_database(f"sqlite:///{tmp_path / 'small.db'}")
    event.listen(db.engine, "connect", lambda connection, _: connection.execute("PRAGMA max_page_count=3").close())
    KEPT.metadata.create_all(db.engine)

    def write(numbers):
        with db.unit() as unit:
            unit.execute(insert(KEPT), [{"number": number} for number in numbers])

    group = GroupCommit(write, patience_s=5)
    with ThreadPoolExecutor(32) as threads, pytest.raises(NotWrittenError, match="full"):
        list(threads.map(group.put, range(10_000)))
    group.close()
    db.close()


def test_a_writer_that_hangs_holds_nobody_for_ever():
    taken, hang = threading.Event(), threading.Event()

    def write(_items):
        taken.set()
        hang.wait(30)

    group = GroupCommit(write, patience_s=0.3)

    def put(number):
        with pytest.raises(NotWrittenError) as caught:
            group.put(number)
        return caught.value.reason

    started = time.monotonic()
    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(put, 1)
        assert taken.wait(10)
        others = [threads.submit(put, number) for number in (2, 3)]
        assert first.result() == "it was not on disk after 0.3 s."
        assert [other.result() for other in others] == ["it waited 0.3 s and its turn did not come."] * 2
    assert time.monotonic() - started < 20
    hang.set()
    group.put(4)
    group.close()


def test_what_was_given_up_while_it_waited_is_never_written():
    written, taken, hang = [], threading.Event(), threading.Event()

    def write(numbers):
        taken.set()
        hang.wait(30)
        written.extend(numbers)

    group = GroupCommit(write, patience_s=0.2)
    with ThreadPoolExecutor(2) as threads:
        put = [threads.submit(group.put, 1)]
        assert taken.wait(10)
        put.append(threads.submit(group.put, 2))
        assert isinstance(put[1].exception(), NotWrittenError)
        assert isinstance(put[0].exception(), NotWrittenError)
    hang.set()
    group.put(3)
    group.close()
    assert written == [1, 3]


@pytest.mark.parametrize("failure", [ValueError("odd"), SystemExit(1), OperationalError("x", {}, Exception("gone"))])
def test_the_writer_survives_whatever_is_raised(failure):
    failures = [failure]

    def write(_items):
        if failures:
            raise failures.pop()

    group = GroupCommit(write, patience_s=5)
    with pytest.raises(NotWrittenError, match=type(failure).__name__):
        group.put(1)
    group.put(2)
    group.close()


def test_closing_writes_what_waits_and_takes_nothing_more():
    written, taken, go = [], threading.Event(), threading.Event()

    def write(numbers):
        taken.set()
        go.wait(10)
        written.extend(numbers)

    group = GroupCommit(write, largest=1, patience_s=10)
    with ThreadPoolExecutor(4) as threads:
        put = [threads.submit(group.put, 0)]
        assert taken.wait(10)
        put += [threads.submit(group.put, number) for number in (1, 2, 3)]
        wait_until(lambda: group.waiting == 3)
        closing = threading.Thread(target=group.close)
        closing.start()
        go.set()
        closing.join()
        assert [one.result() for one in put] == [None] * 4
    assert sorted(written) == [0, 1, 2, 3]
    with pytest.raises(NotWrittenError, match="closed"):
        group.put(5)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_process_writes_with_a_thread_of_its_own():
    read, write = os.pipe()

    def tell(numbers):
        os.write(write, f"{os.getpid()} {numbers[0]}\n".encode())

    group = GroupCommit(tell, patience_s=5)
    group.put(1)
    child = os.fork()
    if child == 0:
        try:
            group.put(2)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    group.put(3)
    assert os.read(read, 1000).decode().split("\n") == [f"{os.getpid()} 1", f"{child} 2", f"{os.getpid()} 3", ""]
    assert status == 0
    group.close()
    os.close(read)
    os.close(write)
