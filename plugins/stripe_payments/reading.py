"""Fields of Stripe's own kind: list objects, ids that may stand for the object, times in seconds, amounts."""

import re
from datetime import UTC, datetime
from typing import Final

from engine.plugin_api import Currency, reading
from engine.plugin_api.reading import Record, refuse
from plugins.stripe_payments.amounts import from_stripe

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,200}", re.ASCII)
_FIRST, _LAST = 0, 7_258_118_400  # 1970 and 2200


def records(record: Record, field: str) -> list[Record]:
    """Return the objects listed in a field, be it a list or one of Stripe's list objects; nothing there is none.

    Raises:
        InputError: it is no list of objects.
    """
    found = record.get(field)
    return reading.records({field: found.get("data")} if isinstance(found, dict) else record, field)


def inner(record: Record, field: str) -> Record:
    """Return the object in a field; nothing there, or only its id, is an empty one.

    Raises:
        InputError: it is something else.
    """
    return {} if isinstance(record.get(field), str) else reading.inner(record, field)


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
