"""A percentage of what is paid for the goods, at the rate that the program's precedence finds for each line."""

from collections.abc import Mapping, Sequence
from typing import Final

from engine.plugin_api import Due, LineView, OrderCase, Part, PeriodCase, PeriodDue, RewardParams
from plugins.rewards_cash.params import CappedParams, of_kind
from plugins.rewards_cash.words import percent, sentence

_ELSEWHERE: Final = {
    "ambassador": "as your own rate",
    "ambassador_product": "as your own rate on some products",
    "campaign": "in campaigns",
    "code": "with some codes",
    "group": "in your group",
    "group_product": "in your group on some products",
    "product": "on some products",
    "collection": "on some collections",
}


class PercentageParams(CappedParams):
    """The rates stand in the program's rate table, not here; an optional cap per order."""


class Percentage:
    """Lines of one rate make one part; a line for which the terms give no rate owes nothing."""

    name = "percentage"
    title = "Percentage"
    params_model: type[RewardParams] = PercentageParams
    settles_periods = False

    def due(self, cases: Sequence[OrderCase]) -> Sequence[Due]:
        """Return a part per rate, in the order in which the lines first name it.

        Raises:
            MissingCurrencyError: something is due, and there are caps but none for the order's currency.
        """
        return [_due(of_kind(PercentageParams, case.params), case) for case in cases]

    def due_for_period(self, cases: Sequence[PeriodCase]) -> Sequence[PeriodDue]:
        """Return nothing for each: months are not settled here."""
        return [PeriodDue() for _ in cases]

    def describe(self, params: RewardParams, *, rates_bps: Mapping[str, int]) -> str:
        """Return a sentence such as `10 % of what is paid for the goods (20 % on some products)`."""
        others = [f"{percent(rates_bps[level])} {words}" for level, words in _ELSEWHERE.items() if level in rates_bps]
        if "program" in rates_bps:
            aside = f" ({', '.join(others)})" if others else ""
            rule = f"{percent(rates_bps['program'])} of what is paid for the goods{aside}"
        elif others:
            rule = f"A share of what is paid for the goods: {', '.join(others)}"
        else:
            rule = "A share of what is paid for the goods, at rates that are yet to be set"
        return sentence(rule, of_kind(PercentageParams, params).cap_minor)


def rated_parts(lines: Sequence[LineView]) -> tuple[Part, ...]:
    """Return a part for each rate among `lines`; lines without one are left out."""
    by_rate: dict[int, list[str]] = {}
    for line in lines:
        if line.rate_bps is not None:
            by_rate.setdefault(line.rate_bps, []).append(line.line_id)
    return tuple(
        Part(rate_bps=rate, line_ids=tuple(ids), why=f"{percent(rate)} of what is paid for the goods")
        for rate, ids in by_rate.items()
    )


def _due(params: PercentageParams, case: OrderCase) -> Due:
    parts = rated_parts(case.order.lines)
    return Due(parts, params.cap_for(case.order.currency)) if parts else Due()
