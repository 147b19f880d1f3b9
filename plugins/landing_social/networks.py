"""Which network an address belongs to, and what somebody is called there.

Pure. An address of no known network is shown by its host; nothing is looked up.
"""

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True, slots=True)
class Network:
    """A network by its name, and the icon that stands for it."""

    name: str
    icon: str = "link"


@dataclass(frozen=True, slots=True)
class Profile:
    """An address with the words that it is shown by."""

    label: str
    detail: str
    icon: str
    address: str


NETWORKS: Final = MappingProxyType(
    {
        "instagram.com": Network("Instagram", "instagram"),
        "tiktok.com": Network("TikTok", "tiktok"),
        "youtube.com": Network("YouTube", "youtube"),
        "facebook.com": Network("Facebook"),
        "pinterest.com": Network("Pinterest"),
        "threads.net": Network("Threads"),
        "threads.com": Network("Threads"),
        "twitch.tv": Network("Twitch"),
        "linkedin.com": Network("LinkedIn"),
        "x.com": Network("X"),
        "bsky.app": Network("Bluesky"),
        "strava.com": Network("Strava"),
        "substack.com": Network("Substack"),
    }
)
_HANDLE: Final = re.compile(r"@?([A-Za-z0-9._-]{2,40})")
_PREFIXES: Final = frozenset({"in", "c", "channel", "user", "profile", "athletes"})
"""Folders in which networks keep profiles; the name comes after them."""


def profile_of(address: str) -> Profile | None:
    """Return how an address is shown, or None for what is no https address."""
    try:
        parts = urlsplit(address)
        host = (parts.hostname or "").removeprefix("www.").removeprefix("m.")
    except ValueError:
        return None
    if parts.scheme != "https" or "." not in host or not address.isprintable():
        return None
    network = _network(host)
    if network is None:
        return Profile(host[:120], "", "link", address)
    return Profile(network.name, _handle(parts.path), network.icon, address)


def _network(host: str) -> Network | None:
    return next((known for domain, known in NETWORKS.items() if host == domain or host.endswith(f".{domain}")), None)


def _handle(path: str) -> str:
    steps = [unquote(step) for step in path.split("/") if step]
    if len(steps) > 1 and steps[0].casefold() in _PREFIXES:
        steps = steps[1:]
    found = _HANDLE.fullmatch(steps[0]) if len(steps) == 1 else None
    return f"@{found[1]}" if found else ""
