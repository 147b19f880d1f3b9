"""Where a request of ours may lead: origins, equal only after normalisation, and addresses of the public Internet."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from engine.kernel.errors import InputError

DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_ORIGIN: Final = re.compile(r"(https?)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?/?")

# `is_global` is true for all of these, though what stands behind them is an IPv4 address of anybody's choice, or no
# single machine at all.
_NOT_PUBLIC_4: Final = (ip_network("192.88.99.0/24"), ip_network("192.0.0.0/24"))
_GLOBAL_UNICAST: Final = ip_network("2000::/3")
_NOT_PUBLIC_6: Final = (
    ip_network("2001::/23"),  # Teredo and other protocols' own
    ip_network("2001:db8::/32"),
    ip_network("2002::/16"),  # 6to4
    ip_network("3fff::/20"),
)


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """Scheme, host and port of an address: lower case, the port always given, an IPv6 host without brackets."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if DEFAULT_PORTS[self.scheme] == self.port else f":{self.port}")


def parse_origin(text: str) -> Origin:
    """Return the origin that `text` writes, such as `https://shop.example` or `http://127.0.0.1:8080`.

    Raises:
        InputError: it is none: another scheme, a path, a user, a port beyond 65,535.
    """
    found = _ORIGIN.fullmatch(text.lower())
    if found is None:
        raise InputError(f"{text!r:.200} is no origin.", remedy="Write it as https://shop.example.")
    scheme, host, port = found.groups()
    number = int(port) if port else DEFAULT_PORTS[scheme]
    if not 0 < number < 65_536:
        raise InputError(f"{text!r:.200} names no port.", remedy="Ports go from 1 to 65535.")
    return Origin(scheme, host.strip("[]"), number)


def is_public(address: str) -> bool:
    """Say whether `address` belongs to one machine of the public Internet, and not to this host or its network.

    Addresses that carry an IPv4 address inside them (IPv4-mapped, NAT64, 6to4, Teredo) never count: they lead where
    somebody's gateway says. Nor do those with a zone (`%eth0`): only an address of this host's own network needs one.
    """
    if "%" in address:
        return False
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if not parsed.is_global or parsed.is_multicast or parsed.is_reserved:
        return False
    match parsed:
        case IPv4Address():
            return not any(parsed in network for network in _NOT_PUBLIC_4)
        case IPv6Address():
            inside = parsed in _GLOBAL_UNICAST and not any(parsed in network for network in _NOT_PUBLIC_6)
            return inside and not _is_isatap(parsed)


def _is_isatap(address: IPv6Address) -> bool:
    return address.packed[8:12] in (b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe")
