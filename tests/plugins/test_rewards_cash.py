"""Cash rewards with the numbers written out, and laws over all parameters and orders."""

from datetime import UTC, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from engine.plugin_api import (
    Due,
    LineView,
    MissingCurrencyError,
    OrderCase,
    OrderView,
    Part,
    PeriodCase,
    PeriodDue,
    PeriodStep,
    PluginError,
    RewardParams,
)
from plugins.rewards_cash.flat import FirstOrderBonus, FlatPerItem, FlatPerOrder
from plugins.rewards_cash.params import FlatParams
from plugins.rewards_cash.percentage import Percentage, PercentageParams
from plugins.rewards_cash.tiers import VolumeTiers, VolumeTiersParams

DAY = datetime(2026, 3, 2, tzinfo=UTC)
EVERY = (Percentage, FlatPerOrder, FlatPerItem, FirstOrderBonus, VolumeTiers)

FLAT = FlatParams(amount_minor={"EUR": 500, "JPY": 700})
CAPPED = FlatParams(amount_minor={"EUR": 500, "JPY": 700}, cap_minor={"EUR": 2000})
LADDER = [
    {"from_minor": 0, "rate_bps": 1000},
    {"from_minor": 100_000, "rate_bps": 1200},
    {"from_minor": 250_000, "rate_bps": 1500},
]


def tiers(mode, ladder=LADDER, currency="EUR"):
    return VolumeTiersParams.model_validate({"mode": mode, "tiers": {currency: ladder}})


def line(line_id="1", rate_bps=1000, level="program", quantity=1, base_minor=1000):
    return LineView(line_id, quantity, base_minor, None, (), rate_bps, level if rate_bps is not None else None)


def due(reward, params, *lines, currency="EUR", first_order=False):
    (answer,) = reward().due([OrderCase(params, OrderView(currency, DAY, lines, first_order))])
    return answer


def essence(answer):
    return [(part.rate_bps, part.flat_minor, part.line_ids, part.in_period) for part in answer.parts]


# --- percentage


def test_lines_of_one_rate_make_one_part_and_lines_without_a_rate_none():
    answer = due(
        Percentage,
        PercentageParams(),
        line("1", 1000),
        line("2", 2000, "product"),
        line("3", 1000),
        line("4", None),
    )
    assert essence(answer) == [(1000, None, ("1", "3"), False), (2000, None, ("2",), False)]
    assert [part.why for part in answer.parts] == [
        "10 % of what is paid for the goods",
        "20 % of what is paid for the goods",
    ]
    assert answer.cap_minor is None


def test_a_rate_of_zero_is_a_rate():
    assert essence(due(Percentage, PercentageParams(), line(rate_bps=0))) == [(0, None, ("1",), False)]


def test_no_rate_anywhere_owes_nothing_and_needs_no_cap():
    params = PercentageParams(cap_minor={"EUR": 5000})
    assert due(Percentage, params, line(rate_bps=None), currency="KWD") == Due()


def test_a_cap_is_that_of_the_orders_currency_and_a_missing_one_blocks():
    params = PercentageParams(cap_minor={"EUR": 5000, "JPY": 0})
    assert due(Percentage, params, line()).cap_minor == 5000
    assert due(Percentage, params, line(), currency="JPY").cap_minor == 0
    with pytest.raises(MissingCurrencyError, match="cap for KWD"):
        due(Percentage, params, line(), currency="KWD")


# --- flat amounts


def test_a_flat_amount_per_order_is_of_the_whole_order():
    assert essence(due(FlatPerOrder, FLAT, line("1"), line("2"))) == [(None, 500, None, False)]
    assert essence(due(FlatPerOrder, FLAT, line(), currency="JPY")) == [(None, 700, None, False)]


def test_a_flat_amount_per_item_is_of_its_line_times_what_was_bought():
    answer = due(FlatPerItem, CAPPED, line("1", quantity=3), line("2", None, quantity=1))
    assert essence(answer) == [(None, 1500, ("1",), False), (None, 500, ("2",), False)]
    assert answer.cap_minor == 2000


def test_a_bonus_is_for_first_orders_alone():
    assert essence(due(FirstOrderBonus, FLAT, line(), first_order=True)) == [(None, 500, None, False)]
    assert due(FirstOrderBonus, FLAT, line()) == Due()
    assert due(FirstOrderBonus, FLAT, line(), currency="KWD") == Due()


