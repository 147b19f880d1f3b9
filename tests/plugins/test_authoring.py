"""The guide for authors is true: its code runs as it stands, and passes the checks it speaks of."""

import importlib
import json
import re
import sys
from types import ModuleType
from typing import Any

import pytest

from engine.plugin_api import Capability, PluginManifest, errors, hookimpl
from engine.plugin_host.register import KINDS, PROTOCOLS
from engine.testing.conformance import check_names, failures_of
from engine.testing.landing import LandingBlockConformance
from engine.testing.models import AttributionModelConformance
from engine.testing.rails import PayoutRailConformance
from engine.testing.rewards import RewardTypeConformance
from engine.testing.scaffold import Kind
from tests.support.source import ROOT

GUIDE = (ROOT / "plugins" / "AUTHORING.md").read_text(encoding="utf-8")
BLOCKS = {
    found[1]: found[0]
    for found in ((block[0], block[1]) for block in re.findall(r"```python\n(# (\w+\.py)\n.*?)```", GUIDE, re.DOTALL))
}


@pytest.fixture
def modules(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    for name, text in BLOCKS.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    yield {name: importlib.import_module(name.removesuffix(".py")) for name in BLOCKS}
    for name in BLOCKS:
        sys.modules.pop(name.removesuffix(".py"), None)


def test_the_connector_takes_sixty_lines():
    assert set(BLOCKS) == {"acme.py", "test_acme.py", "nouns.py"}
    assert BLOCKS["acme.py"].count("\n") <= 60


def test_the_connector_passes_the_kit_by_the_test_that_is_shown(modules):
    case = modules["test_acme.py"].TestAcme
    assert failures_of(case) == {}
    assert len(check_names(case)) >= 16


def read_bank(_self, content):
    return [(reference, currency, minor) for reference, _, currency, minor in json.loads(content)]


NOUNS: dict[str, Any] = {
    "Gift": (RewardTypeConformance, {"currencies": ("EUR", "JPY")}),
    "Latest": (AttributionModelConformance, {}),
    "Bank": (PayoutRailConformance, {"read": read_bank}),
    "Hint": (LandingBlockConformance, {}),
}


@pytest.mark.parametrize("name", NOUNS)
def test_each_of_the_other_nouns_passes_its_checks(name, modules):
    kind, more = NOUNS[name]
    nouns = modules["nouns.py"]
    noun, plugin = getattr(nouns, name)(), ModuleType("guide")
    vars(plugin)["manifest"] = hookimpl(lambda: PluginManifest("guide", "1.0.0", "Guide", "Of the guide."))
    setattr(plugin, kind.hook, hookimpl(lambda: (noun,)))
    if name == "Gift":
        more = {**more, "params": (nouns.GiftParams(amount_minor={"EUR": 500, "JPY": 800}),)}
    assert failures_of(type("Case", (kind,), {"plugin": plugin, **more})) == {}


def test_every_noun_is_spoken_of_with_its_hook_and_checks():
    for noun in KINDS:
        assert f"**{noun.word}**" in GUIDE or noun.word == "connector"
        assert f"`{noun.hook}`" in GUIDE or f'specname="{noun.hook}"' in GUIDE
    for checks, _ in NOUNS.values():
        assert f"`{checks.__module__}.{checks.__name__}`" in GUIDE
    for kind in Kind:
        assert re.search(rf"goodword plugins new .*\b{kind.value}\b", GUIDE)


def test_every_capability_is_in_the_table_with_its_methods():
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| (.*?) \|", GUIDE, re.MULTILINE))
    assert set(rows) == {capability.name for capability in Capability}
    for name, methods in rows.items():
        named = re.findall(r"`(\w+)`", methods)
        own = {method for method in vars(PROTOCOLS[Capability[name]]) if not method.startswith("_")}
        assert set(named) == own, name


def test_every_error_of_the_table_is_one():
    named = re.findall(r"^\| `(\w+Error)` ", GUIDE, re.MULTILINE)
    others = {"PluginError", "MissingCurrencyError", "GoodwordError"}
    assert set(named) - {"InputError"} == {name for name in vars(errors) if name.endswith("Error")} - others


def test_every_link_leads_somewhere():
    links = re.findall(r"\]\(([^)#]+)\)", GUIDE)
    anchors = re.findall(r"\]\(#([^)]+)\)", GUIDE)
    heads = {head.lower().replace(" ", "-") for head in re.findall(r"^## (.*)$", GUIDE, re.MULTILINE)}
    assert anchors
    assert heads.issuperset(anchors)
    assert len(links) > 5
    assert [link for link in links if not (ROOT / "plugins" / link).exists()] == []
