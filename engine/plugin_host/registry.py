"""The host: every plugin with its state, and every noun under its name.

"Installed" is not "enabled": only names in the enable list are imported. A plugin that fails is quarantined with its
reason and never stops the boot. Where two plugins register one noun, neither is used: which of them prices money is not
left to the alphabet.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint
from itertools import groupby
from types import MappingProxyType
from typing import Any, TypeVar

import structlog

from engine.kernel.errors import GoodwordError, NotFoundError
from engine.plugin_api import AttributionModel, Connector, LandingBlock, PayoutRail, PluginSettings, RewardType
from engine.plugin_host.discover import Installed, installed_plugins
from engine.plugin_host.guard import Registered, reason_of
from engine.plugin_host.register import KINDS, Contents, Kind, Nouns, register
from engine.plugin_host.status import PluginState, PluginStatus

T = TypeVar("T")

_log = structlog.get_logger(__name__)


class UnknownPluginNounError(GoodwordError):
    """Nothing of that kind and name is registered; money that needs it waits until it is."""

    def __init__(self, kind: str, name: str, reason: str) -> None:
        self.kind, self.name, self.reason = kind, name, reason
        super().__init__(f"There is no {kind} {name!r}: {reason} Enable or repair the plugin that registers it.")


@dataclass(frozen=True, slots=True)
class Plugin:
    """One plugin at boot: its contents if it is active, a failure if it is quarantined, neither if it is off."""

    name: str
    distribution: str | None
    version: str | None
    contents: Contents | None = None
    failure: str | None = None


def load_plugins(enabled: Sequence[str], *, entry_points: Iterable[EntryPoint] | None = None) -> "PluginHost":
    """Import and register the plugins named in `enabled`, from the installed ones or from `entry_points`.

    Never raises for a plugin's sake: see `PluginHost.statuses`.
    """
    installed = {name: list(found) for name, found in groupby(installed_plugins(entry_points), lambda one: one.name)}
    names = sorted({*enabled, *installed})
    plugins = [_load(name, installed.get(name, []), enabled=name in enabled) for name in names]
    plugins = _without_conflicts(plugins)
    for plugin in plugins:
        if plugin.failure:
            _log.error("plugin_quarantined", plugin=plugin.name, reason=plugin.failure)
    return PluginHost(plugins)


class PluginHost:
    """What the engine knows of plugins. Made by `load_plugins`."""

    def __init__(self, plugins: Iterable[Plugin]) -> None:
        self._plugins = {plugin.name: plugin for plugin in plugins}
        self.connectors: Mapping[str, Registered[Connector]] = self._all("connectors")
        self.reward_types: Mapping[str, Registered[RewardType]] = self._all("reward_types")
        self.attribution_models: Mapping[str, Registered[AttributionModel]] = self._all("attribution_models")
        self.payout_rails: Mapping[str, Registered[PayoutRail]] = self._all("payout_rails")
        self.landing_blocks: Mapping[str, Registered[LandingBlock]] = self._all("landing_blocks")

    def connector(self, name: str) -> Registered[Connector]:
        """Return the connector `name`.

        Raises:
            UnknownPluginNounError: no active plugin registers it.
        """
        return self._one(self.connectors, "connector", name)

    def reward_type(self, name: str) -> Registered[RewardType]:
        """Return the reward type `name`.

        Raises:
            UnknownPluginNounError: no active plugin registers it.
        """
        return self._one(self.reward_types, "reward type", name)

    def attribution_model(self, name: str) -> Registered[AttributionModel]:
        """Return the attribution model `name`.

        Raises:
            UnknownPluginNounError: no active plugin registers it.
        """
        return self._one(self.attribution_models, "attribution model", name)

    def payout_rail(self, name: str) -> Registered[PayoutRail]:
        """Return the payout rail `name`.

        Raises:
            UnknownPluginNounError: no active plugin registers it.
        """
        return self._one(self.payout_rails, "payout rail", name)

    def settings_model(self, name: str) -> type[PluginSettings]:
        """Return the settings model of plugin `name`; the bare base for one that takes no settings.

        Raises:
            NotFoundError: no active plugin has this name.
        """
        return self.contents(name).settings_model

    def contents(self, name: str) -> Contents:
        """Return what plugin `name` holds.

        Raises:
            NotFoundError: no active plugin has this name.
        """
        plugin = self._plugins.get(name)
        if plugin is None or plugin.contents is None:
            raise NotFoundError("active plugin", name)
        return plugin.contents

    def statuses(self) -> tuple[PluginStatus, ...]:
        """Return every installed or enabled plugin by name; `service.statuses_for` adds what settings a brand lacks."""
        return tuple(_status(plugin) for plugin in self._plugins.values())

    def _all(self, hook: str) -> Mapping[str, Registered[Any]]:
        held = (plugin.contents.nouns[hook] for plugin in self._plugins.values() if plugin.contents)
        return MappingProxyType({name: noun for nouns in held for name, noun in nouns.items()})

    def _one(self, nouns: Mapping[str, Registered[T]], kind: str, name: str) -> Registered[T]:
        if name in nouns:
            return nouns[name]
        failed = [f"{plugin.name} ({plugin.failure})" for plugin in self._plugins.values() if plugin.failure]
        reason = "no active plugin registers it."
        raise UnknownPluginNounError(kind, name, f"{reason} Failed: {'; '.join(failed)}" if failed else reason)


def _load(name: str, found: Sequence[Installed], *, enabled: bool) -> Plugin:
    if not found:
        return Plugin(name, None, None, failure="It is enabled, but not installed.")
    distributions = " and ".join(one.distribution for one in found)
    plugin = Plugin(name, distributions, found[0].version)
    if not enabled:
        return plugin
    if len(found) > 1:
        return replace(plugin, failure=f"Conflict: {distributions} both bring a plugin of this name; neither is used.")
    try:
        module = found[0].entry_point.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - also SystemExit: one plugin never stops the boot
        return replace(plugin, failure=f"It cannot be imported. {reason_of(error)}")
    try:
        contents = register(module, name=name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001
        return replace(plugin, failure=f"It cannot be registered. {reason_of(error)}")
    return replace(plugin, version=contents.manifest.version, contents=contents)


def _without_conflicts(plugins: Sequence[Plugin]) -> list[Plugin]:
    """Quarantine every plugin that registers a noun which another one registers as well."""
    clashes: dict[str, str] = {}
    for kind in KINDS:
        owners: dict[str, list[Plugin]] = {}
        for plugin in plugins:
            for noun in plugin.contents.nouns[kind.hook] if plugin.contents else ():
                owners.setdefault(noun, []).append(plugin)
        for noun, both in owners.items():
            if len(both) > 1:
                clashes.update(dict.fromkeys((plugin.name for plugin in both), _clash(kind, noun, both)))
    return [
        replace(plugin, contents=None, failure=clashes[plugin.name]) if plugin.name in clashes else plugin
        for plugin in plugins
    ]


def _clash(kind: Kind, noun: str, plugins: Sequence[Plugin]) -> str:
    who = " and ".join(f"{plugin.name} (from {plugin.distribution})" for plugin in plugins)
    return f"Conflict: {who} each register the {kind.word} {noun}; none of them is used. Enable only one."


def _status(plugin: Plugin) -> PluginStatus:
    contents, reason = plugin.contents, plugin.failure
    kinds = tuple(hook for hook, nouns in contents.nouns.items() if nouns) if contents else ()
    if contents:
        tripped = [noun.breaker.tripped for noun in _nouns_of(contents) if noun.breaker.tripped]
        reason = f"Switched off after failures in a row, the last in {tripped[0]}" if tripped else None
    state = PluginState.FAILED if reason else PluginState.ACTIVE if contents else PluginState.OFF
    return PluginStatus(plugin.name, state, reason, plugin.version, plugin.distribution, kinds)


def _nouns_of(contents: Contents) -> list[Registered[Any]]:
    each: Iterable[Nouns] = contents.nouns.values()
    return [noun for nouns in each for noun in nouns.values()]
