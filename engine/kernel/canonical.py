"""One way to write data down, so that equal data has an equal hash."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeAlias

import orjson

JsonValue: TypeAlias = "bool | int | str | Sequence[JsonValue] | Mapping[str, JsonValue] | None"

# The fast writer gives the same bytes as the plain one for texts, whole numbers, lists and objects, which is tested.
# What it cannot write it refuses; the plain one writes that, or refuses it as well.
_STRICT = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_sorted = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)
_reader = json.JSONDecoder(parse_float=Decimal)


def dump_json(value: object) -> str:
    """Write `value` compactly, keys in the order given."""
    try:
        return orjson.dumps(value, option=_STRICT).decode()
    except TypeError:
        return _compact.encode(value)


def load_json(text: str | bytes) -> Any:
    """Read JSON without ever making a float: numbers with a point become `Decimal`."""
    if isinstance(text, str):
        return _reader.decode(text)
    return json.loads(text, parse_float=Decimal)


def content_hash(value: object) -> str:
    """Return the SHA-256 of `value` written with sorted keys, as 64 hexadecimal digits."""
    try:
        written = orjson.dumps(value, option=_STRICT | orjson.OPT_SORT_KEYS)
    except TypeError:  # numbers beyond 64 bits, lone surrogates, keys that are no text
        written = _sorted.encode(value).encode("utf-8", "surrogatepass")
    return hashlib.sha256(written).hexdigest()
