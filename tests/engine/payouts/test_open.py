"""What is open is found without reading what was paid."""

import pytest
from sqlalchemy import event, text

from engine.payouts.open import OPEN_AMOUNTS, OPEN_ROWS
from engine.payouts.queries import all_of_batch
from engine.payouts.service import discard_draft, draft_batch, pay_batch, submit_batch
from engine.payouts.steps import confirm_batch, return_payout
from tests.engine.payouts.books import MARCH_2, open_books

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


@pytest.mark.slow
def test_the_plan_starts_at_open_scopes_and_scans_nothing(much_paid):
    """PostgreSQL guesses until autovacuum has made statistics, within a minute; SQLite often never has any."""
    if much_paid.db.dialect == "sqlite":
        check_plans(much_paid)
    with much_paid.db.engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE")
        connection.commit()
    check_plans(much_paid)


@pytest.fixture
def on_sqlite(sqlite_backend, clock):
    """Books on SQLite only: PostgreSQL plans by statistics, and the plan of its largest read is tested above."""
    db = sqlite_backend.open(clock)
    yield open_books(db)
    sqlite_backend.discard(db)


def live_through(books):
    """Draft, throw away, draft, submit, confirm, return."""
    do = books.db.run
    first = do(lambda unit: draft_batch(unit, books.brand, rail="payout_csv", by="Finance"))
    do(lambda unit: discard_draft(unit, books.brand, batch_id=first.id, by="Finance"))
    draft = do(lambda unit: draft_batch(unit, books.brand, rail="payout_csv", by="Finance"))
    do(lambda unit: submit_batch(unit, books.brand, batch_id=draft.id, by="Finance"))
    do(lambda unit: confirm_batch(unit, books.brand, reference=draft.reference, paid_on=MARCH_2, by="Finance"))
    with books.db.reading() as unit:
        rows = all_of_batch(unit, books.brand, batch_id=draft.id)
    for row in rows:
        reference = row.reference
        do(
            lambda unit, reference=reference: return_payout(
                unit, books.brand, reference=reference, reason="closed", by="Finance"
            )
        )


def reads_whole(step):
    """Whether a step of SQLite's plan visits everything of a brand, other than what is open or always few."""
    few = ("payout_freeze", "payout_minimum", "payout_batch", "ix_reward_scope_approved", "VIRTUAL", "SUBQUERY")
    return (step.startswith("SCAN") or step.endswith("(brand_id=?)")) and not any(name in step for name in few)


def test_no_statement_of_a_payouts_life_reads_the_whole_brand(on_sqlite):
    """Every statement but the inserts is explained as it runs, foreign keys included."""
    on_sqlite.book("Ana", 5_000)
    on_sqlite.book("Bo", 3_000)
    seen: list[tuple[str, str]] = []

    def explain(connection, _cursor, statement, parameters, *context):
        if statement.lstrip().startswith(("SELECT", "UPDATE", "DELETE")):
            given = parameters[0] if context[-1] else parameters
            rows = connection.connection.cursor().execute(f"EXPLAIN QUERY PLAN {statement}", given)
            seen.extend((row[3], statement) for row in rows.fetchall())

    event.listen(on_sqlite.db.engine, "before_cursor_execute", explain, named=False)
    live_through(on_sqlite)
    event.remove(on_sqlite.db.engine, "before_cursor_execute", explain)
    assert len(seen) > 40
    whole = {statement for step, statement in seen if reads_whole(step)}
    # throwing a draft away lets the foreign key look once through the payouts' keys: rare, and one pass
    assert whole == {"DELETE FROM payout_batch WHERE payout_batch.brand_id = ? AND payout_batch.id = ?"}
