"""`goodword plugins settings`: what a brand tells a plugin is stored and shown, and refused where it does not fit."""

import json
import sys
from pathlib import Path

import pytest

from engine.bootstrap import start
from engine.plugin_host.service import settings_for
from engine.plugin_host.settings import whole
from tests.engine.cli.conftest import brand_id

MAPPING = {"columns": {"order_id": "Order", "placed_at": "Date", "amount": "Total"}, "currency": "EUR"}


@pytest.fixture
def settings(brand):
    """Store or show the settings of a plugin."""

    def run(plugin, document=None, *options, fails=0):
        if document is None:
            return brand("plugins", "settings", plugin, *options, fails=fails)
        Path("settings.json").write_text(document if isinstance(document, str) else json.dumps(document))
        return brand("plugins", "settings", plugin, "--set", "settings.json", *options, fails=fails)

    return run


def test_what_was_stored_is_shown_and_used(settings, brand):
    assert settings("csv_orders", MAPPING) == "The settings of csv_orders are stored for halfmoon.\n"
    shown = json.loads(settings("csv_orders"))
    assert shown["columns"] == MAPPING["columns"]
    assert json.loads(settings("csv_orders", shown, "--show")) == shown
    Path("orders.csv").write_text("Order,Date,Total\n1,2026-01-01T10:00Z,10.00\n")
    assert brand("import", "orders", "orders.csv", "--json")["new"] == 1


def test_what_does_not_fit_is_refused_and_what_was_there_stays(settings):
    settings("csv_orders", MAPPING)
    assert "columns: " in settings("csv_orders", {"currency": "EUR"}, fails=1)
    assert "settings.json holds no JSON object." in settings("csv_orders", "[]", fails=1)
    assert "settings.json is no JSON: " in settings("csv_orders", "{", fails=1)
    assert "There is no active plugin nothing here." in settings("nothing", fails=1)
    assert json.loads(settings("csv_orders"))["columns"] == MAPPING["columns"]


ACME = """
from pydantic import SecretStr
from engine.plugin_api import PluginManifest, PluginSettings, hookimpl

class Settings(PluginSettings):
    token: SecretStr

@hookimpl
def manifest():
    return PluginManifest(name="acme", version="1.0.0", title="Acme", summary="Keeps a secret.")

@hookimpl
def settings_model():
    return Settings
"""


@pytest.fixture
def acme(tmp_path, monkeypatch):
    """An installed and enabled plugin whose settings hold a secret."""
    info = tmp_path / "acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[goodword.plugins]\nacme = fake_acme\n")
    (tmp_path / "fake_acme.py").write_text(ACME)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("GOODWORD_PLUGINS", "acme,rewards_cash,attribution_basic")
    yield "acme"
    sys.modules.pop("fake_acme", None)


def test_a_secret_is_shown_as_a_mask_and_the_mask_keeps_it(settings, acme):
    settings(acme, {"token": "s3cret"})
    shown = json.loads(settings(acme))
    assert shown == {"token": "**********"}
    assert json.loads(settings(acme, shown, "--show")) == shown
    goodword = start()
    with goodword.database.reading() as unit:
        kept = settings_for(unit, brand_id(unit), plugin=acme, host=goodword.plugins, keyring=goodword.keyring)
    goodword.close()
    assert whole(kept) == {"token": "s3cret"}
