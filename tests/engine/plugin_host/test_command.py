"""`goodword plugins list` and `check`, as an operator sees them."""

import json

import pytest
import structlog
from click.testing import CliRunner

from engine.cli import main
from engine.cli.plugins import command
from engine.kernel.settings import DEFAULT_PLUGINS


@pytest.fixture
def run(monkeypatch, tmp_path):
    monkeypatch.delenv("GOODWORD_PLUGINS", raising=False)
    monkeypatch.setenv("GOODWORD_HOME", str(tmp_path / "home"))

    def run(*arguments, enabled=None):
        env = {} if enabled is None else {"GOODWORD_PLUGINS": enabled}
        return CliRunner().invoke(command, list(arguments), env=env, catch_exceptions=False)

    return run


def test_list_shows_every_plugin_with_its_state(run, install):
    install("acme")
    result = run("list")
    assert result.exit_code == 0
    lines = {line.split()[0]: line for line in result.output.splitlines()}
    assert "active" in lines["rewards_cash"]
    assert "off" in lines["acme"]
    assert "acme-dist" in lines["acme"]


def test_list_as_json_is_one_array(run):
    rows = json.loads(run("list", "--json").output)
    assert {row["name"] for row in rows if row["state"] == "active"} == set(DEFAULT_PLUGINS)
    assert set(rows[0]) == {"name", "state", "reason", "version", "distribution", "kinds"}


def test_a_log_line_does_not_spoil_the_json(monkeypatch):
    monkeypatch.setenv("GOODWORD_PLUGINS", "nowhere,rewards_cash")
    result = CliRunner().invoke(main, ["plugins", "list", "--json"], catch_exceptions=False)
    structlog.reset_defaults()
    states = {row["name"]: row["state"] for row in json.loads(result.stdout)}
    assert (states["nowhere"], states["rewards_cash"]) == ("failed", "active")
    assert "plugin_quarantined" in result.stderr


def test_check_prints_what_a_plugin_registers(run):
    result = run("check", "rewards_cash")
    assert result.exit_code == 0
    for noun in ("percentage", "flat_per_order", "flat_per_item", "first_order_bonus", "volume_tiers"):
        assert f"reward type {noun}:" in result.output
    assert "settings: none" in result.output


def test_check_names_the_settings_of_a_plugin(run):
    assert "columns (required)" in run("check", "csv_orders").output


def test_check_loads_a_plugin_that_is_not_enabled(run, install):
    install("acme")
    result = run("check", "acme")
    assert result.exit_code == 0
    assert "A title: A summary." in result.output


@pytest.mark.parametrize("source", ["raise RuntimeError('boom')", "@hookimpl\ndef reward_tipes(): return []"])
def test_check_of_a_broken_plugin_says_why_and_fails(run, install, source):
    install("acme", source)
    result = run("check", "acme")
    assert result.exit_code == 1
    assert "failed" in result.output


def test_check_of_a_plugin_that_is_nowhere_fails(run):
    result = run("check", "nowhere")
    assert result.exit_code == 1
    assert "not installed" in result.output


def test_check_fails_where_settings_cannot_be_shown(run, install):
    install(
        "acme",
        """
        from engine.plugin_api import PluginSettings
        class Odd(PluginSettings, arbitrary_types_allowed=True):
            thing: memoryview
        @hookimpl
        def settings_model(): return Odd
        """,
    )
    result = run("check", "acme")
    assert result.exit_code == 1
    assert "settings model cannot be shown" in result.output
