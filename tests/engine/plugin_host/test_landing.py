"""Blocks of landing pages: one that the core does not draw costs its page nothing but itself."""

from types import SimpleNamespace
from typing import Any

import pytest

from engine.plugin_api import Block, BlockLink, LandingView, PluginSettings
from engine.plugin_host import PluginFailedError, Registered
from engine.plugin_host.landing import ask_block, blocks_for

VIEW = LandingView("Corner Cups", "Friends", "Ann", "Tea", "en")
LINK = BlockLink("Shop", "https://shop.example")
ANY_BLOCK: Any = Block
ANY_LINK: Any = BlockLink


def noun(answer, plugin="acme"):
    def block(view, *, settings):
        if isinstance(answer, BaseException):
            raise answer
        return answer

    value: Any = SimpleNamespace(name="hint", title="Hint", block=block)
    return Registered(plugin, "1", value, "landing block hint")


def with_link(*values, **named):
    return Block("T", links=(ANY_LINK(*values, **named),))


GOOD = [
    None,
    Block("T"),
    Block("t" * 120, "x" * 4_000, (LINK,) * 24),
    with_link("Shop", "https://shop.example/" + "x" * 1_979, "d" * 120, "anything"),
]
BAD = {
    "a text": "a block",
    "a subclass, which may do anything": type("Mine", (Block,), {})("T"),
    "without a title": Block(""),
    "of a blank title": Block("  "),
    "of an endless title": Block("t" * 121),
    "of an endless text": Block("T", "x" * 4_001),
    "of no text": ANY_BLOCK("T", None),
    "with links in a list": ANY_BLOCK("T", "", [LINK]),
    "with too many links": Block("T", links=(LINK,) * 25),
    "with a link that is none": ANY_BLOCK("T", "", ("https://shop.example",)),
    "with a link without words": with_link(" ", "https://shop.example"),
    "with a link over http": with_link("Shop", "http://shop.example"),
    "with a link that is a program": with_link("Shop", "javascript:alert(1)"),
    "with a link that is too long": with_link("Shop", "https://" + "x" * 2_000),
    "with a link of two lines": with_link("Shop", "https://shop.example/\nx"),
    "with a link whose icon is no text": with_link("Shop", "https://shop.example", icon=None),
    "an error": ZeroDivisionError(),
    "an exit": SystemExit(),
}


@pytest.mark.parametrize("answer", GOOD)
def test_a_block_within_bounds_comes_through(answer):
    assert ask_block(noun(answer), VIEW, settings=PluginSettings()) == answer


@pytest.mark.parametrize("what", BAD)
def test_a_block_is_left_out_when_it_is(what):
    with pytest.raises(PluginFailedError):
        ask_block(noun(BAD[what]), VIEW, settings=PluginSettings())
    host: Any = SimpleNamespace(landing_blocks={"bad": noun(BAD[what]), "good": noun(Block("T"))})
    assert blocks_for(VIEW, host=host, settings={"acme": PluginSettings()}) == (Block("T"),)


def test_a_plugin_whose_settings_cannot_be_read_shows_nothing():
    host: Any = SimpleNamespace(landing_blocks={"a": noun(Block("A")), "b": noun(Block("B"), plugin="bolt")})
    assert blocks_for(VIEW, host=host, settings={"bolt": PluginSettings()}) == (Block("B"),)
