"""Counts by day are those of the clicks: in whatever steps they were counted, by however many workers, in any zone."""

import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from engine.kernel.clock import start_of_day
from engine.kernel.tables import table_of
from engine.programs.tables import Program
from engine.tracking.clicks.recount import differences, rebuild_days
from engine.tracking.clicks.rollups import marks_of, next_stretch, roll_up
from engine.tracking.clicks.tables import ClickDay
from tests.engine.tracking.clicks.visits import (
    Visit,
    click_on,
    counts,
    forget,
    make_place,
    plainly_counted,
)
from tests.support.plans import plans

MADE = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
SECOND = timedelta(seconds=1)

ODD_DAYS = (
    ("Europe/Berlin", date(2026, 3, 29)),  # 23 hours
    ("Europe/Berlin", date(2026, 10, 25)),  # 25 hours
    ("America/New_York", date(2026, 3, 8)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),  # half an hour
    ("Africa/Cairo", date(2026, 4, 24)),  # has no midnight
    ("America/Santiago", date(2026, 9, 6)),  # has no midnight
    ("Asia/Kathmandu", date(2026, 5, 1)),
    ("Pacific/Kiritimati", date(2026, 5, 1)),
    ("UTC", date(2026, 6, 30)),
)
OUTCOMES = st.sampled_from(
    [
        {},
        {},
        {"verified": False},
        {"counted": False, "reason": "repeat"},
        {"counted": False, "reason": "bot", "verified": False},
        {"counted": False, "reason": "expired"},
        {"counted": False, "reason": None},
    ]
)


@pytest.fixture
def pair(db):
    """Two programs of two brands, in UTC."""
    return db.run(lambda unit: tuple(make_place(unit, zone="UTC", since=MADE) for _ in range(2)))


@st.composite
def stories(draw):
    """Two programs, one of them in a zone whose clocks change, and clicks on the days around it, many near midnight."""
    zone, day = draw(st.sampled_from(ODD_DAYS))
    other = draw(st.sampled_from(sorted(available_timezones())) | st.just(zone))
    midnights = [
        start_of_day(day + number * DAY, place) for place in map(ZoneInfo, (zone, other)) for number in (-1, 0, 1)
    ]
    near = st.builds(
        lambda midnight, milliseconds: midnight + timedelta(milliseconds=milliseconds),
        st.sampled_from(midnights),
        st.integers(-1, 1) | st.integers(-90_000, 90_000),
    )
    somewhere = st.builds(lambda seconds: midnights[0] + timedelta(seconds=seconds), st.integers(0, 3 * 86_400))
    visit = st.builds(
        lambda at, place, link, outcome: Visit(at, place, link, **outcome),
        near | somewhere,
        st.integers(0, 1),
        st.integers(0, 2),
        OUTCOMES,
    )
    return zone, other, sorted(draw(st.lists(visit, max_size=25)), key=lambda one: one.at)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(story=stories(), data=st.data())
def test_counted_in_any_steps_or_anew_it_is_the_plain_count(db, clock, pair, story, data):
    zone, other, visits = story
    places = in_zones(db, pair, zone, other)
    waiting = list(visits)
    steps = data.draw(st.lists(st.integers(1, 40_000), max_size=4), label="seconds between runs")
    batch = data.draw(st.integers(1, 9), label="batch")
    delay = data.draw(st.integers(0, 10), label="seconds until a click is committed") * SECOND
    clock.set(visits[0].at if visits else MADE + DAY)
    for step in steps:
        clock.advance(step * SECOND)
        here = [visit for visit in waiting if visit.at + delay <= clock.now()]
        waiting = waiting[len(here) :]
        db.run(lambda unit, here=here: click_on(unit, places, here))
        roll_up(db, batch=batch)
    db.run(lambda unit: click_on(unit, places, waiting))
    clock.set(max([clock.now(), *(visit.at for visit in visits)]) + MINUTE)
    roll_up(db, batch=batch)
    expected = plainly_counted(places, visits)
    assert stored(db) == expected
    since = min((visit.at for visit in visits), default=clock.now()).date() - DAY
    span = {"since": since, "until": clock.now().date() + 2 * DAY}
    assert all_differences(db, places, **span) == []
    spoil(db)
    assert sum(rebuild_days(db, place.brand_id, **span).clicks for place in places) == len(visits)
    assert stored(db) == expected


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 120_000), min_size=1, max_size=12), st.integers(1, 4))
def test_what_is_not_settled_waits_and_is_counted_later(db, clock, pair, milliseconds, batch):
    places = in_zones(db, pair, "Europe/Berlin", "UTC")
    clock.set(MADE + DAY)
    visits = [Visit(clock.now() + timedelta(milliseconds=one)) for one in sorted(milliseconds)]
    db.run(lambda unit: click_on(unit, places, visits))
    clock.advance(MINUTE)
    assert roll_up(db, batch=batch) == sum(one.at < clock.now() - 30 * SECOND for one in visits)
    clock.advance(2 * MINUTE)
    roll_up(db, batch=batch)
    assert (roll_up(db), stored(db)) == (0, plainly_counted(places, visits))


def test_many_clicks_of_one_millisecond_are_one_batch_however_small_batches_are(db, clock, pair):
    at = MADE + DAY
    visits = [Visit(at, link=number % 3) for number in range(40)] + [Visit(at + SECOND)]
    db.run(lambda unit: click_on(unit, pair, visits))
    clock.set(at + DAY)
    assert roll_up(db, batch=7) == 41
    assert stored(db) == plainly_counted(pair, visits)


