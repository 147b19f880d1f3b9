"""Each hook is documented, has a user in the house, and has its own test here; the page says what the code says."""

import ast
import re
from pathlib import Path

import pytest

import plugins
from engine.plugin_host import load_plugins
from engine.plugin_host.hooks_page import PAGE, hook_functions, page
from engine.plugin_host.register import KINDS

HOOKS = [function.name for function in hook_functions()]
HOUSE = ("attribution_basic", "csv_orders", "landing_social", "payout_csv", "rewards_cash")


@pytest.fixture(scope="module")
def host():
    return load_plugins(HOUSE)


def users_of(hook):
    """Names of plugins of the house whose package implements `hook`."""
    for init in Path(plugins.__file__).parent.glob("*/__init__.py"):
        for node in ast.parse(init.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name == hook:
                yield init.parent.name


def test_the_page_is_what_the_code_says():
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m engine.plugin_host.hooks_page"


def test_there_are_hooks_and_each_kind_of_noun_has_one():
    assert HOOKS[:2] == ["manifest", "settings_model"]
    assert HOOKS[2:] == [kind.hook for kind in KINDS]


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_says_when_what_and_how_it_fails(hook):
    text = next(ast.get_docstring(function) for function in hook_functions() if function.name == hook)
    assert re.findall(r"(When|Returns|Failure|Since):", text or "") == ["When", "Returns", "Failure", "Since"]


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_has_a_user_in_the_house(hook):
    assert list(users_of(hook))


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_has_a_test_of_its_own(hook):
    assert f"test_hook_{hook}" in globals()


def test_plugins_of_the_house_hold_nothing_but_hooks_at_their_door():
    for init in Path(plugins.__file__).parent.glob("*/__init__.py"):
        _, *rest = ast.parse(init.read_text(encoding="utf-8")).body
        for node in rest:
            if isinstance(node, ast.FunctionDef):
                assert [ast.unparse(one) for one in node.decorator_list] == ["hookimpl"], init
            else:
                assert isinstance(node, ast.ImportFrom), init


def test_hook_manifest(host):
    held = {name: host.contents(name).manifest for name in HOUSE}
    assert {name: manifest.name for name, manifest in held.items()} == {name: name for name in HOUSE}
    assert all(manifest.summary.endswith(".") for manifest in held.values())


def test_hook_settings_model(host):
    assert "columns" in host.settings_model("csv_orders").model_fields
    assert host.settings_model("rewards_cash").model_fields == {}


def test_hook_connectors(host):
    assert set(host.connectors) == {"csv_orders"}
    assert host.connector("csv_orders").plugin == "csv_orders"


def test_hook_reward_types(host):
    names = {"percentage", "flat_per_order", "flat_per_item", "first_order_bonus", "volume_tiers"}
    assert set(host.reward_types) == names
    assert {name for name in names if host.reward_type(name).value.settles_periods} == {"volume_tiers"}


def test_hook_attribution_models(host):
    assert {"basic", "first", "first_strict"} <= set(host.attribution_models)
    assert host.attribution_model("basic").value.title


def test_hook_payout_rails(host):
    assert set(host.payout_rails) == {"payout_csv"}
    assert host.payout_rail("payout_csv").plugin == "payout_csv"


def test_hook_landing_blocks(host):
    assert set(host.landing_blocks) == {"social_links", "seen_on"}
    assert host.landing_blocks["seen_on"].plugin == "landing_social"
