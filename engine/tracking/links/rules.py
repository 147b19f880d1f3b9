"""Where a link may lead, and what its address carries on.

Pure. No visitor is ever sent to a host that the brand has not listed: an address is taken apart as a browser does it,
held to the brand's domains, and written anew in plain ASCII. What a browser mends silently (backslashes, tabs,
`https:host`) is refused here, since two readers that mend differently are how open redirects come about.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any, Final
from urllib.parse import quote

from engine.kernel.errors import InputError
from engine.tracking.clicks.rules import PARAMETER
from engine.tracking.site.rules import is_private, is_within, plain_host

LONGEST_URL: Final = 2_000
LONGEST_VALUE: Final = 120
MOST_PARAMETERS: Final = 10
SUB: Final = "sub"
"""The query parameter of a link's address that holds the ambassador's own mark, such as a channel or a post."""
TO: Final = "to"
"""The query parameter of a link's address that asks for another destination."""
WORDS: Final = ("handle", "code", "link", "program", "sub", "click")
"""What a template may name in braces."""

_CLICK: Final = "{click}"

_URL: Final = re.compile(r"(https?)://([^/?#]*)([^#]*)(#.*)?", re.IGNORECASE)
_AUTHORITY: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]%@]+)(?::([0-9]{1,5}))?")
_MENDED: Final = re.compile(r"[\x00-\x20\x7f\\<>\"^`{|}]")
"""What browsers drop, turn round or encode by themselves; beside it everything that cannot be seen."""
_SUB: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~:-]{0,79}")
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,39}")
_WORD: Final = re.compile(r"\{([^{}]*)\}")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_KEPT: Final = "!$&'()*+,;=:@/?%#[]-._~"
_PATH: Final = "!$&'()*+,;=:@/-._~"


class DestinationRefusedError(InputError):
    """An address that a link of this brand may not lead to."""

    def __init__(self, url: str, problem: str, remedy: str) -> None:
        self.url = url
        super().__init__(problem, field="destination", remedy=remedy)


def checked_destination(url: str, *, domains: Collection[str]) -> str:
    """Return `url` as it may be answered to a browser: absolute, in ASCII, on one of `domains` or below one.

    `domains` are of `site.rules.checked_domains`. Only https, or http where the brand listed a host of its own machine
    or network. What is not ASCII after the host is percent-encoded; what is encoded stays as it is.

    Raises:
        DestinationRefusedError: it is no such address.
    """
    if len(url) > LONGEST_URL:
        problem = f"This address has {len(url)} characters."
        raise DestinationRefusedError(url[:80], problem, f"Use at most {LONGEST_URL}.")
    if _MENDED.search(url) or not url.isprintable():
        strange = next(letter for letter in url if _MENDED.match(letter) or not letter.isprintable())
        problem = f"This address holds {strange!r}, which not everybody reads alike."
        raise DestinationRefusedError(url, problem, "Copy the address from the browser's address bar.")
    parts = _URL.fullmatch(url)
    authority = _AUTHORITY.fullmatch(parts[2]) if parts else None
    host = plain_host(authority[1]) if authority else None
    if parts is None or authority is None or host is None:
        raise DestinationRefusedError(url, "This is not a web address.", "Begin with https:// and the shop's host.")
    scheme = parts[1].lower()
    port = _port_of(scheme, authority[2])
    after = parts[3] if parts[3].startswith("/") else f"/{parts[3]}"
    if not is_within(host, port=port, path=after.partition("?")[0], domains=domains):
        shown = ", ".join(domains) or "no domain yet"
        place = host if port is None else f"{host}:{port}"
        problem = f"{place} is not among the brand's domains ({shown})."
        raise DestinationRefusedError(url, problem, "Choose an address of the shop, or list the domain first.")
    if scheme == "http" and not is_private(host):
        raise DestinationRefusedError(url, "This address is not encrypted.", "Begin with https://.")
    place = host if port is None else f"{host}:{port}"
    written = f"{scheme}://{place}{quote(after, safe=_KEPT)}{quote(parts[4] or '', safe=_KEPT)}"
    if len(written) > LONGEST_URL:
        problem = f"This address has {len(written)} characters once it is encoded."
        raise DestinationRefusedError(url, problem, f"Use at most {LONGEST_URL}.")
    return written


def is_destination(url: str, *, domains: Collection[str]) -> bool:
    """Tell whether a link may lead to `url` as the brand's domains are now."""
    try:
        checked_destination(url, domains=domains)
    except DestinationRefusedError:
        return False
    return True


