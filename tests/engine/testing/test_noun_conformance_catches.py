"""Each check of rewards, rails and models catches a hostile one: the good one with one thing wrong fails it alone."""

import csv
import io
import socket
import threading
from dataclasses import replace
from decimal import Decimal
from itertools import count
from types import ModuleType

import pytest
from pydantic import SecretStr

from engine.plugin_api import (
    Due,
    MissingCurrencyError,
    Part,
    PeriodDue,
    PeriodStep,
    PluginError,
    PluginManifest,
    PluginSettings,
    RewardParams,
    Share,
    Signal,
    hookimpl,
)
from engine.testing.conformance import check_names, failures_of
from engine.testing.models import AttributionModelConformance
from engine.testing.rails import PayoutRailConformance
from engine.testing.rewards import RewardTypeConformance
from plugins.attribution_basic.model import BasicModel
from plugins.payout_csv.rail import CsvRail
from plugins.rewards_cash.flat import FlatPerOrder
from plugins.rewards_cash.tiers import VolumeTiers

TOKEN = "canary-token"
PLACES = {"EUR": 2, "JPY": 0, "KWD": 3, "XPF": 0}


class Params(RewardParams):
    """A flat amount per currency, on top of a rate."""

    amount_minor: dict[str, int]


class Reward:
    """Five percent of every line and a flat amount; months owe a percent of what they brought."""

    name = "good"
    title = "Good"
    params_model: type[RewardParams] = Params
    settles_periods = True

    def due(self, cases):
        return [self.one(case) for case in cases]

    def one(self, case):
        if case.order.currency not in case.params.amount_minor:
            raise MissingCurrencyError("flat amount", case.order.currency)
        flat = Part(flat_minor=case.params.amount_minor[case.order.currency], why="a gift")
        lines = tuple(line.line_id for line in case.order.lines)
        return Due((Part(rate_bps=500, line_ids=lines, why="5 % of the goods"), flat))

    def due_for_period(self, cases):
        return [PeriodDue((PeriodStep(case.base_minor, 100, "1 %"),) if case.base_minor else ()) for case in cases]

    def describe(self, params, *, rates_bps):
        return "5 % of the goods and a gift."


class SecretSettings(PluginSettings):
    token: SecretStr = SecretStr(TOKEN)


def plugin_of(**nouns):
    module = ModuleType("hostile")
    vars(module)["manifest"] = hookimpl(lambda: PluginManifest("hostile", "1", "Hostile", "For a test."))
    for name, noun in nouns.items():
        setattr(module, name, hookimpl(registering(noun)))
    return module


def registering(noun):
    return lambda: (noun,)


def reward_case(reward=None, **more):
    reward = reward or Reward()
    params = more.pop("params", (Params(amount_minor={"EUR": 500, "JPY": 800, "BHD": 90}),))
    fields = {"plugin": plugin_of(reward_types=reward), "reward": reward, "params": params, "__test__": False}
    return type("Case", (RewardTypeConformance,), fields | more)


def model_case(model=None, **more):
    model = model or BasicModel()
    fields = {"plugin": plugin_of(attribution_models=model), "model": model, "__test__": False}
    return type("Case", (AttributionModelConformance,), fields | more)


def rail_case(rail=None, **more):
    rail = rail or CsvRail()
    fields = {
        "plugin": plugin_of(payout_rails=rail),
        "rail": rail,
        "read": read,
        "settings": SecretSettings(),
        "currencies": ("EUR", "JPY", "KWD"),
        "__test__": False,
    }
    return type("Case", (PayoutRailConformance,), fields | more)


def read(_self, content):
    _, *rows = csv.reader(io.StringIO(content.decode(), newline=""))
    return [(row[0], row[3], int(Decimal(row[4]).scaleb(PLACES[row[3]]))) for row in rows]


def changing(base, case, **changes):
    """A case about `base` with methods replaced; each change gets the noun, the good answer and the arguments."""

    def replaced(name, change):
        def method(self, *arguments, **named):
            return change(self, lambda: getattr(base, name)(self, *arguments, **named), *arguments, **named)

        return method

    return case(type("Hostile", (base,), {name: replaced(name, change) for name, change in changes.items()})())


def reward(**changes):
    return changing(Reward, reward_case, **changes)


def model(change):
    return changing(BasicModel, model_case, choose=change)


def rail(change):
    return changing(CsvRail, rail_case, payment_file=change)


def each_due(change):
    return reward(one=lambda _self, good, case: change(good(), case))


def each_verdict(change):
    return model(lambda _self, good, cases: [change(one, case) for one, case in zip(good(), cases, strict=True)])


def in_file(change):
    def write(_self, good, payouts, **_):
        file = good()
        return replace(file, content=change(file.content.decode(), payouts).encode())

    return rail(write)


