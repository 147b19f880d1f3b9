"""Click ids that came back with an order: from the page on which the customer landed, and from cart attributes.

Fails open: an address that cannot be read names no click.
"""

from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qs, urlsplit

from engine.plugin_api.reading import MAX_TEXT, Record, records, text

PARAMETER: Final = "gw_click"
_LONGEST: Final = 100
_MOST: Final = 10
_MOST_PARAMETERS: Final = 100


def clicks_of(order: Record) -> tuple[str, ...]:
    """Return the click ids in `landing_site` and `note_attributes`, each once, at most ten.

    A landing on /discount/CODE names the click in the address that it redirects to.
    """
    notes = [text(each, "value") for each in records(order, "note_attributes") if text(each, "name") == PARAMETER]
    found = dict.fromkeys([*_in_address(text(order, "landing_site")), *notes])
    return tuple(each for each in found if 0 < len(each) <= _LONGEST and each.isascii() and each.isprintable())[:_MOST]


def _in_address(address: str) -> Iterator[str]:
    query = _query(address)
    yield from query.get(PARAMETER, ())
    for target in query.get("redirect", ())[:1]:
        yield from _query(target).get(PARAMETER, ())


def _query(address: str) -> dict[str, list[str]]:
    try:
        return parse_qs(urlsplit(address[:MAX_TEXT]).query, max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        return {}
