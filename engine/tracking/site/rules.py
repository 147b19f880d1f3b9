"""Which hosts belong to a brand, in the one form that a browser would ask a name server for.

Pure. A domain is a host, with its subdomains and perhaps a port: `shop.example.com`, `localhost:3000`; of hosts that
strangers share page by page it is one page. Hosts are folded here as browsers fold them (UTS 46), so that what was
compared is what is asked; what they read as a number but do not write so (`0x7f.1`, `127.1`) is refused.
"""

import re
from collections.abc import Collection
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

import idna

from engine.kernel.errors import InputError

LONGEST_HOST: Final = 253
MOST_DOMAINS: Final = 20

_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_AUTHORITY: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]/?#@\\\s]+)(?::([0-9]{1,5}))?")
_PRIVATE_ENDINGS: Final = ("localhost", "local", "internal", "lan", "home.arpa", "test")
_SHARED: Final = frozenset(
    """
    myshopify.com shopifypreview.com wordpress.com wpcomstaging.com squarespace.com wixsite.com webflow.io
    bigcartel.com ecwid.com square.site jimdosite.com weebly.com blogspot.com github.io gitlab.io pages.dev
    workers.dev netlify.app vercel.app herokuapp.com fly.dev onrender.com web.app firebaseapp.com azurewebsites.net
    amazonaws.com cloudfront.net stripe.com bit.ly t.co linktr.ee
    co.uk org.uk me.uk ltd.uk com.au net.au org.au co.nz co.za com.br com.mx com.ar com.tr com.sg com.my com.hk com.tw
    com.cn com.pl com.ua com.pt com.es co.jp ne.jp or.jp co.kr co.in co.id co.il co.th com.vn com.ph eu.com uk.com
    """.split()  # noqa: SIM905 - a list of names reads better as words
)
"""Names under which strangers have shops and sites too: a brand lists its own name below one, never the whole."""
_BY_PAGE: Final = frozenset({"buy.stripe.com", "book.stripe.com", "donate.stripe.com"})
"""Hosts that strangers share page by page: a brand lists each page of its own, `buy.stripe.com/abc123`."""
_PAGE: Final = re.compile(r"/[A-Za-z0-9_-]{1,100}")


class DomainRefusedError(InputError):
    """A text that cannot be one of a brand's domains."""

    def __init__(self, text: str, problem: str, remedy: str) -> None:
        self.text = text
        super().__init__(problem, field="domains", remedy=remedy)


def checked_domain(text: str) -> str:
    """Return `text` as a domain of a brand: the host in ASCII, with its port where one was given.

    A whole address is taken too; what follows the host is dropped unless the host is shared page by page. Ports 80 and
    443 go without saying.

    Raises:
        DomainRefusedError: it is no host, or one that many strangers share.
    """
    plain = re.sub(r"^https?://", "", text.strip(), flags=re.IGNORECASE)
    place = re.split(r"[/?#]", plain, maxsplit=1)[0]
    found = _AUTHORITY.fullmatch(place)
    host = plain_host(found[1]) if found else None
    port = _port(found[2]) if found else None
    if host is None or port is None:
        raise DomainRefusedError(text, f"{text!r} is not a host.", "Write it like shop.example.com.")
    if host in _SHARED:
        raise DomainRefusedError(text, f"Strangers have sites under {host} too.", f"Write your own: name.{host}.")
    if host in _BY_PAGE:
        page = re.split(r"[?#]", plain.removeprefix(place), maxsplit=1)[0]
        if not _PAGE.fullmatch(page):
            remedy = f"Write the whole address of each of yours: {host}/…"
            raise DomainRefusedError(text, f"Strangers take payments under {host} too.", remedy)
        return f"{host}{page}"
    if "." not in host and not is_private(host):
        raise DomainRefusedError(text, f"{host} is a whole top-level domain.", "Write it like shop.example.com.")
    return host if port in {0, 80, 443} else f"{host}:{port}"


def checked_domains(texts: Collection[str]) -> list[str]:
    """Return every text as a domain, in their order and each once.

    Raises:
        DomainRefusedError: one is no domain, or there are too many.
    """
    found = list(dict.fromkeys(map(checked_domain, texts)))
    if len(found) > MOST_DOMAINS:
        raise DomainRefusedError(found[-1], f"These are {len(found)} domains.", f"List at most {MOST_DOMAINS}.")
    return found


@lru_cache(maxsize=10_000)
def plain_host(text: str) -> str | None:
    """Return a host in lower-case ASCII as a browser would ask for it, or None for what is no host.

    IPv6 addresses stand in brackets. A name that ends in a number must be an IPv4 address in its usual writing.
    """
    if text.startswith("["):
        address = _address(text.removeprefix("[").removesuffix("]"))
        return f"[{address}]" if isinstance(address, IPv6Address) and not address.scope_id else None
    host = text.lower() if text.isascii() else _in_ascii(text)
    if host is None or not 0 < len(host) <= LONGEST_HOST:
        return None
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        address = _address(host)
        return str(address) if isinstance(address, IPv4Address) and str(address) == host else None
    return host if all(_LABEL.fullmatch(label) and _is_read_back(label) for label in labels) else None


def is_private(host: str) -> bool:
    """Tell whether a plain host is of this machine or network, where nobody gives out certificates."""
    address = _address(host.removeprefix("[").removesuffix("]"))
    if address is not None:
        return address.is_private or address.is_loopback
    return host == "localhost" or host.endswith(tuple(f".{end}" for end in _PRIVATE_ENDINGS))


def is_within(host: str, *, port: int | None, path: str, domains: Collection[str]) -> bool:
    """Tell whether a plain host is one of `domains` (of `checked_domain`) or below one, at the port that it names.

    `port` None is the scheme's own. Where the domain is a page, `path` must be that page to the letter.
    """
    place = host if port is None else f"{host}:{port}"
    return any(place == domain or place.endswith(f".{domain}") or f"{place}{path}" == domain for domain in domains)


def _port(digits: str | None) -> int | None:
    """Return the port of an authority, 0 where none was written, None where it cannot be one."""
    if digits is None:
        return 0
    return int(digits) if 0 < int(digits) <= 65_535 else None


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _is_read_back(label: str) -> bool:
    """Tell whether a label in the ASCII form of another alphabet stands for something, and is its one form."""
    if not label.startswith("xn--"):
        return True
    coded = label.removeprefix("xn--")
    try:
        written = coded.encode().decode("punycode")
    except UnicodeError:
        return False
    return written.isprintable() and not written.isascii() and written.encode("punycode").decode() == coded


def _in_ascii(text: str) -> str | None:
    try:
        return idna.encode(text, uts46=True, std3_rules=True).decode()
    except (idna.IDNAError, UnicodeError):
        return None
