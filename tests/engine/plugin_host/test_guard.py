"""The guarded call: what comes through, what becomes an error of ours, and when a plugin is asked no more."""

from time import monotonic, perf_counter

import pytest
from structlog.testing import capture_logs

from engine.kernel.errors import GoodwordError, InputError
from engine.plugin_api import MissingCurrencyError
from engine.plugin_host import PluginFailedError, PluginState, Registered, load_plugins
from engine.plugin_host.guard import ASKED, FAILURES_TO_TRIP, REST_S

ALL = ("attribution_basic", "csv_orders", "payout_csv", "rewards_cash")


class Plugin:
    """Does as told."""

    def raises(self, error):
        raise error

    def says(self, answer):
        return answer


@pytest.fixture
def noun():
    return Registered("acme", "1.0", Plugin(), "reward type gift")


def fail(noun, times=1):
    for _ in range(times):
        with pytest.raises(PluginFailedError):
            noun.ask(lambda plugin: plugin.raises(ValueError("broken")))


def test_an_answer_comes_through(noun):
    assert noun.ask(lambda plugin: plugin.says(5)) == 5
    assert noun.ask(lambda plugin: plugin.says(None)) is None


@pytest.mark.parametrize(
    "error", [ValueError("broken"), SystemExit(2), GeneratorExit(), AssertionError(), MemoryError()]
)
def test_any_failure_becomes_ours_and_names_plugin_and_place(noun, error):
    with pytest.raises(PluginFailedError) as caught:
        noun.ask(lambda plugin: plugin.raises(error))
    assert (caught.value.plugin, caught.value.what) == ("acme", "reward type gift")
    assert type(error).__name__ in caught.value.reason
    assert caught.value.__cause__ is error
    assert isinstance(caught.value, GoodwordError)


@pytest.mark.parametrize("error", [MissingCurrencyError("cap", "KWD"), InputError("no")])
def test_an_error_raised_on_purpose_comes_through_and_never_trips(noun, error):
    for _ in range(FAILURES_TO_TRIP * 2):
        with pytest.raises(type(error)) as caught:
            noun.ask(lambda plugin: plugin.raises(error))
        assert caught.value is error
    assert noun.ask(lambda plugin: plugin.says(1)) == 1


def test_a_person_may_interrupt(noun):
    with pytest.raises(KeyboardInterrupt):
        noun.ask(lambda plugin: plugin.raises(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        noun.offer(lambda plugin: plugin.raises(KeyboardInterrupt()), 1)


def test_five_failures_in_a_row_switch_it_off_without_asking_again(noun):
    fail(noun, FAILURES_TO_TRIP)
    asked: list[object] = []
    with pytest.raises(
        PluginFailedError, match=r"switched off for 5 minutes at a time after 5 failures in a row.*broken"
    ):
        noun.ask(asked.append)
    assert asked == []


def test_an_answer_between_failures_starts_the_count_anew(noun):
    fail(noun, FAILURES_TO_TRIP - 1)
    noun.ask(lambda plugin: plugin.says(1))
    fail(noun, FAILURES_TO_TRIP - 1)
    assert noun.ask(lambda plugin: plugin.says(2)) == 2


def test_failing_open_gives_the_default_and_says_so_in_the_log(noun):
    with capture_logs() as logs:
        assert noun.offer(lambda plugin: plugin.raises(SystemExit()), "nothing") == "nothing"
    assert noun.offer(lambda plugin: plugin.raises(InputError("no")), 0) == 0
    assert noun.offer(lambda plugin: plugin.says(7), 0) == 7
    assert [line["event"] for line in logs] == ["plugin_failed", "plugin_passed_over"]
    assert all(line["plugin"] == "acme" and line["what"] == "reward type gift" for line in logs)


def test_after_a_rest_one_question_is_let_through_and_an_answer_switches_it_on(noun):
    fail(noun, FAILURES_TO_TRIP)
    noun.breaker.rests_until = 0
    fail(noun)
    with pytest.raises(PluginFailedError, match="switched off"):
        noun.ask(lambda plugin: plugin.says(1))
    noun.breaker.rests_until = 0
    assert noun.ask(lambda plugin: plugin.says(1)) == 1
    fail(noun, FAILURES_TO_TRIP - 1)
    assert noun.ask(lambda plugin: plugin.says(2)) == 2


def test_while_one_question_tries_it_no_other_is_let_through(noun):
    fail(noun, FAILURES_TO_TRIP)
    noun.breaker.rests_until = 0

    def question(plugin):
        with pytest.raises(PluginFailedError, match="switched off"):
            noun.ask(lambda other: other.says(1))
        return plugin.says(2)

    assert noun.ask(question) == 2


def test_a_rest_takes_minutes(noun):
    fail(noun, FAILURES_TO_TRIP)
    assert REST_S * 0.9 < noun.breaker.rests_until - monotonic() <= REST_S


def test_tripping_shows_in_the_status_until_it_answers():
    host = load_plugins(ALL)
    noun = host.reward_type("percentage")
    fail(noun, FAILURES_TO_TRIP)
    status = next(one for one in host.statuses() if one.name == "rewards_cash")
    assert status.state is PluginState.FAILED
    assert "reward type percentage" in (status.reason or "")
    assert host.reward_type("flat_per_order").ask(lambda value: value.name) == "flat_per_order"
    noun.breaker.rests_until = 0
    assert noun.ask(lambda value: value.name) == "percentage"
    assert {one.state for one in host.statuses() if one.name in ALL} == {PluginState.ACTIVE}


def test_who_is_asked_is_known_meanwhile_and_no_longer(noun):
    assert noun.ask(lambda _: ASKED.get()) is noun
    fail(noun)
    assert ASKED.get() is None


def test_the_guard_costs_less_than_two_microseconds(noun):
    def question(plugin):
        return plugin

    def best(call):
        times = []
        for _ in range(20):
            started = perf_counter()
            for _ in range(1_000):
                call()
            times.append(perf_counter() - started)
        return min(times) / 1_000

    bare, guarded = best(lambda: question(noun.value)), best(lambda: noun.ask(question))
    assert guarded - bare < 2e-6
