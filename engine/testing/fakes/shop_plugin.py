"""The fake shop's plugin, as an entry point would lead to it. The core's tests enable it; nobody's shop is meant."""

from engine.plugin_api import Connector, PluginManifest, PluginSettings, hookimpl
from engine.testing.fakes.shop_connector import FakeShopConnector
from engine.testing.fakes.shop_settings import FakeShopSettings


@hookimpl
def manifest() -> PluginManifest:
    """Say who the plugin is."""
    return PluginManifest(
        name="fake_shop",
        version="1.0.0",
        title="Fake shop",
        summary="Orders, codes and webhooks of a shop that lives in a test.",
    )


@hookimpl
def settings_model() -> type[PluginSettings]:
    """Say what a connection must know."""
    return FakeShopSettings


@hookimpl
def connectors() -> tuple[Connector, ...]:
    """Register the connector `fake_shop`."""
    return (FakeShopConnector(),)
