"""Inserts many rows of one table with the least between them and the driver: the hot paths' way to write.

The driver gets plain tuples, a column at a time made ready by the column's own type. What stands in every row (the
brand, the instant of the transaction) is made ready once.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Table
from sqlalchemy.engine import Dialect

from engine.kernel.database import UnitOfWork

Convert = Callable[[Any], Any]


def insert_rows(unit: UnitOfWork, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert `rows`, each with the same columns, in the order given; nothing happens where there are none.

    Columns that are left out get the database's default, never the model's.

    Raises:
        IntegrityError: a row breaks a constraint; the transaction cannot be committed.
    """
    if not rows:
        return
    connection = unit.connection
    names = tuple(rows[0])
    statement, converters = _prepared(table, names, connection.dialect)
    columns = [_ready([row[name] for row in rows], convert) for name, convert in zip(names, converters, strict=True)]
    connection.exec_driver_sql(statement, list(zip(*columns, strict=True)))


@lru_cache(maxsize=256)
def _prepared(table: Table, names: tuple[str, ...], dialect: Dialect) -> tuple[str, tuple[Convert | None, ...]]:
    """Return the INSERT with the driver's placeholders, and what makes each column's values ready."""
    placeholder = "?" if dialect.paramstyle == "qmark" else "%s"
    values = ", ".join([placeholder] * len(names))
    statement = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({values})"  # noqa: S608 - names of our columns
    return statement, tuple(table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names)


def _ready(values: Sequence[Any], convert: Convert | None) -> Iterable[Any]:
    if convert is None:
        return values
    first = values[0]
    if all(value is first for value in values):
        return [convert(first)] * len(values)
    return [convert(value) for value in values]
