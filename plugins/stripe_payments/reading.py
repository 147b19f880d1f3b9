"""Fields of JSON from outside to values; every refusal is a sentence that names the field."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

from engine.plugin_api import Currency, InputError, MoneyError, parse_currency, read_json
from plugins.stripe_payments.amounts import from_stripe

Record = Mapping[str, Any]

MAX_TEXT: Final = 2_000
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,200}", re.ASCII)
_FIRST, _LAST = 0, 7_258_118_400  # 1970 and 2200


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
    """Return the objects listed in a field, be it a list or one of Stripe's list objects; nothing there is none.

    Raises:
        InputError: it is no list of objects.
    """
    found = record.get(field)
    if isinstance(found, dict):
        found = found.get("data")
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        refuse("is no list of objects", field)
    return found


def inner(record: Record, field: str) -> Record:
    """Return the object in a field; nothing there, or only its id, is an empty one.

    Raises:
        InputError: it is something else.
    """
    found = record.get(field)
    if found is None or isinstance(found, str):
        return {}
    if not isinstance(found, dict):
        refuse("is no object", field)
    return found


def text(record: Record, field: str) -> str:
    """Return the text in a field, at most 2,000 characters of it; anything else says nothing."""
    found = record.get(field)
    return found[:MAX_TEXT].strip() if isinstance(found, str) else ""


def ident(record: Record, field: str) -> str:
    """Return the id in a field, also that of an object that was put there in place of its id.

    Raises:
        InputError: there is none.
    """
    found = maybe_ident(record, field)
    if found is None:
        refuse("is no id", field)
    return found


def maybe_ident(record: Record, field: str) -> str | None:
    """Return the id in a field, or None where there is nothing.

    Raises:
        InputError: there is something, but no id.
    """
    found = record.get(field)
    if isinstance(found, dict):
        found = found.get("id")
    if found is None:
        return None
    if not isinstance(found, str) or not _ID.fullmatch(found):
        refuse("is no id", field)
    return found


def instant(record: Record, field: str) -> datetime:
    """Return the time in a field, in Stripe's JSON the seconds since 1970.

    Raises:
        InputError: it is no time.
    """
    found = record.get(field)
    if type(found) is not int or not _FIRST < found < _LAST:
        refuse("is no time", field)
    return datetime.fromtimestamp(found, UTC)


def maybe_instant(record: Record, field: str) -> datetime | None:
    """Return the time in a field, or None where there is none.

    Raises:
        InputError: there is something that cannot be read.
    """
    return None if record.get(field) is None else instant(record, field)


def currency_in(record: Record, field: str) -> Currency:
    """Return the ISO 4217 code in a field; Stripe writes it in lower case.

    Raises:
        InputError: it is none.
    """
    try:
        return parse_currency(text(record, field))
    except MoneyError as error:
        raise InputError(str(error), field=field) from None


def minor(record: Record, field: str, *, currency: Currency) -> int:
    """Return the amount in a field in ISO minor units; nothing there is 0.

    Raises:
        InputError: it is no whole amount of `currency`.
    """
    found = record.get(field)
    if found is None:
        return 0
    if type(found) is not int:
        refuse("is no amount", field)
    return from_stripe(found, currency, field=field)


def not_negative(amount: int, *, field: str) -> int:
    """Return `amount`.

    Raises:
        InputError: it is below zero.
    """
    if amount < 0:
        refuse("comes to less than nothing", field)
    return amount


def refuse(problem: str, field: str) -> NoReturn:
    """Refuse what stands in a field.

    Raises:
        InputError: always.
    """
    raise InputError(f"What Stripe sent here {problem}.", field=field)
