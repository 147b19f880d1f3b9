"""What is odd in JSON, and records in which one thing is odd: what connectors must read without falling over."""

import copy
import json
from typing import Any

from hypothesis import strategies as st

Place = tuple[Any, ...]


def oddities(*words: Any, keys: list[str]) -> st.SearchStrategy[Any]:
    """Draw what nobody expects: values of each kind, odd `words`, objects with `keys` that a connector looks for."""
    return st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=30),
        st.sampled_from(["٣", "9" * 400, "\x00", "\ud800", *words]),
        st.lists(st.none() | st.integers(), max_size=2),
        st.dictionaries(st.sampled_from(keys), st.text(max_size=3) | st.none(), max_size=2),
    )


def documents(of: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Draw any JSON made of such values."""
    return st.recursive(
        of, lambda more: st.lists(more, max_size=3) | st.dictionaries(st.text(max_size=9), more, max_size=3)
    )


def places(record: Any) -> list[Place]:
    """Every place within a record, at any depth."""
    return _places(record, ())[1:]


def broken(record: Any, place: Place, value: Any) -> bytes:
    """The record as a body, with another value at one place."""
    record = copy.deepcopy(record)
    *way, last = place
    spot = record
    for key in way:
        spot = spot[key]
    spot[last] = value
    return as_body(record)


def as_body(document: Any) -> bytes:
    """Any document as a body, also one that no encoder of JSON should write."""
    return json.dumps(document).encode("utf-8", "replace")


def _places(record: Any, path: Place) -> list[Place]:
    inside = record.items() if isinstance(record, dict) else enumerate(record) if isinstance(record, list) else ()
    return [path, *(place for key, value in inside for place in _places(value, (*path, key)))]
