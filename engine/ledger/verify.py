"""Checks the books from the rows alone, without trusting the code that wrote them.

Found and located: rows that are not positive whole amounts between two accounts of one brand and asset, rows without
their transaction, account or entries, keys used twice, a transaction whose rows no longer hash to what was asked for, a
reversal that is no mirror image, a sealed block whose rows or chain changed, and tables that the database no longer
guards. What was cut off at the end can be told only with the hash of the last block kept elsewhere (`anchor`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final
from uuid import UUID

from sqlalchemy import func, literal, select, text, union_all

from engine.kernel.database import UnitOfWork
from engine.ledger.blocks import GENESIS, BlockHash
from engine.ledger.journal import (
    ACCOUNT,
    BLOCK,
    ENTRY,
    TRANSACTION,
    Written,
    WrittenBlock,
    WrittenEntry,
    journal,
    stream,
    written_blocks,
    written_id,
)
from engine.ledger.rules import LARGEST, hash_written

MOST: Final = 1_000
"""How many violations are listed: whoever has more needs a backup, not a longer list."""

GUARDED: Final = ("ledger_account", "ledger_block", "ledger_entry", "ledger_transaction")


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is wrong, and where."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True, slots=True)
class LedgerCounts:
    """How much there is to check. `head` is the last block's hash, to be kept elsewhere; None where none is sealed."""

    transactions: int
    entries: int
    accounts: int
    blocks: int
    unsealed: int
    head: str | None


def verify(unit: UnitOfWork, *, anchor: str | None = None) -> tuple[Violation, ...]:
    """Return what is wrong with the books of all brands, `MOST` things at most; an empty tuple when nothing is.

    With `anchor`, a block with that hash must still be there.
    """
    return tuple(islice(_violations(unit, anchor), MOST))


def counts(unit: UnitOfWork) -> LedgerCounts:
    """Return how many rows the books have."""
    transactions, entries, accounts, blocks = (
        unit.execute(select(func.count()).select_from(table)).scalar_one()
        for table in (TRANSACTION, ENTRY, ACCOUNT, BLOCK)
    )
    last = unit.execute(select(BLOCK.c.last_id, BLOCK.c.hash).order_by(BLOCK.c.id.desc()).limit(1)).first()
    sealed, head = last or (0, None)
    after = select(func.count()).select_from(TRANSACTION).where(TRANSACTION.c.id > sealed)
    return LedgerCounts(transactions, entries, accounts, blocks, unit.execute(after).scalar_one(), head)


def _violations(unit: UnitOfWork, anchor: str | None) -> Iterator[Violation]:
    yield from _unguarded(unit)
    yield from _orphans(unit)
    yield from _repeated_keys(unit)
    for written in journal(unit):
        yield from _transaction(unit, written)
    yield from _sums(unit)
    yield from _chain(unit, anchor)


def _transaction(unit: UnitOfWork, written: Written) -> Iterator[Violation]:
    row = written.transaction
    where = f"transaction {row.id}"
    if row.id < 1:
        yield Violation(where, "its id is below 1, where no block reaches.")
    if not written.entries:
        yield Violation(where, "it has no entries.")
    for entry in written.entries:
        for what in _faults(entry, row.brand):
            yield Violation(f"entry {entry.id} of {where}", what)
    expected = hash_written(
        row.brand,
        row.key,
        command=row.command,
        reverses_id=row.reverses_id,
        entries=" ".join(entry.text() for entry in written.entries),
    )
    if row.input_hash != expected:
        yield Violation(where, "its rows are not what was posted: they no longer give its input hash.")
    if row.reverses_id is not None and not _mirrors(unit, written):
        yield Violation(where, f"it is not the mirror image of transaction {row.reverses_id}, which it reverses.")


def _faults(entry: WrittenEntry, brand: str) -> Iterator[str]:
    amount = entry.amount_minor
    if type(amount) is not int or not 0 < amount <= LARGEST:
        yield f"its amount {amount!r} is not a positive whole number."
    if entry.debit_id == entry.credit_id:
        yield "it debits and credits the same account."
    if entry.brand != brand:
        yield "it belongs to another brand than its transaction."
    for side, number, owner, asset in (
        ("debited", entry.debit_id, entry.debit_brand, entry.debit_asset),
        ("credited", entry.credit_id, entry.credit_brand, entry.credit_asset),
    ):
        if owner is None:
            yield f"the account that it {side}, {number}, is missing."
        elif owner != brand:
            yield f"the account that it {side}, {number}, belongs to another brand."
        elif asset != entry.asset:
            yield f"the account that it {side}, {number}, holds {asset}, not {entry.asset}."


def _mirrors(unit: UnitOfWork, written: Written) -> bool:
    number = written.transaction.reverses_id
    original = next(journal(unit, first_id=number, last_id=number), None)
    if original is None or original.transaction.brand != written.transaction.brand:
        return False
    undone = [(entry.credit_id, entry.debit_id, entry.asset, entry.amount_minor) for entry in original.entries]
    return undone == [(entry.debit_id, entry.credit_id, entry.asset, entry.amount_minor) for entry in written.entries]


