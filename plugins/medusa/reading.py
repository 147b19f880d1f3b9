"""Numbers in Medusa's JSON: of any precision, in major units."""

from decimal import Decimal
from fractions import Fraction
from typing import Final

from engine.plugin_api import MAX_MINOR, round_half_even
from engine.plugin_api.reading import Record

_LONGEST: Final = 60


def number_in(record: Record, field: str) -> Fraction:
    """Return the number in a field exactly; nothing there is 0.

    Medusa keeps numbers with up to twenty digits beside the ones that JSON rounds, under `raw_…`: those count.

    Raises:
        TypeError, ValueError: it is no number.
    """
    raw = record.get(f"raw_{field}")
    value = raw.get("value") if isinstance(raw, dict) else None
    return number_of(record.get(field) if value is None else value)


def number_of(value: object) -> Fraction:
    """Return a number that JSON holds as number or as text; None is 0.

    Raises:
        TypeError, ValueError: it is no plain decimal number.
    """
    if value is None:
        return Fraction(0)
    if isinstance(value, str):
        if len(value) > _LONGEST or not value.isascii():
            raise ValueError("a number cannot be read")
        value = Decimal(value.strip())
    if isinstance(value, Decimal):
        if not value.is_finite() or abs(value.adjusted()) > _LONGEST:
            raise ValueError("a number is too large or too small")
        return Fraction(value)
    if type(value) is not int:
        raise TypeError("a number is none")
    return Fraction(value)


def minor_of(amount: Fraction, exponent: int) -> int:
    """Return `amount` of major units in minor units, rounded once, halves to even.

    Raises:
        ValueError: it is below zero, or beyond what is accepted from outside.
    """
    minor = round_half_even(amount * 10**exponent)
    if not 0 <= minor <= MAX_MINOR:
        raise ValueError("an amount is below zero or far too large")
    return minor
