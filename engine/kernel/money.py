"""Money: whole minor units with a currency, one way to round, one way to split.

No float comes near an amount. A rate is an integer (basis points or parts per million), a share of something is a
`Fraction`, and the only place where a fraction becomes minor units is `round_half_even`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Final, NewType, Self

from engine.kernel.currencies import EXPONENTS
from engine.kernel.errors import CurrencyMismatchError, MoneyError

Currency = NewType("Currency", str)

BPS: Final = 10_000
PPM: Final = 1_000_000
MAX_MINOR: Final = 10**12
"""The largest amount accepted from outside: sums of millions of them still fit 63 bits and a JSON number."""

_DECIMAL = re.compile(r"-?\d{1,15}(\.\d{1,6})?", re.ASCII)


def parse_currency(text: str) -> Currency:
    """Return the ISO 4217 code that `text` names, in any case.

    Raises:
        MoneyError: no such active currency.
    """
    code = text.strip().upper()
    if code not in EXPONENTS:
        raise MoneyError(f"{text!r} is not an active ISO 4217 currency code.")
    return Currency(code)


def exponent_of(currency: str) -> int:
    """Return how many decimals `currency` has (JPY 0, EUR 2, KWD 3).

    Raises:
        MoneyError: no such active currency.
    """
    try:
        return EXPONENTS[currency]
    except KeyError:
        raise MoneyError(f"{currency!r} is not an active ISO 4217 currency code.") from None


def round_half_even(amount: Fraction | int) -> int:
    """Round to whole minor units, halves to the even neighbour: the one rounding rule of the house."""
    return round(amount)


def allocate(total: int, weights: Sequence[Fraction | int]) -> list[int]:
    """Split `total` minor units by `weights` so that the parts sum to it exactly.

    Largest remainder (Hamilton): every part gets its floor, what is left goes one unit at a time to the largest
    remainders, earlier parts first on a tie. A negative total mirrors the positive one. Weights that are all zero
    split evenly.

    Raises:
        MoneyError: there is nothing to split among, or a weight is negative.
    """
    if not weights or any(weight < 0 for weight in weights):
        raise MoneyError("An amount is split among at least one part, by weights that are not negative.")
    if total < 0:
        return [-part for part in allocate(-total, weights)]
    whole = sum(weights)
    if not whole:
        weights, whole = [1] * len(weights), len(weights)
    exact = [Fraction(total) * weight / whole for weight in weights]
    parts = [int(share) for share in exact]
    left = total - sum(parts)
    by_remainder = sorted(range(len(parts)), key=lambda index: (parts[index] - exact[index], index))
    for index in by_remainder[:left]:
        parts[index] += 1
    return parts


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units of one currency. Adding across currencies is an error, never a conversion."""

    minor: int
    currency: Currency

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise MoneyError(f"An amount is a whole number of minor units, not {self.minor!r}.")
        exponent_of(self.currency)

    @classmethod
    def parse(cls, text: str, currency: Currency) -> Self:
        """Read plain decimal text such as `12.40` in major units.

        Only digits, one point and a leading minus are accepted: no exponent, no grouping, no comma, no blanks inside.

        Raises:
            MoneyError: not such a number, more decimals than the currency has, or beyond `MAX_MINOR`.
        """
        if not _DECIMAL.fullmatch(text):
            raise MoneyError(f"{text[:40]!r} is not a plain decimal amount such as 12.40.")
        try:
            minor = Decimal(text).scaleb(exponent_of(currency))
        except InvalidOperation:
            raise MoneyError(f"{text[:40]!r} is not a plain decimal amount such as 12.40.") from None
        if minor != minor.to_integral_value():
            raise MoneyError(f"{text} has more decimals than {currency} knows ({exponent_of(currency)}).")
        if abs(minor) > MAX_MINOR:
            raise MoneyError(f"{text} {currency} is beyond what is accepted from outside.")
        return cls(int(minor), currency)

    def __add__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(self.minor - other.minor, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.minor, self.currency)

    def __str__(self) -> str:
        return f"{self.decimal()} {self.currency}"

    def decimal(self) -> Decimal:
        """Return the amount in major units, with the currency's decimals."""
        return Decimal(self.minor).scaleb(-exponent_of(self.currency))

    def _same(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise CurrencyMismatchError(self.currency, other.currency)


@dataclass(frozen=True, slots=True, order=True)
class Rate:
    """A rate in basis points: 1,250 is 12.5 %."""

    bps: int

    def __post_init__(self) -> None:
        if type(self.bps) is not int or not 0 <= self.bps <= BPS:
            raise MoneyError(f"A rate lies between 0 and {BPS} basis points, not at {self.bps!r}.")

    def of(self, base: Fraction | int) -> Fraction:
        """Return the exact, unrounded part of `base`."""
        return Fraction(base) * self.bps / BPS

    def __str__(self) -> str:
        return f"{Decimal(self.bps).scaleb(-2).normalize():f} %"
