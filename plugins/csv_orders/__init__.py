"""Orders and refunds from CSV files, read by a mapping that declares every column."""

from engine.plugin_api import Connector, PluginManifest, PluginSettings, hookimpl
from plugins.csv_orders.connector import CsvOrders
from plugins.csv_orders.settings import CsvOrdersSettings


@hookimpl
def manifest() -> PluginManifest:
    """Say who the plugin is."""
    return PluginManifest(
        name="csv_orders",
        version="1.0.0",
        title="Orders from CSV",
        summary="Reads orders and refunds from a CSV file of any shop, by a mapping of its columns.",
    )


@hookimpl
def settings_model() -> type[PluginSettings]:
    """Say which settings the plugin takes: the mapping."""
    return CsvOrdersSettings


@hookimpl
def connectors() -> tuple[Connector, ...]:
    """Register the connector `csv_orders`."""
    return (CsvOrders(),)
