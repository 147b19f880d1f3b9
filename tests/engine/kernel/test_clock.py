"""Days and months cover time without a gap in every zone of the world, whatever its clocks do."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.kernel.clock import (
    SystemClock,
    VirtualClock,
    local_date,
    month_end,
    month_of,
    month_start,
    start_of_day,
)

ZONES = sorted(available_timezones())
TICK = timedelta(microseconds=1)
zones = st.sampled_from(ZONES).map(ZoneInfo)
days = st.dates(date(1971, 1, 1), date(2099, 12, 1))


def changes(zone, year):
    """The local days of a year around which a zone's offset changes."""
    noon = [datetime(year, 1, 1, 12, tzinfo=UTC) + timedelta(days=number) for number in range(-1, 367)]
    return [
        after.astimezone(zone).date()
        for before, after in pairwise(noon)
        if before.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset()
    ]


def exists(day, zone):
    """A few days were skipped whole, when a zone moved across the date line."""
    return any(
        local_date(datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hours), zone) == day
        for hours in range(-15, 16)
    )


def is_the_start(day, zone):
    first = start_of_day(day, zone)
    return local_date(first, zone) >= day and local_date(first - TICK, zone) < day


def test_there_are_zones_to_try():
    assert len(ZONES) > 500


@pytest.mark.parametrize("year", [2011, 2026])
def test_a_day_starts_once_in_every_zone_on_every_day_its_clocks_change(year):
    """In 2011 Samoa skipped a day; in 2026 several zones skip midnight. Three days around each change, ± 1 µs."""
    tried = 0
    for name in ZONES:
        zone = ZoneInfo(name)
        for change in changes(zone, year):
            for day in (change - timedelta(days=1), change, change + timedelta(days=1)):
                assert is_the_start(day, zone), (name, day)
                tried += 1
    assert tried > 500


@given(days, zones)
def test_a_day_starts_once_in_any_zone(day, zone):
    assert is_the_start(day, zone)
    assert start_of_day(day, zone) <= start_of_day(day + timedelta(days=1), zone)
    assert start_of_day(day, zone).tzinfo is UTC
    if exists(day, zone):
        assert local_date(start_of_day(day, zone), zone) == day


instants = st.integers(0, 10**9).map(
    lambda steps: datetime(1971, 2, 1, tzinfo=UTC) + steps * timedelta(seconds=4, microseconds=1)
)


@given(instants, zones)
def test_every_instant_is_in_exactly_one_month(instant, zone):
    month = month_of(instant, zone)
    assert month_start(month, zone) <= instant < month_end(month, zone)
    following = month_of(month_end(month, zone), zone)
    assert following > month
    assert month_start(following, zone) == month_end(month, zone)


@pytest.mark.parametrize("zone", ["Asia/Beirut", "America/Havana", "Africa/Cairo", "America/Santiago", "Asia/Amman"])
def test_where_clocks_skip_midnight_the_day_starts_an_hour_later(zone):
    local = ZoneInfo(zone)
    late = {
        day: start_of_day(day, local).astimezone(local).hour
        for year in range(2000, 2027)
        for day in changes(local, year)
    }
    assert 1 in late.values(), late


def test_the_day_that_samoa_skipped():
    apia = ZoneInfo("Pacific/Apia")
    assert start_of_day(date(2011, 12, 30), apia) == start_of_day(date(2011, 12, 31), apia)
    assert local_date(start_of_day(date(2011, 12, 30), apia), apia) == date(2011, 12, 31)


def test_leap_days_and_years():
    zone = ZoneInfo("Europe/Berlin")
    assert month_end("2028-02", zone) - month_start("2028-02", zone) == timedelta(days=29)
    assert month_of(month_end("2027-12", zone), zone) == "2028-01"
    assert month_end("2026-03", zone) - month_start("2026-03", zone) == timedelta(days=31, hours=-1)


def test_a_virtual_clock_stands_until_it_is_turned():
    clock = VirtualClock(datetime(2026, 3, 2, 10, tzinfo=ZoneInfo("Europe/Berlin")))
    assert clock.now() == clock.now() == datetime(2026, 3, 2, 9, tzinfo=UTC)
    clock.advance(timedelta(days=1))
    clock.set(clock.now() - timedelta(days=3))
    assert clock.now() == datetime(2026, 2, 28, 9, tzinfo=UTC)
    assert clock.now().tzinfo is UTC


def test_the_machines_clock_is_aware_and_in_utc():
    before = datetime.now(UTC)
    assert before <= SystemClock().now() <= datetime.now(UTC)
    assert SystemClock().now().tzinfo is UTC
