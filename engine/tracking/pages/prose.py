"""What ambassadors and plugins write, as HTML that cannot do anything.

Pure. Markdown is read without HTML in it, then held to a short list of tags by a second, independent library: neither
alone is trusted.
"""

import re
from typing import Final

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token
from nh3 import Cleaner

_TAGS: Final = frozenset({"p", "br", "strong", "em", "a", "ul", "ol", "li", "blockquote", "h3"})
_SCHEMES: Final = ("http://", "https://")
REL: Final = "nofollow ugc noopener"
"""What stands on every link that somebody else wrote."""


def html_of(markdown: str) -> str:
    """Return a text in markdown as HTML: paragraphs, emphasis, lists, quotes, links, and headings of one level.

    Pictures, tables, code and HTML are not drawn; links lead to http and https only and vouch for nothing.
    """
    reader = MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": 12})
    reader.disable(["image", "code", "fence", "hr", "html_block", "html_inline", "entity"])
    tokens = reader.parse(markdown)
    for token in tokens:
        _flatten(token)
    drawn: str = reader.renderer.render(tokens, reader.options, {})
    cleaner = Cleaner(tags=set(_TAGS), attributes={"a": {"href"}}, attribute_filter=_kept, link_rel=REL)
    return str(cleaner.clean(drawn)).strip()


def words_of(markdown: str, *, longest: int) -> str:
    """Return the beginning of a text without its markdown, cut at a word, for where there is no room for more."""
    plain = nh3.clean(html_of(markdown).replace("</p>", " ").replace("<br>", " ").replace("</li>", " "), tags=set())
    line = " ".join(_unescaped(plain).split())
    if len(line) <= longest:
        return line
    return re.sub(r"\s+\S*$", "", line[:longest]).rstrip(" ,.;:-–") + "…"


def _flatten(token: Token) -> None:
    """Make every heading one of the third level: the page has its own first and second."""
    if token.type in {"heading_open", "heading_close"}:
        token.tag = "h3"


def _kept(tag: str, attribute: str, value: str) -> str | None:
    """Keep nothing but addresses of links, and only whole ones: a path, or `//host`, would lead into this site."""
    if tag == "a" and attribute == "rel":  # the cleaner's own
        return REL
    whole = tag == "a" and attribute == "href" and value.lower().startswith(_SCHEMES)
    return value if whole else None


def _unescaped(text: str) -> str:
    for entity, letter in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&nbsp;", " "), ("&amp;", "&")):
        text = text.replace(entity, letter)
    return text
