"""Many people press the same button at once: on PostgreSQL truly at once, on SQLite one after another."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import func, select, update
from sqlmodel import col

from engine.kernel.errors import StaleReadError
from engine.payouts import service, steps
from engine.payouts.queries import LINE, LIVE, PAYOUT
from engine.payouts.service import NothingToPayError, draft_batch, pay_batch, submit_batch
from engine.payouts.steps import confirm_batch, return_payout
from engine.rewards.tables import RewardScope
from tests.engine.payouts.books import MARCH_2, book_row, open_books

THREADS, ROUNDS = 8, 12


def together(work, count=THREADS):
    gate = Barrier(count)

    def start(number):
        gate.wait()
        return work(number)

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(start, range(count)))


def press(books):
    def work(_number):
        try:
            return books.db.run(lambda unit: pay_batch(unit, books.brand, rail="payout_csv", by="Finance"), attempts=30)
        except NothingToPayError:
            return None

    return together(work)


def count_live(books):
    with books.db.reading() as unit:
        rows = select(LINE.c.commission_id, func.count()).where(LINE.c.brand_id == books.brand, LIVE)
        return [times for _, times in unit.execute(rows.group_by(LINE.c.commission_id))]


def paid_by(books):
    with books.db.reading() as unit:
        return unit.execute(select(func.count()).where(PAYOUT.c.brand_id == books.brand)).scalar_one()


@pytest.mark.parametrize("locked", [True, False], ids=["lock", "index alone"])
def test_eight_runs_at_once_make_one_payout_per_row(db, locked, monkeypatch):
    """12 rounds × 8 threads; once with the brand's lock, once with the partial unique index alone."""
    if not locked:
        for module in (service, steps):
            monkeypatch.setattr(module, "lock_payouts", lambda unit, brand_id: None)
    for _ in range(ROUNDS):
        books = open_books(db)
        for name in ("Ana", "Bo", "Cy"):
            books.book(name, 3_000, -200)
        answers = press(books)
        assert len([batch for batch in answers if batch]) == 1
        assert count_live(books) == [1] * 6
        assert paid_by(books) == 3
        assert books.accounts("Ana") == {"in_transit": 2_800}
        books.check()


def test_one_draft_submitted_by_eight_is_submitted_once(db):
    books = open_books(db)
    books.book("Ana", 5_000)
    draft = db.run(lambda unit: draft_batch(unit, books.brand, rail="payout_csv", by="Finance"))
    answers = together(
        lambda _: db.run(lambda unit: submit_batch(unit, books.brand, batch_id=draft.id, by="Finance"), attempts=30)
    )
    assert len(set(answers)) == 1
    assert books.accounts("Ana") == {"in_transit": 5_000}
    books.check()


def test_confirmed_by_four_and_returned_by_four_ends_in_one_way(db):
    for _ in range(ROUNDS):
        books = open_books(db)
        books.book("Ana", 5_000)
        batch = db.run(lambda unit, books=books: pay_batch(unit, books.brand, rail="payout_csv", by="Finance"))
        db.run(lambda unit, books=books, batch=batch: _confirm(unit, books, batch))
        with db.reading() as unit:
            reference = unit.execute(select(PAYOUT.c.reference).where(PAYOUT.c.brand_id == books.brand)).scalar_one()

        def work(number, books=books, batch=batch, reference=reference):
            if number % 2:
                return db.run(lambda unit: _confirm(unit, books, batch), attempts=30)
            return db.run(
                lambda unit: return_payout(unit, books.brand, reference=reference, reason="closed", by="Finance"),
                attempts=30,
            )

        together(work)
        assert books.accounts("Ana") == {"payable": 5_000}
        books.check()


def test_a_row_booked_while_its_scope_is_settled_keeps_the_scope_open(db):
    """12 rounds: a confirmation against a booking that writes the head `WHERE seq =` the one it read."""
    for _ in range(ROUNDS):
        books = open_books(db)
        scope = books.book("Ana", 5_000)
        batch = db.run(lambda unit, books=books: pay_batch(unit, books.brand, rail="payout_csv", by="Finance"))

        def work(number, books=books, batch=batch, scope=scope):
            if number == 0:
                db.run(lambda unit: _confirm(unit, books, batch), attempts=30)
            else:
                db.run(lambda unit: _book(unit, books, scope), attempts=30)

        together(work, 2)
        assert books.state(scope) == "approved"
        assert books.accounts("Ana") == {"paid_out": 5_000, "payable": -700}
        books.check()


def _confirm(unit, books, batch):
    return confirm_batch(unit, books.brand, reference=batch.reference, paid_on=MARCH_2, by="Finance")


def _book(unit, books, scope_id):
    """Book as the pipeline does: read the head, then write it only where its seq is still the one read."""
    head, seq_of = col(RewardScope.id), col(RewardScope.seq)
    seq = unit.execute(select(seq_of).where(head == scope_id)).scalar_one()
    claim = update(RewardScope).where(head == scope_id, seq_of == seq).values(state="approved")
    if not unit.execute(claim).rowcount:
        raise StaleReadError
    book_row(unit, books.brand, scope_id, -700)
