"""Bookings of both signs, holds, suspensions, drafts and every step, in any order: what must hold after each.

P6 and P7: what was refunded after payout is carried and set off; never below the minimum, never more than is there.
"""

from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import func, select
from sqlmodel import col

from engine.enrollment.tables import EnrollmentState
from engine.kernel.errors import ConflictError, InputError
from engine.kernel.money import Currency
from engine.ledger.verify import verify
from engine.payouts.open import preview
from engine.payouts.queries import LINE, LIVE, PAYOUT
from engine.payouts.rules import STEPS
from engine.payouts.service import discard_draft, draft_batch, pay_batch, submit_batch
from engine.payouts.steps import confirm_batch, confirm_payouts, fail_payout, park_payout, return_payout
from engine.payouts.tables import PayoutState
from engine.payouts.verify import verify_rows
from engine.rewards.tables import Commission
from tests.engine.payouts.books import MARCH_2, open_books

NAMES, PROGRAMS, CURRENCIES = ("Ana", "Bo"), ("main", "second"), (Currency("EUR"), Currency("JPY"), Currency("USD"))
MINIMUMS = {"EUR": 2_500, "JPY": 25}
EXAMPLES = {"sqlite": 40, "postgresql": 8}
STEPS_EACH = 40

signed = st.integers(-6_000, 9_000).filter(bool)
BY = "Finance"


