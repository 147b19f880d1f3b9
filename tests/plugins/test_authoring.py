"""The guide for authors is true: its code runs as it stands, and passes the checks it speaks of."""

import importlib
import re
import sys

import pytest

from engine.plugin_api import Capability, errors
from engine.plugin_host.register import PROTOCOLS
from engine.testing.conformance import check_names, failures_of
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
    assert set(BLOCKS) == {"acme.py", "test_acme.py"}
    assert BLOCKS["acme.py"].count("\n") <= 60


def test_the_connector_passes_the_kit_by_the_test_that_is_shown(modules):
    case = modules["test_acme.py"].TestAcme
    assert failures_of(case) == {}
    assert len(check_names(case)) >= 16


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
    assert len(links) > 5
    assert [link for link in links if not (ROOT / "plugins" / link).exists()] == []
