"""What was changed by hand is found: every planted fault, with its sentence."""

import pytest
from sqlalchemy import update

from engine.payouts.queries import LINE, PAYOUT
from engine.payouts.service import pay_batch
from engine.payouts.verify import verify_rows
from engine.rewards.tables import RewardScope

BY = "Finance"


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"amount_minor": 1}, "it pays 1, its lines sum to 5000."),
        ({"state": "paid"}, "the account holds 0, the commission rows there sum to 5000."),
        ({"state": "failed"}, "it is failed, and 1 of its lines are still live."),
        ({"state": "draft"}, "it is draft, its batch was submitted at 2026-03-02 09:00:00+00:00."),
    ],
)
def test_a_payout_bent_by_hand_is_found(books, values, sentence):
    books.book("Ana", 5_000)
    books.db.run(lambda unit: pay_batch(unit, books.brand, rail="payout_csv", by=BY))
    books.db.run(lambda unit: unit.execute(update(PAYOUT).values(**values)))
    with books.db.reading() as unit:
        assert sentence in [one.what for one in verify_rows(unit, books.brand)]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"booked_minor": 4_999}, "its head says 4999 was booked, its rows sum to 5000."),
        ({"seq": 2}, "its head counts 2 rows, there are 1."),
        ({"state": "settled"}, "it is settled, and 1 of its rows are not paid."),
        ({"state": "pending"}, "it is pending, and 1 of its rows are in a payout."),
    ],
)
def test_a_head_bent_by_hand_is_found(books, values, sentence):
    scope = books.book("Ana", 5_000)
    books.db.run(lambda unit: pay_batch(unit, books.brand, rail="payout_csv", by=BY))
    books.db.run(lambda unit: unit.execute(update(RewardScope).values(**values)))
    with books.db.reading() as unit:
        found = verify_rows(unit, books.brand)
    assert (f"scope {scope}", sentence) in [(one.where, one.what) for one in found]


def test_a_line_bent_by_hand_and_one_that_is_dead_are_found(books):
    books.book("Ana", 5_000, -100)
    books.db.run(lambda unit: pay_batch(unit, books.brand, rail="payout_csv", by=BY))
    for values, sentence in (
        ({"amount_minor": 7}, "its lines sum to 14."),
        ({"live": False}, "it is submitted, and 2 of its lines are not live."),
    ):
        books.db.run(lambda unit, values=values: unit.execute(update(LINE).values(**values)))
        with books.db.reading() as unit:
            assert any(one.what.endswith(sentence) for one in verify_rows(unit, books.brand))


def test_money_in_the_books_without_rows_is_found_to_the_cent(books):
    books.book("Ana", 5_000, state="pending")
    books.db.run(lambda unit: unit.execute(update(RewardScope).values(state="approved")))
    with books.db.reading() as unit:
        found = {str(one) for one in verify_rows(unit, books.brand)}
    ana = books.ambassadors["Ana"]
    assert found == {
        f"pending of ambassador {ana} in EUR: the account holds 5000, the commission rows there sum to 0.",
        f"payable of ambassador {ana} in EUR: the account holds 0, the commission rows there sum to 5000.",
    }