@pytest.mark.parametrize("reward", [FlatPerOrder, FlatPerItem, FirstOrderBonus])
def test_a_currency_without_an_amount_blocks_the_order(reward):
    with pytest.raises(MissingCurrencyError, match="flat amount for KWD"):
        due(reward, FLAT, line(), currency="KWD", first_order=True)
    with pytest.raises(MissingCurrencyError, match="cap for JPY"):
        due(reward, CAPPED, line(), currency="JPY", first_order=True)


@pytest.mark.parametrize("reward", [FlatPerOrder, FlatPerItem, FirstOrderBonus])
def test_an_order_without_anything_commissionable_owes_nothing(reward):
    assert due(reward, FLAT, currency="KWD", first_order=True) == Due()


# --- volume tiers


def test_orders_accrue_at_the_first_tier_and_more_specific_rates_stay_outside_the_month():
    answer = due(
        VolumeTiers,
        tiers("marginal"),
        line("1", 900, "program"),
        line("2", 2000, "product"),
        line("3", None),
        line("4", 2500, "ambassador"),
    )
    assert essence(answer) == [
        (1000, None, ("1", "3"), True),
        (2000, None, ("2",), False),
        (2500, None, ("4",), False),
    ]
    assert answer.cap_minor is None


def test_an_order_wholly_at_specific_rates_needs_no_tiers_in_its_currency():
    assert essence(due(VolumeTiers, tiers("whole"), line("1", 2000, "product"), currency="KWD")) == [
        (2000, None, ("1",), False)
    ]
    with pytest.raises(MissingCurrencyError, match="volume tiers for KWD"):
        due(VolumeTiers, tiers("whole"), line(), currency="KWD")


def month(mode, base_minor, currency="EUR", ladder=LADDER):
    (answer,) = VolumeTiers().due_for_period([PeriodCase(tiers(mode, ladder), currency, base_minor)])
    return [(step.base_minor, step.rate_bps) for step in answer.steps]


@pytest.mark.parametrize(
    ("base_minor", "marginal", "whole"),
    [
        (0, [], []),
        (-1, [], []),
        (1, [(1, 1000)], [(1, 1000)]),
        (99_999, [(99_999, 1000)], [(99_999, 1000)]),
        (100_000, [(100_000, 1000)], [(100_000, 1200)]),
        (100_001, [(100_000, 1000), (1, 1200)], [(100_001, 1200)]),
        (250_000, [(100_000, 1000), (150_000, 1200)], [(250_000, 1500)]),
        (300_000, [(100_000, 1000), (150_000, 1200), (50_000, 1500)], [(300_000, 1500)]),
    ],
)
def test_a_month_by_tiers_with_its_numbers(base_minor, marginal, whole):
    """€3,000.00: marginal 100.00 + 180.00 + 75.00 = €355.00, whole-volume 15 % = €450.00."""
    assert month("marginal", base_minor) == marginal
    assert month("whole", base_minor) == whole


def test_a_month_in_a_currency_without_tiers_is_blocked():
    with pytest.raises(MissingCurrencyError, match="volume tiers for JPY"):
        month("marginal", 100, currency="JPY")


def test_a_step_says_which_tier_it_is():
    (answer,) = VolumeTiers().due_for_period([PeriodCase(tiers("whole"), "EUR", 100_000)])
    assert answer == PeriodDue((PeriodStep(100_000, 1200, "12 %, the tier from €1,000.00 a month on"),))


@pytest.mark.parametrize("reward", [Percentage, FlatPerOrder, FlatPerItem, FirstOrderBonus])
def test_other_rewards_settle_no_months(reward):
    assert reward.settles_periods is False
    assert reward().due_for_period([PeriodCase(FLAT, "EUR", 5)]) == [PeriodDue()]


# --- words


@pytest.mark.parametrize(
    ("reward", "params", "rates", "sentence"),
    [
        (Percentage, PercentageParams(), {"program": 1000}, "10 % of what is paid for the goods."),
        (
            Percentage,
            PercentageParams(cap_minor={"JPY": 50}),
            {"program": 1250, "product": 2000, "group": 1500},
            "12.5 % of what is paid for the goods (15 % in your group, 20 % on some products), at most ¥50 per order.",
        ),
        (
            Percentage,
            PercentageParams(),
            {"product": 5},
            "A share of what is paid for the goods: 0.05 % on some products.",
        ),
        (FlatPerOrder, FLAT, {}, "€5.00 or ¥700 for each order."),
        (FlatPerItem, CAPPED, {}, "€5.00 or ¥700 for each item sold, at most €20.00 per order."),
        (
            FirstOrderBonus,
            FlatParams(amount_minor={"KWD": 1_234_567}),
            {},
            "KWD 1,234.567 for the first order of each new customer.",
        ),
        (
            VolumeTiers,
            tiers("marginal", LADDER[:2]),
            {"program": 1000},
            "10 % of the first €1,000.00 in a month, 12 % beyond.",
        ),
        (
            VolumeTiers,
            tiers("marginal"),
            {},
            "10 % of the first €1,000.00 in a month, 12 % up to €2,500.00, 15 % beyond.",
        ),
        (
            VolumeTiers,
            tiers("whole"),
            {},
            "10 % of the whole month's volume, 12 % once it reaches €1,000.00, 15 % once it reaches €2,500.00.",
        ),
        (VolumeTiers, tiers("whole", LADDER[:1]), {}, "10 % of what is paid for the goods in a month (EUR)."),
    ],
)
def test_ambassadors_read_a_sentence(reward, params, rates, sentence):
    assert reward().describe(params, rates_bps=rates) == sentence


