"""Settings come from the environment; all mistakes are told at once; the secret key is made once."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.kernel.errors import SettingsError
from engine.kernel.settings import DEFAULT_PLUGINS, load_settings


@pytest.fixture(autouse=True)
def bare(monkeypatch, tmp_path):
    """No variable of this machine, and a home of its own."""
    for name in [name for name in os.environ if name.startswith("GOODWORD_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GOODWORD_HOME", str(tmp_path / "home"))


def test_everything_has_a_default_that_needs_no_service(tmp_path):
    settings = load_settings()
    assert settings.database == f"sqlite:///{tmp_path / 'home' / 'goodword.db'}"
    assert settings.plugins == DEFAULT_PLUGINS
    assert settings.secret_key is None


@pytest.mark.parametrize("value", ["+acme,+bolt", "+acme, bolt", "+acme,shopify,bolt,+acme"])
def test_plugins_with_a_plus_are_loaded_beside_those_of_the_house(monkeypatch, value):
    monkeypatch.setenv("GOODWORD_PLUGINS", value)
    assert load_settings().plugins == (*DEFAULT_PLUGINS, "acme", "bolt")


def test_variables_are_read(monkeypatch):
    monkeypatch.setenv("GOODWORD_DATABASE_URL", "postgresql://db/goodword")
    monkeypatch.setenv("GOODWORD_PLUGINS", " a, b ,,c")
    monkeypatch.setenv("GOODWORD_BASE_URL", "https://shop.example/")
    monkeypatch.setenv("GOODWORD_PRIVATE_ORIGINS", "HTTP://shop.lan:8080/, http://127.0.0.1:3000")
    monkeypatch.setenv("GOODWORD_UNKNOWN", "is nobody's business")
    settings = load_settings()
    assert settings.database == "postgresql://db/goodword"
    assert settings.plugins == ("a", "b", "c")
    assert settings.private_origins == ("http://shop.lan:8080", "http://127.0.0.1:3000")
    assert settings.base_url == "https://shop.example"


def test_every_mistake_is_told_at_once(monkeypatch):
    monkeypatch.setenv("GOODWORD_BASE_URL", "shop.example")
    monkeypatch.setenv("GOODWORD_SECRET_KEY", "short")
    monkeypatch.setenv("GOODWORD_SECURE_COOKIES", "perhaps")
    monkeypatch.setenv("GOODWORD_PRIVATE_ORIGINS", "http://shop.lan/admin")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [
        "GOODWORD_SECRET_KEY",
        "GOODWORD_BASE_URL",
        "GOODWORD_PRIVATE_ORIGINS",
        "GOODWORD_SECURE_COOKIES",
    ]
    assert "short" not in str(caught.value).replace("shorter", "")


def test_the_secret_key_is_shown_nowhere(monkeypatch):
    monkeypatch.setenv("GOODWORD_SECRET_KEY", "canary" * 8)
    settings = load_settings()
    assert "canary" not in repr(settings) + str(settings) + settings.model_dump_json()


def test_a_key_is_made_once_and_is_the_owners_alone(tmp_path):
    with ThreadPoolExecutor(8) as threads:
        rings = list(threads.map(lambda _: load_settings().keyring, range(8)))
    hashes = {ring.keyed_hash("customer", "x") for ring in rings}
    path = tmp_path / "home" / "secret.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(path.read_text()) >= 43
    assert hashes == {load_settings().keyring.keyed_hash("customer", "x")}


def test_a_given_key_leaves_no_file(monkeypatch, tmp_path):
    monkeypatch.setenv("GOODWORD_SECRET_KEY", "k" * 32)
    assert load_settings().keyring is not None
    assert not (tmp_path / "home").exists()
