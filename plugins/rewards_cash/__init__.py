"""Rewards in money: percentages, flat amounts, a first-order bonus, and volume tiers settled by the month."""

from engine.plugin_api import PluginManifest, RewardType, hookimpl
from plugins.rewards_cash.flat import FirstOrderBonus, FlatPerItem, FlatPerOrder
from plugins.rewards_cash.percentage import Percentage
from plugins.rewards_cash.tiers import VolumeTiers


@hookimpl
def manifest() -> PluginManifest:
    """Say who the plugin is."""
    return PluginManifest(
        name="rewards_cash",
        version="1.0.0",
        title="Cash rewards",
        summary="Percentages, flat amounts per order or item, a first-order bonus and monthly volume tiers, with caps.",
    )


@hookimpl
def reward_types() -> tuple[RewardType, ...]:
    """Register the five reward types."""
    return (Percentage(), FlatPerOrder(), FlatPerItem(), FirstOrderBonus(), VolumeTiers())