def test_two_workers_at_once_count_each_click_once(db, clock, pair):
    places = in_zones(db, pair, "America/New_York", "UTC")
    visits = [Visit(MADE + DAY + number * MINUTE, place=number % 2, link=number % 3) for number in range(400)]
    db.run(lambda unit: click_on(unit, places, visits))
    clock.set(MADE + 3 * DAY)
    counted, start = [], threading.Barrier(4)

    def work():
        start.wait()
        counted.append(roll_up(db, batch=9))

    workers = [threading.Thread(target=work) for _ in range(4)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert sum(counted) == len(visits)
    assert stored(db) == plainly_counted(places, visits)


def test_a_program_made_later_is_counted_too_and_then_goes_with_the_others(db, clock, pair):
    clock.set(MADE + DAY)
    roll_up(db)
    made = clock.now() + timedelta(hours=5)
    clock.set(made)
    later = db.run(lambda unit: make_place(unit, zone="Asia/Tokyo", since=made, brand_id=pair[0].brand_id))
    every = (*pair, later)
    visits = [Visit(made + number * MINUTE, place=number % 3) for number in range(30)]
    db.run(lambda unit: click_on(unit, every, visits))
    clock.advance(DAY)
    assert roll_up(db, batch=4) == len(visits)
    assert stored(db) == plainly_counted(every, visits)
    with db.reading() as unit:
        assert {mark.rolled_until for mark in marks_of(unit)} == {clock.now() - 30 * SECOND}


def test_a_rebuild_while_clicks_are_counted_loses_none(db, clock, pair):
    """The day that is counted anew is today's, and a worker moves on again and again meanwhile."""
    visits = [Visit(MADE + DAY + number * SECOND) for number in range(300)]
    db.run(lambda unit: click_on(unit, pair, visits))
    clock.set(MADE + DAY)
    roll_up(db)
    stop = threading.Event()

    def count():
        while clock.now() < MADE + DAY + 10 * MINUTE:
            clock.advance(7 * SECOND)
            roll_up(db, batch=3)
            stop.wait(0.01)

    worker = threading.Thread(target=count)
    worker.start()
    rebuilt = 0
    while worker.is_alive():
        rebuilt += rebuild_days(db, pair[0].brand_id, since=date(2026, 1, 1), until=date(2026, 1, 4)).days
    worker.join()
    assert rebuilt > 0
    assert stored(db) == plainly_counted(pair, visits)


def test_a_difference_is_told_by_day_and_link(db, clock, pair):
    visits = [Visit(MADE + DAY), Visit(MADE + DAY, counted=False, reason="bot")]
    db.run(lambda unit: click_on(unit, pair, visits))
    clock.set(MADE + 2 * DAY)
    roll_up(db)
    spoil(db)
    (found,) = all_differences(db, pair, since=date(2026, 1, 1), until=date(2026, 1, 5))
    assert (found.day, found.target_id) == (date(2026, 1, 2), pair[0].links[0])
    assert str(found).endswith("counted 6 instead of 1")


def test_counting_reads_the_range_of_what_is_new_and_nothing_else(db, clock, pair):
    clock.set(MADE + DAY)
    visits = [Visit(MADE + DAY + number * MINUTE) for number in range(200)]
    db.run(lambda unit: click_on(unit, pair, visits))
    clock.set(visits[150].at + 30 * SECOND)
    roll_up(db)
    settled = visits[160].at + SECOND
    with db.reading() as unit:
        found = next_stretch(unit, until=settled, most=1_000)
        of_clicks = [
            plan
            for plan in plans(unit, lambda: next_stretch(unit, until=settled, most=1_000))
            if " click" in plan.lower()
        ]
    assert found is not None
    assert found.clicks == 11
    assert len([plan for plan in of_clicks if by_range_of_ids(plan)]) == 2
    assert not [plan for plan in of_clicks if "SCAN click" in plan and "click_rollup" not in plan]


def by_range_of_ids(plan):
    """Tell whether a plan reads clicks by a range of their primary key."""
    if "SEARCH click USING" in plan:
        return "sqlite_autoindex_click_1 (id>? AND id<?)" in plan
    return "pk_click" in plan and "id >= " in plan and "id < " in plan


def test_a_run_ends_although_its_clock_goes_on(db, clock, pair, monkeypatch):
    """With each look at the clock a moment has passed: there is always something that is just settled."""
    db.run(lambda unit: click_on(unit, pair, [Visit(MADE + DAY)]))
    clock.set(MADE + 2 * DAY)
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: clock.advance(SECOND) or now())
    assert roll_up(db) == 1


def test_nothing_is_counted_where_nothing_is_there(db, clock, pair):
    assert roll_up(db) == 0
    clock.set(MADE + DAY)
    assert (roll_up(db), stored(db)) == (0, {})
    with db.reading() as unit:
        assert differences(unit, pair[0].brand_id, since=date(2026, 1, 1), until=date(2026, 2, 1)) == ()


def in_zones(db, pair, *zones):
    """Put the two programs into these zones and return them, with nothing left of what an example before did."""

    def work(unit):
        forget(unit)
        programs = table_of(Program)
        for place, name in zip(pair, zones, strict=True):
            unit.execute(update(programs).where(programs.c.id == place.program_id).values(time_zone=name))
        return tuple(replace(place, zone=ZoneInfo(name)) for place, name in zip(pair, zones, strict=True))

    return db.run(work)


def stored(db):
    with db.reading() as unit:
        return counts(unit)


def all_differences(db, places, *, since, until):
    with db.reading() as unit:
        return [one for place in places for one in differences(unit, place.brand_id, since=since, until=until)]


def spoil(db):
    """Make every count wrong."""
    days = table_of(ClickDay)
    db.run(lambda unit: unit.execute(update(days).values(counted=days.c.counted + 5)))
