"""What every table is made of: names of constraints, column types, the marker for append-only tables.

A table is storage, not validation: `table=True` models check nothing. Input is checked by `schemas.py` of each feature.
"""

from typing import Any, Final
from uuid import UUID

from sqlalchemy import JSON, BigInteger, CheckConstraint, Column, Dialect, Integer, Table
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

from engine.kernel.ids import new_id

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class MinorUnits(TypeDecorator[int]):
    """A BIGINT that refuses anything but an int: SQLite would store `12.5` and `'abc'` without a word."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:
        """Let whole numbers through and nothing else."""
        if value is not None and type(value) is not int:
            raise TypeError(f"An amount is a whole number of minor units, not {value!r}.")
        return value


Document = JSON().with_variant(JSONB(), "postgresql")
Sequence = BigInteger().with_variant(Integer(), "sqlite")
"""A key that counts up: 64 bits on both databases."""


class BrandRow(SQLModel):
    """The columns of every row that belongs to a brand."""

    id: UUID = Field(default_factory=new_id, primary_key=True)
    brand_id: UUID = Field(foreign_key="brand.id", nullable=False)


def table_of(model: type[SQLModel]) -> Table:
    """Return the Core table of a model, for statements that must not build objects."""
    return SQLModel.metadata.tables[str(model.__tablename__)]


def minor_column(*, nullable: bool = False) -> Any:
    """Return a column for an amount in minor units; the migration adds the CHECK that SQLite needs."""
    return Field(sa_column=Column(MinorUnits, nullable=nullable))


def one_of(column: str, values: type) -> CheckConstraint:
    """Return a CHECK that `column` holds one of the values of a string enum."""
    allowed = ", ".join(f"'{member.value}'" for member in values)  # type: ignore[attr-defined]
    return CheckConstraint(f"{column} IN ({allowed})", name=f"{column}_known")


APPEND_ONLY: Final = {"info": {"append_only": True}}
"""Table arguments of a table whose rows the database never lets anybody change or delete (triggers, both databases)."""
