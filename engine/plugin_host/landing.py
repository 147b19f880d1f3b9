"""Asks plugins what a landing page shows beside story and products, and holds the answers to the contract.

A landing page is an edge: whatever goes wrong here costs the page that block and nothing else.
"""

from functools import partial
from typing import Final
from uuid import UUID

import structlog

from engine.kernel.crypto import Keyring
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import GoodwordError
from engine.plugin_api import Block, BlockLink, LandingBlock, LandingView, PluginSettings
from engine.plugin_host.guard import ContractBreachError, Registered, reason_of
from engine.plugin_host.registry import PluginHost
from engine.plugin_host.service import settings_for

LONGEST_TITLE: Final = 120
LONGEST_TEXT: Final = 4_000
MOST_LINKS: Final = 24

_log = structlog.get_logger(__name__)


def block_settings(
    unit: UnitOfWork, brand_id: UUID, *, host: PluginHost, keyring: Keyring
) -> dict[str, PluginSettings]:
    """Return what the brand told each plugin that brings blocks, by plugin; those it cannot be read of are left out."""
    found: dict[str, PluginSettings] = {}
    for plugin in {noun.plugin for noun in host.landing_blocks.values()}:
        try:
            found[plugin] = settings_for(unit, brand_id, plugin=plugin, host=host, keyring=keyring)
        except GoodwordError as error:
            _log.warning("landing_settings_missing", plugin=plugin, reason=reason_of(error))
    return found


def blocks_for(view: LandingView, *, host: PluginHost, settings: dict[str, PluginSettings]) -> tuple[Block, ...]:
    """Return the blocks that plugins have for this page, by plugin and name; one that fails is left out."""
    blocks = (
        noun.offer(partial(_asked, view=view, settings=settings[noun.plugin]), None)
        for noun in host.landing_blocks.values()
        if noun.plugin in settings
    )
    return tuple(block for block in blocks if block is not None)


def ask_block(noun: Registered[LandingBlock], view: LandingView, *, settings: PluginSettings) -> Block | None:
    """Return the block for this page, None where there is nothing to show.

    Raises:
        PluginFailedError: the plugin broke, or gave what the core does not draw.
        GoodwordError: what the plugin raised on purpose.
    """
    return noun.ask(partial(_asked, view=view, settings=settings))


def _asked(value: LandingBlock, *, view: LandingView, settings: PluginSettings) -> Block | None:
    answer: object = value.block(view, settings=settings)
    if answer is None:
        return None
    if type(answer) is not Block:
        raise ContractBreachError(f"its block is {answer!r:.60}, no Block")
    if not (_text(answer.title, LONGEST_TITLE) and answer.title.strip() and _text(answer.text, LONGEST_TEXT)):
        raise ContractBreachError("its block has no title, or one or a text that is too long")
    links: object = answer.links
    if not isinstance(links, tuple) or len(links) > MOST_LINKS or not all(map(_link, links)):
        raise ContractBreachError("a link of its block has no words, or leads to no https address")
    return answer


def _link(value: object) -> bool:
    return (
        type(value) is BlockLink
        and _text(value.label, LONGEST_TITLE)
        and bool(value.label.strip())
        and _text(value.detail, LONGEST_TITLE)
        and _text(value.icon, 40)
        and _text(value.address, 2_000)
        and value.address.startswith("https://")
        and value.address.isprintable()
    )


def _text(value: object, longest: int) -> bool:
    return type(value) is str and len(value) <= longest
