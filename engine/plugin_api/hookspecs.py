"""Every hook of Goodword. A hook registers nouns; what they do stands on the objects that it returns.

Called once per plugin when the host boots. An error quarantines that plugin alone, with the reason shown.
"""

from collections.abc import Iterable

import pluggy

from engine.plugin_api.attribution import AttributionModel
from engine.plugin_api.connectors import Connector
from engine.plugin_api.landing import LandingBlock
from engine.plugin_api.manifest import PluginManifest
from engine.plugin_api.payouts import PayoutRail
from engine.plugin_api.rewards import RewardType
from engine.plugin_api.settings import PluginSettings

PROJECT = "goodword"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec(firstresult=True)
def manifest() -> PluginManifest:  # type: ignore[empty-body]  # a specification has no body
    """Say who the plugin is.

    When: first, at boot. Returns: the manifest; required. Failure: the plugin is quarantined. Since: 1.0.
    """


@hookspec(firstresult=True)
def settings_model() -> type[PluginSettings]:  # type: ignore[empty-body]
    """Say which settings the plugin takes.

    When: at boot. Returns: a `PluginSettings` subclass; a plugin without the hook takes none. Failure: the plugin is
    quarantined. A brand whose settings do not fit the model sees the plugin as needs-settings. Since: 1.0.
    """


@hookspec
def connectors() -> Iterable[Connector]:  # type: ignore[empty-body]
    """Register connectors: readers of what shops send.

    When: at boot. Returns: objects, names unique over all plugins. Failure: the plugin is quarantined; when `parse`
    fails later, the delivery becomes a dead letter and is replayable. Since: 1.0.
    """


@hookspec
def reward_types() -> Iterable[RewardType]:  # type: ignore[empty-body]
    """Register reward types: what an order or a month owes.

    When: at boot. Returns: objects, names unique over all plugins. Failure: the plugin is quarantined; when `due` fails
    later, money fails closed: the order is blocked, visible and replayable, and never becomes zero. Since: 1.0.
    """


@hookspec
def attribution_models() -> Iterable[AttributionModel]:  # type: ignore[empty-body]
    """Register attribution models: who gets the credit.

    When: at boot. Returns: objects, names unique over all plugins. Failure: the plugin is quarantined; when `choose`
    fails later, money fails closed: the order is blocked, visible and replayable. Since: 1.0.
    """


@hookspec
def payout_rails() -> Iterable[PayoutRail]:  # type: ignore[empty-body]
    """Register payout rails: how money leaves.

    When: at boot. Returns: objects, names unique over all plugins. Failure: the plugin is quarantined; when writing the
    payment file fails later, the batch stays submitted and the file can be asked for again. Since: 1.0.
    """


@hookspec
def landing_blocks() -> Iterable[LandingBlock]:  # type: ignore[empty-body]
    """Register blocks of landing pages: what a brand's pages show beside story and products.

    When: at boot. Returns: objects, names unique over all plugins. Failure: the plugin is quarantined; when `block`
    fails later, or gives what the core does not draw, the edge fails open: the page is shown without it. Since: 1.0.
    """
