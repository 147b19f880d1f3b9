"""Posting by key, in batches, alone and with others at the same time."""

import random
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import func, select

from engine.kernel.errors import ConflictError, IdempotencyConflictError, NotFoundError
from engine.kernel.keyed import as_parameter
from engine.ledger.journal import ACCOUNT, ENTRY, TRANSACTION
from engine.ledger.queries import entries_of, transaction
from engine.ledger.service import AccountKind, TransactionDraft, _by_keys, _by_refs, move, post, reverse
from engine.ledger.verify import verify
from tests.engine.ledger.books import OWNERS, Oracle, account, accrual, add_brand, booked, fill, plan_of, random_draft

SEED = 20260302


def rows(db, table):
    with db.reading() as unit:
        return unit.execute(select(func.count()).select_from(table)).scalar_one()


def test_the_life_of_a_commission(db, brand):
    expense, pending, payable, transit, paid = map(
        account,
        (
            AccountKind.EXPENSE,
            AccountKind.PENDING,
            AccountKind.PAYABLE,
            AccountKind.IN_TRANSIT,
            AccountKind.PAID_OUT,
        ),
    )
    steps = [(expense, pending), (pending, payable), (payable, transit), (transit, paid)]
    for number, (frm, to) in enumerate(steps):
        draft = TransactionDraft(f"step:{number}", "step", (move(1_250, frm=frm, to=to),))
        db.run(lambda unit, draft=draft: post(unit, brand, [draft]))
        with db.reading() as unit:
            assert booked(unit, brand) == {expense: 1_250, to: 1_250}


def test_what_was_taken_back_after_payout_is_a_negative_balance(db, brand):
    pending, expense = account(AccountKind.PENDING), account(AccountKind.EXPENSE)
    draft = TransactionDraft("refund", "accrue", (move(-300, frm=expense, to=pending),))
    db.run(lambda unit: post(unit, brand, [draft]))
    with db.reading() as unit:
        assert booked(unit, brand) == {expense: -300, pending: -300}


def test_ids_come_back_in_the_order_given(db, brand):
    draw = random.Random(SEED)
    given = [random_draft(draw, f"key:{number}") for number in range(200)]
    draw.shuffle(given)
    ids = db.run(lambda unit: post(unit, brand, given))
    with db.reading() as unit:
        assert [transaction(unit, brand, number).key for number in ids] == [draft.key for draft in given]
    again = [*draw.sample(given, 120), random_draft(draw, "fresh")]
    by_key = dict(zip((draft.key for draft in given), ids, strict=True))
    answer = db.run(lambda unit: post(unit, brand, again))
    assert answer[:-1] == [by_key[draft.key] for draft in again[:-1]]
    assert rows(db, TRANSACTION) == 201


def test_a_key_twice_in_one_batch_is_written_once(db, brand):
    draft = accrual("key", 5)
    assert len(set(db.run(lambda unit: post(unit, brand, [draft, accrual("other", 5), draft])))) == 2
    assert (rows(db, TRANSACTION), rows(db, ENTRY)) == (2, 2)


def test_no_drafts_no_ids(db, brand):
    assert db.run(lambda unit: post(unit, brand, [])) == []


