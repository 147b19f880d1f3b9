"""Batches from draft to paid and back, on both databases, with the numbers written out."""

from datetime import timedelta

import pytest
from sqlalchemy import func, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlmodel import col, select

from engine.enrollment.tables import EnrollmentState
from engine.identity.tables import AuditEntry
from engine.kernel.errors import ConflictError, InputError, InvalidTransitionError, MoneyError, NotFoundError
from engine.ledger.journal import TRANSACTION
from engine.payouts import queries
from engine.payouts.open import preview
from engine.payouts.rules import Cause
from engine.payouts.service import (
    NothingToPayError,
    PayoutsFrozenError,
    discard_draft,
    draft_batch,
    ensure_minimum,
    freeze_payouts,
    pay_batch,
    set_minimum,
    submit_batch,
    unfreeze_payouts,
)
from engine.payouts.steps import confirm_batch, confirm_payouts, fail_payout, park_payout, return_payout
from tests.engine.payouts.books import MARCH_2, open_books

BY = "Finance"


def do(books, verb, **given):
    return books.db.run(lambda unit: verb(unit, books.brand, **given))


def pay(books):
    return do(books, pay_batch, rail="payout_csv", by=BY)


def of(books, batch):
    with books.db.reading() as unit:
        return queries.all_of_batch(unit, books.brand, batch_id=batch.id)


def proposals(books):
    with books.db.reading() as unit:
        return {(one.ambassador_name, one.currency): one for one in preview(unit, books.brand).proposals}


def confirm(books, *rows, paid_on=MARCH_2, **more):
    return do(books, confirm_payouts, references=[row.reference for row in rows], paid_on=paid_on, by=BY, **more)


def states(books, batch):
    return sorted(row.state for row in of(books, batch))


def test_one_payout_per_ambassador_and_currency_and_the_books_follow(books):
    first, second = books.book("Ana", 4_000, -500), books.book("Ana", 1_500)
    books.book("Bo", 2_500)
    books.book("Ana", 700_000, currency="JPY")
    books.minimum("JPY", 25)
    batch = pay(books)
    assert batch.reference == "202603-1"
    assert [(t.currency, t.state, t.payouts, t.amount_minor) for t in batch.totals] == [
        ("EUR", "submitted", 2, 7_500),
        ("JPY", "submitted", 1, 700_000),
    ]
    rows = of(books, batch)
    assert sorted((r.ambassador_name, r.currency, r.amount_minor) for r in rows) == [
        ("Ana", "EUR", 5_000),
        ("Ana", "JPY", 700_000),
        ("Bo", "EUR", 2_500),
    ]
    assert len({row.reference for row in rows}) == 3
    assert all(row.reference.startswith("GW-") and len(row.reference) == 13 for row in rows)
    assert (books.accounts("Ana"), books.accounts("Bo")) == ({"in_transit": 5_000}, {"in_transit": 2_500})
    assert (books.state(first), books.state(second)) == ("approved", "approved")
    books.check()
    do(books, confirm_batch, reference=batch.reference, paid_on=MARCH_2, by=BY)
    assert books.accounts("Ana") == {"paid_out": 5_000}
    assert books.accounts("Ana", "JPY") == {"paid_out": 700_000}
    assert (books.state(first), books.state(second)) == ("settled", "settled")
    assert proposals(books) == {}
    books.check()


def test_the_preview_says_of_everybody_why_not(books):
    books.book("Ana", 2_499)
    books.book("Bo", -1)
    books.book("Cy", 9_900, currency="JPY")
    books.hold(books.book("Di", 5_000), "open chargeback")
    books.book("Ed", 5_000)
    books.put("Ed", EnrollmentState.SUSPENDED)
    books.book("Flo", 5_000)
    books.put("Flo", EnrollmentState.LEFT)
    books.book("Gus", 5_000, state="pending")
    found = proposals(books)
    assert {name: one.cause for (name, _), one in found.items()} == {
        "Ana": Cause.BELOW_MINIMUM,
        "Bo": Cause.NEGATIVE,
        "Cy": Cause.NO_MINIMUM,
        "Di": Cause.HELD,
        "Ed": Cause.SUSPENDED,
        "Flo": None,
    }
    assert found["Ana", "EUR"].reason == "24.99 EUR is below the minimum of 25.00 EUR; it carries over."
    assert found["Di", "EUR"].kept_back[0].reason == "Held: open chargeback"
    assert [row.ambassador_name for row in of(books, pay(books))] == ["Flo"]
    books.check()


