"""Reads what stands in JSON from outside, where anything may stand: for connectors, after `read_json`.

Most take an object and a field, and refuse what cannot be read by an `InputError` that names the field: right for the
body of a webhook. `time_of`, `text_of` and `maybe_text` take a value and raise what Python itself would: right where
one guard stands around the reading of a whole answer. Ids and amounts differ from shop to shop and are not here.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

from engine.kernel.errors import InputError, MoneyError
from engine.kernel.money import Currency, parse_currency
from engine.kernel.strict_json import read_json

Record = Mapping[str, Any]

MAX_TEXT: Final = 2_000
_LONGEST_TIME: Final = 40


def read_record(body: bytes) -> Record:
    """Return the JSON object in `body`.

    Raises:
        InputError: it is no JSON, or no object.
    """
    found = read_json(body)
    if not isinstance(found, dict):
        raise InputError("The body is JSON, but no object.")
    return found


def records(record: Record, field: str) -> list[Record]:
    """Return the objects listed in a field; nothing there is none.

    Raises:
        InputError: it is no list of objects.
    """
    found = record.get(field)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        refuse("is no list of objects", field)
    return found


def inner(record: Record, field: str) -> Record:
    """Return the object in a field; nothing there is an empty one.

    Raises:
        InputError: it is something else.
    """
    found = record.get(field)
    if found is None:
        return {}
    if not isinstance(found, dict):
        refuse("is no object", field)
    return found


def text(record: Record, field: str) -> str:
    """Return the text in a field, at most 2,000 characters of it; anything else says nothing."""
    found = record.get(field)
    return found[:MAX_TEXT].strip() if isinstance(found, str) else ""


def instant(record: Record, field: str) -> datetime:
    """Return the time in a field, ISO 8601 with an offset, in UTC.

    Raises:
        InputError: it is no such time, or in no year that an order could be of.
    """
    try:
        moment = time_of(record.get(field))
    except (TypeError, ValueError, OverflowError):
        refuse("is no time with an offset from UTC", field)
    if not 1970 < moment.year < 2200:
        refuse("is no time with an offset from UTC", field)
    return moment


def maybe_instant(record: Record, field: str) -> datetime | None:
    """Return the time in a field, or None where there is nothing.

    Raises:
        InputError: there is something, but no time.
    """
    return None if record.get(field) is None else instant(record, field)


def currency_in(record: Record, field: str) -> Currency:
    """Return the ISO 4217 code in a field, written in any case.

    Raises:
        InputError: it is none.
    """
    try:
        return parse_currency(text(record, field))
    except MoneyError as error:
        raise InputError(str(error), field=field) from None


def not_negative(amount: int, *, field: str) -> int:
    """Return `amount`.

    Raises:
        InputError: it is below zero.
    """
    if amount < 0:
        refuse("comes to less than nothing", field)
    return amount


def refuse(problem: str, field: str) -> NoReturn:
    """Refuse what stands in a field: `problem` goes on from "What the shop sent here".

    Raises:
        InputError: always.
    """
    raise InputError(f"What the shop sent here {problem}.", field=field)


def time_of(value: object) -> datetime:
    """Return a time, ISO 8601 with an offset, in UTC.

    Raises:
        TypeError, ValueError, OverflowError: it is none, or has no offset.
    """
    if not isinstance(value, str) or len(value) > _LONGEST_TIME:
        raise TypeError("a time is missing")
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("a time has no zone")
    return moment.astimezone(UTC)


def text_of(value: object) -> str:
    """Return a text that is there.

    Raises:
        TypeError: it is missing.
    """
    if not isinstance(value, str) or not value:
        raise TypeError("a text is missing")
    return value


def maybe_text(value: object) -> str | None:
    """Return a text, or None where there is none.

    Raises:
        TypeError: it is something else.
    """
    return text_of(value) if value else None
