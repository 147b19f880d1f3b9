"""Ids: UUIDv7, so that keys are ordered by time and safe in an address."""

from datetime import datetime
from uuid import UUID

from uuid_utils import uuid7 as raw_uuid7
from uuid_utils.compat import uuid7

from engine.kernel.clock import microseconds

__all__ = ["UUID", "first_id_at", "new_id", "new_id_at", "new_name_at", "parse_id"]


def new_id() -> UUID:
    """Return a fresh UUIDv7."""
    return uuid7()


def new_id_at(instant: datetime) -> UUID:
    """Return a fresh UUIDv7 of `instant`, for rows that lie in the order of a clock which is not the machine's."""
    return uuid7(nanoseconds=microseconds(instant) * 1_000)


def new_name_at(at: int) -> bytes:
    """Return the 16 bytes of a fresh UUIDv7, `at` microseconds after 1970: on a hot path a UUID around them costs."""
    return bytes(raw_uuid7(nanoseconds=at * 1_000).bytes)


def first_id_at(instant: datetime) -> UUID:
    """Return the lowest UUIDv7 of the millisecond of `instant`.

    Ids of earlier milliseconds are lower: a span of time is a range of ids.
    """
    return UUID(int=microseconds(instant) // 1_000 << 80 | 0x7 << 76 | 0b10 << 62)


def parse_id(text: str) -> UUID | None:
    """Return the id that `text` writes out, or None: a foreign and a malformed id are answered alike."""
    try:
        return UUID(text)
    except ValueError:
        return None
