"""Writes the books: transactions by key, and their reversal.

Batch-first and Core only. Whatever the size of the batch, `post` costs a read of the keys, a read of the accounts and
two bulk inserts.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, bindparam, func, select, text
from sqlalchemy.dialects import postgresql, sqlite

from engine.kernel.bulk import insert_rows
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import ConflictError, IdempotencyConflictError
from engine.kernel.keyed import as_parameter, look_up
from engine.ledger.queries import transaction
from engine.ledger.rules import AccountRef, EntryDraft, TransactionDraft, input_hash, move, swapped
from engine.ledger.tables import AccountKind, LedgerAccount, LedgerEntry, LedgerTransaction

__all__ = ["AccountKind", "AccountRef", "EntryDraft", "TransactionDraft", "move", "post", "reverse"]

_ACCOUNT: Final = LedgerAccount.__table__  # type: ignore[attr-defined]
_TRANSACTION: Final = LedgerTransaction.__table__  # type: ignore[attr-defined]
_ENTRY: Final = LedgerEntry.__table__  # type: ignore[attr-defined]

_RESERVE: Final = text("SELECT nextval('ledger_transaction_id_seq') FROM generate_series(1, :count)")


def post(unit: UnitOfWork, brand_id: UUID, drafts: Sequence[TransactionDraft]) -> list[int]:
    """Write `drafts` and return their transaction ids, in the order given.

    A draft whose key was used before with the same input, or stands twice in the batch, is written once and answers the
    first id. Racing writers of one key lose with a database error that `Database.run` repeats.

    Raises:
        IdempotencyConflictError: a key was used before with another input; nothing of the batch is written.
    """
    if not drafts:
        return []
    hashes: dict[str, str] = {}
    for draft in drafts:
        digest = input_hash(brand_id, draft)
        if hashes.setdefault(draft.key, digest) != digest:
            raise IdempotencyConflictError(draft.key)
    ids = _known(unit, brand_id, hashes)
    fresh = list({draft.key: draft for draft in drafts if draft.key not in ids}.values())
    if fresh:
        ids.update(_write(unit, brand_id, fresh, hashes))
    return [ids[draft.key] for draft in drafts]


def reverse(unit: UnitOfWork, brand_id: UUID, transaction_id: int, *, key: str, command: str) -> int:
    """Undo a transaction by one with debit and credit swapped, and return its id.

    The same key again answers the same id.

    Raises:
        NotFoundError: the brand has no such transaction.
        ConflictError: it was reversed under another key.
    """
    original = transaction(unit, brand_id, transaction_id)
    reversed_by = select(_TRANSACTION.c.key).where(
        _TRANSACTION.c.brand_id == brand_id, _TRANSACTION.c.reverses_id == transaction_id
    )
    if unit.execute(reversed_by).scalar() not in (None, key):
        raise ConflictError(f"Transaction {transaction_id} was reversed before; it is reversed once.")
    entries = tuple(swapped(entry.draft) for entry in original.entries)
    (reversal,) = post(unit, brand_id, [TransactionDraft(key, command, entries, reverses_id=transaction_id)])
    return reversal


def _known(unit: UnitOfWork, brand_id: UUID, hashes: dict[str, str]) -> dict[str, int]:
    parameters = {"brand": brand_id, "keys": as_parameter(unit.dialect, hashes)}
    ids: dict[str, int] = {}
    for key, number, digest in unit.connection.execute(_by_keys(unit.dialect), parameters):
        if digest != hashes[key]:
            raise IdempotencyConflictError(key)
        ids[key] = number
    return ids


def _write(
    unit: UnitOfWork, brand_id: UUID, drafts: Sequence[TransactionDraft], hashes: dict[str, str]
) -> dict[str, int]:
    accounts = _accounts(unit, brand_id, {side for d in drafts for e in d.entries for side in (e.debit, e.credit)})
    ids = dict(zip((draft.key for draft in drafts), _reserve(unit, len(drafts)), strict=True))
    transactions = [
        {
            "id": ids[draft.key],
            "brand_id": brand_id,
            "key": draft.key,
            "input_hash": hashes[draft.key],
            "command": draft.command,
            "reverses_id": draft.reverses_id,
            "posted_at": unit.now,
        }
        for draft in sorted(drafts, key=lambda draft: draft.key)  # one order for all writers: no deadlocks
    ]
    entries = [
        {
            "brand_id": brand_id,
            "transaction_id": ids[draft.key],
            "debit_id": accounts[entry.debit],
            "credit_id": accounts[entry.credit],
            "asset": entry.debit.asset,
            "amount_minor": entry.amount_minor,
        }
        for draft in drafts
        for entry in draft.entries
    ]
    insert_rows(unit, _TRANSACTION, transactions)
    insert_rows(unit, _ENTRY, entries)
    return ids


def _reserve(unit: UnitOfWork, count: int) -> Iterable[int]:
    """Return `count` ids for transactions. On SQLite nobody else writes meanwhile."""
    if unit.dialect == "postgresql":
        found: list[int] = list(unit.connection.execute(_RESERVE, {"count": count}).scalars())
        return found
    last: int = unit.execute(select(func.coalesce(func.max(_TRANSACTION.c.id), 0))).scalar_one()
    return range(last + 1, last + 1 + count)


def _accounts(unit: UnitOfWork, brand_id: UUID, wanted: set[AccountRef]) -> dict[AccountRef, int]:
    """Return the accounts' ids; those that are missing are opened, also when another writer opens them now."""
    found = _read_accounts(unit, brand_id, wanted)
    missing = wanted - found.keys()
    if missing:
        rows = [
            {"brand_id": brand_id, "kind": ref.kind.value, "owner": ref.owner, "asset": ref.asset} for ref in missing
        ]
        dialect = postgresql if unit.dialect == "postgresql" else sqlite
        rows.sort(key=lambda row: (row["kind"], row["owner"], row["asset"]))
        unit.execute(dialect.insert(_ACCOUNT).on_conflict_do_nothing(), rows)
        found |= _read_accounts(unit, brand_id, missing)
    return found


def _read_accounts(unit: UnitOfWork, brand_id: UUID, wanted: set[AccountRef]) -> dict[AccountRef, int]:
    refs = {(ref.kind.value, ref.owner, ref.asset): ref for ref in wanted}
    parameters: dict[str, Any] = {"brand": brand_id}
    for name, values in zip(("kinds", "owners", "assets"), zip(*refs, strict=True), strict=True):
        parameters[name] = as_parameter(unit.dialect, values)
    rows = unit.connection.execute(_by_refs(unit.dialect), parameters)
    return {refs[row[:3]]: row[3] for row in rows if row[:3] in refs}


@cache
def _by_keys(dialect: str) -> Select[Any]:
    # by the unique index on (brand_id, key)
    columns = _TRANSACTION.c
    wanted = (columns.key, columns.id, columns.input_hash)
    return look_up(dialect, wanted, keys={"keys": columns.key}, where=columns.brand_id == bindparam("brand"))


@cache
def _by_refs(dialect: str) -> Select[Any]:
    # by the unique index on (brand_id, kind, owner, asset)
    columns = _ACCOUNT.c
    keys = {"kinds": columns.kind, "owners": columns.owner, "assets": columns.asset}
    return look_up(dialect, (*keys.values(), columns.id), keys=keys, where=columns.brand_id == bindparam("brand"))
