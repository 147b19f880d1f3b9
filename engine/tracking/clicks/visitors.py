"""By what a visitor is known again, and what is kept of the address.

Pure. A visitor key is 32 hexadecimal digits, of one brand only: 16 of the first visit, kept in a cookie, and 16 of the
network and browser under a key that changes every month. Who brings the cookie is known by all 32. Who brings none is
taken for a repeat of whoever shares the last 16, so that throwing cookies away does not make clicks; but the first 16
are their own, so nobody is credited by what a stranger behind the same address did.

Those begin with the millisecond of the first visit and a few drawn bits, put off by a span that is each brand's own
secret. So keys of new visitors lie side by side in an index, and a hundred of them are written with a page or two.
"""

import random
import re
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from hashlib import blake2s
from hmac import compare_digest
from ipaddress import IPv4Network, IPv6Address, ip_address, ip_network
from secrets import token_bytes
from typing import Final, NamedTuple

from engine.kernel.clock import microseconds
from engine.tracking.site.tables import KeptAddress

VISITOR_COOKIE: Final = "gw_v"
CONSENT_COOKIE: Final = "gw_consent"
COOKIE_DAYS: Final = 90

_HALF: Final = 16
_TIME: Final = 11
"""How many hexadecimal digits the millisecond of a first visit takes: enough for 500 years."""
_LATEST: Final = 16**_TIME - 1
_LARGEST: Final = 16**_HALF - 1
_APART_BITS: Final = 4 * (_HALF - _TIME)
_OCTET: Final = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4: Final = re.compile(rf"((?:{_OCTET}\.){{3}}){_OCTET}", re.ASCII)

_NOTHING: Final = KeptAddress.NOTHING
_HASHED: Final = KeptAddress.HASHED
"""By names of their own: each look into an enumeration is a call, and here every click pays for it."""


class Source(NamedTuple):
    """Where a visit came from: address and user agent, when it came, the cookie that it brought."""

    address: str
    agent: str
    at: datetime
    cookie: str | None


class Visitor(NamedTuple):
    """Who came, as far as may be known.

    `key` is kept with the click, `address` is what is kept of the address. `cookie` is new, None where the visitor has
    one.
    """

    key: str
    address: str | None
    cookie: str | None


class VisitorKeys:
    """The installation's keys by which visitors are known; `key` gives one by its purpose (`Keyring.key`)."""

    __slots__ = ("_key", "_of_month", "cookie", "visitor")

    def __init__(self, key: Callable[[str], bytes]) -> None:
        self.visitor, self.cookie = key("visitor"), key("visitor-cookie")
        self._key = key
        self._of_month: dict[tuple[str, int, int], bytes] = {}

    def of_month(self, purpose: str, at: datetime) -> bytes:
        """Return the key of a purpose in the month of an instant."""
        month = purpose, at.year, at.month
        found = self._of_month.get(month)
        if found is None:
            found = self._of_month[month] = self._key(f"{purpose}:{at.year}-{at.month:02d}")
        return found


def visitor_of(source: Source, *, brand: bytes, kept: KeptAddress, keys: VisitorKeys) -> Visitor:
    """Return who came to a brand. Nothing of the address is used where nothing of it may be kept."""
    came_from, agent, at, cookie = source
    network = None if kept is _NOTHING else shortened(came_from)
    address = _hashed(came_from, keys.of_month("address", at)) if kept is _HASHED else network
    brought = _read(cookie, keys.cookie) if cookie else None
    if brought:
        own = _stored(int(brought[:_HALF], 16), brought[_HALF:], brand=brand, key=keys.visitor)
        return Visitor(own, address, None)
    if kept is _NOTHING:
        place = token_bytes(_HALF // 2).hex()
    else:
        place = _half(f"{network}\n{agent}".encode("utf-8", "surrogatepass"), keys.of_month("visitor", at))
    millisecond = microseconds(at) // 1_000 & _LATEST
    # not secret, only different: it keeps apart who comes from one place within a millisecond
    first = millisecond << _APART_BITS | random.getrandbits(_APART_BITS)
    drawn = f"{first:016x}{place}"
    own = _stored(first, place, brand=brand, key=keys.visitor)
    return Visitor(own, address, drawn + _half(drawn.encode(), keys.cookie))


def shortened(address: str) -> str | None:
    """Return the network of an address, /24 or for IPv6 /48, or None for what is no address."""
    plain = _IPV4.fullmatch(address)
    return f"{plain[1]}0/24" if plain else _shortened_ipv6(address)


@lru_cache(maxsize=4_096)
def _shortened_ipv6(address: str) -> str | None:
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return str(ip_network((parsed, 48), strict=False))
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else parsed
    return str(IPv4Network((mapped, 24), strict=False)) if mapped else None


def _hashed(address: str, key: bytes) -> str:
    return blake2s(address.encode("utf-8", "surrogatepass"), key=key, digest_size=16).hexdigest()


def _read(cookie: str, key: bytes) -> str | None:
    """Return what a cookie says, or None for one that we did not write."""
    drawn, tag = cookie[: 2 * _HALF], cookie[2 * _HALF :]
    return drawn if cookie.isascii() and compare_digest(tag, _half(drawn.encode(), key)) else None


def _stored(first: int, place: str, *, brand: bytes, key: bytes) -> str:
    """Return the key of a visitor with one brand: without its secret it cannot be matched with another brand's."""
    began = (first + _put_off(brand, key)) & _LARGEST
    return f"{began:016x}{_half(brand + place.encode(), key)}"


@lru_cache(maxsize=1_024)
def _put_off(brand: bytes, key: bytes) -> int:
    """Return by how much the first visits of a brand are put off."""
    return int(_half(b"first visit" + brand, key), 16)


def _half(said: bytes, key: bytes) -> str:
    return blake2s(said, key=key, digest_size=_HALF // 2).hexdigest()
