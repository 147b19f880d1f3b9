"""Fields of Shopify's own kind: ids, quantities, amounts of the shop's money. The rest is as in every shop's JSON."""

from decimal import Decimal
from typing import Final

from engine.plugin_api import Currency, InputError, Money, MoneyError
from engine.plugin_api.reading import Record, currency_in, inner, refuse

MAX_QUANTITY: Final = 1_000_000


def ident(record: Record, field: str) -> str:
    """Return the id in a field: a whole number, in Shopify's JSON a number.

    Raises:
        InputError: it is none.
    """
    found = record.get(field)
    if isinstance(found, str) and found.isascii() and found.isdigit() and len(found) <= 20:
        return found
    if type(found) is not int or not 0 < found < 10**20:
        refuse("is no id", field)
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
        refuse("is no quantity", field)
    return found


def shop_minor(record: Record, field: str, *, currency: Currency) -> int:
    """Return the amount in a field in the shop's money: from `FIELD_set` where there is one, else from the field.

    Texts and numbers alike: one payload of Shopify has both. Nothing there is 0.

    Raises:
        InputError: it is no amount, or one in another currency.
    """
    of_shop = inner(inner(record, f"{field}_set"), "shop_money")
    if of_shop:
        if currency_in(of_shop, "currency_code") != currency:
            refuse(f"is in another currency than {currency}", field)
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
        refuse("is no amount", field)
    try:
        return Money.parse(found, currency).minor
    except MoneyError as error:
        raise InputError(str(error), field=field) from None
