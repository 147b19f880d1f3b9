"""A body for people's eyes: indented where it is JSON, and with nothing in it that a terminal or a page would obey.

Pure.
"""

import json
import re
from contextlib import suppress
from typing import Any, Final

LONGEST: Final = 100_000
"""Characters shown at most."""

_OPEN, _CLOSE = "\ue000", "\ue001"
_NUMBER: Final = re.compile(f'"{_OPEN}([^"]*){_CLOSE}"')


def readable(body: bytes) -> str:
    r"""Return `body` as text: JSON is indented, what cannot be seen is written out as `\x00` or `\u202e`.

    Numbers stand as they were written, digit for digit. JSON with one key twice is left as it came: indenting would
    have to choose one.
    """
    text = body.decode("utf-8", "backslashreplace")
    with suppress(ValueError, RecursionError):
        text = _indented(text)
    shown = "".join(char if char.isprintable() or char == "\n" else _written(char) for char in text[:LONGEST])
    return shown if len(text) <= LONGEST else f"{shown}\n… {len(text) - LONGEST:,} more characters"


def _indented(text: str) -> str:
    read = json.loads(text, parse_float=_kept, parse_int=_kept, parse_constant=_kept, object_pairs_hook=_object)
    return _NUMBER.sub(r"\1", json.dumps(read, ensure_ascii=False, indent=2))


def _kept(number: str) -> str:
    return f"{_OPEN}{number}{_CLOSE}"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key twice")
    return found


def _written(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