def destination_now(own: str, *, home_url: str, domains: Collection[str]) -> str:
    """Return where a link leads as things are now, or "" where it leads nowhere.

    Its own destination, or the program's home address where it has none of its own or the brand no longer lists its
    domain.
    """
    return next((url for url in (own, home_url) if url and is_destination(url, domains=domains)), "")


def asked_destination(base: str, *, path: str | None, to: str | None, domains: Collection[str]) -> str:
    """Return where a visitor wants to go who asked by path or by query, or `base` where that may not be.

    `base` is the link's own destination, of `checked_destination`. `path` is what follows `/r/<slug>/`, decoded once;
    it names a page on the host of `base`. `to` is the value of the query parameter, decoded once: an address on one of
    `domains`, or one that begins with a slash and names a page on the host of `base`. `path` goes before `to`.
    Never raises.
    """
    if path:
        asked = _origin(base) + quote(f"/{path}", safe=_PATH, errors="replace") if _is_plain_path(path) else ""
    elif to and to.startswith("/"):
        asked = _origin(base) + to if _is_plain_path(re.split(r"[?#]", to[1:], maxsplit=1)[0]) else ""
    else:
        asked = to or ""
    if not asked:
        return base
    try:
        return checked_destination(asked, domains=domains)
    except DestinationRefusedError:
        return base


def checked_template(template: Mapping[str, Any]) -> dict[str, str]:
    """Return a template of query parameters: names with texts in which `{handle}` and the other `WORDS` are replaced.

    `{click}` stands alone, and once: its parameter is the one that carries the click's id (`click_parameter`).

    Raises:
        InputError: a name or a text is not what a template may hold.
    """
    remedy = f"In braces only {', '.join(WORDS)}; for example utm_source with the text goodword."
    if len(template) > MOST_PARAMETERS:
        raise InputError(
            f"These are {len(template)} parameters.", field="utm", remedy=f"Use at most {MOST_PARAMETERS}."
        )
    for name, text in template.items():
        if not _NAME.fullmatch(name) or name.lower() == PARAMETER:
            raise InputError(f"{name!r} cannot be the name of a parameter.", field="utm", remedy=remedy)
        if not isinstance(text, str) or not 0 < len(text) <= LONGEST_VALUE or not _is_plain(text):
            problem = f"The text of {name} is not 1 to {LONGEST_VALUE} plain letters."
            raise InputError(problem, field="utm", remedy=remedy)
        plain = _WORD.sub(lambda found: "" if found[1] in WORDS else found[0], text)
        if "{" in plain or "}" in plain:
            raise InputError(f"The text of {name} has braces around another word.", field="utm", remedy=remedy)
    carriers = [name for name, text in template.items() if _CLICK in text]
    if len(carriers) > 1 or any(template[name] != _CLICK for name in carriers):
        problem = f"The click's id stands in {' and '.join(carriers)}."
        raise InputError(problem, field="utm", remedy="Write {click} once, with nothing before or behind it.")
    return dict(template)


def click_parameter(template: Mapping[str, str]) -> str:
    """Return the name under which an address carries its click's id: the one that stands for `{click}`, or `gw_click`.

    Some shops keep the value of one parameter of theirs and no other. Of several the last holds, which is the link's
    own where a program has one too.
    """
    names = [name for name, text in template.items() if text == _CLICK]
    return names[-1] if names else PARAMETER


def utm_parameters(template: Mapping[str, str], *, values: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters that a template (of `checked_template`) comes to, each as plain text of bounded length.

    Every word is replaced once and what was put in is not read again; a word without a value is replaced by nothing,
    and a parameter that comes to nothing is left out, so is the `click_parameter`. `address_with` encodes them.
    """
    filled = {name: _WORD.sub(lambda found: values.get(found[1], ""), text) for name, text in template.items()}
    return {name: text[:LONGEST_VALUE] for name, text in filled.items() if text.strip()}


def clean_sub_id(text: str | None) -> str | None:
    """Return a sub-id as it is kept, or None for what is none: 1 to 80 of letters, digits and `. _ ~ : -`."""
    return text if text and _SUB.fullmatch(text) else None


def _port_of(scheme: str, digits: str | None) -> int | None:
    """Return the port, None where it is the scheme's own; one that cannot be is among no domains."""
    port = int(digits) if digits else None
    return None if port == _DEFAULT_PORTS[scheme] else port


def _origin(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{re.split(r'[/?#]', rest, maxsplit=1)[0]}"


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _is_plain_path(path: str) -> bool:
    """Tell whether `path` (without its first slash) stays what it is in every reader: no empty start, no dots."""
    return path.isprintable() and "\\" not in path and path[:1] != "/" and not {".", ".."} & set(path.split("/"))
