"""Sentences about money, made once for screens and commands: a text with places, and what stands in them.

A screen translates `text` and writes the values as its reader does; a command writes them in English.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

from babel.dates import format_date
from babel.numbers import get_currency_symbol

from engine.kernel.clock import local_date, month_start
from engine.kernel.money import Money, Rate, exponent_of

Value = str | Money | Rate | datetime


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence: `text` with places such as `%(amount)s`, and what stands there. A `month` is `YYYY-MM`."""

    text: str
    values: Mapping[str, Value] = field(default_factory=dict)

    def in_english(self, zone: ZoneInfo) -> str:
        """Return the sentence in English, with days as they fall in `zone`."""
        return self.text % {name: _written(name, value, zone) for name, value in self.values.items()}


def money(amount: Money) -> str:
    """Return `€12.40`, `−€12.40` or `CHF 12.40`."""
    symbol = get_currency_symbol(amount.currency, locale="en")
    gap = " " if symbol[-1].isalpha() else ""
    return f"{'−' if amount.minor < 0 else ''}{symbol}{gap}{abs(amount.decimal()):,f}"


def exactly(minor: Fraction, currency: str) -> str:
    """Return an unrounded amount in major units, such as `1.24875`; after eight more decimals an ellipsis stands."""
    exponent = exponent_of(currency)
    whole, rest = divmod(abs(Fraction(minor, 10**exponent)), 1)
    digits = ""
    while (rest and len(digits) < exponent + 8) or len(digits) < exponent:
        digit, rest = divmod(rest * 10, 1)
        digits += str(digit)
    point = "." if digits else ""
    return f"{'−' if minor < 0 else ''}{whole:,}{point}{digits}{'…' if rest else ''}"


def percent(ppm: int) -> str:
    """Return parts per million as `50 %` or `33.3333 %`."""
    whole, rest = divmod(ppm, 10_000)
    return f"{whole}.{f'{rest:04d}'.rstrip('0')} %" if rest else f"{whole} %"


def day(instant: datetime, zone: ZoneInfo) -> str:
    """Return `3 May 2026`, the day of an instant in `zone`."""
    return format_date(local_date(instant, zone), format="long", locale="en_GB")


def _written(name: str, value: Value, zone: ZoneInfo) -> str:
    match value:
        case Money():
            return money(value)
        case datetime():
            return day(value, zone)
        case str() if name == "month":
            return format_date(month_start(value, ZoneInfo("UTC")), format="MMMM y", locale="en_GB")
    return str(value)