def _orphans(unit: UnitOfWork) -> Iterator[Violation]:
    parent = select(TRANSACTION.c.id).where(TRANSACTION.c.id == ENTRY.c.transaction_id)
    statement = select(ENTRY.c.id, ENTRY.c.transaction_id).where(~parent.exists()).order_by(ENTRY.c.id)
    for number, transaction in stream(unit, statement):
        yield Violation(f"entry {number}", f"its transaction {transaction} is missing.")


def _repeated_keys(unit: UnitOfWork) -> Iterator[Violation]:
    # by the unique index on (brand_id, key), which stands in order
    columns = TRANSACTION.c
    first = func.min(columns.id)
    repeated = select(first, func.count()).group_by(columns.brand_id, columns.key).having(func.count() > 1)
    for number, times in stream(unit, repeated):
        yield Violation(f"transaction {number}", f"its key is used {times} times; the unique index is gone.")


def _sums(unit: UnitOfWork) -> Iterator[Violation]:
    brand, entries = written_id(unit.dialect, ACCOUNT.c.brand_id), ENTRY.c
    sides = union_all(
        select(entries.debit_id.label("account"), entries.amount_minor.label("amount")),
        select(entries.credit_id, -entries.amount_minor),
    ).subquery()
    total = func.sum(sides.c.amount)
    statement = (
        select(brand, ACCOUNT.c.asset, total)
        .join_from(sides, ACCOUNT, ACCOUNT.c.id == sides.c.account)
        .group_by(brand, ACCOUNT.c.asset)
        .having(total != literal(0))
    )
    for owner, asset, difference in stream(unit, statement):
        yield Violation(f"{asset} of brand {UUID(owner)}", f"all accounts together hold {difference}, not 0.")


def _chain(unit: UnitOfWork, anchor: str | None) -> Iterator[Violation]:
    number, last_id, previous, anchored = 0, 0, GENESIS, anchor is None
    for block in written_blocks(unit):
        yield from _block(unit, block, number=number + 1, first_id=last_id + 1, previous=previous)
        number, last_id, previous = block.id, block.last_id, block.hash
        anchored = anchored or block.hash == anchor
    if not anchored:
        yield Violation("blocks", f"no block has the hash {anchor} any more: the end was cut off or sealed anew.")


def _block(unit: UnitOfWork, block: WrittenBlock, *, number: int, first_id: int, previous: str) -> Iterator[Violation]:
    where = f"block {block.id}, transactions {block.first_id} to {block.last_id}"
    if (block.id, block.first_id) != (number, first_id) or block.last_id < block.first_id:
        yield Violation(where, f"block {number} with transaction {first_id} at its head should stand here.")
    if block.previous_hash != previous:
        yield Violation(where, "it does not name the hash of the block before.")
    digest = BlockHash(
        block.id,
        block.first_id,
        last_id=block.last_id,
        previous_hash=block.previous_hash,
        sealed_at=block.sealed_at,
    )
    digest.update(journal(unit, first_id=block.first_id, last_id=block.last_id))
    if digest.transactions != block.transactions:
        yield Violation(where, f"it was sealed with {block.transactions} transactions, not {digest.transactions}.")
    if digest.hexdigest() != block.hash:
        yield Violation(where, "its rows are not what was sealed.")


def _unguarded(unit: UnitOfWork) -> Iterator[Violation]:
    for table in GUARDED:
        for verb in _missing_guards(unit, table):
            yield Violation(table, f"the database no longer refuses to {verb} its rows.")


def _missing_guards(unit: UnitOfWork, table: str) -> list[str]:
    if unit.dialect == "postgresql":
        return _missing_on_postgresql(unit, table)
    statement = text("SELECT upper(sql) FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table")
    bodies: list[str] = list(unit.connection.execute(statement, {"table": table}).scalars())
    return [
        verb.lower()
        for verb in ("UPDATE", "DELETE")
        if not any(f"BEFORE {verb} ON {table.upper()} BEGIN SELECT RAISE(ABORT" in body for body in bodies)
    ]


def _missing_on_postgresql(unit: UnitOfWork, table: str) -> list[str]:
    statement = text("""
        SELECT t.tgtype FROM pg_trigger t JOIN pg_proc f ON f.oid = t.tgfoid
        WHERE t.tgrelid = CAST(:table AS regclass) AND t.tgenabled IN ('O', 'A') AND t.tgqual IS NULL
        AND f.prosrc LIKE '% RAISE EXCEPTION %'
    """)
    types: list[int] = list(unit.connection.execute(statement, {"table": table}).scalars())
    bits = {"update": 16, "delete": 8, "truncate": 32}  # TRIGGER_TYPE_* of PostgreSQL's catalog/pg_trigger.h
    return [verb for verb, bit in bits.items() if not any(kind & bit for kind in types)]
