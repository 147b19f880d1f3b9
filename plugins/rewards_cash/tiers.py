"""Volume tiers: the more an ambassador sells in a month, the higher the rate.

Orders accrue at the first tier at once. When the month closes, the core asks what it owes in all and books the rest.
Lines that a more specific rate prices (a product, a person) earn that rate and stay outside the month's sum.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StrictInt

from engine.plugin_api import (
    BPS,
    MAX_MINOR,
    Due,
    LineView,
    OrderCase,
    Part,
    PeriodCase,
    PeriodDue,
    PeriodStep,
    RewardParams,
)
from plugins.rewards_cash.params import CurrencyCode, amount_for, of_kind
from plugins.rewards_cash.percentage import rated_parts
from plugins.rewards_cash.words import money, percent


class Tier(RewardParams):
    """`rate_bps` from a monthly volume of `from_minor` on."""

    from_minor: Annotated[StrictInt, Field(ge=0, le=MAX_MINOR)]
    rate_bps: Annotated[StrictInt, Field(ge=0, le=BPS)]


def _rising(tiers: tuple[Tier, ...]) -> tuple[Tier, ...]:
    if not tiers or tiers[0].from_minor != 0:
        raise ValueError("the first tier starts at from_minor = 0")
    for lower, upper in pairwise(tiers):
        if upper.from_minor <= lower.from_minor:
            raise ValueError(f"tiers rise: {upper.from_minor} does not come after {lower.from_minor}")
    return tiers


def _not_empty(tiers: Mapping[str, tuple[Tier, ...]]) -> Mapping[str, tuple[Tier, ...]]:
    if not tiers:
        raise ValueError("name at least one currency")
    return tiers


Tiers = Annotated[tuple[Tier, ...], AfterValidator(_rising)]


class VolumeTiersParams(RewardParams):
    """`marginal`: each tier's rate holds for what lies in it. `whole`: the tier reached holds for the whole month.

    There is no cap per order: the month's settlement would pay the rest of it all the same.
    """

    mode: Literal["marginal", "whole"]
    tiers: Annotated[Mapping[CurrencyCode, Tiers], AfterValidator(_not_empty)]


class VolumeTiers:
    """A rate that rises with the month's volume."""

    name = "volume_tiers"
    title = "Volume tiers"
    params_model: type[RewardParams] = VolumeTiersParams
    settles_periods = True

    def due(self, cases: Sequence[OrderCase]) -> Sequence[Due]:
        """Return the first tier's rate, `in_period`, for lines at the program's level; the others at their own rate.

        Raises:
            MissingCurrencyError: lines of the month, and no tiers for their currency.
        """
        return [_order_due(of_kind(VolumeTiersParams, case.params), case) for case in cases]

    def due_for_period(self, cases: Sequence[PeriodCase]) -> Sequence[PeriodDue]:
        """Return what each month owes in all; nothing where no base is left.

        Raises:
            MissingCurrencyError: no tiers for the month's currency.
        """
        return [_period_due(of_kind(VolumeTiersParams, case.params), case) for case in cases]

    def describe(self, params: RewardParams, *, rates_bps: Mapping[str, int]) -> str:
        """Return a sentence such as `10 % of the first €1,000.00 in a month, 12 % beyond`."""
        terms = of_kind(VolumeTiersParams, params)
        tell = _describe_marginal if terms.mode == "marginal" else _describe_whole
        return "; ".join(tell(tiers, currency) for currency, tiers in sorted(terms.tiers.items())) + "."


def _order_due(params: VolumeTiersParams, case: OrderCase) -> Due:
    inside = tuple(line.line_id for line in case.order.lines if _counts_for_month(line))
    outside = rated_parts([line for line in case.order.lines if not _counts_for_month(line)])
    if not inside:
        return Due(outside)
    first = amount_for(params.tiers, case.order.currency, what="volume tiers")[0]
    why = f"{percent(first.rate_bps)}, the first tier; the month's settlement adds what higher tiers bring"
    return Due((Part(rate_bps=first.rate_bps, line_ids=inside, in_period=True, why=why), *outside))


def _counts_for_month(line: LineView) -> bool:
    return line.rate_bps is None or line.rate_level in (None, "program")


def _period_due(params: VolumeTiersParams, case: PeriodCase) -> PeriodDue:
    tiers = amount_for(params.tiers, case.currency, what="volume tiers")
    if case.base_minor <= 0:
        return PeriodDue()
    steps = _marginal if params.mode == "marginal" else _whole
    return PeriodDue(steps(tiers, case.base_minor, case.currency))


def _marginal(tiers: Sequence[Tier], base_minor: int, currency: str) -> tuple[PeriodStep, ...]:
    ends = [tier.from_minor for tier in tiers[1:]] + [base_minor]
    return tuple(
        PeriodStep(min(end, base_minor) - tier.from_minor, tier.rate_bps, _why(tier, currency))
        for tier, end in zip(tiers, ends, strict=True)
        if base_minor > tier.from_minor
    )


def _whole(tiers: Sequence[Tier], base_minor: int, currency: str) -> tuple[PeriodStep, ...]:
    reached = [tier for tier in tiers if tier.from_minor <= base_minor][-1]
    return (PeriodStep(base_minor, reached.rate_bps, _why(reached, currency)),)


def _why(tier: Tier, currency: str) -> str:
    return f"{percent(tier.rate_bps)}, the tier from {money(tier.from_minor, currency)} a month on"


def _describe_marginal(tiers: Sequence[Tier], currency: str) -> str:
    if len(tiers) == 1:
        return f"{percent(tiers[0].rate_bps)} of what is paid for the goods in a month ({currency})"
    bounds = [money(tier.from_minor, currency) for tier in tiers[1:]]
    first = f"{percent(tiers[0].rate_bps)} of the first {bounds[0]} in a month"
    middle = [f"{percent(tier.rate_bps)} up to {bound}" for tier, bound in zip(tiers[1:-1], bounds[1:], strict=True)]
    return ", ".join([first, *middle, f"{percent(tiers[-1].rate_bps)} beyond"])


def _describe_whole(tiers: Sequence[Tier], currency: str) -> str:
    if len(tiers) == 1:
        return _describe_marginal(tiers, currency)
    steps = [f"{percent(tier.rate_bps)} once it reaches {money(tier.from_minor, currency)}" for tier in tiers[1:]]
    return f"{percent(tiers[0].rate_bps)} of the whole month's volume, {', '.join(steps)}"