CHANGES = {
    "another amount": {"entries": accrual("key", 6).entries},
    "another owner": {"entries": accrual("key", 5, OWNERS[1]).entries},
    "another asset": {"entries": accrual("key", 5, asset="USD").entries},
    "another command": {"command": "approve"},
    "another entry beside it": {"entries": accrual("key", 5).entries * 2},
    "a reversal": {"reverses_id": 1},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_key_with_another_input_is_refused_and_nothing_is_written(db, brand, change):
    first = accrual("key", 5)
    db.run(lambda unit: post(unit, brand, [first]))
    other = replace(first, **change)
    for batch in ([accrual("new", 1), other], [accrual("k2", 1), replace(other, key="k3"), replace(first, key="k3")]):
        with pytest.raises(IdempotencyConflictError):
            db.run(lambda unit, batch=batch: post(unit, brand, batch))
    assert rows(db, TRANSACTION) == 1


def test_brands_have_keys_and_accounts_of_their_own(db, brand):
    other = add_brand(db)
    db.run(lambda unit: post(unit, brand, [accrual("key", 5)]))
    (theirs,) = db.run(lambda unit: post(unit, other, [accrual("key", 7)]))
    with db.reading() as unit:
        assert set(booked(unit, brand).values()) == {5}
        assert set(booked(unit, other).values()) == {7}
        with pytest.raises(NotFoundError):
            transaction(unit, brand, theirs)
        assert [entry.draft.amount_minor for entry in entries_of(unit, other, owner=OWNERS[0])] == [7]
    with pytest.raises(NotFoundError):
        db.run(lambda unit: reverse(unit, brand, theirs, key="r", command="reverse"))
    assert rows(db, ACCOUNT) == 4


def test_an_account_learnt_in_a_unit_that_rolls_back_is_forgotten(db, brand):
    def fail(unit):
        post(unit, brand, [accrual("key", 5)])
        raise RuntimeError

    with pytest.raises(RuntimeError):
        db.run(fail)
    assert (rows(db, ACCOUNT), rows(db, TRANSACTION)) == (0, 0)
    db.run(lambda unit: post(unit, brand, [accrual("key", 5)]))
    with db.reading() as unit:
        assert verify(unit) == ()


def test_balances_as_of_any_instant(db, brand, clock):
    """300 transactions at 60 instants, asked at 200 instants between them."""
    draw, oracle, start = random.Random(SEED), Oracle(), clock.now()
    history = [(start - timedelta(days=1), oracle.balances())]
    for step in range(60):
        clock.advance(timedelta(microseconds=draw.randint(1, 10**10)))
        batch = [random_draft(draw, f"{step}:{number}") for number in range(5)]
        db.run(lambda unit, batch=batch: post(unit, brand, batch))
        for draft in batch:
            oracle.take(draft)
        history.append((clock.now(), oracle.balances()))
    span = clock.now() - start
    with db.reading() as unit:
        for _ in range(200):
            instant = start + span * draw.random() if draw.random() < 0.7 else draw.choice(history)[0]
            expected = [books for at, books in history if at <= instant][-1]
            assert booked(unit, brand, as_of=instant) == expected
        assert booked(unit, brand) == oracle.balances()
        one = {ref: value for ref, value in oracle.balances().items() if ref.owner == OWNERS[2]}
        assert booked(unit, brand, owner=OWNERS[2]) == one
        spent = {ref: value for ref, value in oracle.balances().items() if ref.kind == "expense"}
        assert booked(unit, brand, kinds=[AccountKind.EXPENSE]) == spent


def test_a_reversal_undoes_and_happens_once(db, brand):
    (first,) = db.run(lambda unit: post(unit, brand, [random_draft(random.Random(SEED), "key")]))

    def undo(key):
        return db.run(lambda unit: reverse(unit, brand, first, key=key, command="reverse"))

    back = undo("undo")
    assert undo("undo") == back
    with pytest.raises(ConflictError, match="reversed before"):
        undo("another key")
    with db.reading() as unit:
        assert booked(unit, brand) == {}
        assert transaction(unit, brand, back).reverses_id == first
        assert verify(unit) == ()
    db.run(lambda unit: reverse(unit, brand, back, key="redo", command="reverse"))
    with db.reading() as unit:
        assert booked(unit, brand) != {}
    with pytest.raises(NotFoundError):
        db.run(lambda unit: reverse(unit, brand, 10**6, key="none", command="reverse"))


def together(count, work):
    """Run `work(number)` in `count` threads that start at one moment."""
    gate = Barrier(count)

    def start(number):
        gate.wait()
        return work(number)

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(start, range(count)))


def test_500_keys_posted_by_eight_threads_at_once_are_500_transactions(db, brand):
    """Every key twice per thread, in an order of its own, 25 drafts to a batch: 8,000 attempts, 500 results."""
    given = [random_draft(random.Random(SEED + number), f"key:{number}") for number in range(500)]

    def work(number):
        mine = [*given, *given]
        random.Random(SEED * number).shuffle(mine)
        seen: dict[str, int] = {}
        for start in range(0, len(mine), 25):
            batch = mine[start : start + 25]
            ids = db.run(lambda unit, batch=batch: post(unit, brand, batch), attempts=40)
            for draft, found in zip(batch, ids, strict=True):
                assert seen.setdefault(draft.key, found) == found
        return seen

    answers = together(8, work)
    assert all(answer == answers[0] for answer in answers)
    assert rows(db, TRANSACTION) == 500
    assert rows(db, ENTRY) == sum(len(draft.entries) for draft in given)
    oracle = Oracle()
    for draft in given:
        oracle.take(draft)
    with db.reading() as unit:
        assert booked(unit, brand) == oracle.balances()
        assert verify(unit) == ()


def test_one_reversal_of_many_at_once(db, brand):
    """100 transactions, each reversed by two threads under different keys: 100 succeed, 100 fail, nothing is left."""
    given = [random_draft(random.Random(SEED + number), f"key:{number}") for number in range(100)]
    ids = db.run(lambda unit: post(unit, brand, given))

    def work(number):
        done = 0
        for one in ids:
            try:
                db.run(lambda unit, one=one: reverse(unit, brand, one, key=f"undo:{one}:{number}", command="reverse"))
                done += 1
            except ConflictError:
                pass
        return done

    assert sum(together(2, work)) == 100
    assert rows(db, TRANSACTION) == 200
    with db.reading() as unit:
        assert booked(unit, brand) == {}
        assert verify(unit) == ()


def test_look_ups_reach_the_last_column_of_the_index(db, brand):
    """On 1,000 rows about which the planner has no statistics yet."""
    fill(db, brand, count=1_000, seed=SEED)
    with db.reading() as unit:
        keys = plan_of(unit, _by_keys(db.dialect), {"brand": brand, "keys": as_parameter(db.dialect, ["a", "b"])})
        listed = {name: as_parameter(db.dialect, ["a", "b"]) for name in ("kinds", "owners", "assets")}
        accounts = plan_of(unit, _by_refs(db.dialect), {"brand": brand, **listed})
    patterns = {"sqlite": r"brand_id=\?.* AND {}=\?", "postgresql": r"Index Cond: .*brand_id = .* AND .*{}.* = "}
    assert re.search(patterns[db.dialect].format("key"), keys), keys
    assert re.search(patterns[db.dialect].format("asset"), accounts), accounts
