"""Where a click leads: the link's destination, what the address asked for, and what travels on.

Pure. Whatever comes out has gone through `links.rules.checked_destination`, so it is on one of the brand's domains and
plain ASCII. The brand's own template wins over what the address brings, and so do parameters of the destination: an
address may add to them and never change them.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from engine.plugin_api import address_with
from engine.tracking.clicks.rules import PARAMETER
from engine.tracking.links.rules import SUB, TO, asked_destination, clean_sub_id, click_parameter, utm_parameters

LONGEST_QUERY: Final = 4_000
MOST_PASSED: Final = 20
LONGEST_PASSED: Final = 1_000

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.\[\]-]{0,59}")


@dataclass(frozen=True, slots=True)
class Lead:
    """Where a link leads and what it adds. `base` is of `checked_destination`; `words` are put into the template."""

    base: str
    domains: Collection[str]
    template: Mapping[str, str]
    words: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address asks for: another destination by path or query, the ambassador's mark, what else travels on."""

    path: str | None = None
    to: str | None = None
    sub_id: str | None = None
    passed: tuple[tuple[str, str], ...] = ()


NOTHING: Final = Asked()


def asked_in(query: str, *, path: str | None = None) -> Asked:
    """Return what a query string (undecoded) and the path behind the slug (decoded) ask for. Never raises.

    Of several parameters of one name the first counts. What is too long, too many or has an odd name is left out.
    """
    if not query or len(query) > LONGEST_QUERY:
        return Asked(path) if path else NOTHING
    try:
        said = parse_qsl(query, keep_blank_values=True, errors="replace", max_num_fields=100)
    except ValueError:
        return Asked(path)
    first: dict[str, str] = {}
    for name, value in said:
        first.setdefault(name, value)
    own = {TO, SUB, PARAMETER}
    others = {name: value for name, value in first.items() if name not in own and _NAME.fullmatch(name)}
    return Asked(path, first.get(TO), clean_sub_id(first.get(SUB)), _bounded(others))


def location(lead: Lead, asked: Asked, *, token: str) -> str:
    """Return the address that a visitor is sent to; without `token` where there is no click to name."""
    base = asked_destination(lead.base, path=asked.path, to=asked.to, domains=lead.domains)
    has = _names_in(base)
    passed = {name: value for name, value in asked.passed if name not in has}
    added = utm_parameters(lead.template, values={**lead.words, SUB: asked.sub_id or ""}) if lead.template else {}
    carried = {click_parameter(lead.template): token} if token else {}
    return address_with(base, parameters={**passed, **added, **carried})


def _bounded(passed: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    kept: list[tuple[str, str]] = []
    length = 0
    for name, value in passed.items():
        length += len(name) + len(value)
        if length > LONGEST_PASSED or len(kept) == MOST_PASSED:
            break
        kept.append((name, value))
    return tuple(kept)


def _names_in(url: str) -> set[str]:
    query = url.partition("#")[0].partition("?")[2]
    return {name for name, _ in parse_qsl(query, keep_blank_values=True)}
