"""Fields of JSON from outside to values; every refusal is a sentence that names the field."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, NoReturn

from engine.plugin_api import Currency, InputError, Money, MoneyError, parse_currency, read_json

Record = Mapping[str, Any]

MAX_TEXT: Final = 2_000
MAX_QUANTITY: Final = 1_000_000


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
        _refuse("is no list of objects", field)
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
        _refuse("is no object", field)
    return found


def text(record: Record, field: str) -> str:
    """Return the text in a field, at most 2,000 characters of it; anything else says nothing."""
    found = record.get(field)
    return found[:MAX_TEXT].strip() if isinstance(found, str) else ""


def ident(record: Record, field: str) -> str:
    """Return the id in a field: a whole number, in Shopify's JSON a number.

    Raises:
        InputError: it is none.
    """
    found = record.get(field)
    if isinstance(found, str) and found.isascii() and found.isdigit() and len(found) <= 20:
        return found
    if type(found) is not int or not 0 < found < 10**20:
        _refuse("is no id", field)
    return str(found)


def maybe_ident(record: Record, field: str) -> str | None:
    """Return the id in a field, or None where there is nothing.

    Raises:
        InputError: there is something, but no id.
    """
    return None if record.get(field) is None else ident(record, field)


def count(record: Record, field: str, *, default: int | None = None) -> int:
    """Return the whole number from 0 on in a field.

    Raises:
        InputError: it is none.
    """
    found = record.get(field, default)
    if type(found) is not int or not 0 <= found <= MAX_QUANTITY:
        _refuse("is no quantity", field)
    return found


def instant(record: Record, field: str) -> datetime:
    """Return the time in a field.

    Raises:
        InputError: it is no time with an offset.
    """
    found = record.get(field)
    try:
        time = datetime.fromisoformat(found if isinstance(found, str) and len(found) <= 40 else "")
    except ValueError:
        time = datetime.min  # noqa: DTZ901 - has no zone, so it is refused below
    if time.tzinfo is None or not 1970 < time.year < 2200:
        _refuse("is no time with an offset from UTC", field)
    return time.astimezone(UTC)


def maybe_instant(record: Record, field: str) -> datetime | None:
    """Return the time in a field, or None where there is nothing.

    Raises:
        InputError: there is something, but no time.
    """
    return None if record.get(field) is None else instant(record, field)


def currency_in(record: Record, field: str) -> Currency:
    """Return the ISO 4217 code in a field.

    Raises:
        InputError: it is none.
    """
    found = record.get(field)
    try:
        return parse_currency(found if isinstance(found, str) else "")
    except MoneyError as error:
        raise InputError(str(error), field=field) from None


def shop_minor(record: Record, field: str, *, currency: Currency) -> int:
    """Return the amount in a field in the shop's money: from `FIELD_set` where there is one, else from the field.

    Texts and numbers alike: one payload of Shopify has both. Nothing there is 0.

    Raises:
        InputError: it is no amount, or one in another currency.
    """
    of_shop = inner(inner(record, f"{field}_set"), "shop_money")
    if of_shop:
        if currency_in(of_shop, "currency_code") != currency:
            _refuse(f"is in another currency than {currency}", field)
        return minor(of_shop.get("amount"), currency, field=field)
    return minor(record.get(field), currency, field=field)


def minor(found: object, currency: Currency, *, field: str) -> int:
    """Return an amount in minor units; None is 0.

    Raises:
        InputError: it is no plain amount of `currency`.
    """
    if found is None:
        return 0
    if isinstance(found, Decimal) or type(found) is int:
        found = format(found, "f" if isinstance(found, Decimal) else "d")
    if not isinstance(found, str):
        _refuse("is no amount", field)
    try:
        return Money.parse(found, currency).minor
    except MoneyError as error:
        raise InputError(str(error), field=field) from None


def not_negative(amount: int, *, field: str) -> int:
    """Return `amount`.

    Raises:
        InputError: it is below zero.
    """
    if amount < 0:
        _refuse("comes to less than nothing", field)
    return amount


def _refuse(problem: str, field: str) -> NoReturn:
    raise InputError(f"What Shopify sent here {problem}.", field=field)
