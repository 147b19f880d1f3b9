"""Values of a click's row as the database's driver takes and gives them, at less than what SQLAlchemy takes for it.

Ids are hexadecimal digits on this side. SQLite keeps them so; times are text there.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Dialect

from engine.kernel.tables import table_of
from engine.tracking.clicks.tables import Click

_AT = table_of(Click).c.at.type


def id_taker(dialect: Dialect) -> Callable[[str], Any]:
    """Return what makes an id ready for the driver."""
    return str if dialect.name == "sqlite" else UUID


def ids_taker(dialect: Dialect) -> Callable[[Sequence[str]], Sequence[Any]]:
    """Return what makes those of what was clicked ready (`tables.ALIKE`), of which one is no id."""
    return tuple if dialect.name == "sqlite" else lambda ids: _uuids(*ids)


def time_taker(dialect: Dialect) -> Callable[[datetime], Any]:
    """Return what makes an aware instant in UTC ready for the driver."""
    return _text if dialect.name == "sqlite" else _AT.dialect_impl(dialect).bind_processor(dialect) or _as_is


def hex_reader(dialect: Dialect) -> Callable[[Any], str]:
    """Return what makes an id of ours of one that the driver gave."""
    return str if dialect.name == "sqlite" else lambda value: value.hex


def time_reader(dialect: Dialect) -> Callable[[Any], datetime]:
    """Return what makes an aware instant of what the driver gave."""
    read: Callable[[Any], Any] = _AT.dialect_impl(dialect).result_processor(dialect, None) or _as_is
    return read


@lru_cache(maxsize=4_096)
def _uuids(brand: str, program: str, enrollment: str, kind: str, target: str) -> tuple[Any, ...]:
    return UUID(brand), UUID(program), UUID(enrollment), kind, UUID(target)


def _as_is(value: Any) -> Any:
    return value


def _text(at: datetime) -> str:
    return at.isoformat(" ", "microseconds")[:26]
