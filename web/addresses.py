"""What stands in an address, read: a malformed id is answered like a foreign one."""

from uuid import UUID

from flask import abort

from engine.kernel.ids import parse_id


def id_or_404(written: str) -> UUID:
    """Return the id that an address names."""
    found = parse_id(written)
    if found is None:
        abort(404)
    return found


def id_or_none(written: str | None) -> UUID | None:
    """Return the id that a filter names; nothing and nonsense are both no filter."""
    return parse_id(written) if written else None
