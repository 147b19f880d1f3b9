"""By what a visitor is known again, and what is kept of the address.

Pure. A visitor key is 32 hexadecimal digits, of one brand only: 16 of the network and browser under a key that changes
every month, and 16 drawn at the first visit and kept in a cookie. Who brings the cookie is known by all 32. Who brings
none is taken for a repeat of whoever shares the first 16, so that throwing cookies away does not make clicks; but the
other 16 are their own, so nobody is credited by what a stranger behind the same address did.
"""

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, ip_address, ip_network
from typing import Final

from engine.tracking.site.tables import KeptAddress

VISITOR_COOKIE: Final = "gw_v"
CONSENT_COOKIE: Final = "gw_consent"
COOKIE_DAYS: Final = 90

_HALF: Final = 16
_TAG: Final = 16

Key = Callable[[str], bytes]
"""Gives the installation's key of a purpose (`Keyring.key`)."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who came, as far as may be known: the key, between which keys an earlier click of theirs lies, the new cookie."""

    key: str
    lowest: str
    highest: str
    cookie: str | None


@dataclass(frozen=True, slots=True)
class Source:
    """Where a visit came from: address and user agent, the month in which (`YYYY-MM`), the cookie that it brought."""

    address: str
    agent: str
    month: str
    cookie: str | None


def visitor_of(source: Source, *, brand: bytes, kept: KeptAddress, key: Key) -> Visitor:
    """Return who came. Nothing of the address is used where nothing of it may be kept."""
    brought = _read(source.cookie, key("visitor-cookie")) if source.cookie else None
    if brought:
        own = _stored(brought, brand=brand, key=key("visitor"))
        return Visitor(own, own, own, None)
    if kept is KeptAddress.NOTHING:
        place = secrets.token_hex(_HALF // 2)
    else:
        said = f"{shortened(source.address)}\n{source.agent}".encode("utf-8", "surrogatepass")
        place = hmac.digest(key(f"visitor:{source.month}"), said, "sha256").hex()[:_HALF]
    drawn = place + secrets.token_hex(_HALF // 2)
    own = _stored(drawn, brand=brand, key=key("visitor"))
    return Visitor(own, own[:_HALF], f"{own[:_HALF]}g", drawn + _tag(drawn, key("visitor-cookie")))


def kept_address(source: Source, *, kept: KeptAddress, key: Key) -> str | None:
    """Return what is stored of an address: its network, its hash under the month's key, or nothing."""
    match kept:
        case KeptAddress.SHORTENED:
            return shortened(source.address)
        case KeptAddress.HASHED:
            said = source.address.encode("utf-8", "surrogatepass")
            return hmac.digest(key(f"address:{source.month}"), said, "sha256").hex()[:32]
        case KeptAddress.NOTHING:
            return None


@lru_cache(maxsize=4_096)
def shortened(address: str) -> str | None:
    """Return the network of an address, /24 or for IPv6 /48, or None for what is no address."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is None:
            return str(ip_network((parsed, 48), strict=False))
        parsed = parsed.ipv4_mapped
    return str(IPv4Network((parsed, 24), strict=False))


def _read(cookie: str, key: bytes) -> str | None:
    """Return what a cookie says, or None for one that we did not write."""
    drawn, tag = cookie[: 2 * _HALF], cookie[2 * _HALF :]
    if not cookie.isascii() or len(cookie) != 2 * _HALF + _TAG or not hmac.compare_digest(tag, _tag(drawn, key)):
        return None
    return drawn


def _tag(drawn: str, key: bytes) -> str:
    return hmac.digest(key, drawn.encode(), "sha256").hex()[:_TAG]


def _stored(drawn: str, *, brand: bytes, key: bytes) -> str:
    """Return the key of a visitor with one brand: no brand's clicks can be matched with another's."""
    place = hmac.digest(key, brand + drawn[:_HALF].encode(), "sha256").hex()[:_HALF]
    return place + hmac.digest(key, brand + drawn.encode(), "sha256").hex()[:_HALF]
