"""Payouts by a CSV file that somebody takes to a bank or wallet."""

from engine.plugin_api import PayoutRail, PluginManifest, hookimpl
from plugins.payout_csv.rail import CsvRail


@hookimpl
def manifest() -> PluginManifest:
    """Say who the plugin is."""
    return PluginManifest(
        name="payout_csv",
        version="1.0.0",
        title="CSV payment file",
        summary="Writes a batch of payouts as a CSV file. Each payout is confirmed by a person afterwards.",
    )


@hookimpl
def payout_rails() -> tuple[PayoutRail, ...]:
    """Register the rail `payout_csv`."""
    return (CsvRail(),)
