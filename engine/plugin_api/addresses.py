"""Addresses of a shop with something added, for connectors whose shop reads a code from the query."""

import re
from collections.abc import Mapping
from typing import Annotated, Final
from urllib.parse import quote, unquote_plus

from pydantic import AfterValidator, Field

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,39}", re.ASCII)
_CLICK: Final = "gw_click"


def address_with(url: str, *, parameters: Mapping[str, str]) -> str:
    """Return `url` (plain ASCII, as destinations are handed to plugins) with these query parameters.

    They stand before the fragment. One of the same name that is there already is replaced, in every writing; the others
    stay as they are written.
    """
    if not parameters:
        return url
    rest, mark, fragment = url.partition("#")
    address, _, query = rest.partition("?")
    kept = [one for one in query.split("&") if one and unquote_plus(one.partition("=")[0]) not in parameters]
    added = [f"{quote(name, safe='')}={quote(value, safe='', errors='replace')}" for name, value in parameters.items()]
    return f"{address}?{'&'.join(kept + added)}{mark}{fragment}"


def _parameter_name(text: str) -> str:
    name = text.strip()
    if name and (not _NAME.fullmatch(name) or name.lower() == _CLICK):
        raise ValueError("the name of a query parameter is a letter and up to 39 letters, digits, dots, dashes or _")
    return name


CodeParameter = Annotated[
    str,
    AfterValidator(_parameter_name),
    Field(
        description="The query parameter by which the storefront takes a promo code, such as coupon. "
        "Empty: its addresses apply no code."
    ),
]
"""A setting: the name of the query parameter from which a storefront applies a promo code, empty for none."""
