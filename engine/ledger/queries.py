"""Reads of the books as plain rows: balances at any instant, entries, one transaction."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, func, select

from engine.kernel.database import UnitOfWork
from engine.kernel.errors import NotFoundError
from engine.ledger.rules import AccountRef, EntryDraft, balance_of
from engine.ledger.tables import AccountKind, LedgerAccount, LedgerEntry, LedgerTransaction

_ACCOUNT: Final = LedgerAccount.__table__  # type: ignore[attr-defined]
_TRANSACTION: Final = LedgerTransaction.__table__  # type: ignore[attr-defined]
_ENTRY: Final = LedgerEntry.__table__  # type: ignore[attr-defined]
_DEBIT: Final = _ACCOUNT.alias("debit")
_CREDIT: Final = _ACCOUNT.alias("credit")


@dataclass(frozen=True, slots=True)
class AccountBalance:
    """What an account holds, by the sign rule of `rules.py`: positive is owed or paid to `owner`, or spent."""

    kind: AccountKind
    owner: str
    asset: str
    balance_minor: int


@dataclass(frozen=True, slots=True)
class EntryRow:
    """One entry with its accounts spelled out."""

    id: int
    transaction_id: int
    key: str
    command: str
    posted_at: datetime
    draft: EntryDraft


@dataclass(frozen=True, slots=True)
class TransactionRow:
    """One transaction with its entries, in the order in which they were written."""

    id: int
    key: str
    command: str
    posted_at: datetime
    reverses_id: int | None
    entries: tuple[EntryRow, ...]


def balances(
    unit: UnitOfWork,
    brand_id: UUID,
    *,
    as_of: datetime | None = None,
    owner: str | None = None,
    kinds: Iterable[AccountKind] | None = None,
) -> tuple[AccountBalance, ...]:
    """Return the balance of every account of the brand, of one `owner` or of some `kinds`, ordered by name.

    With `as_of`, only what was posted until then counts; an account that had not moved yet reads 0.
    """
    # by ix_ledger_entry_brand_id_debit_id and …_credit_id, account by account
    statement = select(
        _ACCOUNT.c.kind,
        _ACCOUNT.c.owner,
        _ACCOUNT.c.asset,
        _moved(brand_id, "debit_id", as_of),
        _moved(brand_id, "credit_id", as_of),
    ).where(_ACCOUNT.c.brand_id == brand_id)
    if owner is not None:
        statement = statement.where(_ACCOUNT.c.owner == owner)
    if kinds is not None:
        statement = statement.where(_ACCOUNT.c.kind.in_([kind.value for kind in kinds]))
    rows = unit.execute(statement.order_by(_ACCOUNT.c.kind, _ACCOUNT.c.owner, _ACCOUNT.c.asset))
    return tuple(
        AccountBalance(
            AccountKind(kind), owner, asset, balance_of(AccountKind(kind), debits=int(debits), credits_=int(credits_))
        )
        for kind, owner, asset, debits, credits_ in rows
    )


def entries_of(unit: UnitOfWork, brand_id: UUID, *, owner: str) -> tuple[EntryRow, ...]:
    """Return every entry that touches an account of `owner`, in the order in which they were posted."""
    mine = select(_ACCOUNT.c.id).where(_ACCOUNT.c.brand_id == brand_id, _ACCOUNT.c.owner == owner)
    touched = _ENTRY.c.debit_id.in_(mine) | _ENTRY.c.credit_id.in_(mine)
    return tuple(_entry(row) for row in unit.execute(_entries(brand_id).where(touched)))


def transaction(unit: UnitOfWork, brand_id: UUID, transaction_id: int) -> TransactionRow:
    """Return one transaction.

    Raises:
        NotFoundError: the brand has none with this id.
    """
    rows = unit.execute(_entries(brand_id).where(_TRANSACTION.c.id == transaction_id)).all()
    if not rows:
        raise NotFoundError("transaction", transaction_id)
    first = rows[0]
    entries = tuple(_entry(row) for row in rows)
    return TransactionRow(first.transaction_id, first.key, first.command, first.posted_at, first.reverses_id, entries)


def _moved(brand_id: UUID, side: str, as_of: datetime | None) -> Any:
    total = select(func.coalesce(func.sum(_ENTRY.c.amount_minor), 0)).where(
        _ENTRY.c.brand_id == brand_id, _ENTRY.c[side] == _ACCOUNT.c.id
    )
    if as_of is not None:
        total = total.join(_TRANSACTION, _TRANSACTION.c.id == _ENTRY.c.transaction_id)
        total = total.where(_TRANSACTION.c.posted_at <= as_of)
    return total.scalar_subquery()


def _entries(brand_id: UUID) -> Select[Any]:
    return (
        select(
            _ENTRY.c.id,
            _ENTRY.c.transaction_id,
            _TRANSACTION.c.key,
            _TRANSACTION.c.command,
            _TRANSACTION.c.posted_at,
            _TRANSACTION.c.reverses_id,
            _DEBIT.c.kind.label("debit_kind"),
            _DEBIT.c.owner.label("debit_owner"),
            _CREDIT.c.kind.label("credit_kind"),
            _CREDIT.c.owner.label("credit_owner"),
            _ENTRY.c.asset,
            _ENTRY.c.amount_minor,
        )
        .join_from(_ENTRY, _TRANSACTION, _TRANSACTION.c.id == _ENTRY.c.transaction_id)
        .join(_DEBIT, _DEBIT.c.id == _ENTRY.c.debit_id)
        .join(_CREDIT, _CREDIT.c.id == _ENTRY.c.credit_id)
        .where(_ENTRY.c.brand_id == brand_id, _TRANSACTION.c.brand_id == brand_id)
        .order_by(_ENTRY.c.transaction_id, _ENTRY.c.id)
    )


def _entry(row: Any) -> EntryRow:
    debit = AccountRef(AccountKind(row.debit_kind), owner=row.debit_owner, asset=row.asset)
    credit = AccountRef(AccountKind(row.credit_kind), owner=row.credit_owner, asset=row.asset)
    draft = EntryDraft(debit, credit, row.amount_minor)
    return EntryRow(row.id, row.transaction_id, row.key, row.command, row.posted_at, draft)
