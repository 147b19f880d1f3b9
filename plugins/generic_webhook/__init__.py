"""Orders, refunds and chargebacks from any system that signs its webhooks by Standard Webhooks and speaks JSON."""

from engine.plugin_api import Connector, PluginManifest, PluginSettings, hookimpl
from plugins.generic_webhook.connector import GenericWebhook
from plugins.generic_webhook.settings import GenericWebhookSettings


@hookimpl
def manifest() -> PluginManifest:
    """Say who the plugin is."""
    return PluginManifest(
        name="generic_webhook",
        version="1.0.0",
        title="Any shop by webhook",
        summary="Takes signed JSON webhooks of any system, by a template that says where in the JSON everything is.",
    )


@hookimpl
def settings_model() -> type[PluginSettings]:
    """Say what a connection must know: the secrets and the template."""
    return GenericWebhookSettings


@hookimpl
def connectors() -> tuple[Connector, ...]:
    """Register the connector `generic_webhook`."""
    return (GenericWebhook(),)