def test_currencies_never_net(books):
    books.minimum("USD", 2_500)
    books.book("Ana", 10_000)
    books.book("Ana", -4_000, currency="USD")
    assert [(row.currency, row.amount_minor) for row in of(books, pay(books))] == [("EUR", 10_000)]
    assert proposals(books)["Ana", "USD"].amount_minor == -4_000
    assert (books.accounts("Ana"), books.accounts("Ana", "USD")) == ({"in_transit": 10_000}, {"payable": -4_000})


def test_brands_are_apart(books):
    other = open_books(books.db)
    books.book("Ana", 5_000)
    batch = pay(books)
    (row,) = of(books, batch)
    with pytest.raises(NotFoundError):
        do(other, confirm_payouts, references=[row.reference], paid_on=MARCH_2, by=BY)
    with pytest.raises(NotFoundError):
        do(other, submit_batch, batch_id=batch.id, by=BY)
    with pytest.raises(NothingToPayError):
        pay(other)
    assert states(books, batch) == ["submitted"]


def test_a_refund_after_payout_is_carried_set_off_and_nothing_is_paid_before_the_minimum(books):
    scope = books.book("Ana", 6_000)
    confirm(books, *of(books, pay(books)))
    books.add(scope, -4_000)
    assert books.state(scope) == "approved"
    assert books.accounts("Ana") == {"paid_out": 6_000, "payable": -4_000}
    assert proposals(books)["Ana", "EUR"].cause is Cause.NEGATIVE
    books.book("Ana", 6_400)
    assert proposals(books)["Ana", "EUR"].reason == "24.00 EUR is below the minimum of 25.00 EUR; it carries over."
    with pytest.raises(NothingToPayError):
        pay(books)
    books.book("Ana", 100)
    (row,) = of(books, pay(books))
    assert row.amount_minor == 2_500
    confirm(books, row)
    assert (books.accounts("Ana"), books.state(scope)) == ({"paid_out": 8_500}, "settled")
    books.check()


def test_a_draft_reserves_rows_moves_no_money_and_can_be_thrown_away(books):
    books.book("Ana", 5_000)
    draft = do(books, draft_batch, rail="payout_csv", by=BY)
    assert states(books, draft) == ["draft"]
    assert books.accounts("Ana") == {"payable": 5_000}
    assert proposals(books) == {}
    with pytest.raises(NothingToPayError):
        do(books, draft_batch, rail="payout_csv", by=BY)
    books.check()
    do(books, discard_draft, batch_id=draft.id, by=BY)
    assert proposals(books)["Ana", "EUR"].pays
    with pytest.raises(NotFoundError):
        do(books, queries.batch_by_id, batch_id=draft.id)
    submitted = pay(books)
    with pytest.raises(ConflictError, match="was submitted"):
        do(books, discard_draft, batch_id=submitted.id, by=BY)


def test_submitting_draws_the_draft_again(books):
    ana, bo, cy = books.book("Ana", 5_000), books.book("Bo", 5_000), books.book("Cy", 5_000)
    draft = do(books, draft_batch, rail="payout_csv", by=BY)
    books.add(ana, -1_000)
    books.add(bo, -3_000)
    books.hold(cy, "review")
    books.book("Di", 9_000)
    batch = do(books, submit_batch, batch_id=draft.id, by=BY)
    assert [(r.ambassador_name, r.amount_minor) for r in of(books, batch)] == [("Ana", 4_000)]
    assert books.accounts("Ana") == {"in_transit": 4_000}
    assert books.accounts("Bo") == {"payable": 2_000}
    assert (books.accounts("Cy"), books.accounts("Di")) == ({"payable": 5_000}, {"payable": 9_000})
    books.check()
    assert do(books, submit_batch, batch_id=draft.id, by=BY) == batch


def test_a_draft_of_which_nothing_is_left_stays_a_draft(books):
    scope = books.book("Ana", 5_000)
    draft = do(books, draft_batch, rail="payout_csv", by=BY)
    books.add(scope, -5_000)
    with pytest.raises(NothingToPayError):
        do(books, submit_batch, batch_id=draft.id, by=BY)
    assert states(books, draft) == ["draft"]
    books.check()


def test_every_step_twice_is_one_step(books, clock):
    books.book("Ana", 5_000)
    batch = pay(books)
    (row,) = of(books, batch)
    (paid,) = confirm(books, row)
    assert (paid.state, paid.paid_on) == ("paid", MARCH_2)
    clock.advance(timedelta(days=3))
    (again,) = confirm(books, row, paid_on=MARCH_2 + timedelta(days=1))
    assert again == paid
    back = do(books, return_payout, reference=row.reference, reason="account closed", by=BY)
    assert do(books, return_payout, reference=row.reference, reason="other words", by=BY) == back
    assert (back.state, back.state_reason, back.paid_on) == ("returned", "account closed", MARCH_2)
    assert books.accounts("Ana") == {"payable": 5_000}
    books.check()
    with books.db.reading() as unit:
        entries = select(AuditEntry).where(col(AuditEntry.brand_id) == books.brand).order_by(col(AuditEntry.id))
        log = [entry.action for entry in unit.session.exec(entries)]
    assert log == ["payout.minimum", "batch.submit", "payout.confirm", "payout.return"]


