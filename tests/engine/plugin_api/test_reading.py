"""Whatever stands in JSON, a reader gives what it promises or refuses it as it says."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.plugin_api import InputError
from engine.plugin_api.reading import (
    MAX_TEXT,
    currency_in,
    inner,
    instant,
    maybe_instant,
    maybe_text,
    not_negative,
    read_record,
    records,
    text,
    text_of,
    time_of,
)
from tests.plugins.odd import as_body, documents, oddities

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ODD = documents(oddities("2026-13-01", "9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+05:00", "eur", keys=["id"]))
ABSENT = [{}, {"f": None}]


@given(ODD)
def test_a_field_is_read_or_refused(value):
    for read in (records, inner, text, instant, maybe_instant, currency_in):
        with suppress(InputError):
            read({"f": value}, "f")


@given(ODD)
def test_a_value_is_read_or_raises_what_a_guard_catches(value):
    for read in (time_of, text_of, maybe_text):
        with suppress(TypeError, ValueError, OverflowError):
            read(value)


@given(st.binary(max_size=60) | ODD.map(as_body))
def test_a_body_is_an_object_or_refused(body):
    with suppress(InputError):
        assert isinstance(read_record(body), dict)


@pytest.mark.parametrize("record", ABSENT, ids=["no field", "null"])
def test_nothing_there_is_nothing(record):
    assert (records(record, "f"), inner(record, "f"), text(record, "f"), maybe_instant(record, "f")) == (
        [],
        {},
        "",
        None,
    )
    for read in (instant, currency_in):
        with pytest.raises(InputError, match=r"^f: "):
            read(record, "f")


@pytest.mark.parametrize("listed", [[{}, 1], {}, "", 0, False], ids=repr)
def test_only_a_list_of_objects_is_one(listed):
    assert records({"f": [{"a": 1}, {}]}, "f") == [{"a": 1}, {}]
    with pytest.raises(InputError, match="f: What the shop sent here is no list of objects"):
        records({"f": listed}, "f")


@pytest.mark.parametrize("other", [[], "id", 0, False], ids=repr)
def test_only_an_object_is_one(other):
    assert inner({"f": {"a": 1}}, "f") == {"a": 1}
    with pytest.raises(InputError, match="is no object"):
        inner({"f": other}, "f")


def test_words_are_trimmed_and_cut_and_other_values_say_nothing():
    assert text({"f": f"  {'x' * MAX_TEXT}"}, "f") == "x" * (MAX_TEXT - 2)
    assert [text({"f": other}, "f") for other in (7, True, ["x"], {"x": 1})] == [""] * 4


@pytest.mark.parametrize(
    "written", ["2026-03-02T12:00:00Z", "2026-03-02T13:00:00.000+01:00", "2026-03-02 07:00:00-0500"]
)
def test_a_time_is_in_utc(written):
    assert instant({"f": written}, "f") == maybe_instant({"f": written}, "f") == time_of(written) == NOON
    assert time_of(written).tzinfo is UTC


@pytest.mark.parametrize(
    "written", ["2026-03-02T12:00:00", "2026-03-02", "", "1970-03-02T12:00:00Z", "2200-01-01T00:00:00Z", 1_772_452_800]
)
def test_a_time_without_an_offset_or_of_no_order_is_none(written):
    with pytest.raises(InputError, match="no time with an offset"):
        instant({"f": written}, "f")


def test_a_currency_is_written_in_any_case():
    assert currency_in({"f": " eur"}, "f") == "EUR"
    with pytest.raises(InputError, match="'XXX'"):
        currency_in({"f": "XXX"}, "f")


def test_a_text_is_there_or_may_be_missing_and_is_never_something_else():
    assert (text_of(" x"), maybe_text("x"), maybe_text(None), maybe_text("")) == (" x", "x", None, None)
    for read, wrongs in ((text_of, (None, "", 7)), (maybe_text, (7, ["x"]))):
        for wrong in wrongs:
            with pytest.raises(TypeError):
                read(wrong)


def test_an_amount_below_zero_is_refused():
    assert not_negative(0, field="f") == 0
    with pytest.raises(InputError, match=r"f: .*less than nothing"):
        not_negative(-1, field="f")
