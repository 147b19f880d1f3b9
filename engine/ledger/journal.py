"""The books as they stand in the tables, row by row and unjudged, for whoever checks, seals or exports them.

Values are read as the database wrote them, so that a row that somebody has bent by hand is seen and not tripped over;
instants are texts in UTC and brands hexadecimal digits, alike on both databases. Reading streams: memory does not grow
with the books.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Select, Text, cast, func, select, type_coerce

from engine.kernel.database import UnitOfWork
from engine.ledger.tables import LedgerAccount, LedgerBlock, LedgerEntry, LedgerTransaction

ACCOUNT: Final = LedgerAccount.__table__  # type: ignore[attr-defined]
TRANSACTION: Final = LedgerTransaction.__table__  # type: ignore[attr-defined]
ENTRY: Final = LedgerEntry.__table__  # type: ignore[attr-defined]
BLOCK: Final = LedgerBlock.__table__  # type: ignore[attr-defined]
_DEBIT: Final = ACCOUNT.alias("debit")
_CREDIT: Final = ACCOUNT.alias("credit")

_PAGE: Final = 2_000


class WrittenTransaction(NamedTuple):
    """A row of `ledger_transaction`."""

    id: int
    brand: str
    key: str
    input_hash: str
    command: str
    reverses_id: int | None
    posted_at: str


class WrittenEntry(NamedTuple):
    """A row of `ledger_entry` with what its accounts say; an account that is missing says None."""

    id: int
    brand: str
    debit_id: int
    credit_id: int
    asset: str
    amount_minor: int
    debit_brand: str | None
    debit_kind: str | None
    debit_owner: str | None
    debit_asset: str | None
    credit_brand: str | None
    credit_kind: str | None
    credit_owner: str | None
    credit_asset: str | None

    def text(self) -> str:
        """Write the entry as `hash_written` expects it."""
        accounts = f"{self.debit_kind}:{self.debit_owner}:{self.credit_kind}:{self.credit_owner}"
        return f"{accounts}:{self.asset}:{self.amount_minor}"


@dataclass(frozen=True, slots=True)
class Written:
    """A transaction with its entries."""

    transaction: WrittenTransaction
    entries: tuple[WrittenEntry, ...]


class WrittenBlock(NamedTuple):
    """A row of `ledger_block`."""

    id: int
    first_id: int
    last_id: int
    transactions: int
    hash: str
    previous_hash: str
    sealed_at: str


def journal(
    unit: UnitOfWork, *, brand_id: UUID | None = None, first_id: int | None = None, last_id: int | None = None
) -> Iterator[Written]:
    """Yield the transactions of all brands or of one, from `first_id` to `last_id` (both included), by id."""
    width = len(WrittenTransaction._fields)
    statement = _statement(unit.dialect)
    if brand_id is not None:
        statement = statement.where(TRANSACTION.c.brand_id == brand_id)
    if first_id is not None:
        statement = statement.where(TRANSACTION.c.id >= first_id)
    if last_id is not None:
        statement = statement.where(TRANSACTION.c.id <= last_id)
    for _, rows in groupby(stream(unit, statement), key=lambda row: row[0]):
        parts = list(rows)
        entries = tuple(WrittenEntry._make(part[width:]) for part in parts if part[width] is not None)
        yield Written(WrittenTransaction._make(parts[0][:width]), entries)


def written_blocks(unit: UnitOfWork) -> Iterator[WrittenBlock]:
    """Yield the sealed blocks in their order."""
    columns = BLOCK.c
    statement = select(
        columns.id,
        columns.first_id,
        columns.last_id,
        columns.transactions,
        columns.hash,
        columns.previous_hash,
        written_instant(unit.dialect, columns.sealed_at),
    ).order_by(columns.id)
    return map(WrittenBlock._make, stream(unit, statement))


def stream(unit: UnitOfWork, statement: Select[Any]) -> Iterator[Any]:
    """Yield the rows of `statement`, some at a time."""
    with unit.connection.execute(statement, execution_options={"yield_per": _PAGE}) as rows:
        yield from rows


def written_instant(dialect: str, column: ColumnElement[Any]) -> ColumnElement[str]:
    """Return the expression that reads an instant as `YYYY-MM-DD HH:MM:SS.ffffff` in UTC."""
    if dialect == "postgresql":
        return func.to_char(func.timezone("UTC", column), "YYYY-MM-DD HH24:MI:SS.US")
    return type_coerce(column, Text)


def written_id(dialect: str, column: ColumnElement[Any]) -> ColumnElement[str]:
    """Return the expression that reads a UUID as 32 hexadecimal digits."""
    if dialect == "postgresql":
        return func.replace(cast(column, Text), "-", "")
    return type_coerce(column, Text)


def _statement(dialect: str) -> Select[Any]:
    # transactions by primary key, entries by ix_ledger_entry_transaction_id
    transactions, entries = TRANSACTION.c, ENTRY.c
    return (
        select(
            transactions.id,
            written_id(dialect, transactions.brand_id),
            transactions.key,
            transactions.input_hash,
            transactions.command,
            transactions.reverses_id,
            written_instant(dialect, transactions.posted_at),
            entries.id,
            written_id(dialect, entries.brand_id),
            entries.debit_id,
            entries.credit_id,
            entries.asset,
            type_coerce(entries.amount_minor, BigInteger),
            *(
                column
                for side in (_DEBIT.c, _CREDIT.c)
                for column in (written_id(dialect, side.brand_id), side.kind, side.owner, side.asset)
            ),
        )
        .join_from(TRANSACTION, ENTRY, entries.transaction_id == transactions.id, isouter=True)
        .join(_DEBIT, _DEBIT.c.id == entries.debit_id, isouter=True)
        .join(_CREDIT, _CREDIT.c.id == entries.credit_id, isouter=True)
        .order_by(transactions.id, entries.id)
    )
