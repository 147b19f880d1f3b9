"""However fast JSON is written, equal data has the same bytes and the same hash for ever."""

import hashlib
import json
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from engine.kernel.canonical import content_hash, dump_json, load_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_what_is_written_is_what_the_plain_writer_writes(value):
    assert dump_json(value) == json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    assert load_json(dump_json(value)) == value


@given(VALUES)
def test_a_hash_is_that_of_the_plain_writing_with_sorted_keys(value):
    plain = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    assert content_hash(value) == hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()


@given(st.dictionaries(st.text(), st.integers(), min_size=2))
def test_the_order_of_keys_does_not_change_a_hash(value):
    assert content_hash(dict(reversed(value.items()))) == content_hash(value)


def test_lone_surrogates_and_keys_that_are_no_text_are_written_as_before():
    assert dump_json({"\ud800": {1: "x"}}) == '{"\ud800":{"1":"x"}}'
    assert len(content_hash({"\ud800": {1: "x"}})) == 64


def test_a_number_with_a_point_is_read_as_a_decimal():
    assert load_json("[0.1, 1]") == load_json(b"[0.1, 1]") == [Decimal("0.1"), 1]
    assert type(load_json("[0.1]")[0]) is Decimal
