"""One way to write data down, so that equal data has an equal hash."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeAlias

JsonValue: TypeAlias = "bool | int | str | Sequence[JsonValue] | Mapping[str, JsonValue] | None"

_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_sorted = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def dump_json(value: object) -> str:
    """Write `value` compactly, keys in the order given."""
    return _compact.encode(value)


def load_json(text: str | bytes) -> Any:
    """Read JSON without ever making a float: numbers with a point become `Decimal`."""
    return json.loads(text, parse_float=Decimal)


def content_hash(value: object) -> str:
    """Return the SHA-256 of `value` written with sorted keys, as 64 hexadecimal digits."""
    return hashlib.sha256(_sorted.encode(value).encode("utf-8", "surrogatepass")).hexdigest()
