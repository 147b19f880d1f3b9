"""The door to the database: safe settings, one state in view, and a race that is lost is run again."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlmodel import SQLModel

from engine.identity.tables import Brand
from engine.kernel.database import UnsafeDatabaseError, open_database
from engine.kernel.errors import StaleReadError
from engine.kernel.ids import new_id

BRAND = SQLModel.metadata.tables["brand"]


def add(unit, slug):
    unit.execute(insert(BRAND), [{"id": new_id(), "slug": slug, "name": "0", "created_at": unit.now}])


def slugs(db):
    with db.reading() as unit:
        return sorted(unit.execute(select(BRAND.c.slug)).scalars())


def pragma(unit, name):
    return unit.connection.execute(text(f"PRAGMA {name}")).scalar()


def test_sqlite_keeps_every_commit_and_every_reference(sqlite_backend, clock):
    db = sqlite_backend.open(clock)
    with db.reading() as unit:
        assert pragma(unit, "journal_mode") == "wal"
        assert pragma(unit, "synchronous") == 2
        assert pragma(unit, "foreign_keys") == 1
        assert pragma(unit, "recursive_triggers") == 1
        assert pragma(unit, "busy_timeout") == 30_000
    sqlite_backend.discard(db)


def test_a_sqlite_that_cannot_keep_money_safe_is_refused(tmp_path, monkeypatch):
    class Careless(sqlite3.Cursor):
        def execute(self, sql, *more):
            return super().execute("PRAGMA user_version" if sql == "PRAGMA foreign_keys=ON" else sql, *more)

    class Connection(sqlite3.Connection):
        def cursor(self, *_factory):
            return super().cursor(Careless)

    connect = sqlite3.dbapi2.connect
    monkeypatch.setattr(sqlite3.dbapi2, "connect", lambda *a, **k: connect(*a, **k, factory=Connection))
    db = open_database(f"sqlite:///{tmp_path / 'a.db'}")
    with pytest.raises(UnsafeDatabaseError, match="foreign keys"), db.reading() as unit:
        pragma(unit, "user_version")
    db.close()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://localhost/goodword", "oracle://x/y"])
def test_other_databases_are_refused(url):
    with pytest.raises(UnsafeDatabaseError):
        open_database(url)


def test_a_unit_commits_whole_or_not_at_all(db):
    db.run(lambda unit: add(unit, "kept"))

    def fail(unit):
        add(unit, "gone")
        unit.session.add(Brand(slug="gone too", name="0", created_at=unit.now))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        db.run(fail)
    assert slugs(db) == ["kept"]


def test_a_unit_begins_at_one_instant(db, clock):
    with db.unit() as unit:
        assert unit.now == clock.now()
        assert unit.dialect == db.dialect


def test_reading_sees_one_state_and_writes_nothing(db):
    db.run(lambda unit: add(unit, "first"))
    with db.reading() as unit:
        assert unit.execute(select(BRAND.c.slug)).scalars().all() == ["first"]
        db.run(lambda other: add(other, "second"))
        assert unit.execute(select(BRAND.c.slug)).scalars().all() == ["first"]
    assert slugs(db) == ["first", "second"]
    with db.reading() as unit:
        if db.dialect == "postgresql":
            with pytest.raises(DBAPIError, match="read-only"):
                add(unit, "third")
        else:
            add(unit, "third")  # nobody commits it
    assert slugs(db) == ["first", "second"]


def test_read_then_write_never_loses_an_update(db):
    """Eight threads add 1 to one row 25 times each, reading it first.

    On SQLite since a unit begins IMMEDIATE, on PostgreSQL since a stale read is run again.
    """
    db.run(lambda unit: add(unit, "counter"))
    gate = threading.Barrier(8)

    def increase(unit):
        seen = unit.execute(select(BRAND.c.name)).scalar_one()
        done = unit.execute(update(BRAND).where(BRAND.c.name == seen).values(name=str(int(seen) + 1)))
        if done.rowcount != 1:
            raise StaleReadError("Another writer came first.")

    def work(_number):
        gate.wait()
        for _ in range(25):
            db.run(increase, attempts=200)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(8)))
    with db.reading() as unit:
        assert unit.execute(select(BRAND.c.name)).scalar_one() == "200"


def test_what_lost_a_race_is_run_again_and_the_rest_is_not(db):
    tries: list[object] = []

    def stale(unit):
        add(unit, f"try {len(tries)}")
        tries.append(unit.now)
        if len(tries) < 3:
            raise StaleReadError("Another writer came first.")
        return "done"

    assert db.run(stale) == "done"
    assert slugs(db) == ["try 2"]


@pytest.mark.parametrize(("error", "tries"), [(StaleReadError("again"), 3), (ValueError("a bug"), 1)], ids=repr)
def test_how_often_it_is_tried(db, error, tries):
    done = []

    def fail(unit):
        done.append(unit.now)
        raise error

    with pytest.raises(type(error)):
        db.run(fail, attempts=3)
    assert len(done) == tries


@pytest.mark.parametrize("state", ["40001", "40P01", "23505", "22012"])
def test_which_answers_of_postgresql_are_worth_another_try(postgresql_backend, clock, state):
    """A serialization failure, a deadlock and a key taken meanwhile are; a division by zero is not."""
    db = postgresql_backend.open(clock)
    tries: list[int] = []

    def work(unit):
        tries.append(1)
        unit.connection.execute(text(f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{state}'; END $$"))

    with pytest.raises(DBAPIError):
        db.run(work, attempts=3)
    assert len(tries) == (1 if state == "22012" else 3)
    postgresql_backend.discard(db)


def test_a_real_deadlock_is_resolved(postgresql_backend, clock):
    """Two units lock two rows in opposite order; PostgreSQL ends one, which is run again."""
    db, gate = postgresql_backend.open(clock), threading.Barrier(2)
    for slug in ("a", "b"):
        db.run(lambda unit, slug=slug: add(unit, slug))
    met = threading.Event()

    def work(order):
        def lock_both(unit):
            for slug in order:
                unit.execute(update(BRAND).where(BRAND.c.slug == slug).values(name=BRAND.c.name + order))
                if not met.is_set():
                    gate.wait(timeout=20)
                    met.set()

        db.run(lock_both)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(work, ["ab", "ba"]))
    with db.reading() as unit:
        names = sorted("".join(sorted(name)) for name in unit.execute(select(BRAND.c.name)).scalars())
    assert names == ["0aabb", "0aabb"]
    postgresql_backend.discard(db)


def test_a_broken_reference_and_a_key_used_twice_are_errors(db):
    db.run(lambda unit: add(unit, "once"))
    with pytest.raises(IntegrityError):
        db.run(lambda unit: add(unit, "once"), attempts=2)
    with pytest.raises(IntegrityError):
        db.run(
            lambda unit: unit.connection.execute(
                text("INSERT INTO ledger_account (brand_id, kind, owner, asset) VALUES (:brand, 'expense', '', 'EUR')"),
                {"brand": new_id().hex},
            )
        )


def test_a_writer_waits_for_the_other_on_sqlite(sqlite_backend, clock):
    db = sqlite_backend.open(clock)
    inside, leave = threading.Event(), threading.Event()

    def slow(unit):
        add(unit, "slow")
        inside.set()
        leave.wait(timeout=20)

    writer = threading.Thread(target=db.run, args=(slow,))
    writer.start()
    inside.wait(timeout=20)
    impatient = sqlite3.connect(str(db.engine.url.database), timeout=0)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        impatient.execute("BEGIN IMMEDIATE")
    impatient.close()
    other = threading.Thread(target=db.run, args=(lambda unit: add(unit, "other"),))
    other.start()
    leave.set()
    writer.join(timeout=20)
    other.join(timeout=20)
    assert slugs(db) == ["other", "slow"]
    sqlite_backend.discard(db)
