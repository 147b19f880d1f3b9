"""Tables of the ledger. An entry debits one account and credits another by one amount, so it cannot be unbalanced."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from engine.kernel.tables import APPEND_ONLY, Sequence, minor_column, one_of


class AccountKind(StrEnum):
    """Whose money it is. All but `expense`, `opening` and `fx` are held per ambassador and asset."""

    EXPENSE = "expense"
    PENDING = "pending"
    PAYABLE = "payable"
    IN_TRANSIT = "in_transit"
    PAID_OUT = "paid_out"
    OPENING = "opening"
    FX = "fx"


class LedgerAccount(SQLModel, table=True):
    """An account, by kind, owner and asset. `owner` is the ambassador's id in hexadecimal, empty for the brand."""

    __tablename__ = "ledger_account"
    __table_args__ = (
        UniqueConstraint("brand_id", "kind", "owner", "asset"),
        one_of("kind", AccountKind),
        APPEND_ONLY,
    )

    id: int | None = Field(default=None, sa_column=Column(Sequence, primary_key=True, autoincrement=True))
    brand_id: UUID = Field(foreign_key="brand.id")
    kind: str = Field(max_length=16)
    owner: str = Field(default="", max_length=32)
    asset: str = Field(max_length=3)


class LedgerTransaction(SQLModel, table=True):
    """A set of entries made by one command. The same key with the same input is the same transaction.

    A transaction is reversed at most once, and the reversal says so.
    """

    __tablename__ = "ledger_transaction"
    __table_args__ = (
        UniqueConstraint("brand_id", "key"),
        Index(
            "uq_ledger_transaction_reverses_id",
            "brand_id",
            "reverses_id",
            unique=True,
            sqlite_where=text("reverses_id IS NOT NULL"),
            postgresql_where=text("reverses_id IS NOT NULL"),
        ),
        APPEND_ONLY,
    )

    id: int | None = Field(default=None, sa_column=Column(Sequence, primary_key=True, autoincrement=True))
    brand_id: UUID = Field(foreign_key="brand.id")
    key: str = Field(max_length=120)
    input_hash: str = Field(max_length=64)
    command: str = Field(max_length=40)
    reverses_id: int | None = Field(default=None, sa_type=BigInteger)
    posted_at: datetime


class LedgerEntry(SQLModel, table=True):
    """`amount_minor` > 0 of `asset` moved: `debit_id` up, `credit_id` down."""

    __tablename__ = "ledger_entry"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount_minor_positive"),
        CheckConstraint("debit_id <> credit_id", name="two_accounts"),
        Index("ix_ledger_entry_transaction_id", "transaction_id"),
        Index("ix_ledger_entry_brand_id_debit_id", "brand_id", "debit_id"),
        Index("ix_ledger_entry_brand_id_credit_id", "brand_id", "credit_id"),
        APPEND_ONLY,
    )

    id: int | None = Field(default=None, sa_column=Column(Sequence, primary_key=True, autoincrement=True))
    brand_id: UUID = Field(foreign_key="brand.id")
    transaction_id: int = Field(sa_type=BigInteger, foreign_key="ledger_transaction.id")
    debit_id: int = Field(sa_type=BigInteger, foreign_key="ledger_account.id")
    credit_id: int = Field(sa_type=BigInteger, foreign_key="ledger_account.id")
    asset: str = Field(max_length=3)
    amount_minor: int = minor_column()


class LedgerBlock(SQLModel, table=True):
    """A sealed range of transactions: `hash` covers their rows and the block before."""

    __tablename__ = "ledger_block"
    __table_args__ = (APPEND_ONLY,)

    id: int | None = Field(default=None, sa_column=Column(Sequence, primary_key=True, autoincrement=True))
    first_id: int = Field(sa_type=BigInteger)
    last_id: int = Field(sa_type=BigInteger, unique=True)
    transactions: int
    hash: str = Field(max_length=64)
    previous_hash: str = Field(max_length=64)
    sealed_at: datetime
