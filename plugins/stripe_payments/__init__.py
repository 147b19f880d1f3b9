"""Stripe: paid checkouts and invoices by webhook and by pull, promotion codes out to it."""

from engine.plugin_api import Connector, PluginManifest, PluginSettings, hookimpl
from plugins.stripe_payments.connector import StripePayments
from plugins.stripe_payments.settings import StripeSettings


@hookimpl
def manifest() -> PluginManifest:
    """Say who the plugin is."""
    return PluginManifest(
        name="stripe_payments",
        version="1.0.0",
        title="Stripe",
        summary="Paid checkouts, invoices, refunds and disputes of a Stripe account, and promo codes in it.",
    )


@hookimpl
def settings_model() -> type[PluginSettings]:
    """Say which settings a connection takes: the account's key and the secrets of its webhooks."""
    return StripeSettings


@hookimpl
def connectors() -> tuple[Connector, ...]:
    """Register the connector `stripe_payments`."""
    return (StripePayments(),)
