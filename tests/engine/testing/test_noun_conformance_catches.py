"""Each check of rewards, rails and models catches a hostile one: the good one with one thing wrong fails it alone."""

import threading
from dataclasses import replace

import pytest

from engine.plugin_api import (
    BlockLink,
    Due,
    Part,
    PeriodDue,
    PeriodStep,
    Share,
    Signal,
)
from engine.testing.conformance import check_names, failures_of
from engine.testing.connectors import ConnectorConformance
from engine.testing.landing import LandingBlockConformance
from engine.testing.models import AttributionModelConformance
from engine.testing.rails import PayoutRailConformance
from engine.testing.rewards import RewardTypeConformance
from plugins.rewards_cash.flat import FlatPerOrder
from plugins.rewards_cash.tiers import VolumeTiers
from tests.engine.testing.hostile_nouns import (
    Reward,
    asks_outside,
    base_of,
    block,
    block_case,
    changes_params,
    draws_another_at_first,
    drops_what_does_not_divide,
    each_due,
    each_verdict,
    first_of_batch_only,
    guessed,
    in_file,
    invents,
    invents_for_strangers,
    last_case_pays_more,
    leave_a_thread,
    loosely,
    model,
    model_case,
    named_after_the_batch,
    plugin_of,
    rail,
    rail_case,
    refusing,
    remembers_the_page_before,
    reward,
    reward_case,
    sometimes,
    tells_the_token,
    to_the_lowest_number,
    unregistered,
    warms_up,
    whoever,
    writing,
)

