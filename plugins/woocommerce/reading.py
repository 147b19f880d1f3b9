"""Fields of WooCommerce's own kind: ids, times without a zone, amounts, what PHP leaves empty."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Final

from engine.plugin_api import MAX_MINOR, Currency, exponent_of, reading, round_half_even
from engine.plugin_api.reading import Record, refuse

_DECIMAL: Final = re.compile(r"-?\d{1,15}(\.\d{1,12})?", re.ASCII)


def inner(record: Record, field: str) -> Record:
    """Return the object in a field. PHP writes an empty one as a list: that and nothing are an empty one.

    Raises:
        InputError: it is something else.
    """
    return {} if record.get(field) == [] else reading.inner(record, field)


def ident(record: Record, field: str) -> str:
    """Return the id in a field, a whole number from 1 on.

    Raises:
        InputError: it is none.
    """
    found = maybe_ident(record, field)
    if found is None:
        refuse("is no id", field)
    return found


def maybe_ident(record: Record, field: str) -> str | None:
    """Return the id in a field; 0 and whatever is no id are none."""
    found = record.get(field)
    if isinstance(found, str) and found.isascii() and found.isdigit() and len(found) <= 20:
        found = int(found)
    return str(found) if type(found) is int and 0 < found < 10**20 else None


def instant(record: Record, field: str) -> datetime:
    """Return the time in a field. WooCommerce writes GMT without saying so.

    Raises:
        InputError: it is no time.
    """
    found = maybe_instant(record, field)
    if found is None:
        refuse("is no time", field)
    return found


def maybe_instant(record: Record, field: str) -> datetime | None:
    """Return the time in a field, or None where there is none.

    Raises:
        InputError: there is something that cannot be read.
    """
    found = record.get(field)
    if found is None or found == "":
        return None
    time = read_time(found)
    if time is None:
        refuse("is no time", field)
    return time


def read_time(found: object) -> datetime | None:
    """Return a time, in GMT unless it says otherwise, or None for anything that is none."""
    if not isinstance(found, str) or len(found) > 40:
        return None
    try:
        time = datetime.fromisoformat(found)
    except ValueError:
        return None
    if not 1970 < time.year < 2200:
        return None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def minor(record: Record, field: str, *, currency: Currency) -> int:
    """Return the amount in a field in minor units; nothing there is 0.

    A shop may keep more decimals than its currency has: they are rounded, halves to even.

    Raises:
        InputError: it is no plain amount.
    """
    found = record.get(field)
    if found is None or found == "":
        return 0
    if isinstance(found, Decimal) or type(found) is int:
        found = format(found, "f" if isinstance(found, Decimal) else "d")
    if not isinstance(found, str) or not _DECIMAL.fullmatch(found):
        refuse("is no amount", field)
    amount = round_half_even(Fraction(found) * 10 ** exponent_of(currency))
    if abs(amount) > MAX_MINOR:
        refuse("is beyond what is accepted from outside", field)
    return amount
