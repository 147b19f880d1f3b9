"""Values of a click's row as the database's driver takes them: what is always the same is made ready once."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Dialect

from engine.kernel.tables import table_of
from engine.tracking.clicks.tables import Click

_CLICK = table_of(Click)

Ready = Callable[[Any], Any]


def taker(name: str, dialect: Dialect) -> Ready:
    """Return what makes a value of a click's column ready for the driver."""
    return _CLICK.c[name].type.dialect_impl(dialect).bind_processor(dialect) or _as_is


def reader(name: str, dialect: Dialect) -> Ready:
    """Return what makes a value of ours of one that the driver gave for a click's column."""
    return _CLICK.c[name].type.dialect_impl(dialect).result_processor(dialect, None) or _as_is


def _as_is(value: Any) -> Any:
    return value