HOSTILE = {
    RewardTypeConformance: {
        "test_the_host_takes_the_plugin_with_its_manifest_and_this_noun": [unregistered(reward_case, "reward_types")],
        "test_the_same_question_gets_the_same_answer": [
            lambda: reward(describe=lambda _self, good, *_, **__: sometimes(good(), "Something else.")),
        ],
        "test_it_asks_nobody_outside_and_leaves_no_thread_behind": [
            lambda: reward(due=asks_outside),
            lambda release: reward(due=lambda _self, good, _: leave_a_thread(release) or good()),
        ],
        "test_params_refuse_unknown_keys": [loosely],
        "test_params_stay_as_they_are": [lambda: reward(one=changes_params)],
        "test_an_order_owes_the_same_alone_and_among_others": [lambda: reward(due=last_case_pays_more)],
        "test_amounts_are_whole_and_rates_within_bounds": [
            lambda: each_due(lambda due, _: replace(due, parts=(*due.parts, Part(flat_minor=10**20, why="a lot")))),
        ],
        "test_rates_never_take_more_than_the_order_brought": [
            lambda: each_due(lambda due, _: replace(due, parts=(*due.parts, Part(rate_bps=10_000, why="twice")))),
        ],
        "test_a_currency_without_an_amount_blocks_the_order": [
            lambda: reward(one=lambda _self, good, case: guessed(good, case)),
        ],
        "test_what_is_owed_grows_with_the_order": [
            lambda: each_due(lambda due, case: replace(due, cap_minor=0 if base_of(case) > 10_000 else 10**12)),
        ],
        "test_every_part_says_why": [
            lambda: each_due(lambda due, _: replace(due, parts=tuple(replace(one, why="") for one in due.parts))),
            lambda: each_due(lambda due, _: replace(due, parts=tuple(replace(one, why="a\x00b") for one in due.parts))),
        ],
        "test_it_is_described_in_a_sentence": [
            lambda: reward(describe=lambda *_, **__: ""),
            lambda: reward(describe=lambda *_, **__: "no end"),
            lambda: reward(describe=lambda *_, **__: "Two\nlines."),
        ],
        "test_a_month_owes_more_the_more_it_brought_and_says_why": [
            lambda: reward(
                due_for_period=lambda _self, _good, cases: [PeriodDue((PeriodStep(500, 100, "always"),)) for _ in cases]
            ),
            lambda: reward(
                due_for_period=lambda _self, _good, cases: [
                    PeriodDue((PeriodStep(case.base_minor, 10 if case.base_minor > 100 else 9_000, "falls"),))
                    for case in cases
                ]
            ),
            lambda: reward(
                due_for_period=lambda _self, _good, cases: [
                    PeriodDue((PeriodStep(case.base_minor, 100, ""),)) for case in cases
                ]
            ),
        ],
    },
    AttributionModelConformance: {
        "test_the_host_takes_the_plugin_with_its_manifest_and_this_noun": [
            unregistered(model_case, "attribution_models"),
        ],
        "test_the_same_question_gets_the_same_answer": [lambda: model(warms_up())],
        "test_it_asks_nobody_outside_and_leaves_no_thread_behind": [lambda: model(asks_outside)],
        "test_shares_are_whole_and_sum_to_the_order": [
            lambda: each_verdict(drops_what_does_not_divide),
            lambda: each_verdict(lambda one, case: one if len(case.candidates) < 1_000 else replace(one, shares=(Share(-1, 1_000_000),))),  # noqa: E501
        ],
        "test_an_order_is_judged_the_same_alone_and_among_others": [lambda: model(first_of_batch_only)],
        "test_nobody_is_credited_without_a_candidate": [lambda: each_verdict(invents_for_strangers)],
        "test_only_signals_of_the_policy_count": [lambda: each_verdict(whoever)],
        "test_a_candidate_s_number_and_name_do_not_matter": [lambda: each_verdict(to_the_lowest_number)],
        "test_every_verdict_names_its_rule_and_gives_a_sentence": [
            lambda: each_verdict(lambda verdict, _: replace(verdict, reason="because")),
            lambda: each_verdict(lambda verdict, _: replace(verdict, rule="a rule with blanks")),
        ],
    },
    PayoutRailConformance: {
        "test_the_host_takes_the_plugin_with_its_manifest_and_this_noun": [unregistered(rail_case, "payout_rails")],
        "test_the_same_question_gets_the_same_answer": [
            lambda: in_file(lambda text, _: sometimes(text, text.replace("recipient_name", "name"))),
        ],
        "test_it_asks_nobody_outside_and_leaves_no_thread_behind": [
            lambda release: rail(lambda _self, good, *_, **__: leave_a_thread(release) or good()),
        ],
        "test_every_payout_is_there_once_with_its_exact_amount": [
            lambda: writing(lambda one: replace(one, amount_minor=int(one.amount_minor / 1.0 + 2.5e-3) // 1 + (one.amount_minor == 99))),  # noqa: E501
        ],
        "test_no_name_writes_a_row_of_its_own": [
            lambda: in_file(lambda text, payouts: text + "GW-9,E,e,EUR,1.00\n" if "\n" in payouts[0].recipient_name else text),  # noqa: E501
        ],
        "test_no_cell_starts_a_formula": [lambda: in_file(lambda text, _: text.replace("'=", "="))],
        "test_a_currency_that_it_does_not_take_is_refused": [
            lambda: writing(lambda one: replace(one, currency="JPY" if one.currency == "XPF" else one.currency)),
            lambda: rail(refusing("XPF", "This cannot be.")),
        ],
        "test_the_file_s_name_leads_nowhere_else": [
            lambda: rail(named_after_the_batch),
        ],
        "test_different_batches_have_different_names": [
            lambda: rail(lambda _self, good, *_, **__: replace(good(), name="payouts.csv")),
        ],
        "test_no_secret_is_in_the_file_or_told": [lambda: rail(tells_the_token)],
    },
    LandingBlockConformance: {
        "test_the_host_takes_the_plugin_with_its_manifest_and_this_noun": [unregistered(block_case, "landing_blocks")],
        "test_the_same_question_gets_the_same_answer": [lambda: block(draws_another_at_first())],
        "test_it_asks_nobody_outside_and_leaves_no_thread_behind": [lambda: block(asks_outside)],
        "test_a_page_shows_it": [lambda: block(lambda *_, **__: None)],
        "test_whatever_people_typed_the_core_can_draw_it": [
            lambda: block(lambda _self, good, view, **_: replace(good(), title=view.name)),
            lambda: block(lambda _self, good, view, **_: replace(good(), links=tuple(BlockLink(one, one) for one in view.links))),  # noqa: E501
        ],
        "test_a_page_is_the_same_whichever_was_drawn_before": [remembers_the_page_before],
        "test_no_secret_is_on_the_page_or_told": [
            lambda: block(lambda _self, good, _, *, settings: replace(good(), text=settings.token.get_secret_value())),
        ],
    },
}  # fmt: skip
EVERYWHERE = {
    "test_amounts_are_whole_and_rates_within_bounds": [
        lambda: each_due(lambda due, _: replace(due, cap_minor=2.5)),
        lambda: each_due(lambda due, _: Due((Part(rate_bps=10_001, why="too much"),))),
        lambda: each_due(lambda due, _: Due((Part(rate_bps=5, flat_minor=5, why="both"),))),
    ],
    "test_shares_are_whole_and_sum_to_the_order": [
        lambda: each_verdict(lambda one, _: replace(one, shares=one.shares * 2)),
        lambda: each_verdict(lambda one, _: replace(one, shares=tuple(Share(s.ref, 999_999) for s in one.shares))),
    ],
    "test_nobody_is_credited_without_a_candidate": [lambda: each_verdict(invents)],
    "test_the_same_question_gets_the_same_answer": [
        lambda: model(lambda _self, good, _: sometimes(good(), [replace(one, rule="other") for one in good()])),
    ],
}
"""What breaks the contract itself is noticed wherever the noun is asked."""


EXAMPLES = [
    (kind, check, number)
    for kind, checks in HOSTILE.items()
    for check, made in checks.items()
    for number in range(len(made))
]


@pytest.fixture
def release():
    event = threading.Event()
    yield event
    event.set()


def built(make, release):
    return make(release) if make.__code__.co_varnames[:1] == ("release",) else make()


@pytest.mark.parametrize(
    "case", [reward_case, model_case, rail_case, block_case], ids=["reward", "model", "rail", "block"]
)
def test_the_good_ones_pass(case):
    assert failures_of(case()) == {}


def test_rewards_of_the_house_pass_without_months_where_they_settle_none():
    assert VolumeTiers().settles_periods
    assert not FlatPerOrder().settles_periods
    assert "test_a_month_owes_more_the_more_it_brought_and_says_why" in reward_case(type("N", (Reward,), {
        "settles_periods": False})()).left_out  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE, ids=lambda kind: kind.__name__)
def test_each_check_has_a_hostile_noun(kind):
    assert set(HOSTILE[kind]) == set(check_names(kind))
    assert all(HOSTILE[kind].values())


@pytest.mark.parametrize(
    ("kind", "check", "number"), EXAMPLES, ids=[f"{kind.__name__[:6]}-{check[5:50]}-{n}" for kind, check, n in EXAMPLES]
)
def test_a_hostile_noun_fails_its_check_and_no_other(kind, check, number, release):
    failed = failures_of(built(HOSTILE[kind][check][number], release))
    assert set(failed) == {check}, failed
    assert failed[check].startswith("AssertionError: ")
    assert "\n    " in failed[check], "a failed check says what to do"


@pytest.mark.parametrize(
    ("check", "number"), [(check, n) for check, made in EVERYWHERE.items() for n in range(len(made))]
)
def test_a_breach_of_the_contract_is_noticed(check, number):
    assert check in failures_of(EVERYWHERE[check][number]())


def test_signals_are_those_that_the_kit_tries():
    assert len(Signal) == 3


KINDS = [
    (ConnectorConformance, "connectors"),
    (RewardTypeConformance, "reward_types"),
    (AttributionModelConformance, "attribution_models"),
    (PayoutRailConformance, "payout_rails"),
    (LandingBlockConformance, "landing_blocks"),
]


@pytest.mark.parametrize(("kind", "hook"), KINDS, ids=[hook for _, hook in KINDS])
def test_a_plugin_that_registers_nothing_is_told_by_which_hook(kind, hook):
    with pytest.raises(TypeError, match=f"hostile has no hook {hook}. Give it a @hookimpl of exactly that name"):
        type("Case", (kind,), {"plugin": plugin_of()})
    empty = plugin_of()
    setattr(empty, hook, tuple)
    with pytest.raises(TypeError, match=f"hook {hook} of hostile gives no"):
        type("Case", (kind,), {"plugin": empty})


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (lambda *_, **__: b"a file", "payment_file gives no PaymentFile"),
        (lambda *_, **__: 1 // 0, "ZeroDivisionError"),
        (refusing("EUR", "No euros today."), "No euros today."),
        (lambda *_, **__: threading.Event().wait(0.4), "no answer within 0.1 seconds"),
    ],
    ids=["no file", "breaks", "refuses", "hangs"],
)
def test_a_rail_that_writes_nothing_fails_its_checks_and_not_their_collection(broken, words):
    failed = failures_of(type("Case", (rail(broken),), {"__test__": False, "patience_s": 0.1}))
    assert words in failed["test_every_payout_is_there_once_with_its_exact_amount"]
    assert "test_no_cell_starts_a_formula" in failed, "what it would have written is not known"


def test_a_reward_that_hangs_is_left_waiting():
    hangs = reward(describe=lambda _self, _good, *_, **__: threading.Event().wait(0.4))
    hangs.patience_s = 0.1
    assert "no answer within 0.1 seconds" in failures_of(hangs)["test_it_is_described_in_a_sentence"]


def test_a_failed_check_leads_to_the_author_s_line_and_not_into_the_kit():
    kind = reward(one=lambda *_: 1 // 0)
    with pytest.raises(AssertionError) as caught:
        kind().dues(kind().cases())
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    kind = each_due(lambda due, _: replace(due, cap_minor=2.5))
    with pytest.raises(AssertionError, match=r"a cap is 2\.5") as caught:
        kind().dues(kind().cases())
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