@pytest.mark.parametrize("reward", EVERY)
def test_parameters_of_another_reward_are_refused(reward):
    with pytest.raises(PluginError, match="another reward"):
        due(reward, RewardParams(), line(), first_order=True)


# --- parameters

BAD_PARAMS = [
    (FlatParams, {}, "Field required"),
    (FlatParams, {"amount_minor": {}}, "at least one currency"),
    (FlatParams, {"amount_minor": {"EUR": 0}}, "between 1 and"),
    (FlatParams, {"amount_minor": {"EUR": -5}}, "between 1 and"),
    (FlatParams, {"amount_minor": {"EUR": 10**12 + 1}}, "between 1 and"),
    (FlatParams, {"amount_minor": {"EUR": 5.0}}, "valid integer"),
    (FlatParams, {"amount_minor": {"EUR": "5"}}, "valid integer"),
    (FlatParams, {"amount_minor": {"EUR": True}}, "valid integer"),
    (FlatParams, {"amount_minor": {"XYZ": 5}}, "not an active ISO 4217"),
    (FlatParams, {"amount_minor": {"eur": 5}}, "write EUR"),
    (FlatParams, {"amount_minor": {"EUR": 5}, "cap_minor": {"EUR": -1}}, "between 0 and"),
    (FlatParams, {"amount_minor": {"EUR": 5}, "cap_minor": {}}, "at least one currency"),
    (FlatParams, {"amount_minor": {"EUR": 5}, "cap": {"EUR": 5}}, "not permitted"),
    (PercentageParams, {"rate_bps": 1000}, "not permitted"),
    (VolumeTiersParams, {"mode": "marginal", "tiers": {}}, "at least one currency"),
    (VolumeTiersParams, {"mode": "best", "tiers": {"EUR": LADDER}}, "'marginal' or 'whole'"),
    (VolumeTiersParams, {"mode": "whole", "tiers": {"EUR": []}}, "from_minor = 0"),
    (VolumeTiersParams, {"mode": "whole", "tiers": {"EUR": LADDER[1:]}}, "from_minor = 0"),
    (VolumeTiersParams, {"mode": "whole", "tiers": {"EUR": [*LADDER, LADDER[1]]}}, "tiers rise"),
    (VolumeTiersParams, {"mode": "whole", "tiers": {"EUR": [LADDER[0], LADDER[0]]}}, "tiers rise"),
    (
        VolumeTiersParams,
        {"mode": "whole", "tiers": {"EUR": [{"from_minor": 0, "rate_bps": 10_001}]}},
        "less than or equal",
    ),
    (VolumeTiersParams, {"mode": "whole", "tiers": {"EUR": [{"from_minor": 0, "rate_bps": 1.5}]}}, "valid integer"),
    (VolumeTiersParams, {"mode": "whole", "tiers": {"EUR": LADDER}, "cap_minor": {"EUR": 1}}, "not permitted"),
]


@pytest.mark.parametrize(("model", "document", "words"), BAD_PARAMS)
def test_parameters_are_checked_strictly(model, document, words):
    with pytest.raises(ValidationError, match=words):
        model.model_validate(document)


@pytest.mark.parametrize("params", [FLAT, CAPPED, PercentageParams(), tiers("marginal")])
def test_parameters_survive_being_stored(params):
    assert type(params).model_validate(params.model_dump(mode="json")) == params


# --- laws

