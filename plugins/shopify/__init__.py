"""Shopify: orders and refunds by webhook and by pull, discount codes out to the shop, links that apply them."""

from engine.plugin_api import Connector, PluginManifest, PluginSettings, hookimpl
from plugins.shopify.connector import Shopify
from plugins.shopify.settings import ShopifySettings


@hookimpl
def manifest() -> PluginManifest:
    """Say who the plugin is."""
    return PluginManifest(
        name="shopify",
        version="1.0.0",
        title="Shopify",
        summary="Orders, refunds and disputes of a Shopify shop, and promo codes as its discount codes.",
    )


@hookimpl
def settings_model() -> type[PluginSettings]:
    """Say which settings a connection takes: the shop, its access token and the secrets of its webhooks."""
    return ShopifySettings


@hookimpl
def connectors() -> tuple[Connector, ...]:
    """Register the connector `shopify`."""
    return (Shopify(),)
