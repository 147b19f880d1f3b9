"""Whatever becomes of the database, visitors are led on soon, and what was lost is counted and told afterwards."""

import asyncio
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta

import pytest
from sqlalchemy import event, select

from engine.insights.health import Level, health
from engine.kernel.database import open_database
from engine.kernel.ids import new_id
from engine.kernel.tables import table_of
from engine.tracking.clicks import store as store_module
from engine.tracking.clicks.tables import ClickLoss
from engine.tracking.clicks.wire import NewClick
from tests.engine.tracking.clicks.world import clicks, make_link, make_shop, tracker_of, visit
from tests.support.asking import awaited


@pytest.fixture
def place(db):
    def work(unit):
        place = make_shop(unit)
        make_link(unit, place)
        return place

    return db.run(work)


@pytest.fixture
def tracker(db, place):
    tracker = tracker_of(db)
    tracker.follow("coat", visit())
    yield tracker
    tracker.close()


def losses(db):
    with db.reading() as unit:
        return unit.execute(select(table_of(ClickLoss))).all()


def follow_many(tracker, number):
    def follow(_):
        started = time.monotonic()
        location, kept = tracker.follow("coat", visit())
        assert location.startswith("https://shop.example.com/coat")
        assert ("gw_click" in location) is bool(kept.token)
        return time.monotonic() - started, bool(kept.token)

    with ThreadPoolExecutor(16) as threads:
        return list(threads.map(follow, range(number)))


def file_of(db):
    return str(db.engine.url.database)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_database_locked_by_somebody_else_costs_each_visitor_two_seconds_at_most(db, tracker, place):
    with closing(sqlite3.connect(file_of(db), isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        first = follow_many(tracker, 16)
        assert max(waited for waited, _ in first) < 3.5
        soon = follow_many(tracker, 200)
        assert sorted(waited for waited, _ in soon)[150] < 0.5
        holder.execute("ROLLBACK")
    lost = 216 - sum(kept for _, kept in first + soon)
    assert lost >= 200
    until = time.monotonic() + 10
    while not tracker.follow("coat", visit())[1].token:
        assert time.monotonic() < until
        lost += 1
        time.sleep(0.1)
    tracker.follow("coat", visit())
    assert tracker.keeper.lost == lost
    assert sum(row.lost for row in losses(db)) == lost
    assert {row.brand_id for row in losses(db)} == {place.brand_id}
    assert "locked" in losses(db)[0].reason


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_full_disk_loses_clicks_and_leads_visitors_on(db, tracker, monkeypatch):
    opened = open_database

    def small(url, **more):
        found = opened(url, **more)
        with closing(sqlite3.connect(file_of(db))) as look:
            pages = look.execute("PRAGMA page_count").fetchone()[0]
        event.listen(found.engine, "connect", lambda one, _: one.execute(f"PRAGMA max_page_count={pages + 1}").close())
        return found

    tracker.writer.store.close()
    monkeypatch.setattr(store_module, "open_database", small)
    assert follow_many(tracker, 400)[-1][1] is False
    before = len(clicks(db))
    assert tracker.keeper.lost > 100
    monkeypatch.undo()
    tracker.writer.store.close()
    time.sleep(1.1)
    assert tracker.follow("coat", visit())[1].token
    tracker.follow("coat", visit())
    assert len(clicks(db)) == before + 2
    assert sum(row.lost for row in losses(db)) == tracker.keeper.lost
    assert "full" in losses(db)[0].reason


def test_a_database_that_is_gone_leads_known_links_on_and_comes_back(db, tracker, monkeypatch):
    def gone(url, **more):
        raise sqlite3.OperationalError("unable to open database file")

    tracker.writer.store.close()
    monkeypatch.setattr(store_module, "open_database", gone)
    driver = tracker.writer.store._driver
    monkeypatch.setattr(driver, "OperationalError", sqlite3.OperationalError)
    found = follow_many(tracker, 50)
    assert not any(kept for _, kept in found)
    monkeypatch.undo()
    time.sleep(1.1)
    assert tracker.follow("coat", visit())[1].token


def test_a_click_that_would_be_kept_too_late_is_given_up(db, tracker, monkeypatch):
    before = len(clicks(db))
    monkeypatch.setattr("engine.tracking.clicks.keeper.LATEST_S", -1.0)
    assert tracker.follow("coat", visit())[1].token == ""
    assert len(clicks(db)) == before


def a_click(tracker, monkeypatch) -> NewClick:
    """Return what is kept of a visit, which is not kept."""
    kept: list[NewClick] = []

    async def note(click):
        kept.append(click)

    with monkeypatch.context() as patch:
        patch.setattr(tracker.keeper, "keep", note)
        tracker.keep(tracker.cache.link("coat"), visit())
    return kept[0]


def of_a_brand_that_is_gone(click):
    brand, *others = click.target.split()
    return click._replace(target=" ".join([brand[::-1], *others]))


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda click: click._replace(sub_id="\ud800"), [1]),  # not to be written as UTF-8
        (of_a_brand_that_is_gone, []),
    ],
)
def test_one_bad_click_does_not_take_the_others_with_it(db, tracker, monkeypatch, spoil, told):
    keeper, good = tracker.keeper, a_click(tracker, monkeypatch)

    async def together():
        clicks = [good._replace(name=new_id().hex) for _ in range(20)]
        return await asyncio.gather(*map(keeper.keep, [*clicks[:7], spoil(good), *clicks[7:]]))

    assert awaited(together()) == [True] * 7 + [False] + [True] * 13
    assert tracker.follow("coat", visit())[1].token
    assert keeper.lost == 1
    assert [row.lost for row in losses(db)] == told


def test_what_was_lost_is_told_though_a_brand_beside_it_is_gone(db, place, tracker, monkeypatch):
    good = a_click(tracker, monkeypatch)
    monkeypatch.setattr("engine.tracking.clicks.keeper.LATEST_S", -1.0)
    assert not awaited(tracker.keeper.keep(good))
    monkeypatch.undo()
    time.sleep(1.1)
    assert not awaited(tracker.keeper.keep(of_a_brand_that_is_gone(good)))
    assert tracker.follow("coat", visit())[1].token
    assert [(row.brand_id, row.lost) for row in losses(db)] == [(place.brand_id, 1)]


def test_who_ends_says_what_was_lost_though_no_click_follows(db, tracker, monkeypatch):
    monkeypatch.setattr("engine.tracking.clicks.keeper.LATEST_S", -1.0)
    tracker.follow("coat", visit())
    monkeypatch.undo()
    tracker.close()
    assert [row.lost for row in losses(db)] == [1]


def test_lost_clicks_show_in_health_for_a_day(db, clock, tracker, monkeypatch):
    monkeypatch.setattr("engine.tracking.clicks.keeper.LATEST_S", -1.0)
    tracker.follow("coat", visit())
    monkeypatch.undo()
    time.sleep(1.1)
    tracker.follow("coat", visit())
    told = {check.name: check for check in health(db).checks}
    assert (told["clicks"].level, told["clicks"].number) == (Level.WARNING, 1)
    clock.advance(timedelta(days=1, seconds=1))
    assert {check.name: check.level for check in health(db).checks}["clicks"] is Level.OK
