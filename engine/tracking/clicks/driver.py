"""Values of a click's row as the database's driver takes them: what is always the same is made ready once."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Dialect

from engine.kernel.tables import table_of
from engine.tracking.clicks.tables import Click

_CLICK = table_of(Click)

Ready = Callable[[Any], Any]


def taker(name: str, dialect: Dialect) -> Ready:
    """Return what makes a value of a click's column ready for the driver."""
    return _CLICK.c[name].type.dialect_impl(dialect).bind_processor(dialect) or _as_is


def id_taker(dialect: Dialect) -> Callable[[bytes], Any]:
    """Return what makes the 16 bytes of an id ready for the driver: SQLite keeps ids as text."""
    return bytes.hex if dialect.name == "sqlite" else lambda name: UUID(bytes=name)


def time_taker(dialect: Dialect) -> Callable[[datetime], Any]:
    """Return what makes an aware instant in UTC ready for the driver, on SQLite at half of what SQLAlchemy takes."""
    return _text if dialect.name == "sqlite" else taker("at", dialect)


def reader(name: str, dialect: Dialect) -> Ready:
    """Return what makes a value of ours of one that the driver gave for a click's column."""
    return _CLICK.c[name].type.dialect_impl(dialect).result_processor(dialect, None) or _as_is


def _as_is(value: Any) -> Any:
    return value


def _text(at: datetime) -> str:
    return at.isoformat(" ", "microseconds")[:26]
