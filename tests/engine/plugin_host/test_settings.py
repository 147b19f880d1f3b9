"""What a brand tells its plugins: checked, encrypted as a whole, masked, and nobody else's."""

import pytest
from pydantic import SecretStr
from sqlmodel import select

from engine.identity.tables import Brand
from engine.kernel.crypto import Keyring, UnreadableSecretError
from engine.kernel.errors import NotFoundError
from engine.plugin_host import PluginFailedError, PluginState, load_plugins
from engine.plugin_host.service import save_settings, settings_for, statuses_for
from engine.plugin_host.settings import MASK, PluginSettingsError, masked
from engine.plugin_host.tables import PluginSetting

KEYRING = Keyring(SecretStr("k" * 40))
SHOP = """
from pydantic import SecretStr, field_validator
from engine.plugin_api import PluginSettings


class Inner(PluginSettings):
    token: SecretStr
    label: str = ""


class ShopSettings(PluginSettings):
    url: str
    key: SecretStr
    days: int = 30
    inner: tuple[Inner, ...] = ()

    @field_validator("url")
    @classmethod
    def _break(cls, value):
        if value == "break":
            raise SystemExit
        return value


@hookimpl
def settings_model():
    return ShopSettings
"""
GIVEN = {"url": "https://shop.example", "key": "s3cret", "inner": [{"token": "t0ken", "label": "a"}]}


@pytest.fixture
def host(install):
    install("shop", SHOP)
    install("plain")
    return load_plugins(["shop", "plain"])


@pytest.fixture
def unit(db):
    with db.unit() as unit:
        yield unit


@pytest.fixture
def brand(unit):
    brand = Brand(slug="brand", name="Brand", created_at=unit.now)
    unit.session.add(brand)
    unit.session.flush()
    return brand.id


@pytest.fixture
def save(unit, brand, host):
    def save(document, *, plugin="shop", brand_id=brand):
        return save_settings(unit, brand_id, plugin=plugin, document=document, host=host, keyring=KEYRING)

    return save


@pytest.fixture
def load(unit, brand, host):
    def load(*, plugin="shop", brand_id=brand, keyring=KEYRING):
        return settings_for(unit, brand_id, plugin=plugin, host=host, keyring=keyring)

    return load


def test_what_was_saved_comes_back(save, load):
    saved = save(GIVEN)
    assert load() == saved
    assert load().key.get_secret_value() == "s3cret"
    assert load().inner[0].token.get_secret_value() == "t0ken"
    assert load().days == 30


def test_nothing_of_the_document_stands_in_clear(save, unit):
    save(GIVEN)
    row = unit.session.exec(select(PluginSetting)).one()
    for word in ("s3cret", "t0ken", "shop.example", "url"):
        assert word not in row.document_encrypted


def test_secrets_are_masked_on_screens_and_in_logs(save):
    settings = save(GIVEN)
    shown = masked(settings)
    assert shown == GIVEN | {"key": MASK, "days": 30, "inner": [{"token": MASK, "label": "a"}]}
    assert "s3cret" not in repr(settings)


def test_a_mask_that_comes_back_keeps_the_secret(save, load):
    save(GIVEN)
    save(masked(load()) | {"days": 7})
    assert (load().days, load().key.get_secret_value(), load().inner[0].token.get_secret_value()) == (
        7,
        "s3cret",
        "t0ken",
    )
    save(masked(load()) | {"key": "changed"})
    assert load().key.get_secret_value() == "changed"


def test_saving_again_replaces_the_one_row(save, unit, clock):
    save(GIVEN)
    save(GIVEN | {"days": 2})
    assert len(unit.session.exec(select(PluginSetting)).all()) == 1


def test_what_does_not_fit_is_refused_with_every_problem_and_no_value(save, load):
    with pytest.raises(PluginSettingsError) as caught:
        save({"key": "s3cret", "days": "soon-s3cret", "more": 1})
    assert len(caught.value.problems) == 3
    text = str(caught.value)
    assert all(place in text for place in ("url", "days", "more"))
    assert "s3cret" not in text
    assert "s3cret" not in repr(caught.value.__cause__)
    with pytest.raises(PluginSettingsError):
        load()


def test_settings_of_one_brand_are_not_another_s(save, load, unit):
    other = Brand(slug="other", name="Other", created_at=unit.now)
    unit.session.add(other)
    unit.session.flush()
    save(GIVEN)
    with pytest.raises(PluginSettingsError):
        load(brand_id=other.id)


def test_a_plugin_without_settings_takes_none(save, load):
    assert masked(load(plugin="plain")) == {}
    with pytest.raises(PluginSettingsError, match="extra"):
        save({"extra": 1}, plugin="plain")


def test_a_plugin_that_is_not_active_has_no_settings(load):
    with pytest.raises(NotFoundError):
        load(plugin="nobody")


def test_another_secret_key_cannot_read_them(save, load):
    save(GIVEN)
    with pytest.raises(UnreadableSecretError):
        load(keyring=Keyring(SecretStr("x" * 40)))


def test_a_model_that_breaks_is_the_plugin_s_failure(save):
    with pytest.raises(PluginFailedError, match="settings model"):
        save(GIVEN | {"url": "break"})


def test_a_brand_sees_which_plugins_need_settings(save, unit, brand, host):
    def states():
        seen = statuses_for(unit, brand, host=host, keyring=KEYRING)
        return {status.name: status.state for status in seen if status.name in ("shop", "plain", "csv_orders")}

    before = {"shop": PluginState.NEEDS_SETTINGS, "plain": PluginState.ACTIVE, "csv_orders": PluginState.OFF}
    assert states() == before
    save(GIVEN)
    assert states() == before | {"shop": PluginState.ACTIVE}
