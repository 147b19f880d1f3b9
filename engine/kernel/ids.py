"""Ids: UUIDv7, so that keys are ordered by time and safe in an address."""

from uuid import UUID

from uuid_utils.compat import uuid7

__all__ = ["UUID", "new_id", "parse_id"]


def new_id() -> UUID:
    """Return a fresh UUIDv7."""
    return uuid7()


def parse_id(text: str) -> UUID | None:
    """Return the id that `text` writes out, or None: a foreign and a malformed id are answered alike."""
    try:
        return UUID(text)
    except ValueError:
        return None
