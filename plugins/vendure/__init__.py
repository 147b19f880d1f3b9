"""Vendure: orders and refunds by webhook and by pull, promo codes as promotions of the shop."""

from engine.plugin_api import Connector, PluginManifest, PluginSettings, hookimpl
from plugins.vendure.connector import Vendure
from plugins.vendure.settings import VendureSettings


@hookimpl
def manifest() -> PluginManifest:
    """Say who the plugin is."""
    return PluginManifest(
        name="vendure",
        version="1.0.0",
        title="Vendure",
        summary="Orders and refunds of a Vendure shop, and promo codes as its coupon promotions.",
    )


@hookimpl
def settings_model() -> type[PluginSettings]:
    """Say which settings a connection takes: the Admin API, an administrator of it, and the webhook secrets."""
    return VendureSettings


@hookimpl
def connectors() -> tuple[Connector, ...]:
    """Register the connector `vendure`."""
    return (Vendure(),)