def test_paid_then_returned_is_never_paid_again_under_the_same_reference(books):
    scope = books.book("Ana", 5_000)
    (row,) = of(books, pay(books))
    confirm(books, row)
    assert books.state(scope) == "settled"
    do(books, return_payout, reference=row.reference, reason="account closed", by=BY)
    assert books.state(scope) == "approved"
    with pytest.raises(InvalidTransitionError, match="is returned; it cannot become paid"):
        confirm(books, row)
    (second,) = of(books, pay(books))
    assert second.reference != row.reference
    confirm(books, second)
    assert (books.accounts("Ana"), books.state(scope)) == ({"paid_out": 5_000}, "settled")
    books.check()


def test_a_failed_payout_gives_its_rows_back(books):
    books.book("Ana", 5_000)
    (row,) = of(books, pay(books))
    failed = do(books, fail_payout, reference=row.reference, reason="no such account", by=BY)
    assert (failed.state, failed.state_reason) == ("failed", "no such account")
    assert books.accounts("Ana") == {"payable": 5_000}
    for verb in (park_payout, return_payout):
        with pytest.raises(InvalidTransitionError):
            do(books, verb, reference=row.reference, reason="x", by=BY)
    with pytest.raises(InvalidTransitionError):
        confirm(books, row)
    books.check()
    assert of(books, pay(books))[0].amount_minor == 5_000


def test_unknown_parks_the_money_until_somebody_says_how_it_is_known(books):
    scope = books.book("Ana", 5_000)
    books.book("Bo", 3_000)
    batch = pay(books)
    ana, bo = sorted(of(books, batch), key=lambda row: row.ambassador_name)
    do(books, park_payout, reference=ana.reference, reason="the bank does not answer", by=BY)
    assert books.accounts("Ana") == {"in_transit": 5_000}
    assert ("Ana", "EUR") not in proposals(books)
    with pytest.raises(InputError, match="is unknown"):
        confirm(books, ana, bo)
    assert states(books, batch) == ["submitted", "unknown"]
    do(books, confirm_batch, reference=batch.reference, paid_on=MARCH_2, by=BY)
    assert states(books, batch) == ["paid", "unknown"]
    books.check()
    (paid,) = confirm(books, ana, reason="statement of 2 March")
    assert (paid.state_reason, books.state(scope)) == ("statement of 2 March", "settled")
    books.check()


def test_nothing_of_a_call_happens_when_one_payout_refuses(books):
    books.book("Ana", 5_000)
    books.book("Bo", 5_000)
    batch = pay(books)
    ana, bo = of(books, batch)
    do(books, fail_payout, reference=ana.reference, reason="no such account", by=BY)
    with pytest.raises(InvalidTransitionError):
        confirm(books, ana, bo)
    with pytest.raises(NotFoundError, match="GW-NOSUCHONE1"):
        do(books, confirm_payouts, references=[bo.reference, "GW-NOSUCHONE1"], paid_on=MARCH_2, by=BY)
    assert states(books, batch) == ["failed", "submitted"]
    books.check()


def test_a_draft_cannot_be_confirmed_failed_or_returned(books):
    books.book("Ana", 5_000)
    draft = do(books, draft_batch, rail="payout_csv", by=BY)
    (row,) = of(books, draft)
    with pytest.raises(InvalidTransitionError):
        confirm(books, row)
    with pytest.raises(InvalidTransitionError):
        do(books, confirm_batch, reference=draft.reference, paid_on=MARCH_2, by=BY)
    for verb in (fail_payout, park_payout, return_payout):
        with pytest.raises(InvalidTransitionError):
            do(books, verb, reference=row.reference, reason="x", by=BY)


