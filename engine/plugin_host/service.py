"""Keeps what a brand tells its plugins, encrypted, and says which plugins still need telling."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlmodel import select

from engine.kernel.canonical import dump_json, load_json
from engine.kernel.crypto import Keyring
from engine.kernel.database import UnitOfWork
from engine.plugin_api import Capability, PluginSettings
from engine.plugin_host.guard import Registered
from engine.plugin_host.registry import PluginHost
from engine.plugin_host.settings import PluginSettingsError, keep_masked, validated, whole
from engine.plugin_host.status import PluginState, PluginStatus
from engine.plugin_host.tables import PluginSetting


def settings_for(
    unit: UnitOfWork, brand_id: UUID, *, plugin: str, host: PluginHost, keyring: Keyring
) -> PluginSettings:
    """Return what the brand told `plugin`; the defaults where it told nothing.

    Raises:
        NotFoundError: no active plugin has this name.
        PluginSettingsError: settings are missing, or those stored no longer fit the plugin's model.
        UnreadableSecretError: they were stored with another secret key.
    """
    model = host.settings_model(plugin)
    row = _row(unit, brand_id, plugin)
    return _checked(host, plugin, model, _document(row, keyring))


def save_settings(
    unit: UnitOfWork, brand_id: UUID, *, plugin: str, document: Mapping[str, Any], host: PluginHost, keyring: Keyring
) -> PluginSettings:
    """Store `document` as what the brand tells `plugin` and return it; a masked secret stays as it was.

    Raises:
        NotFoundError: no active plugin has this name.
        PluginSettingsError: the document does not fit the plugin's model; nothing was stored.
    """
    model = host.settings_model(plugin)
    row = _row(unit, brand_id, plugin)
    settings = _checked(host, plugin, model, keep_masked(document, _document(row, keyring)))
    token = keyring.encrypt(dump_json(whole(settings)))
    if row is None:
        row = PluginSetting(brand_id=brand_id, plugin=plugin, document_encrypted=token, updated_at=unit.now)
    row.document_encrypted, row.updated_at = token, unit.now
    unit.session.add(row)
    unit.session.flush()
    return settings


def settings_of(document: Mapping[str, Any], *, plugin: str, host: PluginHost) -> PluginSettings:
    """Return `document` as settings of `plugin`, without storing it.

    Raises:
        NotFoundError: no active plugin has this name.
        PluginSettingsError: the document does not fit the plugin's model.
    """
    return _checked(host, plugin, host.settings_model(plugin), document)


def statuses_for(unit: UnitOfWork, brand_id: UUID, *, host: PluginHost, keyring: Keyring) -> tuple[PluginStatus, ...]:
    """Return every plugin's status as this brand sees it: active ones whose settings do not fit need settings.

    Raises:
        UnreadableSecretError: settings were stored with another secret key.
    """
    return tuple(_seen_by_brand(unit, brand_id, status, host, keyring) for status in host.statuses())


def settled_by_shop(host: PluginHost, plugin: str) -> bool:
    """Tell whether `plugin` is told what it must know for each connected shop by itself, not once for the brand.

    So are plugins of connectors that do more than read files.

    Raises:
        NotFoundError: no active plugin has this name.
    """
    connectors = host.contents(plugin).nouns["connectors"].values()
    return any(connector.value.capabilities - {Capability.FILES} for connector in connectors)


def _seen_by_brand(
    unit: UnitOfWork, brand_id: UUID, status: PluginStatus, host: PluginHost, keyring: Keyring
) -> PluginStatus:
    if status.state is not PluginState.ACTIVE or settled_by_shop(host, status.name):
        return status
    try:
        settings_for(unit, brand_id, plugin=status.name, host=host, keyring=keyring)
    except PluginSettingsError as error:
        return replace(status, state=PluginState.NEEDS_SETTINGS, reason=str(error))
    return status


def _checked(host: PluginHost, plugin: str, model: type[PluginSettings], document: Mapping[str, Any]) -> PluginSettings:
    """Validate through the guard: a model's validators are the plugin's code."""
    guarded = Registered(plugin, host.contents(plugin).manifest.version, model, "its settings model")
    return guarded.ask(lambda value: validated(value, document, plugin=plugin))


def _row(unit: UnitOfWork, brand_id: UUID, plugin: str) -> PluginSetting | None:
    query = select(PluginSetting).where(PluginSetting.brand_id == brand_id, PluginSetting.plugin == plugin)
    return unit.session.exec(query).one_or_none()


def _document(row: PluginSetting | None, keyring: Keyring) -> dict[str, Any]:
    document: dict[str, Any] = load_json(keyring.decrypt(row.document_encrypted)) if row else {}
    return document
