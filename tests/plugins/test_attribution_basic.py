"""The basic models: the policy's first signal that points to anybody decides, and one ambassador gets the whole."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.plugin_api import WHOLE_PPM, AttributionCase, Candidate, Share, Signal
from plugins.attribution_basic.model import BasicModel, FirstModel, FirstStrictModel

DAY = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
CODE, CLICK, LINK = Signal.CODE, Signal.CLICK, Signal.CUSTOMER_LINK
ALL = (CODE, CLICK, LINK)


def candidate(ref, signal, *, hours=0):
    return Candidate(ref, f"ambassador-{ref}", signal, DAY + timedelta(hours=hours))


def choose(*candidates, signals=ALL, model=BasicModel, seen=None):
    first_seen = None if seen is None else DAY + timedelta(hours=seen)
    (verdict,) = model().choose([AttributionCase(DAY, signals, tuple(candidates), first_seen)])
    return verdict


def winner(*candidates, signals=ALL, model=BasicModel, seen=None):
    (share,) = choose(*candidates, signals=signals, model=model, seen=seen).shares
    assert share.ppm == WHOLE_PPM
    return share.ref


def test_a_code_comes_before_a_later_click_by_the_usual_policy():
    assert winner(candidate(1, CLICK, hours=5), candidate(2, CODE)) == 2


def test_the_policy_may_put_clicks_first():
    assert winner(candidate(1, CLICK), candidate(2, CODE), signals=(CLICK, CODE)) == 1


def test_of_several_codes_the_first_in_the_shops_list_earns_whatever_their_times():
    assert winner(candidate(7, CODE, hours=3), candidate(4, CODE, hours=9), candidate(5, CODE)) == 7


def test_of_several_clicks_the_last_earns():
    assert winner(candidate(1, CLICK, hours=1), candidate(2, CLICK, hours=3), candidate(3, CLICK, hours=2)) == 2


def test_of_clicks_at_one_instant_the_later_candidate_earns():
    assert winner(candidate(1, CLICK), candidate(2, CLICK), candidate(3, CLICK, hours=-1)) == 2


def test_the_customer_link_counts_only_where_the_policy_names_it():
    assert winner(candidate(3, LINK)) == 3
    assert choose(candidate(3, LINK), signals=(CODE, CLICK)).shares == ()


def test_nobody_is_credited_without_a_candidate_and_the_reason_says_so():
    verdict = choose()
    assert (verdict.shares, verdict.rule) == ((), "nobody")
    assert verdict.reason == "No code, click or customer link of this program points to an ambassador."


def test_reasons_are_sentences_that_name_what_decided():
    assert choose(candidate(1, CODE)).reason == "The order carried this ambassador's code."
    assert "first one in the shop's list" in choose(candidate(1, CODE), candidate(2, CODE)).reason
    assert "last click" in choose(candidate(1, CLICK), candidate(2, CLICK)).reason
    assert {choose(candidate(1, signal)).rule for signal in ALL} == {"first_code", "last_click", "customer_link"}


# --- first, and first strictly


@pytest.mark.parametrize("model", [FirstModel, FirstStrictModel])
def test_first_gives_the_order_to_the_first_click(model):
    assert winner(candidate(1, CLICK, hours=2), candidate(2, CLICK, hours=1), model=model) == 2
    assert choose(candidate(1, CLICK), candidate(2, CLICK), model=model).rule == "first_click"
    assert winner(candidate(1, CLICK), candidate(2, CLICK), model=model) == 1, "of two at one instant the earlier"


@pytest.mark.parametrize("model", [FirstModel, FirstStrictModel])
def test_first_judges_codes_and_customer_links_as_basic_does(model):
    assert winner(candidate(7, CODE, hours=3), candidate(4, CODE), candidate(1, CLICK), model=model) == 7
    assert winner(candidate(3, LINK), model=model) == 3


def test_strictly_nobody_earns_by_a_click_when_the_customer_had_come_before():
    clicks = candidate(1, CLICK, hours=1), candidate(2, CLICK, hours=2)
    verdict = choose(*clicks, model=FirstStrictModel, seen=0)
    assert (verdict.shares, verdict.rule) == ((), "came_directly")
    assert winner(*clicks, model=FirstModel, seen=0) == 1


def test_strictly_a_customer_who_came_with_the_click_or_after_it_did_not_come_before():
    assert winner(candidate(1, CLICK, hours=1), model=FirstStrictModel, seen=1) == 1
    assert winner(candidate(1, CLICK, hours=1), model=FirstStrictModel, seen=5) == 1
    assert winner(candidate(1, CLICK, hours=1), model=FirstStrictModel) == 1


def test_strictly_codes_and_customer_links_earn_whoever_came_before():
    assert winner(candidate(1, CLICK, hours=1), candidate(2, CODE), model=FirstStrictModel, seen=0) == 2
    policy = (CLICK, CODE, LINK)
    assert winner(candidate(1, CLICK), candidate(2, LINK), signals=policy, model=FirstStrictModel, seen=-1) == 2


candidates = st.lists(
    st.builds(candidate, st.integers(0, 5), st.sampled_from(ALL), hours=st.integers(-3, 3)), max_size=8
).map(lambda found: [Candidate(ref, f"a{ref}", one.signal, one.at) for ref, one in enumerate(found)])
policies = st.lists(st.sampled_from(ALL), unique=True, max_size=3).map(tuple)
cases = st.builds(lambda signals, found: AttributionCase(DAY, signals, tuple(found)), policies, candidates)


@given(st.lists(cases, max_size=5))
def test_every_case_gets_one_answer_and_the_same_one_again(asked):
    model = BasicModel()
    answers = model.choose(asked)
    assert len(answers) == len(asked)
    assert answers == BasicModel().choose(asked)
    assert answers == [answer for case in asked for answer in model.choose([case])]


@given(cases)
def test_the_winner_is_a_candidate_of_the_first_signal_that_has_any(case):
    (verdict,) = BasicModel().choose([case])
    present = [signal for signal in case.signals if any(one.signal == signal for one in case.candidates)]
    if not present:
        assert verdict.shares == ()
        return
    (share,) = verdict.shares
    assert share == Share(share.ref, WHOLE_PPM)
    assert case.candidates[share.ref].signal == present[0]
    assert verdict.reason.endswith(".")


@given(cases, st.randoms(use_true_random=False))
def test_candidates_of_other_signals_may_stand_in_any_order(case, random):
    """Only the order among the deciding signal's own candidates matters, and that only for codes and ties of clicks."""
    (verdict,) = BasicModel().choose([case])
    if not verdict.shares:
        return
    deciding = case.candidates[verdict.shares[0].ref].signal
    own = [one for one in case.candidates if one.signal == deciding]
    mixed = [one for one in case.candidates if one.signal != deciding]
    for one in own:
        mixed.insert(random.randint(0, len(mixed)), one)
    mixed = [own.pop(0) if one.signal == deciding else one for one in mixed]
    assert BasicModel().choose([AttributionCase(DAY, case.signals, tuple(mixed))]) == [verdict]


@given(candidates, st.randoms(use_true_random=False))
def test_clicks_at_different_instants_may_stand_in_any_order(found, random):
    clicks = {one.at: one for one in found if one.signal == CLICK}
    shuffled = list(clicks.values())
    random.shuffle(shuffled)
    before = choose(*clicks.values())
    assert choose(*shuffled) == before
    if clicks:
        assert before.shares[0].ref == clicks[max(clicks)].ref
