"""Seals ranges of transactions into blocks, each hashed over its rows and the block before.

Writers take no lock for it. A block may hold only ids below every open transaction, or a row could appear in it later:

- SQLite has one writer at a time, so whatever is committed is all there is.
- On PostgreSQL ids come from a sequence and commit in any order. Who draws from a sequence holds a lock on it, which
  excludes nobody, until the transaction ends (`nextval`, in PostgreSQL's commands/sequence.c). So sealing reads how far
  the sequence came, then who holds that lock, and waits for these to end: every id drawn until then is final.
  (Comparing transaction numbers with `pg_snapshot_xmin` would do as well, but waits for all databases of the server.)
"""

import hashlib
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import func, insert, select, text

from engine.kernel.database import UnitOfWork
from engine.ledger.journal import BLOCK, TRANSACTION, Written, journal
from engine.ledger.tables import LedgerBlock

GENESIS: Final = "0" * 64
"""The hash before the first block."""

BLOCK_SIZE: Final = 1_000
"""Transactions in a block at most: how narrowly a changed row is located when its own hash was forged too."""

_LOCK: Final = 7_070_101
_PAUSE: Final = timedelta(milliseconds=20)
_POSTING: Final = text("""
    SELECT virtualtransaction FROM pg_locks
    WHERE locktype = 'relation' AND relation = CAST('ledger_transaction_id_seq' AS regclass)
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND mode = 'RowExclusiveLock' AND pid IS DISTINCT FROM pg_backend_pid()
""")
_plain = json.JSONEncoder(separators=(",", ":"), default=repr)


@dataclass(frozen=True, slots=True)
class SealedBlock:
    """A new block. Whoever keeps its `hash` outside the database can tell later that nothing was cut off."""

    id: int
    first_id: int
    last_id: int
    transactions: int
    hash: str


def seal(unit: UnitOfWork, *, size: int = BLOCK_SIZE, patience: timedelta = timedelta(seconds=1)) -> SealedBlock | None:
    """Seal the next block of at most `size` transactions, or return None where nothing final is left.

    Repeat it in a unit of its own until it returns None. On PostgreSQL it waits up to `patience` for transactions that
    are posting now; where one is still open then, it seals nothing, and the next run will.
    """
    final = _final_id(unit, patience)
    previous = unit.execute(select(BLOCK).order_by(BLOCK.c.id.desc()).limit(1)).first()
    number, after, before = (previous.id + 1, previous.last_id, previous.hash) if previous else (1, 0, GENESIS)
    ids = select(TRANSACTION.c.id).where(TRANSACTION.c.id > after, TRANSACTION.c.id <= final)
    reach = ids.order_by(TRANSACTION.c.id).limit(size).subquery()
    last: int | None = unit.execute(select(func.max(reach.c.id))).scalar()
    if last is None:
        return None
    digest = BlockHash(number, after + 1, last_id=last, previous_hash=before, sealed_at=unit.now.strftime(INSTANT))
    digest.update(journal(unit, first_id=after + 1, last_id=last))
    block = SealedBlock(number, after + 1, last, digest.transactions, digest.hexdigest())
    unit.execute(insert(BLOCK), [_row(unit, block, before)])
    return block


INSTANT: Final = "%Y-%m-%d %H:%M:%S.%f"
"""How `journal` writes instants."""


class BlockHash:
    """Computes the hash of a block from its head and its rows."""

    def __init__(self, number: int, first_id: int, *, last_id: int, previous_hash: str, sealed_at: str) -> None:
        self.transactions = 0
        self._sha = hashlib.sha256(_plain.encode([number, first_id, last_id, previous_hash, sealed_at]).encode())

    def update(self, written: Iterable[Written]) -> None:
        """Take in transactions with their entries and accounts, by id."""
        for one in written:
            self.transactions += 1
            self._sha.update(_plain.encode([one.transaction, one.entries]).encode())

    def hexdigest(self) -> str:
        """Return 64 hexadecimal digits."""
        sha = self._sha.copy()
        sha.update(str(self.transactions).encode())
        return sha.hexdigest()


def _row(unit: UnitOfWork, block: SealedBlock, previous_hash: str) -> dict[str, Any]:
    row = LedgerBlock(
        id=block.id,
        first_id=block.first_id,
        last_id=block.last_id,
        transactions=block.transactions,
        hash=block.hash,
        previous_hash=previous_hash,
        sealed_at=unit.now,
    )
    return row.model_dump()


def _final_id(unit: UnitOfWork, patience: timedelta) -> int:
    """Return the id up to which no transaction can appear any more; 0 where that cannot be said now."""
    connection = unit.connection
    if unit.dialect != "postgresql":
        last: int = unit.execute(select(func.coalesce(func.max(TRANSACTION.c.id), 0))).scalar_one()
        return last
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})  # one sealer at a time
    drawn: int = connection.execute(text("SELECT last_value FROM ledger_transaction_id_seq")).scalar_one()
    posting = set(connection.execute(_POSTING).scalars())
    for _ in range(patience // _PAUSE):
        if not posting:
            break
        time.sleep(_PAUSE.total_seconds())
        posting &= set(connection.execute(_POSTING).scalars())
    return 0 if posting else drawn
