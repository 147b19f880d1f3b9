"""Splitting an order among the touches that led to it: shares are right, sum to one, and cannot be talked up."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.plugin_api import WHOLE_PPM, AttributionCase, Candidate, Signal
from plugins.attribution_multi_touch import attribution_models
from plugins.attribution_multi_touch.weights import DECAY, halved_each_week

ORDER = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
CODE, CLICK, LINK = Signal.CODE, Signal.CLICK, Signal.CUSTOMER_LINK
MODELS = {model.name: model for model in attribution_models()}


def clicks(names, *, days=None):
    """A click for each letter, an hour apart with the last an hour before the order, or so many days before it."""
    ages = (
        [timedelta(days=day) for day in days] if days else [timedelta(hours=len(names) - n) for n in range(len(names))]
    )
    return [Candidate(ref, name, CLICK, ORDER - age) for ref, (name, age) in enumerate(zip(names, ages, strict=True))]


def choose(model, candidates, signals=(CODE, CLICK, LINK)):
    (verdict,) = MODELS[model].choose([AttributionCase(ORDER, signals, tuple(candidates))])
    return verdict


def split(model, names, **more):
    """Parts per million by name."""
    candidates = clicks(names, **more)
    found = dict.fromkeys(names, 0)
    for share in choose(model, candidates).shares:
        found[candidates[share.ref].beneficiary] += share.ppm
    return found


def test_linear_gives_every_touch_the_same():
    assert split("linear", "ab") == {"a": 500_000, "b": 500_000}
    assert split("linear", "aba") == {"a": 666_667, "b": 333_333}
    assert split("linear", "abc") == {"a": 333_334, "b": 333_333, "c": 333_333}


@pytest.mark.parametrize(
    ("names", "shares"),
    [
        ("a", {"a": 1_000_000}),
        ("ab", {"a": 500_000, "b": 500_000}),
        ("abc", {"a": 400_000, "b": 200_000, "c": 400_000}),
        ("abcd", {"a": 400_000, "b": 100_000, "c": 100_000, "d": 400_000}),
        ("abca", {"a": 800_000, "b": 100_000, "c": 100_000}),
    ],
)
def test_position_gives_forty_per_cent_to_the_first_and_to_the_last(names, shares):
    assert split("position_based", names) == shares


def test_time_decay_halves_with_every_week_before_the_order():
    assert split("time_decay", "ab", days=[7, 0]) == {"a": 333_333, "b": 666_667}
    assert split("time_decay", "abc", days=[14, 7, 0]) == {"a": 142_857, "b": 285_714, "c": 571_429}
    assert split("time_decay", "ab", days=[1, 1]) == {"a": 500_000, "b": 500_000}


def test_a_touch_weighs_the_same_all_day_long():
    before = [ORDER - timedelta(days=3, hours=23, minutes=59), ORDER - timedelta(days=3)]
    assert len(set(halved_each_week(before, ORDER))) == 1
    assert len(set(halved_each_week([ORDER - timedelta(days=4), before[1]], ORDER))) == 2


@pytest.mark.parametrize("days", range(7))
def test_the_table_holds_the_whole_seventh_roots(days):
    """Integers alone say whether a number is the root: its 7th power is not over, that of the next one is."""
    assert DECAY[days] ** 7 <= 2 ** (7 * 64 - days) < (DECAY[days] + 1) ** 7


def test_a_touch_of_ages_ago_still_weighs_something_and_one_after_the_order_no_more_than_any_of_its_day():
    assert halved_each_week([ORDER - timedelta(days=36_500), ORDER + timedelta(days=9), ORDER], ORDER) == [
        1,
        2**64,
        2**64,
    ]


@pytest.mark.parametrize("model", MODELS)
def test_opening_a_link_ten_times_earns_what_opening_it_once_does(model):
    assert split(model, "abbbbbbbbbbc", days=[20, *[9] * 10, 1]) == split(model, "abc", days=[20, 9, 1])


@pytest.mark.parametrize("model", MODELS)
def test_an_order_with_a_code_is_its_owners_alone_where_codes_come_first(model):
    code = Candidate(9, "z", CODE, ORDER)
    (share,) = choose(model, [*clicks("ab"), code]).shares
    assert (share.ref, share.ppm) == (9, WHOLE_PPM)
    assert [share.ref for share in choose(model, [*clicks("ab"), code], (CLICK, CODE)).shares] == [0, 1]


@pytest.mark.parametrize("model", MODELS)
def test_nobody_is_credited_without_a_candidate_of_the_policys_signals(model):
    assert choose(model, []).shares == ()
    assert choose(model, clicks("ab"), (CODE,)).shares == ()
    assert choose(model, [Candidate(3, "z", LINK, ORDER)]).rule == "customer_link"


def test_reasons_say_how_many_touches_there_were_and_how_they_count():
    assert choose("linear", clicks("abb")).reason == "2 touches led to the order. Every touch counts the same."
    assert choose("linear", clicks("a")).reason == "One ambassador's link led to the order."


paths = st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 400 * 24)), min_size=1, max_size=71)


def candidates_of(path):
    return [Candidate(ref, name, CLICK, ORDER - timedelta(hours=hours)) for ref, (name, hours) in enumerate(path)]


@given(paths, st.sampled_from(sorted(MODELS)))
def test_shares_sum_to_exactly_one_and_go_to_different_candidates(path, model):
    shares = choose(model, candidates_of(path)).shares
    assert sum(share.ppm for share in shares) == WHOLE_PPM
    assert all(type(share.ppm) is int and share.ppm > 0 for share in shares)
    assert len({share.ref for share in shares}) == len(shares)
    assert {share.ref for share in shares} <= set(range(len(path)))


@given(paths, st.sampled_from(sorted(MODELS)), st.randoms(use_true_random=False))
def test_clicks_at_different_instants_may_stand_in_any_order(path, model, random):
    candidates = list({one.at: one for one in candidates_of(path)}.values())
    shuffled = list(candidates)
    random.shuffle(shuffled)
    assert choose(model, shuffled) == choose(model, candidates)


@given(paths)
def test_no_share_is_further_than_one_part_from_the_exact_one(path):
    """By exact fractions of the weights 2^(−whole days ÷ 7), the roots taken from the table."""
    candidates = candidates_of(path)
    ages = {one.ref: (ORDER - one.at).days for one in candidates}
    shares = choose("time_decay", candidates).shares
    weights = {share.ref: Fraction(DECAY[ages[share.ref] % 7], 2 ** (ages[share.ref] // 7)) for share in shares}
    whole = sum(weights.values())
    assert all(abs(share.ppm - WHOLE_PPM * weights[share.ref] / whole) <= 1 for share in shares)
