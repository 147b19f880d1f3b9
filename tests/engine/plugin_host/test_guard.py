"""The guarded call: what comes through, what becomes an error of ours, and when a plugin is asked no more."""

from time import perf_counter

import pytest
from structlog.testing import capture_logs

from engine.kernel.errors import GoodwordError, InputError, NotFoundError
from engine.plugin_api import MissingCurrencyError
from engine.plugin_host import PluginFailedError, PluginState, Registered, load_plugins
from engine.plugin_host.guard import FAILURES_TO_TRIP

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
    with pytest.raises(PluginFailedError, match=r"switched off after 5 failures in a row.*broken"):
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


def test_tripping_shows_in_the_status_and_reset_closes_it():
    host = load_plugins(ALL)
    fail(host.reward_type("percentage"), FAILURES_TO_TRIP)
    status = next(one for one in host.statuses() if one.name == "rewards_cash")
    assert status.state is PluginState.FAILED
    assert "reward type percentage" in (status.reason or "")
    assert host.reward_type("flat_per_order").ask(lambda value: value.name) == "flat_per_order"
    host.reset("rewards_cash")
    assert {one.state for one in host.statuses() if one.name in ALL} == {PluginState.ACTIVE}
    assert host.reward_type("percentage").ask(lambda value: value.name) == "percentage"


def test_only_an_active_plugin_can_be_reset():
    with pytest.raises(NotFoundError):
        load_plugins(ALL).reset("nobody")


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
