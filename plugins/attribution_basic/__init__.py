"""The attribution models that every installation starts with: the policy's signals in their order, one winner."""

from engine.plugin_api import AttributionModel, PluginManifest, hookimpl
from plugins.attribution_basic.model import BasicModel, FirstModel, FirstStrictModel


@hookimpl
def manifest() -> PluginManifest:
    """Say who the plugin is."""
    return PluginManifest(
        name="attribution_basic",
        version="1.1.0",
        title="Basic attribution",
        summary="Gives the whole order to one ambassador: whoever the first signal of the policy points to.",
    )


@hookimpl
def attribution_models() -> tuple[AttributionModel, ...]:
    """Register the models `basic`, `first` and `first_strict`."""
    return (BasicModel(), FirstModel(), FirstStrictModel())