rates = st.one_of(st.none(), st.integers(0, 10_000))
levels = st.sampled_from(["program", "product", "ambassador", "group", "collection"])
lines = st.lists(
    st.builds(line, st.uuids().map(str), rates, levels, st.integers(1, 1000), st.integers(0, 10**9)),
    max_size=6,
    unique_by=lambda one: one.line_id,
).map(tuple)
orders = st.builds(OrderView, st.sampled_from(["EUR", "JPY"]), st.just(DAY), lines, st.booleans())
amounts = st.fixed_dictionaries({"EUR": st.integers(1, 10**12), "JPY": st.integers(1, 10**12)})
caps = st.one_of(st.none(), st.fixed_dictionaries({"EUR": st.integers(0, 10**12), "JPY": st.integers(0, 10**12)}))
starts = st.lists(st.integers(1, 10**9), max_size=4, unique=True).map(lambda found: [0, *sorted(found)])
ladders = starts.flatmap(
    lambda found: st.lists(st.integers(0, 10_000), min_size=len(found), max_size=len(found)).map(
        lambda rates: [{"from_minor": one, "rate_bps": rate} for one, rate in zip(found, rates, strict=True)]
    )
)
rising_ladders = ladders.map(
    lambda ladder: [
        one | {"rate_bps": rate} for one, rate in zip(ladder, sorted(step["rate_bps"] for step in ladder), strict=True)
    ]
)


@st.composite
def cases(draw):
    order = draw(orders)
    reward = draw(st.sampled_from(EVERY))
    params: RewardParams
    if reward is VolumeTiers:
        mode = draw(st.sampled_from(["marginal", "whole"]))
        params = VolumeTiersParams.model_validate({"mode": mode, "tiers": {order.currency: draw(ladders)}})
    elif reward is Percentage:
        params = PercentageParams(cap_minor=draw(caps))
    else:
        params = FlatParams(amount_minor=draw(amounts), cap_minor=draw(caps))
    return reward, OrderCase(params, order)


@given(cases())
def test_every_order_gets_one_answer_that_is_never_negative_and_the_same_again(case):
    reward, order_case = case
    answers = reward().due([order_case, order_case])
    assert len(answers) == 2
    assert answers[0] == answers[1] == reward().due([order_case])[0]
    known = {one.line_id for one in order_case.order.lines}
    for part in answers[0].parts:
        assert isinstance(part, Part)
        assert (part.rate_bps is None) != (part.flat_minor is None)
        assert (part.rate_bps or part.flat_minor or 0) >= 0
        assert part.line_ids is None or set(part.line_ids) <= known
        assert not part.in_period or reward.settles_periods
        assert part.why


@given(cases())
def test_no_line_is_paid_for_twice_by_one_reward(case):
    reward, order_case = case
    (answer,) = reward().due([order_case])
    named = [line_id for part in answer.parts for line_id in part.line_ids or ("all",)]
    assert len(named) == len(set(named))


def owed(mode, ladder, base_minor):
    return sum((Fraction(base * rate, 10_000) for base, rate in month(mode, base_minor, ladder=ladder)), Fraction(0))


@given(ladders, st.integers(0, 2 * 10**9))
def test_a_month_s_steps_cover_its_base_exactly(ladder, base_minor):
    for mode in ("marginal", "whole"):
        steps = month(mode, base_minor, ladder=ladder)
        assert sum(base for base, _ in steps) == base_minor
        assert all(base > 0 for base, _ in steps)


@given(ladders, st.integers(0, 2 * 10**9), st.integers(0, 10**9))
def test_selling_more_never_owes_less_by_margins(ladder, base_minor, more):
    assert owed("marginal", ladder, base_minor) <= owed("marginal", ladder, base_minor + more)


@given(rising_ladders, st.integers(0, 2 * 10**9))
def test_with_rising_rates_the_whole_volume_owes_at_least_the_margins_and_both_at_least_the_first_tier(
    ladder, base_minor
):
    first = Fraction(base_minor * ladder[0]["rate_bps"], 10_000)
    assert first <= owed("marginal", ladder, base_minor) <= owed("whole", ladder, base_minor)


@given(rising_ladders, st.integers(0, 2 * 10**9))
def test_with_falling_rates_it_is_the_other_way_round(ladder, base_minor):
    rates = [one["rate_bps"] for one in reversed(ladder)]
    falling = [one | {"rate_bps": rate} for one, rate in zip(ladder, rates, strict=True)]
    assert owed("whole", falling, base_minor) <= owed("marginal", falling, base_minor)


@given(ladders, st.integers(0, 2 * 10**9))
def test_one_tier_alone_is_a_percentage_in_both_modes(ladder, base_minor):
    alone = ladder[:1]
    assert owed("marginal", alone, base_minor) == owed("whole", alone, base_minor)
    assert owed("whole", alone, base_minor) == Fraction(base_minor * alone[0]["rate_bps"], 10_000)
