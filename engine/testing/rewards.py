"""The checks of a reward type. Amounts are worked out by the core, as when they are booked."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from engine.plugin_api import (
    BPS,
    MAX_MINOR,
    Due,
    LineView,
    MissingCurrencyError,
    OrderCase,
    OrderView,
    PeriodCase,
    PeriodDue,
    RewardParams,
    RewardType,
)
from engine.plugin_host.answers import ask_due, ask_due_for_period
from engine.rewards.rules import NOTHING_TAKEN, LineFacts, Priced, price, price_period
from engine.testing.checks.noun import NounCase, refuses_unknown_keys
from engine.testing.conformance import needs, require

_DAY: Final = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
_BASES: Final = (0, 1, 99, 2_500, 99_999, MAX_MINOR // 4)
_STRANGE: Final = "XPF"
_PERIODS: Final = "months"


class RewardTypeConformance(NounCase):
    """Everything that the host expects of a reward type.

    `params` are examples of what terms may say, `currencies` those in which all of them name amounts. `grows` says that
    a larger order never owes less; `reward` is only needed where the plugin registers several. Refunds need no check:
    the core takes back in proportion. A reward that settles months is asked for months as well::

        class TestMine(RewardTypeConformance):
            plugin = mine
            params = (MineParams(amount_minor={"EUR": 500, "JPY": 800}),)
            currencies = ("EUR", "JPY")
    """

    hook = "reward_types"
    word = "reward type"
    attribute = "reward"
    reward: RewardType
    params: Sequence[RewardParams] = ()
    currencies: Sequence[str] = ("EUR", "JPY", "BHD")
    grows: bool = True
    _given: Sequence[Mapping[str, object]] = ()

    def __init_subclass__(cls) -> None:
        """Remember the parameters as they were given."""
        super().__init_subclass__()
        cls._given = [one.model_dump() for one in cls.params]

    @classmethod
    def abilities(cls) -> frozenset[str] | None:
        """Return whether the reward settles months."""
        if not hasattr(cls, "reward"):
            return None
        return frozenset({_PERIODS} if cls.reward.settles_periods else ())

    def ask_everything(self) -> object:
        """Ask what every order and every month of the examples owes."""
        months = self.months() if self.reward.settles_periods else []
        return self.dues(self.cases()), self.month_dues(months), [self.described(one) for one in self.given_params()]

    def test_params_refuse_unknown_keys(self) -> None:
        """A misspelt parameter is told to whoever publishes the terms; published ones never change."""
        model = self.reward.params_model
        remedy = "Let params_model be a subclass of RewardParams, with extra='forbid' and frozen as there."
        require(refuses_unknown_keys(model), f"{model.__name__} takes unknown keys or can be changed.", remedy=remedy)
        for params in self.given_params():
            require(isinstance(params, model), f"{params!r} is no {model.__name__}.", remedy="Correct `params`.")
            require(model.model_validate(params.model_dump(mode="json")) == params, "Stored terms read back otherwise.",
                    remedy="Let every parameter survive model_dump(mode='json').")  # fmt: skip

    def test_params_stay_as_they_are(self) -> None:
        """What an order owes does not change the terms for the next."""
        self.dues(self.cases())
        after = [one.model_dump() for one in self.given_params()]
        require(self._given == after, "Asking changed the parameters.", remedy="Copy what you want to change.")

    def test_an_order_owes_the_same_alone_and_among_others(self) -> None:
        """The core asks for a batch, and order by order when something in it failed: both must agree."""
        cases = self.cases()
        together, alone = self.dues(cases), [self.dues([case])[0] for case in cases]
        backwards = self.dues(cases[::-1])[::-1]
        remedy = "Answer each case by itself, in the order asked."
        require(together == alone == backwards, "An order owes another amount among others than alone.", remedy=remedy)

    def test_amounts_are_whole_and_rates_within_bounds(self) -> None:
        """Minor units as `int`, rates in basis points from 0 to 10,000, lines of this order, no float anywhere."""
        for case, due in zip(self.cases(), self.dues(self.cases()), strict=True):
            priced = self.priced(case, due)
            remedy = "Answer in int: minor units, and basis points."
            require(0 <= priced.amount_minor <= 2 * MAX_MINOR, f"An order owes {priced.amount_minor}.", remedy=remedy)

    def test_rates_never_take_more_than_the_order_brought(self) -> None:
        """A line that two parts of the same rate name is paid twice: by a share, nobody gets more than the whole."""
        for case, due in zip(self.cases(), self.dues(self.cases()), strict=True):
            rated = Due(tuple(part for part in due.parts if part.rate_bps is not None))
            base = sum(line.base_minor for line in case.order.lines)
            owed = self.priced(case, rated).amount_minor
            remedy = "Name each line in one part, or add the rates up yourself and stay within 100 %."
            within = owed <= base + len(rated.parts)  # each part is rounded
            require(within, f"Of {base} that an order brought, {owed} is owed by rates.", remedy=remedy)

    def test_a_currency_without_an_amount_blocks_the_order(self) -> None:
        """No amount is guessed or converted: `MissingCurrencyError`, or an answer of rates alone."""
        for case in self.cases():
            strange = replace(case, order=replace(case.order, currency=_STRANGE))
            try:
                (due,) = self.dues([strange])
            except MissingCurrencyError:
                continue
            amounts = [part for part in due.parts if part.flat_minor is not None]
            remedy = "Raise MissingCurrencyError(what, currency) where the parameters name no amount for it."
            require(
                not amounts and due.cap_minor is None,
                f"In {_STRANGE}, an amount of another currency is owed.",
                remedy=remedy,
            )

    def test_what_is_owed_grows_with_the_order(self) -> None:
        """Buying more never earns less; set `grows = False` where yours is meant otherwise."""
        if not self.grows:
            return
        for params in self.given_params():
            for currency in self.currencies:
                cases = [_case(params, currency, (base, base)) for base in _BASES]
                amounts = [
                    self.priced(case, due).amount_minor for case, due in zip(cases, self.dues(cases), strict=True)
                ]
                remedy = "Look at the caps and steps, or set grows = False and say why."
                require(amounts == sorted(amounts), f"Orders of {_BASES} each twice owe {amounts}.", remedy=remedy)

    def test_every_part_says_why(self) -> None:
        """Each figure is explained to whoever earns it."""
        for due in self.dues(self.cases()):
            for part in due.parts:
                said = bool(part.why.strip()) and part.why.isprintable()
                require(
                    said,
                    f"{part!r} does not say why.",
                    remedy="Give `why`, such as '10 % of what is paid for the goods'.",
                )

    def test_it_is_described_in_a_sentence(self) -> None:
        """The ambassador reads it before joining: a sentence, whatever rates there are."""
        for params in self.given_params():
            for rates in ({}, {"program": 1_000}, {"program": 1_000, "product": 2_050}, {"ambassador": 1}):
                said = self.described(params, rates)
                whole_sentence = said.isprintable() and said.endswith((".", "!"))
                require(
                    whole_sentence, f"It is described as {said!r}.", remedy="Return a sentence that ends with a point."
                )

    @needs(_PERIODS)
    def test_a_month_owes_more_the_more_it_brought_and_says_why(self) -> None:
        """Nothing for a month without sales, then never less for more, in steps that lie within what was brought."""
        for params in self.given_params():
            for currency in self.currencies:
                months = [PeriodCase(params, currency, base) for base in _BASES]
                dues = self.month_dues(months)
                amounts = [price_period(due, accrued_minor=0).amount_minor for due in dues]
                require(amounts[0] == 0, f"A month of nothing owes {amounts[0]}.", remedy="Return PeriodDue() for it.")
                remedy = "Look at where one tier ends and the next begins."
                require(amounts == sorted(amounts), f"Months of {_BASES} owe {amounts}.", remedy=remedy)
                for month, due in zip(months, dues, strict=True):
                    within = sum(step.base_minor for step in due.steps) <= month.base_minor
                    require(within, f"The steps of a month of {month.base_minor} sum to more than it.", remedy=remedy)
                    require(
                        all(step.why.strip() for step in due.steps), "A step does not say why.", remedy="Give `why`."
                    )

    def given_params(self) -> Sequence[RewardParams]:
        """Return the author's examples of parameters.

        Raises:
            AssertionError: there are none.
        """
        require(self.params, "There are no parameters.", remedy="Set params = (MyParams(…), …) to what terms may say.")
        return self.params

    def cases(self) -> list[OrderCase]:
        """Return orders of every size: none, free, one minor unit, the largest; with and without rates."""
        return [
            case for params in self.given_params() for currency in self.currencies for case in _cases(params, currency)
        ]

    def months(self) -> list[PeriodCase]:
        """Return months of every size."""
        each = (
            (params, currency, base)
            for params in self.given_params()
            for currency in self.currencies
            for base in _BASES
        )
        return [PeriodCase(*one) for one in each]

    def dues(self, cases: Sequence[OrderCase]) -> list[Due]:
        """Return what the host takes the orders to owe.

        Raises:
            AssertionError: the answer breaks the contract.
        """
        __tracebackhide__ = True
        otherwise = "Answer so that it holds: the host would block every such order."
        return list(self.ask_host(lambda: ask_due(self.registered(), cases), otherwise=otherwise))

    def month_dues(self, cases: Sequence[PeriodCase]) -> list[PeriodDue]:
        """Return what the host takes the months to owe.

        Raises:
            AssertionError: the answer breaks the contract.
        """
        __tracebackhide__ = True
        otherwise = "Answer so that it holds: the host would not close such a month."
        return list(self.ask_host(lambda: ask_due_for_period(self.registered(), cases), otherwise=otherwise))

    def described(self, params: RewardParams, rates: Mapping[str, int] | None = None) -> str:
        """Return the reward's sentence."""
        return self.ask(lambda: self.reward.describe(params, rates_bps=rates or {}))

    def priced(self, case: OrderCase, due: Due) -> Priced:
        """Return what the core makes of an answer."""
        lines = [LineFacts(one.line_id, one.base_minor, one.quantity, None, ()) for one in case.order.lines]
        return price(due, lines, taken=NOTHING_TAKEN)


def _cases(params: RewardParams, currency: str) -> Iterator[OrderCase]:
    yield _case(params, currency, ())
    for base in _BASES:
        yield _case(params, currency, (base,))
        yield _case(params, currency, (base, base), first_order=True)
        yield _case(params, currency, (base, 1), rates=(None, BPS))


def _case(
    params: RewardParams,
    currency: str,
    bases: Sequence[int],
    *,
    rates: Sequence[int | None] = (1_000, 1_250),
    first_order: bool = False,
) -> OrderCase:
    lines = tuple(
        LineView(str(number), number, base, "mug", ("cups",), rate, None if rate is None else "program")
        for number, (base, rate) in enumerate(zip(bases, rates, strict=False), 1)
    )
    return OrderCase(params, OrderView(currency, _DAY, lines, first_order))
