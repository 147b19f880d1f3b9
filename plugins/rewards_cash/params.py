"""What the terms of a program say about a cash reward. Amounts are minor units, per ISO 4217 code."""

from collections.abc import Mapping
from typing import Annotated, TypeVar

from pydantic import AfterValidator, StrictInt

from engine.plugin_api import (
    MAX_MINOR,
    MissingCurrencyError,
    MoneyError,
    PluginError,
    RewardParams,
    parse_currency,
)

P = TypeVar("P", bound=RewardParams)
V = TypeVar("V")


def _currency(code: str) -> str:
    try:
        canonical = parse_currency(code)
    except MoneyError as error:
        raise ValueError(str(error)) from None
    if canonical != code:
        raise ValueError(f"write {canonical}, not {code!r}")
    return code


def _not_empty(amounts: Mapping[str, V]) -> Mapping[str, V]:
    if not amounts:
        raise ValueError("name at least one currency")
    return amounts


def _positive(amount: int) -> int:
    if not 0 < amount <= MAX_MINOR:
        raise ValueError(f"an amount lies between 1 and {MAX_MINOR} minor units, not at {amount}")
    return amount


def _not_negative(amount: int) -> int:
    if not 0 <= amount <= MAX_MINOR:
        raise ValueError(f"a cap lies between 0 and {MAX_MINOR} minor units, not at {amount}")
    return amount


CurrencyCode = Annotated[str, AfterValidator(_currency)]
Amount = Annotated[StrictInt, AfterValidator(_positive)]
Cap = Annotated[StrictInt, AfterValidator(_not_negative)]
Amounts = Annotated[Mapping[CurrencyCode, Amount], AfterValidator(_not_empty)]
Caps = Annotated[Mapping[CurrencyCode, Cap], AfterValidator(_not_empty)]


class CappedParams(RewardParams):
    """`cap_minor`: the most that one order pays, per currency; without it there is no cap."""

    cap_minor: Caps | None = None

    def cap_for(self, currency: str) -> int | None:
        """Return the cap for `currency`, None where the terms set no caps.

        Raises:
            MissingCurrencyError: there are caps, none for `currency`.
        """
        return None if self.cap_minor is None else amount_for(self.cap_minor, currency, what="cap")


class FlatParams(CappedParams):
    """`amount_minor`: what is paid each time, per currency."""

    amount_minor: Amounts


def amount_for(amounts: Mapping[str, V], currency: str, *, what: str) -> V:
    """Return the entry for `currency`.

    Raises:
        MissingCurrencyError: there is none; `what` names what is missing.
    """
    try:
        return amounts[currency]
    except KeyError:
        raise MissingCurrencyError(what, currency) from None


def of_kind(model: type[P], params: RewardParams) -> P:
    """Return `params`, known to be of `model`.

    Raises:
        PluginError: they belong to another reward type.
    """
    if not isinstance(params, model):
        raise PluginError(f"These are parameters of another reward: {type(params).__name__}, not {model.__name__}.")
    return params
