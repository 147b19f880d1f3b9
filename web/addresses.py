"""What stands in an address, read: a malformed id is answered like a foreign one."""

import re
from typing import Final
from uuid import UUID

from flask import abort

from engine.kernel.ids import parse_id

_MONTH: Final = re.compile(r"(19|20)\d\d-(0[1-9]|1[0-2])", re.ASCII)


def month_or_none(written: str | None) -> str | None:
    """Return the month (`YYYY-MM`) that a filter names; nothing and nonsense are both no filter."""
    return written if written and _MONTH.fullmatch(written) else None


def id_or_404(written: str) -> UUID:
    """Return the id that an address names."""
    found = parse_id(written)
    if found is None:
        abort(404)
    return found


def id_or_none(written: str | None) -> UUID | None:
    """Return the id that a filter names; nothing and nonsense are both no filter."""
    return parse_id(written) if written else None
