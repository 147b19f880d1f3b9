"""Ids lie in the order of time, also of a time that is not the machine's."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from engine.kernel.ids import first_id_at, new_id, new_id_at

INSTANTS = st.datetimes(datetime(1970, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
MILLISECOND = timedelta(milliseconds=1)


@given(INSTANTS)
def test_an_id_of_an_instant_is_of_that_millisecond_and_no_other(instant):
    assert first_id_at(instant) <= new_id_at(instant) < first_id_at(instant + MILLISECOND)


@given(INSTANTS)
def test_an_id_of_an_instant_is_a_uuid_of_version_7_and_no_two_are_alike(instant):
    one, other = new_id_at(instant), new_id_at(instant)
    assert {one.version, other.version, first_id_at(instant).version} == {7}
    assert {one.variant, first_id_at(instant).variant} == {new_id().variant}
    assert one != other


@given(st.lists(INSTANTS, min_size=2, max_size=2, unique_by=lambda at: at.replace(microsecond=at.microsecond // 1000)))
def test_ids_and_their_text_lie_as_their_instants_do(instants):
    ids = [new_id_at(at) for at in sorted(instants)]
    assert ids == sorted(ids)
    assert [one.hex for one in ids] == sorted(one.hex for one in ids)
