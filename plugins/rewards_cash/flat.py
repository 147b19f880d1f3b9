"""Flat amounts: per order, per item, and once for a customer's first order."""

from collections.abc import Mapping, Sequence

from engine.plugin_api import Due, OrderCase, Part, PeriodCase, PeriodDue, RewardParams
from plugins.rewards_cash.params import FlatParams, amount_for, of_kind
from plugins.rewards_cash.words import amounts, sentence


class FlatPerOrder:
    """The same amount for each order that has something commissionable in it."""

    name = "flat_per_order"
    title = "Flat amount per order"
    params_model: type[RewardParams] = FlatParams
    settles_periods = False

    def due(self, cases: Sequence[OrderCase]) -> Sequence[Due]:
        """Return the amount for each order; the core scales it with what is left of the order after refunds.

        Raises:
            MissingCurrencyError: no amount, or caps but no cap, for the order's currency.
        """
        return [_once(case, "a flat amount per order") if case.order.lines else Due() for case in cases]

    def due_for_period(self, cases: Sequence[PeriodCase]) -> Sequence[PeriodDue]:
        """Return nothing for each: months are not settled here."""
        return [PeriodDue() for _ in cases]

    def describe(self, params: RewardParams, *, rates_bps: Mapping[str, int]) -> str:
        """Return a sentence such as `€5.00 for each order`."""
        flat = of_kind(FlatParams, params)
        return sentence(f"{amounts(flat.amount_minor)} for each order", flat.cap_minor)


class FlatPerItem:
    """The same amount for each item sold: a line of three pays three times."""

    name = "flat_per_item"
    title = "Flat amount per item"
    params_model: type[RewardParams] = FlatParams
    settles_periods = False

    def due(self, cases: Sequence[OrderCase]) -> Sequence[Due]:
        """Return a part per line, so that a refunded line takes back its own amount only.

        Raises:
            MissingCurrencyError: no amount, or caps but no cap, for the order's currency.
        """
        return [_per_item(case) for case in cases]

    def due_for_period(self, cases: Sequence[PeriodCase]) -> Sequence[PeriodDue]:
        """Return nothing for each: months are not settled here."""
        return [PeriodDue() for _ in cases]

    def describe(self, params: RewardParams, *, rates_bps: Mapping[str, int]) -> str:
        """Return a sentence such as `€1.00 for each item sold, at most €20.00 per order`."""
        flat = of_kind(FlatParams, params)
        return sentence(f"{amounts(flat.amount_minor)} for each item sold", flat.cap_minor)


class FirstOrderBonus:
    """An amount for a customer's first order with the brand, nothing for later ones."""

    name = "first_order_bonus"
    title = "First-order bonus"
    params_model: type[RewardParams] = FlatParams
    settles_periods = False

    def due(self, cases: Sequence[OrderCase]) -> Sequence[Due]:
        """Return the bonus for first orders and nothing for others, whatever their currency.

        Raises:
            MissingCurrencyError: a first order in a currency without an amount, or without a cap where there are caps.
        """
        return [
            _once(case, "a bonus for the customer's first order")
            if case.order.first_order and case.order.lines
            else Due()
            for case in cases
        ]

    def due_for_period(self, cases: Sequence[PeriodCase]) -> Sequence[PeriodDue]:
        """Return nothing for each: months are not settled here."""
        return [PeriodDue() for _ in cases]

    def describe(self, params: RewardParams, *, rates_bps: Mapping[str, int]) -> str:
        """Return a sentence such as `€10.00 for the first order of each new customer`."""
        flat = of_kind(FlatParams, params)
        return sentence(f"{amounts(flat.amount_minor)} for the first order of each new customer", flat.cap_minor)


def _once(case: OrderCase, why: str) -> Due:
    params, currency = of_kind(FlatParams, case.params), case.order.currency
    amount = amount_for(params.amount_minor, currency, what="flat amount")
    return Due((Part(flat_minor=amount, why=why),), params.cap_for(currency))


def _per_item(case: OrderCase) -> Due:
    if not case.order.lines:
        return Due()
    params, currency = of_kind(FlatParams, case.params), case.order.currency
    amount = amount_for(params.amount_minor, currency, what="flat amount")
    parts = tuple(
        Part(flat_minor=amount * line.quantity, line_ids=(line.line_id,), why=f"a flat amount for {line.quantity} sold")
        for line in case.order.lines
    )
    return Due(parts, params.cap_for(currency))
