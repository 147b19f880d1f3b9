"""A plugin for tests of landing pages: a shop that applies codes by its address, and blocks good and bad."""

from types import SimpleNamespace
from urllib.parse import quote, urlsplit

from engine.plugin_api import Block, BlockLink, Capability, PluginManifest, PluginSettings, hookimpl


class Shop:
    """Applies codes as Shopify does: by an address that redirects. `way` says how it misbehaves."""

    name = "page_shop"
    title = "Shop of the tests"
    capabilities = frozenset({Capability.CODE_LINKS})

    def parse(self, body, *, topic, settings):
        return ()

    def code_address(self, destination, *, code, settings):
        parts = urlsplit(destination)
        match settings.way:
            case "elsewhere":
                return f"https://evil.example/discount/{code}"
            case "broken":
                raise RuntimeError("no such code")
            case "nothing":
                return None
            case "coupon":
                address, mark, fragment = destination.partition("#")
                return f"{address}&coupon={code}{mark}{fragment}"
        rest = f"{parts.path}?{parts.query}" if parts.query else parts.path
        return f"https://{parts.netloc}/discount/{quote(code)}?redirect={quote(rest, safe='')}"


class Settings(PluginSettings):
    way: str = "redirect"
    block: str = "good"


class PageBlock:
    name = "page_block"
    title = "Block of the tests"

    def block(self, view, *, settings):
        answers = {
            "good": Block(
                f"Hello {view.name}", "**Yes** <script>", (BlockLink("Site", "https://a.example", icon="x"),)
            ),
            "none": None,
            "no block": SimpleNamespace(title="x", text="", links=()),
            "no title": Block(" "),
            "long": Block("x" * 121),
            "long text": Block("x", "y" * 4_001),
            "list": Block("x", links=[]),  # type: ignore[arg-type]
            "code": Block("x", links=(BlockLink("x", "javascript:alert(1)"),)),
            "plain http": Block("x", links=(BlockLink("x", "http://a.example"),)),
            "no words": Block("x", links=(BlockLink("", "https://a.example"),)),
            "not text": Block(7),  # type: ignore[arg-type]
        }
        return answers[settings.block]


@hookimpl
def manifest():
    return PluginManifest(name="page_shop", version="1", title="Shop of the tests", summary="For tests.")


@hookimpl
def settings_model():
    return Settings


@hookimpl
def connectors():
    return (Shop(),)


@hookimpl
def landing_blocks():
    return (PageBlock(),)
