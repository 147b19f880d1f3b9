"""Where an ambassador can be found elsewhere, and who wrote about the brand, as blocks of landing pages."""

from engine.plugin_api import LandingBlock, PluginManifest, PluginSettings, hookimpl
from plugins.landing_social.blocks import SeenOn, SocialLinks
from plugins.landing_social.settings import LandingSocialSettings


@hookimpl
def manifest() -> PluginManifest:
    """Say who the plugin is."""
    return PluginManifest(
        name="landing_social",
        version="1.0.0",
        title="Profiles and press",
        summary="Shows on landing pages where the ambassador can be found, and who wrote about the brand.",
    )


@hookimpl
def settings_model() -> type[PluginSettings]:
    """Say which settings the plugin takes: whether profiles are shown, and the press."""
    return LandingSocialSettings


@hookimpl
def landing_blocks() -> tuple[LandingBlock, ...]:
    """Register the blocks `social_links` and `seen_on`."""
    return SocialLinks(), SeenOn()
