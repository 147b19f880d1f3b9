"""What may be written in the books, and how it is hashed.

Pure. An entry moves one positive amount of one asset from the account it debits to the account it credits, so that no
entry, and hence no transaction, can be unbalanced (the form of TigerBeetle's transfers).

An ambassador's accounts (`pending`, `payable`, `in_transit`, `paid_out`) are credit-normal: their balance is positive
when something is owed or was paid. The brand's own (`expense`, `opening`, `fx`) are debit-normal: `expense` is positive
when something was spent. Per brand and asset, the sum of the one kind equals the sum of the other.
"""

import hashlib
import re
from dataclasses import KW_ONLY, dataclass
from typing import Final
from uuid import UUID

from engine.kernel.errors import CurrencyMismatchError, InputError, MoneyError
from engine.ledger.tables import AccountKind

LARGEST: Final = 2**63 - 1
"""What a column of 64 bits holds."""

BRAND_KINDS: Final = frozenset({AccountKind.EXPENSE, AccountKind.OPENING, AccountKind.FX})
"""Accounts that a brand has once per asset; all others belong to an ambassador."""

_OWNER = re.compile(r"[0-9a-f]{32}", re.ASCII)
_ASSET = re.compile(r"[A-Z]{3}", re.ASCII)


@dataclass(frozen=True, slots=True)
class AccountRef:
    """Names an account. `owner` is an ambassador's `id.hex`, empty for the brand's own; `asset` three capitals.

    Raises:
        InputError: an ambassador's account without an owner, a brand's account with one, or no such asset.
    """

    kind: AccountKind
    _: KW_ONLY
    owner: str = ""
    asset: str

    def __post_init__(self) -> None:
        if not _ASSET.fullmatch(self.asset):
            raise InputError(f"An asset has three capital letters, not {self.asset!r}.", field="asset")
        if self.kind in BRAND_KINDS:
            if self.owner:
                raise InputError(f"The account {self.kind} is the brand's; it has no owner.", field="owner")
        elif not _OWNER.fullmatch(self.owner):
            raise InputError(f"The account {self.kind} needs an ambassador's id as its owner.", field="owner")


@dataclass(frozen=True, slots=True)
class EntryDraft:
    """`amount_minor` > 0 goes from `debit` to `credit`.

    Raises:
        MoneyError: the amount is not a positive whole number of 64 bits, or both accounts are the same.
        CurrencyMismatchError: the accounts hold different assets.
    """

    debit: AccountRef
    credit: AccountRef
    amount_minor: int

    def __post_init__(self) -> None:
        amount = self.amount_minor
        if type(amount) is not int or not 0 < amount <= LARGEST:
            raise MoneyError(f"An entry moves a positive whole number of minor units, not {amount!r}.")
        if self.debit.asset != self.credit.asset:
            raise CurrencyMismatchError(self.debit.asset, self.credit.asset)
        if self.debit == self.credit:
            raise MoneyError("An entry moves an amount between two accounts, not within one.")


@dataclass(frozen=True, slots=True)
class TransactionDraft:
    """Entries that stand or fall together, under a key that is used once per brand.

    Raises:
        InputError: no entries, or a key or command that is empty or too long (120 and 40 characters).
    """

    key: str
    command: str
    entries: tuple[EntryDraft, ...]
    reverses_id: int | None = None

    def __post_init__(self) -> None:
        if not self.entries:
            raise InputError(f"Transaction {self.key!r} has no entries.", field="entries")
        if not 0 < len(self.key) <= 120 or "\x00" in self.key:
            raise InputError("A key has between 1 and 120 characters, NUL not among them.", field="key")
        if not 0 < len(self.command) <= 40:
            raise InputError("A command has between 1 and 40 characters.", field="command")


def move(amount_minor: int, *, frm: AccountRef, to: AccountRef) -> EntryDraft:
    """Return the entry that takes `amount_minor` from `frm` (debited) to `to` (credited); a negative one goes back.

    What an ambassador earned goes from `expense` to `pending`, then to `payable`, `in_transit` and `paid_out`.

    Raises:
        MoneyError: nothing to move, or not a whole number.
    """
    if type(amount_minor) is int and amount_minor < 0:
        return EntryDraft(debit=to, credit=frm, amount_minor=-amount_minor)
    return EntryDraft(debit=frm, credit=to, amount_minor=amount_minor)


def swapped(entry: EntryDraft) -> EntryDraft:
    """Return the entry that undoes `entry`."""
    return EntryDraft(debit=entry.credit, credit=entry.debit, amount_minor=entry.amount_minor)


def balance_of(kind: AccountKind, *, debits: int, credits_: int) -> int:
    """Return the balance of an account of `kind` by the sign rule at the head of this file."""
    return debits - credits_ if kind in BRAND_KINDS else credits_ - debits


def input_hash(brand_id: UUID, draft: TransactionDraft) -> str:
    """Return the SHA-256 over everything a draft says, as 64 hexadecimal digits."""
    entries = " ".join(
        f"{e.debit.kind}:{e.debit.owner}:{e.credit.kind}:{e.credit.owner}:{e.debit.asset}:{e.amount_minor}"
        for e in draft.entries
    )
    return hash_written(brand_id.hex, draft.key, command=draft.command, reverses_id=draft.reverses_id, entries=entries)


def hash_written(brand: str, key: str, *, command: str, reverses_id: int | None, entries: str) -> str:
    """Return the input hash of a transaction whose entries are written as `kind:owner:kind:owner:asset:amount …`.

    One string and no JSON, since every row of an import passes here. Free text carries its length, so that different
    drafts never read alike. Verifying computes it again from the rows.
    """
    text = f"{brand} {reverses_id or 0} {len(command)}:{command} {len(key)}:{key} {entries}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
