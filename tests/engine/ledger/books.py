"""Books to test with: a brand, its accounts, drafts drawn at random, and a plain oracle."""

import random
from collections import Counter
from uuid import UUID

from hypothesis import strategies as st
from sqlalchemy import event

from engine.identity.tables import Brand
from engine.kernel.database import Database, UnitOfWork
from engine.kernel.ids import new_id
from engine.ledger.queries import balances
from engine.ledger.service import AccountKind, AccountRef, EntryDraft, TransactionDraft, move, post

OWNERS = tuple(f"{number:032x}" for number in range(1, 6))
ASSETS = ("EUR", "JPY", "KWD")
PERSONAL = (AccountKind.PENDING, AccountKind.PAYABLE, AccountKind.IN_TRANSIT, AccountKind.PAID_OUT)
BRANDS_OWN = (AccountKind.EXPENSE, AccountKind.OPENING, AccountKind.FX)


def account(kind, owner=OWNERS[0], asset="EUR"):
    return AccountRef(kind, owner="" if kind in BRANDS_OWN else owner, asset=asset)


def accrual(key, amount, owner=OWNERS[0], asset="EUR"):
    expense, pending = account(AccountKind.EXPENSE, asset=asset), account(AccountKind.PENDING, owner, asset)
    return TransactionDraft(key, "accrue", (move(amount, frm=expense, to=pending),))


def add_brand(db: Database) -> UUID:
    def work(unit: UnitOfWork) -> UUID:
        number = new_id()
        unit.session.add(Brand(id=number, slug=number.hex, name="Tea House", created_at=unit.now))
        unit.session.flush()
        return number

    return db.run(work)


def random_draft(draw: random.Random, key: str) -> TransactionDraft:
    def entry() -> EntryDraft:
        asset = draw.choice(ASSETS)
        kinds = draw.sample([*PERSONAL, *BRANDS_OWN], 2)
        debit, credit = (account(kind, draw.choice(OWNERS), asset) for kind in kinds)
        return EntryDraft(debit, credit, draw.randint(1, 10**9))

    return TransactionDraft(
        key, draw.choice(["accrue", "approve", "pay"]), tuple(entry() for _ in range(draw.randint(1, 4)))
    )


def fill(db: Database, brand: UUID, *, count: int, seed: int, prefix: str = "t") -> list[int]:
    """Post `count` random transactions of this seed and return their ids."""
    draw = random.Random(seed)
    drafts = [random_draft(draw, f"{prefix}:{number}") for number in range(count)]
    return db.run(lambda unit: post(unit, brand, drafts))


class Oracle:
    """What the books should say, by the simplest means: debits less credits per account."""

    def __init__(self) -> None:
        self.net: Counter[AccountRef] = Counter()

    def take(self, draft: TransactionDraft) -> None:
        for entry in draft.entries:
            self.net[entry.debit] += entry.amount_minor
            self.net[entry.credit] -= entry.amount_minor

    def balances(self) -> dict[AccountRef, int]:
        signed = {ref: net if ref.kind in BRANDS_OWN else -net for ref, net in self.net.items()}
        return {ref: balance for ref, balance in signed.items() if balance}


def booked(unit: UnitOfWork, brand: UUID, **asked) -> dict[AccountRef, int]:
    """What the books say, without accounts that hold nothing."""
    rows = balances(unit, brand, **asked)
    return {AccountRef(r.kind, owner=r.owner, asset=r.asset): r.balance_minor for r in rows if r.balance_minor}


def plan_of(unit: UnitOfWork, statement, parameters) -> str:
    """Return how the database would run `statement`, in its own words."""

    def explain(_connection, _cursor, sql, values, _context, _many):
        return ("EXPLAIN " if unit.dialect == "postgresql" else "EXPLAIN QUERY PLAN ") + sql, values

    event.listen(unit.connection, "before_cursor_execute", explain, retval=True)
    try:
        rows = unit.connection.execute(statement, parameters).cursor.fetchall()
    finally:
        event.remove(unit.connection, "before_cursor_execute", explain)
    return "\n".join(str(row[-1]) for row in rows)


refs = st.builds(account, st.sampled_from([*PERSONAL, *BRANDS_OWN]), st.sampled_from(OWNERS), st.sampled_from(ASSETS))


@st.composite
def drafts(draw):
    """A transaction of one to three entries, under one of few keys, so that keys come back."""
    asset = draw(st.sampled_from(ASSETS))
    pairs = st.tuples(refs, refs).map(
        lambda pair: tuple(AccountRef(ref.kind, owner=ref.owner, asset=asset) for ref in pair)
    )
    sides = st.lists(pairs.filter(lambda pair: pair[0] != pair[1]), min_size=1, max_size=3)
    amounts = st.integers(1, 10**12)
    entries = tuple(EntryDraft(debit, credit, draw(amounts)) for debit, credit in draw(sides))
    return TransactionDraft(f"key:{draw(st.integers(0, 30))}", draw(st.sampled_from(["accrue", "approve"])), entries)
