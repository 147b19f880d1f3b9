"""What a visit says about itself: whether a person came by it, and what was odd.

Pure. What a browser sends of itself (`Sec-Fetch-…`) cannot be set by a page's script, so a picture or a frame that
fetches a link in secret gives itself away. Nothing here proves a person; it keeps out what says that it is none.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

LONGEST_AGENT: Final = 300
LONGEST_REFERRER: Final = 200

Headers = Mapping[str, Any]
"""The headers of a request by their names in CGI and WSGI, such as `HTTP_USER_AGENT`; one that is missing is absent."""


class Reason(StrEnum):
    """Why a click does not count. Only a `repeat` is still a visit by which an order may have come."""

    HEAD = "head"
    PREFETCH = "prefetch"
    BOT = "bot"
    EMBEDDED = "embedded"
    EXPIRED = "expired"
    REPEAT = "repeat"


class Signal(StrEnum):
    """What is odd about a click.

    `no_activation`: the browser says that nobody clicked. So it is with a page that sends itself on, as cookie stuffing
    does, but with t.co and with apps that open links in a window of their own as well: it does not count against the
    click by itself. The others say what fetched a link in secret.
    """

    NO_ACTIVATION = "no_activation"
    AS_FRAME = "as_frame"
    AS_IMAGE = "as_image"
    AS_SCRIPT = "as_script"
    BY_FETCH = "by_fetch"


class Visit(NamedTuple):
    """What was made of a request: why it does not count (None: it does), what is odd, and what it says of itself."""

    reason: Reason | None
    signal: Signal | None
    agent: str
    referrer: str | None


_BOT: Final = re.compile(
    r"""
    (?<!cu)bot\b | bot[/_-] | crawl | spider | slurp | scraper | scrapy | archiver | \bindexer | monitor | uptime
    | pingdom | lighthouse | pagespeed | headless | phantomjs | puppeteer | playwright | selenium | webdriver
    | validator | preview | facebookexternalhit | facebookcatalog | facebot | meta-external | whatsapp/ | slack-
    | telegram | discordapp | embedly | iframely | vkshare | hootsuite | mediapartners | google-\w | googleother
    | apis-google | feedfetcher | yandex(?:images|metrika|direct) | duckduckgo-favicons | ia_archiver
    | curl/ | wget | python | aiohttp | httpx | urllib | go-http | okhttp | libwww | lwp | java/ | jakarta | axios
    | node-fetch | undici | got\s\( | guzzle | php/ | ruby | perl | winhttp | cfnetwork | dalvik/ | postman | insomnia
    | ms-office | microsoft\soffice | safelinks | proofpoint | mimecast | barracuda | urlscan | virustotal | zgrab
    """,
    re.IGNORECASE | re.VERBOSE,
)
_FETCHED_AS: Final = {
    "image": Signal.AS_IMAGE,
    "iframe": Signal.AS_FRAME,
    "frame": Signal.AS_FRAME,
    "embed": Signal.AS_FRAME,
    "object": Signal.AS_FRAME,
    "fencedframe": Signal.AS_FRAME,
    "script": Signal.AS_SCRIPT,
    "style": Signal.AS_SCRIPT,
}
_EARLY: Final = frozenset({"HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_PURPOSE", "HTTP_X_MOZ"})
_SAYS_WHO_CLICKED: Final = ("Chrome/", "Firefox/")


def visit_of(method: str, headers: Headers) -> Visit:
    """Return what a request for a link or page says about itself."""
    agent = printable(headers.get("HTTP_USER_AGENT", ""), LONGEST_AGENT)
    referrer = headers.get("HTTP_REFERER")
    origin = origin_of(referrer) if referrer else None
    if method == "HEAD":
        return Visit(Reason.HEAD, None, agent, origin)
    if not _EARLY.isdisjoint(headers) and any(_is_early(headers[name]) for name in _EARLY.intersection(headers)):
        return Visit(Reason.PREFETCH, None, agent, origin)
    if is_bot(agent):
        return Visit(Reason.BOT, None, agent, origin)
    if "HTTP_SEC_FETCH_MODE" not in headers and "HTTP_SEC_FETCH_DEST" not in headers:
        return Visit(None, None, agent, origin)  # a browser that says nothing of itself, such as an older Safari
    return _by_fetch(headers, agent, origin)


@lru_cache(maxsize=4_096)
def is_bot(agent: str) -> bool:
    """Tell whether a user agent names a crawler, what fetches the preview of a link, a tool, or nothing at all."""
    return len(agent) < 10 or _BOT.search(agent) is not None


@lru_cache(maxsize=4_096)
def origin_of(referrer: str) -> str | None:
    """Return scheme and host of a referrer: what site a visitor came from, and never which page of it."""
    try:
        parts = urlsplit(referrer)
    except ValueError:
        return None
    if parts.scheme not in {"http", "https", "android-app"} or not parts.netloc:
        return None
    place = parts.netloc.rpartition("@")[2]
    return printable(f"{parts.scheme}://{place}", LONGEST_REFERRER)


def printable(text: str, longest: int) -> str:
    """Return at most `longest` characters of a header, and a ? for each that has no place in a line of text."""
    cut = text[:longest]
    return cut if cut.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in cut)


def _is_early(purpose: str) -> bool:
    """Tell whether a browser fetches something before anybody asked for it."""
    said = purpose.lower()
    return "prefetch" in said or "prerender" in said or "preview" in said


def _by_fetch(headers: Headers, agent: str, origin: str | None) -> Visit:
    """Return a visit by what the browser says of how the address was asked for (Fetch Metadata)."""
    mode, dest = headers.get("HTTP_SEC_FETCH_MODE", "navigate"), headers.get("HTTP_SEC_FETCH_DEST", "document")
    if mode != "navigate" or dest != "document":
        return Visit(Reason.EMBEDDED, _FETCHED_AS.get(dest, Signal.BY_FETCH), agent, origin)
    clicked = headers.get("HTTP_SEC_FETCH_USER") == "?1" or not any(name in agent for name in _SAYS_WHO_CLICKED)
    return Visit(None, None if clicked else Signal.NO_ACTIVATION, agent, origin)
