"""Every noun of the house is held to the kit by a test of its own, and the kit asks for pytest only where pytest is."""

import importlib
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import plugins
import tests.plugins
from engine.plugin_host import load_plugins
from engine.plugin_host.register import KINDS
from engine.testing.checks.noun import NounCase
from engine.testing.conformance import Conformance
from tests.support.source import ROOT

HOUSE = sorted(path.parent.name for path in Path(plugins.__file__).parent.glob("*/__init__.py"))

WITHOUT_PYTEST = """
import sys
sys.modules["pytest"] = None
from datetime import UTC, datetime
from engine.kernel.clock import VirtualClock
from engine.testing import landing, models, rails, recording, rewards, scaffold
from engine.testing.conformance import failures_of
from engine.testing.connectors import ConnectorConformance
from engine.testing.fakes.shop import FakeShop
from plugins import attribution_basic

shop = FakeShop(clock=VirtualClock(datetime(2026, 3, 1, tzinfo=UTC)))
shop.post_office.subscribe("https://goodword.example/", ("order.paid",))
shop.place()
assert shop.deliver(lambda post: 200) == 1
kind = type("Mine", (models.AttributionModelConformance,),
            {"plugin": attribution_basic, "model": attribution_basic.attribution_models()[0]})
assert failures_of(kind) == {}
"""


def checked_nouns():
    """Yield hook and name of every noun that a conformance test of the house is about."""
    for path in Path(tests.plugins.__path__[0]).rglob("test_*_conformance.py"):
        kinds = [
            value for value in vars(importlib.import_module(f"tests.plugins.{path.stem}")).values() if is_kit(value)
        ]
        for kind in kinds:
            hook, attribute = (kind.hook, kind.attribute) if issubclass(kind, NounCase) else ("connectors", "connector")
            yield hook, getattr(kind, attribute).name


def is_kit(value):
    return isinstance(value, type) and issubclass(value, Conformance) and hasattr(value, "plugin")


def test_every_noun_of_the_house_runs_the_kit():
    host = load_plugins(HOUSE)
    nouns = {(kind.hook, name) for kind in KINDS for plugin in HOUSE for name in host.contents(plugin).nouns[kind.hook]}
    assert nouns == set(checked_nouns())


def test_every_kind_of_noun_has_its_checks():
    kinds = {kind.hook for kind in NounCase.__subclasses__()} | {"connectors"}
    assert kinds == {kind.hook for kind in KINDS}
    assert all(issubclass(kind, Conformance) for kind in NounCase.__subclasses__())


def test_fakes_and_checks_work_without_pytest():
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_PYTEST], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr


def test_pytest_finds_the_kit_s_plugin_where_goodword_is_installed():
    (found,) = (point for point in entry_points(group="pytest11") if point.name == "goodword")
    assert found.value == "engine.testing.plugin"
