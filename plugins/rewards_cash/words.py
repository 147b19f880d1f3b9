"""How cash rewards are told to ambassadors, in English."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from engine.plugin_api import Money, parse_currency

_SYMBOLS: Final = {"EUR": "€", "GBP": "£", "JPY": "¥", "USD": "$"}


def percent(rate_bps: int) -> str:
    """Return `12.5 %` for 1,250."""
    return f"{Decimal(rate_bps).scaleb(-2).normalize():f} %"


def money(amount_minor: int, currency: str) -> str:
    """Return `€1,000.00` or `CHF 1,000.00`: the currency's own decimals, grouped by thousands."""
    number = f"{Money(amount_minor, parse_currency(currency)).decimal():,f}"
    symbol = _SYMBOLS.get(currency)
    return f"{symbol}{number}" if symbol else f"{currency} {number}"


def amounts(by_currency: Mapping[str, int]) -> str:
    """Return `€5.00`, or `€5.00, £4.00 or $6.00` where several currencies have one; sorted by code."""
    return alternatives([money(amount, currency) for currency, amount in sorted(by_currency.items())])


def alternatives(options: Sequence[str]) -> str:
    """Return `a`, `a or b`, `a, b or c`."""
    if len(options) < 2:
        return "".join(options)
    return f"{', '.join(options[:-1])} or {options[-1]}"


def sentence(rule: str, cap_minor: Mapping[str, int] | None) -> str:
    """Return `rule` as a sentence, with the cap where there is one."""
    cap = f", at most {amounts(cap_minor)} per order" if cap_minor else ""
    return f"{rule}{cap}."
