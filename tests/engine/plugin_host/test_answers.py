"""Answers that are none: each counts as a failure of the plugin and reaches nobody's books."""

import io
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from engine.kernel.errors import InputError
from engine.plugin_api import (
    AttributionCase,
    Candidate,
    Capability,
    Delivery,
    Due,
    LineView,
    OrderCase,
    OrderView,
    Part,
    PaymentFile,
    PeriodCase,
    PeriodDue,
    PeriodStep,
    PluginSettings,
    RewardParams,
    Share,
    Signal,
    Verdict,
)
from engine.plugin_host import PluginFailedError, Registered, load_plugins
from engine.plugin_host.answers import (
    ask_due,
    ask_due_for_period,
    ask_file,
    ask_parse,
    ask_payment_file,
    ask_verdicts,
)

ANY_PART: Any = Part
ANY_DUE: Any = Due
ANY_STEP: Any = PeriodStep
"""Made with what their types forbid, as a plugin that nobody checks would."""

DAY = datetime(2026, 3, 2, tzinfo=UTC)
LINE = LineView("1", 1, 1000, None, (), 1000, "program")
ORDER = OrderCase(RewardParams(), OrderView("EUR", DAY, (LINE,), first_order=False))
MONTH = PeriodCase(RewardParams(), "EUR", 1000)
CHOICE = AttributionCase(
    DAY, (Signal.CODE,), (Candidate(1, "a", Signal.CODE, DAY), Candidate(2, "b", Signal.CODE, DAY))
)


def noun(**answers):
    methods = {name: (lambda *_, _answer=answer, **__: _answer) for name, answer in answers.items()}
    return Registered("acme", "1", SimpleNamespace(**({"settles_periods": False} | methods)), "noun")


def dues(*parts, cap=None):
    return [Due(tuple(parts), cap)]


GOOD_DUES = [
    dues(),
    dues(Part(rate_bps=0)),
    dues(Part(rate_bps=10_000, line_ids=("1",)), Part(flat_minor=0), cap=0),
]
BAD_DUES = {
    "none": None,
    "too few": [],
    "too many": [Due(), Due()],
    "a generator": (due for due in [Due()]),
    "something else": [{"amount": 5}],
    "a float rate": dues(ANY_PART(rate_bps=10.0)),
    "a true rate": dues(Part(rate_bps=True)),
    "a rate above all": dues(Part(rate_bps=10_001)),
    "a negative rate": dues(Part(rate_bps=-1)),
    "a float amount": dues(ANY_PART(flat_minor=1.5)),
    "a negative amount": dues(Part(flat_minor=-1)),
    "both at once": dues(Part(rate_bps=1, flat_minor=1)),
    "neither": dues(Part()),
    "lines of another order": dues(Part(rate_bps=1, line_ids=("1", "2"))),
    "a month nobody settles": dues(Part(rate_bps=1, in_period=True)),
    "a float cap": dues(Part(rate_bps=1), cap=1.0),
    "a negative cap": dues(Part(rate_bps=1), cap=-1),
    "parts that are none": [ANY_DUE(("ten percent",))],
}


@pytest.mark.parametrize("answer", GOOD_DUES)
def test_a_due_within_bounds_comes_through(answer):
    assert ask_due(noun(due=answer), [ORDER]) == answer


@pytest.mark.parametrize("what", BAD_DUES)
def test_a_due_is_refused_when_it_is(what):
    with pytest.raises(PluginFailedError):
        ask_due(noun(due=BAD_DUES[what]), [ORDER])


@pytest.mark.parametrize("step", [PeriodStep(-1, 1), ANY_STEP(1.0, 1), PeriodStep(1, 10_001), ANY_STEP(1, 1.0)])
def test_a_step_of_a_month_is_refused_when_it_is_no_amount_at_a_rate(step):
    with pytest.raises(PluginFailedError):
        ask_due_for_period(noun(due_for_period=[PeriodDue((step,))]), [MONTH])


def test_a_month_within_bounds_comes_through():
    answer = [PeriodDue((PeriodStep(1000, 1200),))]
    assert ask_due_for_period(noun(due_for_period=answer), [MONTH]) == answer


def verdict(*shares, rule="r", reason="A reason."):
    return [Verdict(tuple(Share(ref, ppm) for ref, ppm in shares), rule, reason)]


