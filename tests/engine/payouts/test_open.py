"""What is open is found without reading what was paid."""

import pytest
from sqlalchemy import text

from engine.payouts.open import OPEN_AMOUNTS, OPEN_ROWS
from engine.payouts.service import pay_batch
from engine.payouts.steps import confirm_batch
from tests.engine.payouts.books import MARCH_2

PAID, OPEN = 1_000, 20


@pytest.fixture
def much_paid(books):
    """A brand with 1,000 settled scopes of 30 ambassadors, and 20 open ones."""

    def fill(unit, count):
        for number in range(count):
            books.book_in(unit, f"a{number % 30}", 3_000)

    books.db.run(lambda unit: fill(unit, PAID))
    batch = books.db.run(lambda unit: pay_batch(unit, books.brand, rail="payout_csv", by="Finance"))
    books.db.run(
        lambda unit: confirm_batch(unit, books.brand, reference=batch.reference, paid_on=MARCH_2, by="Finance")
    )
    books.db.run(lambda unit: fill(unit, OPEN))
    return books


def plan(books, statement, **given):
    explain = "EXPLAIN " if books.db.dialect == "postgresql" else "EXPLAIN QUERY PLAN "
    bound = statement.bindparams(brand=books.brand, **given)
    sql = str(bound.compile(books.db.engine, compile_kwargs={"literal_binds": True}))
    with books.db.reading() as unit:
        return "\n".join(str(row) for row in unit.connection.execute(text(explain + sql)))


def check_plans(books):
    ana = books.ambassadors["a0"]
    for statement, given in ((OPEN_AMOUNTS, {}), (OPEN_ROWS, {"currency": "EUR", "ambassadors": [ana]})):
        seen = plan(books, statement, **given)
        assert "ix_reward_scope_approved" in seen, seen
        if books.db.dialect == "sqlite":
            assert "SCAN" not in seen, seen
            assert "(brand_id=? AND scope_id=?)" in seen, seen
            assert "uq_payout_line_live (brand_id=? AND commission_id=?)" in seen, seen


def test_the_plan_starts_at_open_scopes_and_scans_nothing(much_paid):
    """PostgreSQL guesses until autovacuum has made statistics, within a minute; SQLite often never has any."""
    if much_paid.db.dialect == "sqlite":
        check_plans(much_paid)
    with much_paid.db.engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE")
        connection.commit()
    check_plans(much_paid)
