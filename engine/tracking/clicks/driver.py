"""Values of a click's row as the database's driver takes them, at less than what SQLAlchemy takes for it.

SQLite keeps ids as hexadecimal digits, and times as text.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Dialect

from engine.kernel.clock import instant_of, microseconds
from engine.kernel.tables import table_of
from engine.tracking.clicks.tables import Click

_AT: Final = table_of(Click).c.at.type


def id_taker(dialect: Dialect) -> Callable[[str], Any]:
    """Return what makes an id in hexadecimal digits ready for the driver."""
    return str if dialect.name == "sqlite" else UUID


def target_taker(dialect: Dialect) -> Callable[[str], Sequence[Any]]:
    """Return what makes the values of `tables.ALIKE` of what a click says of its target (`targets.ClickTarget.row`)."""
    return _texts if dialect.name == "sqlite" else _uuids


def time_taker(dialect: Dialect) -> Callable[[int], Any]:
    """Return what makes microseconds since 1970 ready for the driver."""
    return _text if dialect.name == "sqlite" else instant_of


def time_reader(dialect: Dialect) -> Callable[[Any], int]:
    """Return what makes microseconds since 1970 of what the driver gave."""
    read: Callable[[Any], Any] = _AT.dialect_impl(dialect).result_processor(dialect, None) or (lambda value: value)
    return lambda value: microseconds(read(value))


@lru_cache(maxsize=4_096)
def _texts(row: str) -> tuple[str, ...]:
    return tuple(row.split())


@lru_cache(maxsize=4_096)
def _uuids(row: str) -> tuple[Any, ...]:
    brand, program, enrollment, kind, target = row.split()
    return UUID(brand), UUID(program), UUID(enrollment), kind, UUID(target)


def _text(at: int) -> str:
    second, fraction = divmod(at, 1_000_000)
    return f"{_second(second)}.{fraction:06}"


@lru_cache(maxsize=64)
def _second(second: int) -> str:
    return instant_of(second * 1_000_000).isoformat(" ")[:19]
