"""WooCommerce: orders and refunds by webhook and by pull, coupons out to the shop."""

from engine.plugin_api import Connector, PluginManifest, PluginSettings, hookimpl
from plugins.woocommerce.connector import WooCommerce
from plugins.woocommerce.settings import WooCommerceSettings


@hookimpl
def manifest() -> PluginManifest:
    """Say who the plugin is."""
    return PluginManifest(
        name="woocommerce",
        version="1.0.0",
        title="WooCommerce",
        summary="Orders and refunds of a WooCommerce shop, and promo codes as its coupons.",
    )


@hookimpl
def settings_model() -> type[PluginSettings]:
    """Say which settings a connection takes: the shop's address, its API key and the secrets of its webhooks."""
    return WooCommerceSettings


@hookimpl
def connectors() -> tuple[Connector, ...]:
    """Register the connector `woocommerce`."""
    return (WooCommerce(),)
