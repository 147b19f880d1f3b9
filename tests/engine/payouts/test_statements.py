"""Statements: opening, every movement, closing; and that they agree with the books."""

from datetime import UTC, date, datetime, timedelta

from engine.payouts.queries import all_of_batch
from engine.payouts.service import pay_batch
from engine.payouts.statements import LineKind, statement
from engine.payouts.steps import confirm_batch, return_payout
from tests.engine.payouts.books import MARCH_2

MARCH, APRIL, MAY = (datetime(2026, month, 1, tzinfo=UTC) for month in (3, 4, 5))


def read(books, since, until, name="Ana"):
    with books.db.reading() as unit:
        return statement(unit, books.brand, ambassador_id=books.ambassadors[name], since=since, until=until)


def test_a_statement_runs_from_opening_to_closing(books, clock):
    books.book("Bo", 9_999)
    scope = books.book("Ana", 6_000)
    books.book("Ana", 500, currency="JPY", state="pending")
    batch = books.db.run(lambda unit: pay_batch(unit, books.brand, rail="payout_csv", by="Finance"))
    clock.advance(timedelta(days=1))
    books.db.run(
        lambda unit: confirm_batch(unit, books.brand, reference=batch.reference, paid_on=MARCH_2, by="Finance")
    )
    clock.advance(timedelta(days=31))
    books.add(scope, -1_000)
    clock.advance(timedelta(days=1))
    with books.db.reading() as unit:
        payout = next(row for row in all_of_batch(unit, books.brand, batch_id=batch.id) if row.ambassador_name == "Ana")
    books.db.run(
        lambda unit: return_payout(unit, books.brand, reference=payout.reference, reason="closed", by="Finance")
    )
    euro, yen = read(books, MARCH, APRIL)
    assert [(line.kind, line.amount_minor, line.balance_minor) for line in euro.lines] == [
        (LineKind.BOOKED, 6_000, 6_000),
        (LineKind.PAID, -6_000, 0),
    ]
    assert (euro.currency, euro.opening_minor, euro.closing_minor) == ("EUR", 0, 0)
    assert (euro.lines[1].reference, euro.lines[1].paid_on, euro.lines[1].at.day) == (
        payout.reference,
        date(2026, 3, 2),
        3,
    )
    assert (yen.currency, yen.opening_minor, yen.closing_minor) == ("JPY", 0, 500)
    euro, yen = read(books, APRIL, MAY)
    assert [(line.kind, line.amount_minor, line.balance_minor) for line in euro.lines] == [
        (LineKind.BOOKED, -1_000, -1_000),
        (LineKind.RETURNED, 6_000, 5_000),
    ]
    assert (euro.opening_minor, euro.closing_minor) == (0, 5_000)
    assert (yen.opening_minor, yen.lines, yen.closing_minor) == (500, (), 500)
    assert books.accounts("Ana") == {"payable": 5_000}


def test_the_end_of_one_month_is_the_beginning_of_the_next(books, clock):
    clock.set(APRIL - timedelta(microseconds=1))
    books.book("Ana", 1)
    clock.set(APRIL)
    books.book("Ana", 20)
    (march,), (april,) = read(books, MARCH, APRIL), read(books, APRIL, MAY)
    assert (march.closing_minor, april.opening_minor, april.closing_minor) == (1, 1, 21)


def test_somebody_without_movements_has_no_statement(books):
    books.enroll("Ana")
    assert read(books, MARCH, MAY) == ()
