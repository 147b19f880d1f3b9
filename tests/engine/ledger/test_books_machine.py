"""The books against a plain oracle, whatever is posted, repeated, reversed or sealed: balanced after every step.

As many runs of 20 steps as a tenth of the profile's examples, on each database.
"""

from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule, run_state_machine_as_test

from engine.kernel.database import Database
from engine.kernel.errors import ConflictError, IdempotencyConflictError
from engine.ledger.blocks import seal
from engine.ledger.rules import BRAND_KINDS, TransactionDraft, swapped
from engine.ledger.service import post, reverse
from engine.ledger.verify import counts, verify
from tests.engine.ledger.books import Oracle, add_brand, booked, drafts


class Books(RuleBasedStateMachine):
    """Posts to a real database and to the oracle, and compares."""

    db: ClassVar[Database]

    def __init__(self):
        super().__init__()
        self.brand = add_brand(self.db)
        self.oracle, self.known, self.undone = Oracle(), {}, set()
        with self.db.reading() as unit:
            self.before = counts(unit).transactions

    posted = Bundle("posted")

    @rule(target=posted, batch=st.lists(drafts(), min_size=1, max_size=6))
    def post_some(self, batch):
        wanted: dict[str, TransactionDraft] = {}
        clash = any(wanted.setdefault(d.key, d) != d or self.known.get(d.key, (d,))[0] != d for d in batch)
        if clash:
            with pytest.raises(IdempotencyConflictError):
                self.db.run(lambda unit: post(unit, self.brand, batch))
            return multiple()
        ids = self.db.run(lambda unit: post(unit, self.brand, batch))
        for draft, number in zip(batch, ids, strict=True):
            if draft.key not in self.known:
                self.known[draft.key] = (draft, number)
                self.oracle.take(draft)
            assert self.known[draft.key][1] == number
        return multiple(*ids)

    @rule(number=posted)
    def undo(self, number):
        (draft,) = (draft for draft, known in self.known.values() if known == number)
        key = f"undo:{number}:{len(self.known)}"
        if number in self.undone:
            with pytest.raises(ConflictError):
                self.db.run(lambda unit: reverse(unit, self.brand, number, key=key, command="reverse"))
            return
        back = self.db.run(lambda unit: reverse(unit, self.brand, number, key=key, command="reverse"))
        reversal = TransactionDraft(key, "reverse", tuple(map(swapped, draft.entries)), reverses_id=number)
        self.undone.add(number)
        self.known[key] = (reversal, back)
        self.oracle.take(reversal)

    @rule(size=st.integers(1, 7))
    def seal_some(self, size):
        self.db.run(lambda unit: seal(unit, size=size))

    @invariant()
    def the_books_are_the_oracles_and_balance(self):
        with self.db.reading() as unit:
            held = booked(unit, self.brand)
            assert held == self.oracle.balances()
            assert counts(unit).transactions - self.before == len(self.known)
        for asset in {ref.asset for ref in held}:
            own = sum(value for ref, value in held.items() if ref.asset == asset and ref.kind in BRAND_KINDS)
            owed = sum(value for ref, value in held.items() if ref.asset == asset and ref.kind not in BRAND_KINDS)
            assert own == owed

    def teardown(self):
        with self.db.reading() as unit:
            assert verify(unit) == ()


def test_the_books_hold_through_any_history(db):
    Books.db = db
    runs = max(10, settings().max_examples // 10)
    run_state_machine_as_test(Books, settings=settings(max_examples=runs, stateful_step_count=20))
