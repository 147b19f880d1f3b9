"""Where a browser would go: an address read as the URL Standard reads it, written apart from the code under test.

Only what matters for the host: leading and trailing blanks go, tabs and line breaks go anywhere, a backslash is a
slash, any number of slashes may follow the scheme, what stands before the last @ is a user, escapes in a host are
undone, wide letters and dots are folded, and a host that ends in a number is an IPv4 address in up to four parts, octal
and hexadecimal too (https://url.spec.whatwg.org/#concept-basic-url-parser, #concept-host-parser).
"""

import re
import unicodedata
from ipaddress import IPv4Address
from urllib.parse import unquote

BLANKS = "".join(map(chr, range(0x21)))
DEFAULT = {"http": 80, "https": 443, "ftp": 21, "ws": 80, "wss": 443}


def place(address, *, at="https://goodword.example/r/anna"):
    """Return (scheme, host, port) to which a browser at the page `at` is led; None where it goes nowhere."""
    text = re.sub(r"[\t\n\r]", "", address.strip(BLANKS))
    found = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)", text, re.DOTALL)
    scheme, rest = (found[1].lower(), found[2]) if found else ("", text)
    if found and scheme not in DEFAULT:
        return scheme, None, None  # javascript:, data: and the like
    cut = re.search(r"[?#]", rest)
    path = rest[: cut.start()] if cut else rest
    path = path.replace("\\", "/")
    home, _, rest_of_home = at.partition("://")
    if (not found or scheme == home) and not path.startswith("//"):
        return home, rest_of_home.split("/")[0], DEFAULT[home]  # a path of the page's own host
    scheme = scheme or home
    authority = path.lstrip("/").split("/")[0].rpartition("@")[2]
    host, _, port = authority.rpartition(":") if re.search(r":[0-9]*$", authority) else (authority, "", "")
    name = _name(host)
    return (scheme, name, int(port) if port else DEFAULT[scheme]) if name else None


def _name(host):
    if host.startswith("["):
        return host.lower()
    plain = unicodedata.normalize("NFKC", unquote(host)).replace("。", ".").lower()
    parts = plain.rstrip(".").split(".")
    if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", parts[-1]):
        return _ipv4(parts)
    return plain


def _ipv4(parts):
    try:
        numbers = [int(part[2:] or "0", 16) if part.startswith("0x") else int(part, 8 if part[0] == "0" else 10)
                   for part in parts]  # fmt: skip
        *first, last = numbers
        return str(IPv4Address(sum(number << 8 * (3 - place) for place, number in enumerate(first)) + last))
    except (ValueError, IndexError):
        return None
