"""Blocks of the house are what the core draws, whatever people typed."""

from engine.testing.landing import LandingBlockConformance
from plugins import landing_social
from plugins.landing_social.blocks import SeenOn, SocialLinks
from plugins.landing_social.settings import LandingSocialSettings

SETTINGS = LandingSocialSettings.model_validate(
    {"seen_on": [{"name": "The Daily Cup", "address": "https://press.example/cups", "quote": "Good tea."}]}
)


class TestSocialLinks(LandingBlockConformance):
    plugin = landing_social
    block = SocialLinks()
    settings = SETTINGS


class TestSeenOn(LandingBlockConformance):
    plugin = landing_social
    block = SeenOn()
    settings = SETTINGS
