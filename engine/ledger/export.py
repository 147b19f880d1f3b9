"""The books in the text format of beancount, so that a program that is not ours can add them up again.

Debits are positive there, so an ambassador's balance reads negative. At the end stands a balance for every account,
summed by the database and not from the lines above it, with no tolerance.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from sqlalchemy import func, select

from engine.kernel.currencies import EXPONENTS
from engine.kernel.database import UnitOfWork
from engine.ledger.journal import TRANSACTION, Written, WrittenEntry, journal
from engine.ledger.queries import AccountBalance, balances
from engine.ledger.rules import BRAND_KINDS
from engine.ledger.tables import AccountKind

_OWN: Final = {
    AccountKind.EXPENSE: "Expenses:Commission",
    AccountKind.OPENING: "Equity:Opening",
    AccountKind.FX: "Equity:Exchange",
}
_PERSONAL: Final = {
    AccountKind.PENDING: "Pending",
    AccountKind.PAYABLE: "Payable",
    AccountKind.IN_TRANSIT: "InTransit",
    AccountKind.PAID_OUT: "PaidOut",
}


def to_beancount(unit: UnitOfWork, brand_id: UUID, *, title: str) -> Iterator[str]:
    """Yield the brand's books line by line; read them in one state of the database (`Database.reading`).

    Amounts are in major units with the currency's decimals; assets that are no currency have none.
    """
    accounts = balances(unit, brand_id)
    days = select(func.min(TRANSACTION.c.posted_at), func.max(TRANSACTION.c.posted_at))
    first, last = unit.execute(days.where(TRANSACTION.c.brand_id == brand_id)).one()
    yield f'option "title" {_quoted(title)}'
    if first is None:
        return
    yield from _opened(accounts, first.date())
    for written in journal(unit, brand_id=brand_id):
        yield from _transaction(written)
    yield ""
    yield from _asserted(accounts, last.date() + timedelta(days=1))


def account_name(kind: str, owner: str) -> str:
    """Return the name of an account, such as `Liabilities:Ambassadors:A01…:Pending`."""
    known = AccountKind(kind)
    return _OWN[known] if known in BRAND_KINDS else f"Liabilities:Ambassadors:A{owner}:{_PERSONAL[known]}"


def _opened(accounts: Iterable[AccountBalance], day: date) -> Iterator[str]:
    assets: dict[str, list[str]] = {}
    for account in accounts:
        assets.setdefault(account_name(account.kind, account.owner), []).append(account.asset)
    for asset in sorted({asset for held in assets.values() for asset in held}):
        yield f"{day} commodity {asset}"
    for name, held in assets.items():
        yield f"{day} open {name} {','.join(held)}"


def _transaction(written: Written) -> Iterator[str]:
    row = written.transaction
    yield ""
    yield f"{datetime.fromisoformat(row.posted_at).date()} * {_quoted(row.command)}"
    yield f"  key: {_quoted(row.key)}"
    yield f'  transaction: "{row.id}"'
    for entry in written.entries:
        yield from _postings(entry)


def _postings(entry: WrittenEntry) -> Iterator[str]:
    amount = entry.amount_minor
    yield f"  {account_name(str(entry.debit_kind), str(entry.debit_owner))}  {_major(amount, entry.asset)}"
    yield f"  {account_name(str(entry.credit_kind), str(entry.credit_owner))}  {_major(-amount, entry.asset)}"


def _asserted(accounts: Iterable[AccountBalance], day: date) -> Iterator[str]:
    for account in accounts:
        debits = account.balance_minor if account.kind in BRAND_KINDS else -account.balance_minor
        number, asset = _major(debits, account.asset).split()
        yield f"{day} balance {account_name(account.kind, account.owner)}  {number} ~ 0 {asset}"


def _major(amount_minor: int, asset: str) -> str:
    return f"{Decimal(amount_minor).scaleb(-EXPONENTS.get(asset, 0)):f} {asset}"


def _quoted(text: str) -> str:
    plain = "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in text)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'
