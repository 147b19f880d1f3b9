"""Cells to values: amounts, times, ids, counts. Each refusal is a sentence."""

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from engine.plugin_api import Currency, Money, MoneyError, parse_currency
from plugins.csv_orders.records import Fault

MAX_ID: Final = 200
MAX_TEXT: Final = 2_000
MAX_QUANTITY: Final = 1_000_000

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_WHOLE: Final = re.compile(r"\d{1,9}", re.ASCII)
_INSTANT: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?) ?(Z|UTC|[+-]\d{2}:?\d{2})?)?", re.ASCII
)
_TRUE: Final = frozenset({"true", "yes", "1"})
_FALSE: Final = frozenset({"false", "no", "0"})
_PLAIN_AMOUNT: Final = "Write digits with a point before the decimals: no exponent, no grouping, no comma."


class CellError(Exception):
    """A cell that cannot be read."""

    def __init__(self, problem: str, remedy: str, *, field: str) -> None:
        super().__init__(problem)
        self.fault = Fault(problem, remedy, field)


def read_amount(text: str, currency: Currency, *, field: str) -> int:
    """Return the amount in minor units of `currency`; never negative.

    Raises:
        CellError: not a plain decimal, more decimals than the currency has, negative, or absurdly large.
    """
    try:
        minor = Money.parse(text, currency).minor
    except MoneyError as error:
        raise CellError(str(error), _PLAIN_AMOUNT, field=field) from None
    if minor < 0:
        raise CellError(
            f"{text} is negative.",
            "Write amounts from 0 on; what is given back is a record of kind refund.",
            field=field,
        )
    return minor


def read_currency(text: str, *, field: str) -> Currency:
    """Return the ISO 4217 code.

    Raises:
        CellError: no such active currency.
    """
    try:
        return parse_currency(text)
    except MoneyError as error:
        raise CellError(str(error), "Write a code such as EUR.", field=field) from None


def read_quantity(text: str, *, field: str) -> int:
    """Return a whole number from 1 on; nothing written is 1.

    Raises:
        CellError: zero, negative, a fraction, or absurdly large.
    """
    if not text or text == "1":
        return 1
    if not _WHOLE.fullmatch(text) or not 0 < int(text) <= MAX_QUANTITY:
        problem = f"{text[:40]!r} is not a quantity."
        raise CellError(problem, f"Write a whole number from 1 to {MAX_QUANTITY:,}.", field=field)
    return int(text)


def read_flag(text: str, *, field: str) -> bool:
    """Return true, yes, 1 or false, no, 0; nothing written is false.

    Raises:
        CellError: something else.
    """
    word = text.lower()
    if word in _TRUE:
        return True
    if word in _FALSE or not word:
        return False
    raise CellError(f"{text[:40]!r} is neither true nor false.", "Write true or false.", field=field)


def read_id(text: str, *, field: str) -> str:
    """Return the shop's own id, as written.

    Raises:
        CellError: empty, too long, or with characters that nobody sees.
    """
    if not text:
        raise CellError("The id is empty.", "Give the id that the shop uses.", field=field)
    if len(text) > MAX_ID:
        raise CellError(f"The id is longer than {MAX_ID} characters.", "Give the id that the shop uses.", field=field)
    if not text.isprintable():
        raise CellError(f"The id {text[:40]!a} contains a character that cannot be seen.", "Remove it.", field=field)
    return text


def read_text(text: str, *, field: str, longest: int = MAX_TEXT) -> str:
    """Return the text as written; what it means is judged elsewhere.

    Raises:
        CellError: too long, or with control characters.
    """
    if len(text) > longest:
        raise CellError(f"The text is longer than {longest:,} characters.", "Shorten it.", field=field)
    if not text.isprintable() and _CONTROL.search(text):
        raise CellError(f"{text[:40]!a} contains a control character.", "Remove it.", field=field)
    return text


def read_list(text: str, *, field: str) -> tuple[str, ...]:
    """Return the parts between `|`, in their order, without blanks around them and without empty ones.

    Raises:
        CellError: as `read_text`.
    """
    if not text:
        return ()
    parts = read_text(text, field=field).split("|")
    return tuple(part.strip() for part in parts if part.strip())


def read_instant(text: str, zone: ZoneInfo | None, *, field: str) -> datetime:
    """Return the instant in UTC. An offset in the text wins over `zone`; a date alone is its midnight.

    A local time that the clocks show twice is the first of the two; one that they skip is counted with the offset
    before the change.

    Raises:
        CellError: not ISO 8601, no such day or time, outside 1970 to 2199, or neither an offset nor a zone.
    """
    try:
        return _instant(text, zone)
    except _NoZoneError:
        remedy = "Write an offset such as +02:00 behind it, or declare time_zone in the mapping."
        raise CellError(f"{text} has no time zone.", remedy, field=field) from None
    except (ValueError, OverflowError):
        remedy = "Write it as 2026-03-01 or 2026-03-01T14:30:00+02:00."
        raise CellError(f"{text[:40]!r} is not a date or time that exists.", remedy, field=field) from None


class _NoZoneError(Exception):
    """Neither the text nor the mapping says where the time was written."""


@lru_cache(maxsize=4096)
def _instant(text: str, zone: ZoneInfo | None) -> datetime:
    match = _INSTANT.fullmatch(text)
    if not match:
        raise ValueError(text)
    day, time, offset = match.groups()
    suffix = "+00:00" if offset in ("Z", "UTC") else offset or ""
    instant = datetime.fromisoformat(f"{day}T{time or '00:00'}{suffix}")
    if instant.tzinfo is None:
        if zone is None:
            raise _NoZoneError
        instant = instant.replace(tzinfo=zone)
    instant = instant.astimezone(UTC)
    if not 1970 <= instant.year < 2200:
        raise ValueError(text)
    return instant
