"""Hostile rewards, rails and models: the good one with one thing wrong, each made to break one promise."""

import csv
import io
import socket
import threading
from dataclasses import replace
from decimal import Decimal
from itertools import count
from types import ModuleType

from pydantic import SecretStr

from engine.plugin_api import (
    Block,
    BlockLink,
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
    hookimpl,
)
from engine.testing.landing import LandingBlockConformance
from engine.testing.models import AttributionModelConformance
from engine.testing.rails import PayoutRailConformance
from engine.testing.rewards import RewardTypeConformance
from plugins.attribution_basic.model import BasicModel
from plugins.payout_csv.rail import CsvRail

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


class LandingBlock:
    """Says how the code is used."""

    name = "good"
    title = "Good"

    def block(self, view, *, settings):
        return Block(f"From {view.name[:40]}", view.code or "", (BlockLink("More", "https://shop.example"),))


def block_case(block=None, **more):
    block = block or LandingBlock()
    fields = {
        "plugin": plugin_of(landing_blocks=block),
        "block": block,
        "settings": SecretSettings(),
        "__test__": False,
    }
    return type("Case", (LandingBlockConformance,), fields | more)


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


def block(change):
    return changing(LandingBlock, block_case, block=change)


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


class OtherBlock(LandingBlock):
    name = "other"


OTHERS = {"reward_types": OtherReward(), "attribution_models": OtherModel(), "payout_rails": OtherRail(),
          "landing_blocks": OtherBlock()}  # fmt: skip
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


def invents_for_strangers(verdict, case):
    unknown = not case.candidates and case.first_seen_at is None
    return replace(verdict, shares=(Share(0, 1_000_000),)) if unknown else verdict


def drops_what_does_not_divide(verdict, case):
    size = len(case.candidates)
    if size <= 3:
        return verdict
    return replace(verdict, shares=tuple(Share(one.ref, 1_000_000 // size) for one in case.candidates))


def warms_up():
    """Says another thing when it is asked for the first time."""
    asked = count()
    return lambda _self, good, _: [
        one if next(asked) else replace(one, reason="It is not known yet.") for one in good()
    ]


def draws_another_at_first():
    asked = count()
    return lambda _self, good, *_, **__: good() if next(asked) else None


def remembers_the_page_before():
    """What follows a page in a language that nobody speaks is not what it is elsewhere."""
    before: list[str] = []

    def change(_self, good, view, **_):
        after = before[-1:] == ["zz"]
        before.append(view.language)
        return None if after else good()

    return block(change)


def invents(verdict, case):
    return verdict if case.candidates else replace(verdict, shares=(Share(0, 1_000_000),))


def named_after_the_batch(_self, good, *_, batch_reference, **__):
    return replace(good(), name=f"{batch_reference}.csv") if batch_reference == "ü" else good()


def tells_the_token(_self, good, payouts, *, settings, **_):
    file = good()
    return replace(file, name=f"{file.name[:-4]}-{settings.token.get_secret_value()}.csv")


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
