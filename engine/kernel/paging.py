"""Keyset paging: a page is found by where the last one ended, so page 1,000 costs what page 1 costs."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, TypeDecorator, tuple_

from engine.kernel.errors import InputError

Row = TypeVar("Row")
MAX_PAGE = 200


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows, and where the next page starts (`None` at the end)."""

    rows: tuple[Row, ...]
    next_cursor: str | None


def newest_first(
    statement: Select[Any], columns: Sequence[ColumnElement[Any]], *, cursor: str | None, limit: int
) -> Select[Any]:
    """Return `statement` cut to one page, ordered by `columns` downwards; the last column must be unique.

    One row more than `limit` is fetched, so that `page_of` knows whether another page follows.

    Raises:
        InputError: the cursor was not made by `page_of`.
    """
    ordered = statement.order_by(*(column.desc() for column in columns)).limit(min(limit, MAX_PAGE) + 1)
    if cursor is None:
        return ordered
    return ordered.where(tuple_(*columns) < tuple_(*_read_cursor(cursor, columns)))


def page_of(rows: Sequence[Row], keys: Sequence[str], *, limit: int) -> Page[Row]:
    """Return the page that `rows` (of `newest_first`) make; `keys` name the ordering attributes of a row."""
    limit = min(limit, MAX_PAGE)
    shown = tuple(rows[:limit])
    if len(rows) <= limit:
        return Page(shown, None)
    return Page(shown, _write_cursor([getattr(shown[-1], key) for key in keys]))


def _write_cursor(values: Sequence[datetime | UUID | int | str]) -> str:
    written = [value.isoformat() if isinstance(value, datetime) else str(value) for value in values]
    return urlsafe_b64encode(json.dumps(written).encode()).decode().rstrip("=")


def _read_cursor(cursor: str, columns: Sequence[ColumnElement[Any]]) -> list[Any]:
    try:
        written = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return [_parse(_kind_of(column), text) for column, text in zip(columns, written, strict=True)]
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError("This page address is not one of ours.", remedy="Start from the first page.") from error


def _kind_of(column: ColumnElement[Any]) -> type:
    """Return the Python type of a column's values; a decorated type (all our instants) says only `object` itself."""
    kind = column.type
    return kind.impl_instance.python_type if isinstance(kind, TypeDecorator) else kind.python_type


def _parse(kind: type, text: object) -> Any:
    if not isinstance(text, str):
        raise TypeError(text)
    if kind is not datetime:
        return kind(text)
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(text)
    return instant
