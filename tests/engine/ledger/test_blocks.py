"""Blocks hold only what is final, whoever else is writing."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlmodel import Session

from engine.kernel.database import UnitOfWork
from engine.ledger.blocks import GENESIS, seal
from engine.ledger.journal import BLOCK
from engine.ledger.service import post
from engine.ledger.verify import counts, verify
from tests.engine.ledger.books import accrual, add_brand, fill


def blocks(db):
    with db.reading() as unit:
        return unit.execute(select(BLOCK).order_by(BLOCK.c.id)).all()


def seal_all(db, **how):
    found = []
    while block := db.run(lambda unit: seal(unit, **how)):
        found.append(block)
    return found


def test_nothing_to_seal(db):
    assert db.run(seal) is None


def test_blocks_follow_each_other_without_a_gap(db, brand):
    ids = fill(db, brand, count=25, seed=1)
    sealed = seal_all(db, size=10)
    fill(db, add_brand(db), count=3, seed=2)
    sealed += seal_all(db, size=10)
    rows = blocks(db)
    assert [row.transactions for row in rows] == [10, 10, 5, 3]
    assert [row.first_id for row in rows] == [1, *(row.last_id + 1 for row in rows[:-1])]
    assert [row.previous_hash for row in rows] == [GENESIS, *(row.hash for row in rows[:-1])]
    assert [block.hash for block in sealed] == [row.hash for row in rows]
    assert rows[2].last_id == max(ids)
    with db.reading() as unit:
        assert (counts(unit).unsealed, counts(unit).head) == (0, sealed[-1].hash)
        assert verify(unit, anchor=sealed[0].hash) == ()


def test_a_seal_that_rolls_back_leaves_nothing(db, brand):
    fill(db, brand, count=5, seed=1)

    def fail(unit):
        seal(unit)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        db.run(fail)
    assert blocks(db) == []
    assert seal_all(db)[0].transactions == 5


@pytest.fixture
def postgres(postgresql_backend, clock):
    """A PostgreSQL database, whatever `db` is: SQLite has no second writer."""
    database = postgresql_backend.open(clock)
    yield database
    postgresql_backend.discard(database)


@pytest.mark.postgresql
@pytest.mark.timeout(60)
@pytest.mark.parametrize("ending", ["commit", "rollback"])
def test_an_open_transaction_with_a_lower_id_holds_the_seal_back(postgres, clock, ending):
    """Two real connections: one draws ids and stays open, the other draws later ones and commits."""
    brand = add_brand(postgres)
    postgres.run(lambda unit: post(unit, brand, [accrual("so that the accounts are there", 1)]))
    seal_all(postgres)
    with postgres.engine.connect() as connection, Session(bind=connection) as session:
        (early,) = post(UnitOfWork(session, clock, clock.now()), brand, [accrual("early", 5)])
        (late,) = postgres.run(lambda unit: post(unit, brand, [accrual("late", 5)]))
        assert early < late
        assert postgres.run(lambda unit: seal(unit, patience=timedelta(milliseconds=200))) is None
        getattr(session, ending)()
    (block,) = seal_all(postgres)
    assert (block.first_id, block.last_id) == (early, late)
    assert block.transactions == (2 if ending == "commit" else 1)
    with postgres.reading() as unit:
        assert verify(unit) == ()


def test_sealing_beside_writers_never_misses_a_row(db, brand):
    """Four writers of 40 batches each, two sealers all the while; at the end each transaction is in one block."""
    writing = threading.Event()
    writing.set()

    def write(number):
        for batch in range(40):
            drafts = [accrual(f"{number}:{batch}:{row}", 1 + row) for row in range(5)]
            db.run(lambda unit, drafts=drafts: post(unit, brand, drafts), attempts=40)

    def keep_sealing():
        while writing.is_set():
            db.run(lambda unit: seal(unit, size=64), attempts=40)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    sealers = [threading.Thread(target=keep_sealing) for _ in range(2)]
    for thread in [*writers, *sealers]:
        thread.start()
    for thread in writers:
        thread.join()
    writing.clear()
    for thread in sealers:
        thread.join()
    seal_all(db)
    with db.reading() as unit:
        assert verify(unit) == ()
        assert (counts(unit).transactions, counts(unit).unsealed) == (800, 0)
    assert sum(row.transactions for row in blocks(db)) == 800