def test_a_frozen_brand_drafts_and_submits_nothing_but_records_what_happened(books):
    books.book("Ana", 5_000)
    sent = pay(books)
    books.book("Ana", 6_000)
    draft = do(books, draft_batch, rail="payout_csv", by=BY)
    do(books, freeze_payouts, reason="restored from a backup", by=BY)
    do(books, freeze_payouts, reason="again", by=BY)
    with pytest.raises(PayoutsFrozenError, match="restored from a backup"):
        do(books, submit_batch, batch_id=draft.id, by=BY)
    do(books, discard_draft, batch_id=draft.id, by=BY)
    assert proposals(books)["Ana", "EUR"].cause is Cause.FROZEN
    with pytest.raises(PayoutsFrozenError):
        pay(books)
    do(books, confirm_batch, reference=sent.reference, paid_on=MARCH_2, by=BY)
    assert books.accounts("Ana") == {"payable": 6_000, "paid_out": 5_000}
    do(books, unfreeze_payouts, reason="reconciled", by=BY)
    assert of(books, pay(books))[0].amount_minor == 6_000
    with books.db.reading() as unit:
        assert queries.freeze_of(unit, books.brand) is None


def test_the_history_of_a_freeze_cannot_be_changed(books):
    do(books, freeze_payouts, reason="look", by=BY)
    with pytest.raises(DBAPIError, match="append-only"):
        books.db.run(lambda unit: unit.execute(update(queries.FREEZE).values(frozen=False)))


def test_batches_count_up_in_their_month(books, clock):
    references = []
    for days in (0, 1, 31):
        clock.advance(timedelta(days=days))
        books.book("Ana", 5_000)
        references.append(pay(books).reference)
    assert references == ["202603-1", "202603-2", "202604-1"]


def test_minimums(books):
    do(books, ensure_minimum, currency="EUR")
    do(books, ensure_minimum, currency="KWD")
    do(books, set_minimum, currency="usd", minimum_minor=0, by=BY)
    with books.db.reading() as unit:
        assert queries.minimums(unit, books.brand) == {"EUR": 2_500, "KWD": 25_000, "USD": 0}
    with pytest.raises(InputError):
        do(books, set_minimum, currency="EUR", minimum_minor=-1, by=BY)
    with pytest.raises(MoneyError):
        do(books, set_minimum, currency="XXX", minimum_minor=1, by=BY)


def test_the_database_refuses_a_row_in_two_live_payouts(books):
    books.book("Ana", 5_000)
    pay(books)
    with pytest.raises(IntegrityError, match=r"uq_payout_line_live|UNIQUE constraint failed"):
        books.db.run(
            lambda unit: unit.execute(
                text(
                    "INSERT INTO payout_line (id, brand_id, payout_id, commission_id, amount_minor, live) "
                    "SELECT brand_id, brand_id, payout_id, commission_id, amount_minor, live FROM payout_line"
                )
            ),
            attempts=1,
        )


def test_the_rows_of_a_payout_and_the_payout_of_a_row(books):
    scope = books.book("Ana", 5_000)
    row_id = books.add(scope, -700)
    waiting = books.add(books.book("Bo", 1), 1)
    (row,) = of(books, pay(books))
    with books.db.reading() as unit:
        assert sorted(amount for _, amount in queries.commissions_of(unit, books.brand, payout_id=row.id)) == [
            -700,
            5_000,
        ]
        assert queries.payout_of_commission(unit, books.brand, commission_id=row_id) == row
        assert queries.payout_of_commission(unit, books.brand, commission_id=waiting) is None


def test_pages_of_batches_and_payouts(books):
    sent = []
    for _ in range(5):
        books.book("Ana", 5_000)
        books.book("Bo", 5_000)
        sent.append(pay(books).reference)
    with books.db.reading() as unit:
        seen, cursor = [], None
        while True:
            page = queries.batches(unit, books.brand, cursor=cursor, limit=2)
            seen += [row.reference for row in page.rows]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert seen == sent[::-1]
        mine = queries.payouts_of_ambassador(unit, books.brand, ambassador_id=books.ambassadors["Ana"], limit=3)
        assert [row.batch_reference for row in mine.rows] == sent[:1:-1]
        one = queries.batch(unit, books.brand, reference=sent[0])
        assert len(queries.payouts_of_batch(unit, books.brand, batch_id=one.id, limit=1).rows) == 1
        with pytest.raises(NotFoundError):
            queries.batch(unit, books.brand, reference="202603-9")


@pytest.mark.slow
def test_a_batch_larger_than_every_chunk(books):
    """600 ambassadors in one batch, each with two rows: 600 payouts, one ledger transaction each; a chunk has 500."""

    def fill(unit):
        for number in range(600):
            books.book_in(unit, f"a{number}", 3_000, -100)

    books.db.run(fill)
    batch = pay(books)
    assert [(t.payouts, t.amount_minor) for t in batch.totals] == [(600, 600 * 2_900)]
    do(books, confirm_batch, reference=batch.reference, paid_on=MARCH_2, by=BY)
    with books.db.reading() as unit:
        moved = select(func.count()).where(TRANSACTION.c.command == "confirm_payout")
        assert unit.execute(moved).scalar_one() == 600
    books.check()