def writing(change):
    """A rail to which the payouts are handed changed."""

    class Hostile(CsvRail):
        def payment_file(self, payouts, **named):
            return super().payment_file([change(one) for one in payouts], **named)

    return rail_case(Hostile())


def unregistered(case, hook):
    return lambda: case(plugin=plugin_of(**{hook: OTHERS[hook]}))


class OtherReward(Reward):
    name = "other"


class OtherModel(BasicModel):
    name = "other"


class OtherRail(CsvRail):
    name = "other"


OTHERS = {"reward_types": OtherReward(), "attribution_models": OtherModel(), "payout_rails": OtherRail()}
NUMBERS = count()


def sometimes(good, other):
    return other if next(NUMBERS) % 2 else good


def asks_outside(_self, good, *_, **__):
    socket.getaddrinfo("127.0.0.1", 80)
    return good()


def loosely():
    class Loose(RewardParams, extra="allow"):
        amount_minor: dict[str, int]

    class Hostile(Reward):
        params_model = Loose

    return reward_case(Hostile(), params=(Loose(amount_minor={"EUR": 1, "JPY": 1, "BHD": 1}),))


def changes_params(_self, good, case):
    case.params.amount_minor.setdefault("USD", 1)
    return good()


def last_case_pays_more(self, good, cases):
    dues = good()
    return [*dues[:-1], replace(dues[-1], cap_minor=10**9)]


def first_of_batch_only(_self, good, cases):
    verdicts = good()
    return [verdicts[0], *(replace(one, rule=f"{one.rule}_too") for one in verdicts[1:])]


def to_the_lowest_number(verdict, case):
    refs = [one.ref for one in case.candidates if one.signal in case.signals]
    return replace(verdict, shares=(Share(min(refs), 1_000_000),)) if refs else verdict


def whoever(verdict, case):
    left = [one for one in case.candidates if one.signal not in case.signals]
    return verdict if verdict.shares or not left else replace(verdict, shares=(Share(left[0].ref, 1_000_000),))


def invents(verdict, case):
    return verdict if case.candidates else replace(verdict, shares=(Share(0, 1_000_000),))


def named_after_the_batch(_self, good, *_, batch_reference, **__):
    return replace(good(), name=f"{batch_reference}.csv") if batch_reference == "ü" else good()


def tells_the_token(_self, good, payouts, *, settings, **_):
    file = good()
    return replace(file, name=f"{file.name[:-4]}-{settings.token.get_secret_value()}.csv")


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
        "test_amounts_are_whole_and_rates_within_bounds": [],
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
        "test_the_same_question_gets_the_same_answer": [],
        "test_it_asks_nobody_outside_and_leaves_no_thread_behind": [lambda: model(asks_outside)],
        "test_shares_are_whole_and_sum_to_the_order": [],
        "test_an_order_is_judged_the_same_alone_and_among_others": [lambda: model(first_of_batch_only)],
        "test_nobody_is_credited_without_a_candidate": [],
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
}  # fmt: skip
NEVER_ALONE = {
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


def leave_a_thread(release):
    threading.Thread(target=release.wait, args=(30,), daemon=True).start()


def guessed(good, case):
    try:
        return good()
    except MissingCurrencyError:
        return Due((Part(flat_minor=500, why="euros, perhaps"),))


def base_of(case):
    return sum(line.base_minor for line in case.order.lines)


def refusing(currency, words):
    def write(_self, good, payouts, **_):
        if any(one.currency == currency for one in payouts):
            raise PluginError(words)
        return good()

    return write


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


@pytest.mark.parametrize("case", [reward_case, model_case, rail_case], ids=["reward", "model", "rail"])
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
    assert all(made or check in NEVER_ALONE for check, made in HOSTILE[kind].items())


@pytest.mark.parametrize(
    ("kind", "check", "number"), EXAMPLES, ids=[f"{kind.__name__[:6]}-{check[5:50]}-{n}" for kind, check, n in EXAMPLES]
)
def test_a_hostile_noun_fails_its_check_and_no_other(kind, check, number, release):
    failed = failures_of(built(HOSTILE[kind][check][number], release))
    assert set(failed) == {check}, failed
    assert failed[check].startswith("AssertionError: ")
    assert "\n    " in failed[check], "a failed check says what to do"


@pytest.mark.parametrize(
    ("check", "number"), [(check, n) for check, made in NEVER_ALONE.items() for n in range(len(made))]
)
def test_a_breach_of_the_contract_is_noticed(check, number):
    assert check in failures_of(NEVER_ALONE[check][number]())


def test_signals_are_those_that_the_kit_tries():
    assert len(Signal) == 3
