"""Click ids in a cell: written as they are, or within the address on which the customer landed.

Fails open: visitors write their addresses as they like, and none may cost an order.
"""

from typing import Final
from urllib.parse import parse_qs, urlsplit

PARAMETER: Final = "gw_click"
_LONGEST: Final = 100
_LONGEST_CELL: Final = 20_000
_MOST: Final = 10
_MOST_PARAMETERS: Final = 100


def read_clicks(cell: str) -> tuple[str, ...]:
    """Return the click ids in `cell`, in their order and each once, at most ten; parts are separated by `|`.

    A part is an id, or an address with one as `gw_click`; what is neither is left out.
    """
    found = dict.fromkeys(one for part in cell[:_LONGEST_CELL].split("|") for one in _in_part(part.strip()))
    return tuple(one for one in found if 0 < len(one) <= _LONGEST and one.isascii() and one.isprintable())[:_MOST]


def _in_part(part: str) -> list[str]:
    if not any(mark in part for mark in "/?=& "):
        return [part]
    try:
        query = urlsplit(part).query or part.partition("?")[2] or part
        return parse_qs(query, max_num_fields=_MOST_PARAMETERS).get(PARAMETER, [])
    except ValueError:
        return []
