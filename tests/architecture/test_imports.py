"""Who may import whom: the contracts in pyproject.toml, and those that they cannot say."""

from importlib.metadata import entry_points
from importlib.util import find_spec

import pytest
from importlinter.cli import lint_imports

PLUGINS = entry_points(group="goodword.plugins")


def test_every_import_keeps_the_contracts(capsys):
    status = lint_imports(no_cache=True)
    assert status == 0, capsys.readouterr().out


def test_plugins_are_declared():
    assert {"attribution_basic", "csv_orders", "payout_csv", "rewards_cash"} <= PLUGINS.names


@pytest.mark.parametrize("entry", PLUGINS, ids=lambda entry: entry.name)
def test_every_declared_plugin_exists(entry):
    assert find_spec(entry.module) is not None
