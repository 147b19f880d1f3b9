"""Amounts in Vendure's answers: integers in minor units."""


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