BAD_VERDICTS = {
    "too little": verdict((1, 999_999)),
    "too much": verdict((1, 500_000), (2, 500_001)),
    "a float": verdict((1, 1_000_000.0)),
    "negative": verdict((1, 1_000_001), (2, -1)),
    "for nobody": verdict((3, 1_000_000)),
    "twice for one": verdict((1, 500_000), (1, 500_000)),
    "without a rule": verdict((1, 1_000_000), rule=""),
    "without a reason": verdict(reason=""),
    "missing": [],
    "something else": ["the first"],
}


@pytest.mark.parametrize("what", BAD_VERDICTS)
def test_a_verdict_is_refused_when_it_is(what):
    with pytest.raises(PluginFailedError):
        ask_verdicts(noun(choose=BAD_VERDICTS[what]), [CHOICE])


@pytest.mark.parametrize("answer", [verdict(), verdict((2, 1_000_000)), verdict((1, 1), (2, 999_999))])
def test_a_whole_verdict_comes_through(answer):
    assert ask_verdicts(noun(choose=answer), [CHOICE]) == answer


@pytest.mark.parametrize("answer", [None, 5, ["an order"], [object()]])
def test_what_is_no_event_is_refused(answer):
    with pytest.raises(PluginFailedError):
        ask_parse(noun(parse=answer), b"", topic="", settings=PluginSettings())


ANY_FILE: Any = PaymentFile
FILES = {
    "nothing": None,
    "a text": ANY_FILE("a.csv", "text/csv", "x"),
    "of no name": PaymentFile("", "text/csv", b"x"),
    "named by a number": ANY_FILE(5, "text/csv", b"x"),
    "in another folder": PaymentFile("a/b", "text/csv", b"x"),
    "in the folder above": PaymentFile("..", "text/csv", b"x"),
    "of no kind": ANY_FILE("a.csv", None, b"x"),
    "of an empty kind": PaymentFile("a.csv", "", b"x"),
    "of a kind that writes a header": PaymentFile("a.csv", "text/csv\r\nX: y", b"x"),
    "empty": PaymentFile("a.csv", "text/csv", b""),
}


@pytest.mark.parametrize("what", FILES)
def test_a_payment_file_is_refused_when_it_is(what):
    rail = noun(payment_file=FILES[what])
    with pytest.raises(PluginFailedError):
        ask_payment_file(rail, [], batch_reference="B1", day=date(2026, 3, 2), settings=PluginSettings())


class Reader:
    name, title, capabilities = "reader", "Reader", frozenset({Capability.FILES})

    def __init__(self, *items):
        self.items = items

    def parse(self, body, *, topic, settings):
        return ()

    def read_file(self, file, *, name, settings):
        for item in self.items:
            if isinstance(item, BaseException):
                raise item
            yield item


def read(*items):
    connector: Registered[Any] = Registered("acme", "1", Reader(*items), "connector reader")
    return ask_file(connector, io.BytesIO(), name="x.csv", settings=PluginSettings())


@pytest.mark.parametrize("item", [SystemExit(), ValueError(), "a row", 5])
def test_a_reader_that_breaks_half_way_fails_after_what_it_gave(item):
    good = Delivery("order:1", b"", ())
    items = read(good, item)
    assert next(items) == good
    with pytest.raises(PluginFailedError):
        next(items)


def test_a_reader_may_refuse_the_file_and_may_end():
    with pytest.raises(InputError):
        list(read(InputError("no header")))
    assert list(read()) == []


def test_a_connector_that_reads_no_files_is_said():
    with pytest.raises(InputError, match="reads no files"):
        list(ask_file(noun(parse=()), io.BytesIO(), name="x", settings=PluginSettings()))


def test_plugins_of_the_house_keep_the_contract():
    host = load_plugins(["attribution_basic", "payout_csv"])
    assert ask_verdicts(host.attribution_model("basic"), [CHOICE])[0].shares == (Share(1, 1_000_000),)
    rail = host.payout_rail("payout_csv")
    file = ask_payment_file(rail, [], batch_reference="B1", day=date(2026, 3, 2), settings=PluginSettings())
    assert file.name == "payouts-2026-03-02-B1.csv"
