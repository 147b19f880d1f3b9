"""Blocks of an ambassador's landing page: plain data that the core checks, cleans and draws."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from engine.plugin_api.settings import PluginSettings


@dataclass(frozen=True, slots=True)
class LandingView:
    """A landing page as a block sees it: nothing that its visitors do not see as well.

    `name` is what the ambassador is called on the page, `language` a two-letter code, `code` the promo code if there is
    one. `links` are where the ambassador can be found elsewhere: up to 8 https addresses of up to 300 characters.
    """

    brand: str
    program: str
    name: str
    headline: str
    language: str
    links: tuple[str, ...] = ()
    code: str | None = None


@dataclass(frozen=True, slots=True)
class BlockLink:
    """A link in a block: its words, an https address, perhaps a few more words beside it.

    `icon` is one of `instagram`, `tiktok`, `youtube`, `mail` and `link`; any other shows as `link`.
    """

    label: str
    address: str
    detail: str = ""
    icon: str = "link"


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a landing page: a title of up to 120 characters, markdown of up to 4,000, up to 24 links."""

    title: str
    text: str = ""
    links: tuple[BlockLink, ...] = ()


@runtime_checkable
class LandingBlock(Protocol):
    """Something that plugins add to landing pages. `block` is pure: a page is drawn once for all its visitors."""

    name: str
    title: str

    def block(self, view: LandingView, *, settings: PluginSettings) -> Block | None:
        """Return the block for this page, or None where there is nothing to show."""
        ...
