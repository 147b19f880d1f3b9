"""Values of Vendure's answers. Amounts are integers in minor units, times ISO 8601 with a zone."""

from datetime import UTC, datetime


def time_of(value: str) -> datetime:
    """Return a time, in UTC.

    Raises:
        TypeError, ValueError: it is none, or has no zone.
    """
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("a time has no zone")
    return moment.astimezone(UTC)


def minor(value: object) -> int:
    """Return an amount or a number of pieces, not below zero.

    Raises:
        TypeError, ValueError: it is something else.
    """
    amount = signed(value)
    if amount < 0:
        raise ValueError("an amount is below zero")
    return amount


def signed(value: object) -> int:
    """Return an amount that may be below zero.

    Raises:
        TypeError: it is no whole number.
    """
    if type(value) is not int:
        raise TypeError("an amount is no whole number of minor units")
    return value


def text(value: object) -> str:
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
    return text(value) if value else None
