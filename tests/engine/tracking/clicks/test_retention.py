"""Old clicks go, whole days at a time and only counted ones; counts and what is younger stay."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import insert, select

from engine.kernel.clock import local_date, start_of_day
from engine.kernel.ids import new_id
from engine.kernel.tables import table_of
from engine.tracking.clicks.recount import differences, kept_since, rebuild_days
from engine.tracking.clicks.retention import next_old, prune
from engine.tracking.clicks.rollups import marks_of, roll_up
from engine.tracking.clicks.tables import Click
from engine.tracking.site.tables import ProgramTracking
from tests.engine.tracking.clicks.test_rollups import by_range_of_ids
from tests.engine.tracking.clicks.visits import Visit, click_on, counts, make_place
from tests.support.plans import plans

MADE = datetime(2026, 1, 1, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NEW_YORK, BERLIN, TOKYO = 0, 1, 2


@pytest.fixture
def places(db):
    """Programs that keep their clicks for 40, 40 and 100 days; their terms' click window is shorter."""

    def work(unit):
        made = tuple(
            make_place(unit, zone=zone, since=MADE) for zone in ("America/New_York", "Europe/Berlin", "Asia/Tokyo")
        )
        for place, days in zip(made, (40, 40, 100), strict=True):
            keep_for(unit, place, days=days)
        return made

    return db.run(work)


@pytest.fixture
def visited(db, clock, places):
    """A click on each program every hour of 120 days, all counted but the newest."""
    hours = [Visit(MADE + DAY + number * HOUR, place=number % 3, link=number % 2) for number in range(120 * 24)]
    db.run(lambda unit: click_on(unit, places, hours))
    clock.set(MADE + 121 * DAY)
    roll_up(db)
    return hours


def keep_for(unit, place, *, days):
    row = {
        "id": new_id(),
        "brand_id": place.brand_id,
        "program_id": place.program_id,
        "home_url": "https://shop.example",
        "consent": "required",
        "kept_address": "shortened",
        "count_window_h": 24,
        "retention_days": days,
        "utm": {},
        "disclosure": "Advertisement.",
        "updated_at": unit.now,
    }
    unit.execute(insert(table_of(ProgramTracking)), [row])


def left(db, places):
    """Return the first and last instant and the number of the clicks of each program."""
    clicks = table_of(Click)
    with db.reading() as unit:
        rows = unit.execute(select(clicks.c.program_id, clicks.c.at).order_by(clicks.c.id)).all()
    of = {place.program_id: [at for program, at in rows if program == place.program_id] for place in places}
    return [of[place.program_id] for place in places]


def cutoff(place, now, days):
    return start_of_day(local_date(now, place.zone) - timedelta(days=days), place.zone)


@pytest.mark.parametrize("batch", [7, 1_000])
def test_what_is_older_than_its_programs_days_goes_and_nothing_else(db, clock, places, visited, batch):
    kept = [
        [visit.at for visit in visited if visit.place == number and visit.at >= cutoff(place, clock.now(), days)]
        for number, (place, days) in enumerate(zip(places, (40, 40, 100), strict=True))
    ]
    with db.reading() as unit:
        before = counts(unit)
    assert prune(db, batch=batch) == len(visited) - sum(map(len, kept))
    assert left(db, places) == kept
    with db.reading() as unit:
        assert counts(unit) == before
    assert prune(db, batch=batch) == 0


def test_each_day_the_next_one_goes(db, clock, places, visited):
    prune(db)
    clock.advance(DAY)
    roll_up(db)
    assert prune(db) == 24
    assert left(db, places)[BERLIN][0] >= cutoff(places[BERLIN], clock.now(), 40)


def test_what_is_not_counted_stays_however_old_it_is(db, clock, places, visited):
    clock.advance(300 * DAY)
    deleted = prune(db)
    with db.reading() as unit:
        marks = {mark.program_id: mark for mark in marks_of(unit)}
    for place, remaining in zip(places, left(db, places), strict=True):
        of_last_day = start_of_day(local_date(marks[place.program_id].rolled_until, place.zone), place.zone)
        assert remaining == [at for at in remaining if at >= of_last_day]
    assert deleted + sum(map(len, left(db, places))) == len(visited)


def test_days_whose_clicks_are_gone_are_not_counted_anew(db, clock, places, visited):
    prune(db)
    with db.reading() as unit:
        before = counts(unit)
        assert kept_since(unit, places[BERLIN].brand_id) == clock.now().date() - 40 * DAY
    done = rebuild_days(db, places[BERLIN].brand_id, since=date(2026, 1, 1), until=date(2026, 7, 1))
    assert (done.days, done.left) == (41, (clock.now().date() - 40 * DAY - date(2026, 1, 1)).days)
    with db.reading() as unit:
        assert counts(unit) == before
        assert differences(unit, places[BERLIN].brand_id, since=date(2026, 1, 1), until=date(2026, 7, 1)) == ()


def test_a_run_that_was_stopped_goes_on_where_it_was(db, clock, places, visited, monkeypatch):
    """The days that it began with count as gone from the start."""
    expected = len(visited) - sum(
        visit.at >= cutoff(places[visit.place], clock.now(), (40, 40, 100)[visit.place]) for visit in visited
    )
    runs, run = [], db.run

    def stop_after_some(work, **more):
        runs.append(work)
        if len(runs) == 9:
            raise KeyboardInterrupt
        return run(work, **more)

    monkeypatch.setattr(db, "run", stop_after_some)
    with pytest.raises(KeyboardInterrupt):
        prune(db, batch=50)
    monkeypatch.undo()
    gone = len(visited) - sum(map(len, left(db, places)))
    assert 0 < gone < expected
    with db.reading() as unit:
        assert all(mark.deleted_until < mark.kept_from for mark in marks_of(unit))
    assert gone + prune(db) == expected
    with db.reading() as unit:
        assert all(mark.deleted_until == mark.kept_from for mark in marks_of(unit))


def test_longer_days_bring_nothing_back_and_begin_at_what_is_there(db, clock, places, visited):
    prune(db)
    remaining = left(db, places)
    tracking = table_of(ProgramTracking)
    db.run(lambda unit: unit.execute(tracking.update().values(retention_days=300)))
    clock.advance(10 * DAY)
    roll_up(db)
    assert prune(db) == 0
    assert left(db, places) == remaining


def test_clicks_to_delete_are_found_by_a_range_of_ids(db, clock, places, visited):
    with db.reading() as unit:
        marks = marks_of(unit)
        program_ids = [mark.program_id for mark in marks]
        after = unit.execute(select(table_of(Click).c.id).limit(1)).scalar_one()
        (plan,) = plans(unit, lambda: next_old(unit, program_ids, after=after, until=clock.now(), most=10))
    assert by_range_of_ids(plan)