class PayoutMachine(RuleBasedStateMachine):
    """One brand in a database that holds the brands of all examples: nothing may reach across."""

    def __init__(self, db) -> None:
        super().__init__()
        self.db = db
        self.books = open_books(db, minimum=MINIMUMS["EUR"])
        self.books.minimum("JPY", MINIMUMS["JPY"])
        self.scopes: list = []
        self.batches: list = []

    def unit(self, verb, **given):
        return self.db.run(lambda unit: verb(unit, self.books.brand, **given))

    def payouts(self):
        with self.db.reading() as unit:
            return unit.execute(select(PAYOUT).where(PAYOUT.c.brand_id == self.books.brand).order_by(PAYOUT.c.id)).all()

    @rule(
        name=st.sampled_from(NAMES),
        program=st.sampled_from(PROGRAMS),
        currency=st.sampled_from(CURRENCIES),
        amounts=st.lists(signed, min_size=1, max_size=3),
        state=st.sampled_from(["pending", "approved", "approved"]),
    )
    def book(self, name, program, currency, amounts, state):
        self.scopes.append(self.books.book(name, *amounts, currency=currency, program=program, state=state))

    @precondition(lambda self: self.scopes)
    @rule(data=st.data(), amount=signed)
    def book_the_difference(self, data, amount):
        self.books.add(data.draw(st.sampled_from(self.scopes)), amount)

    @precondition(lambda self: self.scopes)
    @rule(data=st.data())
    def approve(self, data):
        scope = data.draw(st.sampled_from(self.scopes))
        if self.books.state(scope) == "pending":
            self.books.approve(scope)

    @precondition(lambda self: self.scopes)
    @rule(data=st.data(), reason=st.sampled_from(["open chargeback", None]))
    def hold(self, data, reason):
        self.books.hold(data.draw(st.sampled_from(self.scopes)), reason)

    @precondition(lambda self: self.books.enrollments)
    @rule(data=st.data(), state=st.sampled_from(["active", "suspended", "left"]))
    def move_enrollment(self, data, state):
        name, program = data.draw(st.sampled_from(sorted(self.books.enrollments)))
        self.books.put(name, EnrollmentState(state), program)

    @rule()
    def pay(self):
        with self.db.reading() as unit:
            expected = preview(unit, self.books.brand).payouts
        try:
            batch = self.unit(pay_batch, rail="payout_csv", by=BY)
        except ConflictError:
            assert not expected
            return
        self.batches.append(batch)
        paid = {
            (row.ambassador_id, row.currency): row.amount_minor for row in self.payouts() if row.batch_id == batch.id
        }
        assert paid == {(one.ambassador_id, one.currency): one.amount_minor for one in expected}

    @rule()
    def draft(self):
        try:
            self.batches.append(self.unit(draft_batch, rail="payout_csv", by=BY))
        except ConflictError:
            return

    @precondition(lambda self: self.batches)
    @rule(data=st.data(), verb=st.sampled_from([submit_batch, discard_draft]))
    def decide_a_draft(self, data, verb):
        batch = data.draw(st.sampled_from(self.batches))
        try:
            self.unit(verb, batch_id=batch.id, by=BY)
        except ConflictError:
            return
        if verb is discard_draft:
            self.batches.remove(batch)

    @precondition(lambda self: self.batches)
    @rule(data=st.data())
    def confirm_all(self, data):
        batch = data.draw(st.sampled_from(self.batches))
        try:
            self.unit(confirm_batch, reference=batch.reference, paid_on=MARCH_2, by=BY)
        except ConflictError:
            return

    @rule(data=st.data(), to=st.sampled_from(["paid", "failed", "unknown", "returned"]), twice=st.booleans())
    def step(self, data, to, twice):
        every = self.payouts()
        if not every:
            return
        row, target = data.draw(st.sampled_from(every)), PayoutState(to)
        allowed = row.state == to or target in STEPS[PayoutState(row.state)]
        for _ in range(2 if twice else 1):
            try:
                after = self._take(row.reference, target)
            except (ConflictError, InputError):
                assert not allowed
                return
            assert allowed
            assert after.state == to

    def _take(self, reference, to):
        if to is PayoutState.PAID:
            given = {"references": [reference], "paid_on": MARCH_2, "by": BY, "reason": "bank statement"}
            return self.unit(confirm_payouts, **given)[0]
        verbs = {
            PayoutState.FAILED: fail_payout,
            PayoutState.UNKNOWN: park_payout,
            PayoutState.RETURNED: return_payout,
        }
        return self.unit(verbs[to], reference=reference, reason="a reason", by=BY)

    @invariant()
    def rows_and_books_agree(self):
        with self.db.reading() as unit:
            assert verify_rows(unit, self.books.brand) == ()

    @invariant()
    def no_row_is_in_two_live_payouts(self):
        with self.db.reading() as unit:
            counted = select(func.count()).where(LINE.c.brand_id == self.books.brand, LIVE)
            times = unit.execute(counted.group_by(LINE.c.commission_id)).scalars().all()
        assert set(times) <= {1}

    @invariant()
    def never_below_the_minimum_never_another_currency(self):
        for row in self.payouts():
            assert row.amount_minor >= MINIMUMS[row.currency]

    @invariant()
    def paid_less_returned_is_what_was_paid_out(self):
        paid: Counter = Counter()
        for row in self.payouts():
            if row.state == "paid":
                paid[row.ambassador_id, row.currency] += row.amount_minor
        for name, ambassador_id in self.books.ambassadors.items():
            for currency in CURRENCIES:
                assert self.books.accounts(name, currency).get("paid_out", 0) == paid[ambassador_id, currency]

    @invariant()
    def nothing_is_lost(self):
        with self.db.reading() as unit:
            sums = select(col(Commission.asset), func.sum(col(Commission.amount_minor)))
            of_brand = sums.where(col(Commission.brand_id) == self.books.brand).group_by(col(Commission.asset))
            booked = {asset: int(amount) for asset, amount in unit.execute(of_brand)}
        for currency in CURRENCIES:
            held = sum(sum(self.books.accounts(name, currency).values()) for name in self.books.ambassadors)
            assert held == booked.get(currency, 0)


@pytest.mark.slow
def test_any_order_of_events_keeps_rows_and_books_together(db):
    """40 examples of up to 40 steps on SQLite, 8 on PostgreSQL; five invariants after each step."""
    chosen = settings(max_examples=EXAMPLES[db.dialect], stateful_step_count=STEPS_EACH)

    class Machine(PayoutMachine):
        def __init__(self):
            super().__init__(db)

    run_state_machine_as_test(Machine, settings=chosen)
    with db.reading() as unit:
        assert verify(unit) == ()
