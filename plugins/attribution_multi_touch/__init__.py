"""Attribution models that split an order among everybody whose links led the customer to it."""

from engine.plugin_api import AttributionModel, PluginManifest, hookimpl
from plugins.attribution_multi_touch.models import MultiTouchModel
from plugins.attribution_multi_touch.weights import equal, halved_each_week, mostly_first_and_last


@hookimpl
def manifest() -> PluginManifest:
    """Say who the plugin is."""
    return PluginManifest(
        name="attribution_multi_touch",
        version="1.0.0",
        title="Multi-touch attribution",
        summary="Splits an order among all ambassadors whose links led to it: evenly, by position, or by age.",
    )


@hookimpl
def attribution_models() -> tuple[AttributionModel, ...]:
    """Register the models `linear`, `position_based` and `time_decay`."""
    return (
        MultiTouchModel("linear", "Every touch the same", "Every touch counts the same.", equal),
        MultiTouchModel(
            "position_based",
            "First and last touch most",
            "The first and the last touch count 40 % each; those between share the rest.",
            mostly_first_and_last,
        ),
        MultiTouchModel(
            "time_decay",
            "Recent touches most",
            "A touch counts half as much for every 7 days that it lies before the order.",
            halved_each_week,
        ),
    )
