"""Stripe's smallest units and those of ISO 4217, which are not the same everywhere.

Source: https://docs.stripe.com/currencies, parts "Zero-decimal currencies", "Three-decimal currencies" and "Special
cases", read in 2026. What Stripe calls zero-decimal for payouts only (HUF, TWD) is charged with two decimals.
"""

from typing import Final

from engine.plugin_api import MAX_MINOR, Currency, FatalError, InputError, exponent_of

_ZERO: Final = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF"
_THREE: Final = "BHD JOD KWD OMR TND"
_WHOLE_IN_HUNDREDTHS: Final = "ISK UGX"
"""Without decimals by ISO, kept by Stripe with two that are always 00."""


def from_stripe(amount: int, currency: Currency, *, field: str) -> int:
    """Return Stripe's `amount` in ISO minor units.

    Raises:
        InputError: it does not come out even, or is beyond what is accepted from outside.
    """
    shift = exponent_of(currency) - _decimals(currency)
    minor, rest = _shifted(amount, shift)
    if rest:
        raise InputError(f"Stripe sent {amount} {currency} here, which is no whole amount.", field=field)
    if abs(minor) > MAX_MINOR:
        raise InputError("What Stripe sent here is beyond what is accepted from outside.", field=field)
    return minor


def to_stripe(minor: int, currency: Currency) -> int:
    """Return ISO `minor` units as Stripe takes them.

    Raises:
        FatalError: Stripe cannot take such an amount.
    """
    shift = _decimals(currency) - exponent_of(currency)
    amount, rest = _shifted(minor, shift)
    if rest or (currency in _THREE and amount % 10):
        raise FatalError(f"Stripe takes no such amount in {currency}: give one with fewer decimals.")
    return amount


def _shifted(amount: int, places: int) -> tuple[int, int]:
    """Return `amount` with its point moved, and what is left over."""
    scale: int = 10 ** abs(places)
    return (amount * scale, 0) if places >= 0 else divmod(amount, scale)


def _decimals(currency: Currency) -> int:
    """Return how many decimals Stripe's amounts have."""
    if currency in _WHOLE_IN_HUNDREDTHS:
        return 2
    return 0 if currency in _ZERO else 3 if currency in _THREE or exponent_of(currency) == 3 else 2
