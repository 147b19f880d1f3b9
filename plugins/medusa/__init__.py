"""Medusa: orders and refunds by webhook and by pull, promo codes as promotions of the shop."""

from engine.plugin_api import Connector, PluginManifest, PluginSettings, hookimpl
from plugins.medusa.connector import Medusa
from plugins.medusa.settings import MedusaSettings


@hookimpl
def manifest() -> PluginManifest:
    """Say who the plugin is."""
    return PluginManifest(
        name="medusa",
        version="1.0.0",
        title="Medusa",
        summary="Orders and refunds of a Medusa shop, and promo codes as its promotions.",
    )


@hookimpl
def settings_model() -> type[PluginSettings]:
    """Say which settings a connection takes: the server, a secret API key of it, and the webhook secrets."""
    return MedusaSettings


@hookimpl
def connectors() -> tuple[Connector, ...]:
    """Register the connector `medusa`."""
    return (Medusa(),)
