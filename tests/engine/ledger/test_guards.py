"""What the database itself refuses: amounts that are not whole, and any change of a row once written."""

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError

from engine.ledger.blocks import seal
from engine.ledger.journal import ACCOUNT, BLOCK, ENTRY, TRANSACTION
from engine.ledger.tables import LedgerEntry, LedgerTransaction
from engine.ledger.verify import verify
from tests.engine.ledger.books import fill

TABLES = {"account": ACCOUNT, "transaction": TRANSACTION, "entry": ENTRY, "block": BLOCK}


@pytest.fixture
def books(db, brand):
    """Twenty transactions of seed 1, sealed."""
    fill(db, brand, count=20, seed=1)
    db.run(seal)
    return db


def rows_of(db):
    with db.reading() as unit:
        return {name: unit.execute(table.select().order_by(table.c.id)).all() for name, table in TABLES.items()}


RAW = """
    INSERT INTO ledger_entry (brand_id, transaction_id, debit_id, credit_id, asset, amount_minor)
    SELECT brand_id, transaction_id, debit_id, credit_id, asset, {} FROM ledger_entry LIMIT 1
"""


@pytest.mark.parametrize("amount", ["'abc'", "'12.5'", "0", "-5", "0.4", "NULL", "9e18 * 9", "'NaN'", "1e400"])
def test_raw_sql_cannot_write_such_an_amount(db, brand, amount):
    fill(db, brand, count=1, seed=1)
    before = rows_of(db)
    with pytest.raises(DBAPIError):
        db.run(lambda unit: unit.connection.exec_driver_sql(RAW.format(amount)))
    assert rows_of(db) == before


@pytest.mark.parametrize("amount", ["12.5", "1e3 + 0.5"])
def test_raw_sql_cannot_write_a_fraction(db, brand, amount):
    """SQLite refuses it. PostgreSQL turns it into a whole number, and the books show that nobody posted that."""
    (first,) = fill(db, brand, count=1, seed=1)
    if db.dialect == "sqlite":
        with pytest.raises(IntegrityError, match="amount_minor_whole"):
            db.run(lambda unit: unit.connection.exec_driver_sql(RAW.format(amount)))
        return
    db.run(lambda unit: unit.connection.exec_driver_sql(RAW.format(amount)))
    with db.reading() as unit:
        kept = unit.execute(select(ENTRY.c.amount_minor).order_by(ENTRY.c.id.desc()).limit(1)).scalar_one()
        assert type(kept) is int
        assert f"transaction {first}" in [violation.where for violation in verify(unit)]


def by_orm_update(unit):
    entry = unit.session.get(LedgerEntry, 1)
    entry.amount_minor += 1
    unit.session.flush()


def by_orm_delete(unit):
    unit.session.delete(unit.session.get(LedgerEntry, 1))
    unit.session.flush()


def by_orm_merge(unit):
    row = unit.session.get(LedgerTransaction, 1).model_dump() | {"key": "another"}
    unit.session.merge(LedgerTransaction(**row))
    unit.session.flush()


def by_core_update(unit):
    unit.execute(update(ENTRY).values(amount_minor=ENTRY.c.amount_minor))


def by_core_delete(unit):
    unit.execute(delete(ENTRY).where(ENTRY.c.id == 3))


def by_deleting_the_brand(unit):
    unit.connection.execute(text("DELETE FROM brand"))


def by_deleting_a_parent(unit):
    unit.connection.execute(text("DELETE FROM ledger_transaction WHERE id = 1"))


def by_renaming_an_owner(unit):
    unit.connection.execute(text("UPDATE ledger_account SET owner = '' WHERE id = 1"))


def by_a_new_id(unit):
    unit.connection.execute(text("UPDATE ledger_entry SET id = id + 1000"))


def by_upsert(unit):
    dialect = postgresql if unit.dialect == "postgresql" else sqlite
    row = unit.execute(ENTRY.select().limit(1)).first()._asdict()
    statement = dialect.insert(ENTRY).values(**row | {"amount_minor": 1})
    unit.execute(statement.on_conflict_do_update(index_elements=["id"], set_={"amount_minor": 1}))


def by_replace(unit):
    """REPLACE deletes behind the triggers unless they are recursive; PostgreSQL's nearest is MERGE."""
    if unit.dialect == "postgresql":
        merge = "MERGE INTO ledger_entry e USING (SELECT 1 AS id) s ON e.id = s.id WHEN MATCHED THEN DELETE"
        unit.connection.execute(text(merge))
        return
    columns = "id, brand_id, transaction_id, debit_id, credit_id, asset"
    unit.connection.execute(
        text(f"REPLACE INTO ledger_entry ({columns}, amount_minor) SELECT {columns}, 1 FROM ledger_entry WHERE id = 1")
    )


def by_truncate(unit):
    """SQLite's truncate optimization is a DELETE without WHERE."""
    postgres = unit.dialect == "postgresql"
    unit.connection.execute(
        text("TRUNCATE ledger_entry, ledger_block CASCADE" if postgres else "DELETE FROM ledger_entry")
    )


def by_a_writing_cte(unit):
    """SQLite has none; there an UPDATE … FROM does as much."""
    if unit.dialect == "postgresql":
        sql = "WITH gone AS (DELETE FROM ledger_block RETURNING id) SELECT count(*) FROM gone"
    else:
        sql = "UPDATE ledger_block SET hash = b.hash FROM ledger_block b WHERE b.id = ledger_block.id"
    unit.connection.execute(text(sql))


def by_update_or_ignore(unit):
    """PostgreSQL's nearest is an UPDATE of one row through its place in the file."""
    if unit.dialect == "postgresql":
        place = "(SELECT ctid FROM ledger_transaction LIMIT 1)"
        sql = f"UPDATE ledger_transaction SET posted_at = now() WHERE ctid = {place}"
    else:
        sql = "UPDATE OR IGNORE ledger_transaction SET posted_at = '2020-01-01 00:00:00.000000' WHERE rowid = 1"
    unit.connection.execute(text(sql))


WAYS = [value for name, value in globals().items() if name.startswith("by_")]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_no_way_of_changing_a_row_is_open(books, way):
    before = rows_of(books)
    with pytest.raises(DBAPIError, match=r"append-only|FOREIGN KEY|foreign key"):
        books.run(way)
    assert rows_of(books) == before
    with books.reading() as unit:
        assert verify(unit) == ()


def test_there_are_at_least_twelve_ways():
    assert len(WAYS) >= 12
