"""Reads by many keys in one statement whose text does not depend on how many there are.

An expanded `IN (?, ?, …)` is rendered anew for every length and ends at the database's limit of parameters. Here the
keys are one parameter: a JSON array on SQLite, a text array on PostgreSQL. Both use the column's index.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Text, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from engine.kernel.canonical import dump_json


def among(dialect: str, column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Return the condition that the text `column` is among the keys bound as `name` (what `as_parameter` returns)."""
    if dialect == "postgresql":
        return column == any_(bindparam(name, type_=ARRAY(Text)))
    rows = func.json_each(bindparam(name, type_=Text)).table_valued("value")
    return column.in_(select(rows.c.value))


def as_parameter(dialect: str, keys: Iterable[str]) -> list[str] | str:
    """Return `keys` as the one parameter that `among` expects."""
    return list(keys) if dialect == "postgresql" else dump_json(list(keys))
