"""The two blocks: profiles of the ambassador, press of the brand."""

from types import MappingProxyType
from typing import Final

from engine.plugin_api import Block, BlockLink, LandingView, PluginSettings
from plugins.landing_social.networks import profile_of
from plugins.landing_social.settings import LandingSocialSettings

_FOLLOW: Final = MappingProxyType(
    {
        "en": "Find {name} here",
        "de": "Hier findest du {name}",
        "fr": "Retrouvez {name} ici",
        "es": "Encuentra a {name} aquí",
        "it": "Trova {name} qui",
        "nl": "Vind {name} hier",
        "pt": "Encontra {name} aqui",
        "pl": "Tu znajdziesz: {name}",
        "sv": "Här hittar du {name}",
        "da": "Find {name} her",
    }
)
_SEEN: Final = MappingProxyType(
    {
        "en": "They wrote about {brand}",
        "de": "Über {brand} schrieben",
        "fr": "Ils parlent de {brand}",
        "es": "Hablan de {brand}",
        "it": "Parlano di {brand}",
        "nl": "Zij schreven over {brand}",
        "pt": "Falam de {brand}",
        "pl": "Piszą o {brand}",
        "sv": "De skrev om {brand}",
        "da": "De skrev om {brand}",
    }
)
_LONGEST_TITLE: Final = 120


class SocialLinks:
    """The ambassador's profiles, in the order in which they were written."""

    name = "social_links"
    title = "Profiles of the ambassador"

    def block(self, view: LandingView, *, settings: PluginSettings) -> Block | None:
        """Return a link for each profile; None where there is none, or where the brand shows none."""
        if not (isinstance(settings, LandingSocialSettings) and settings.show_profiles):
            return None
        profiles = [profile for address in view.links if (profile := profile_of(address))]
        links = tuple(BlockLink(one.label, one.address, one.detail, one.icon) for one in profiles)
        return Block(_said(_FOLLOW, view, name=view.name), links=links) if links else None


class SeenOn:
    """Press that the brand named, the same on all its pages."""

    name = "seen_on"
    title = "Press of the brand"

    def block(self, view: LandingView, *, settings: PluginSettings) -> Block | None:
        """Return a link for each mention; None where the brand named none."""
        if not (isinstance(settings, LandingSocialSettings) and settings.seen_on):
            return None
        links = tuple(BlockLink(one.name, one.address, one.quote) for one in settings.seen_on)
        return Block(_said(_SEEN, view, brand=view.brand), links=links)


def _said(words: MappingProxyType[str, str], view: LandingView, **names: str) -> str:
    sentence = words.get(view.language, words["en"])
    for key, value in names.items():
        sentence = sentence.replace(f"{{{key}}}", value)
    return sentence[:_LONGEST_TITLE]
