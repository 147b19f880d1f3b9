"""The checks of a block of landing pages."""

from dataclasses import replace
from typing import Final

from engine.plugin_api import Block, LandingBlock, LandingView, PluginSettings
from engine.plugin_host.landing import ask_block
from engine.testing.checks.noun import NounCase
from engine.testing.conformance import require
from engine.testing.watch import listening, secrets_in

_LANGUAGES: Final = ("en", "de", "ar", "zz", "")
_TYPED: Final = (
    "", " ", "n" * 300, "José 山田", "</div><script>alert(1)</script>", "[me](javascript:alert(1))", "a\nb\x00c",
    "\u202eevil", "{name} {0} %s", "\ud800",
)  # fmt: skip
_ADDRESSES: Final = (
    "https://www.instagram.com/ann.lee", "https://ann.example", "https://xn--mnchen-3ya.example/%00", "https://x.com/a/b",
    "https://" + "a." * 100 + "example/", "https://instagram.com.evil.example/ann", "https://youtube.com/@a?x=1#<b>",
    "https://ann.example/?q=" + "x" * 277,
)  # fmt: skip
"""As many as a page may have, and as long as they may be."""


class LandingBlockConformance(NounCase):
    """Everything that the host expects of a block of landing pages.

    `view` is a page that shows it with `settings`; `block` is only needed where the plugin registers several::

        class TestMine(LandingBlockConformance):
            plugin = mine
            settings = MineSettings(…)
    """

    hook = "landing_blocks"
    word = "landing block"
    attribute = "block"
    block: LandingBlock
    settings: PluginSettings = PluginSettings()
    view: LandingView = LandingView(
        brand="Corner Cups", program="Friends", name="Ann Lee", headline="Tea, mostly", language="en",
        links=("https://www.instagram.com/ann.lee", "https://ann.example/about"), code="ANN10",
    )  # fmt: skip

    def ask_everything(self) -> object:
        """Ask for the block of every page."""
        return [self.asked(page) for page in self.pages()]

    def test_a_page_shows_it(self) -> None:
        """There is a page with something to show, or the other checks would prove nothing."""
        remedy = "Set `view` and `settings` to a page and a brand that show the block."
        require(self.asked(self.view) is not None, "The block shows nothing on the page of `view`.", remedy=remedy)

    def test_whatever_people_typed_the_core_can_draw_it(self) -> None:
        """Names, headlines and addresses come from strangers: a block within its bounds comes of each, or none."""
        for text in _TYPED:
            self.asked(replace(self.view, name=text, brand=text, program=text, headline=text))
        for links in ((), *((address,) for address in _ADDRESSES), _ADDRESSES):
            self.asked(replace(self.view, links=links))

    def test_a_page_is_the_same_whichever_was_drawn_before(self) -> None:
        """A page is drawn once for all its visitors: nothing on it is left over from another one."""
        pages = self.pages()
        first = [self.asked(page) for page in pages]
        again = [self.asked(page) for page in reversed(pages)][::-1]
        require(first == again, "One page got two blocks.", remedy="Let the block depend on the view and the settings.")

    def test_no_secret_is_on_the_page_or_told(self) -> None:
        """What the settings hold in confidence stands on no page, in no log line and in no error."""
        with listening() as said:
            said.more += [repr(self.asked(page)) for page in self.pages()]
        told = [f"{secret[:2]}…" for secret in secrets_in(self.settings) if secret in said]
        require(not told, f"A secret is on the page or was told: {told}.", remedy="Leave secrets out.")

    def pages(self) -> list[LandingView]:
        """Return pages in several languages, with and without addresses and a code."""
        spoken = [replace(self.view, language=language) for language in _LANGUAGES]
        bare = [replace(self.view, links=()), replace(self.view, code=None), replace(self.view, links=(), code=None)]
        return [self.view, *spoken, *bare]

    def asked(self, view: LandingView) -> Block | None:
        """Return what the core would draw on a page.

        Raises:
            AssertionError: the answer breaks the contract.
        """
        __tracebackhide__ = True
        otherwise = f"Mind the bounds of Block and BlockLink: this page would be shown without it: {view!r:.300}."
        return self.ask_host(lambda: ask_block(self.registered(), view, settings=self.settings), otherwise=otherwise)
