"""Links in memory: bounded whatever is asked for, and never older than two seconds once somebody changed them."""

import time
import tracemalloc
from datetime import timedelta

import pytest
from sqlalchemy import event, update
from sqlalchemy.exc import OperationalError

from engine.kernel.tables import table_of
from engine.tracking.clicks.cache import TargetCache, TwoGenerations
from engine.tracking.links.tables import Link
from engine.tracking.site.tables import BrandSite, ProgramTracking
from tests.engine.tracking.clicks.world import make_link, make_shop


@pytest.fixture
def place(db):
    def work(unit):
        place = make_shop(unit)
        make_link(unit, place)
        return place

    return db.run(work)


@pytest.fixture
def cache(db, place):
    cache = TargetCache(db)
    yield cache
    cache.close()


def change(db, table, **values):
    db.run(lambda unit: unit.execute(update(table_of(table)).values(updated_at=unit.now, **values)))


def reads(db):
    sent = []
    event.listen(db.engine, "before_cursor_execute", lambda *found: sent.append(found[2]))
    return sent


def test_what_is_known_is_not_read_again(db, cache):
    cache.link("coat")
    sent = reads(db)
    for _ in range(100):
        assert cache.link("coat") is not None
        assert len(cache) == 1
    assert not [one for one in sent if "link.slug =" in one]


def test_guessing_addresses_reads_each_once_and_does_not_grow_memory(db, place):
    cache = TargetCache(db, unknown=100)
    for number in range(300):
        assert cache.link(f"guess-{number}") is None
    assert len(cache) == 0
    assert len(cache._unknown) <= 100
    sent = reads(db)
    assert cache.link("guess-299") is None
    assert not [one for one in sent if "link.slug =" in one]
    cache.close()


def test_a_change_of_another_process_is_seen_within_two_seconds(db, clock, cache):
    assert cache.link("coat").base.endswith("/coat")
    clock.advance(timedelta(minutes=5))
    change(db, Link, destination="https://shop.example.com/hat")
    until = time.monotonic() + 2
    while cache.link("coat").base.endswith("/coat"):
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_link_that_was_looked_for_before_it_was_made_is_found(db, clock, place, cache):
    assert cache.link("soon") is None
    clock.advance(timedelta(seconds=1))
    db.run(lambda unit: make_link(unit, place, slug="soon"))
    cache.refresh()
    assert cache.link("soon") is not None


@pytest.mark.parametrize(
    ("table", "values"),
    [(BrandSite, {"domains": ["other.example.com"]}), (ProgramTracking, {"home_url": "", "consent": "required"})],
    ids=["domains", "tracking"],
)
def test_what_a_brand_says_changes_all_its_links(db, clock, cache, table, values):
    before = cache.link("coat")
    clock.advance(timedelta(seconds=1))
    change(db, table, **values)
    assert cache.link("coat") is before
    cache.refresh()
    after = cache.link("coat")
    assert after is None if table is BrandSite else after.context.consent == "required"


def test_a_change_that_commits_late_is_seen(db, clock, cache):
    cache.refresh()
    cache.link("coat")
    made = clock.now() + timedelta(seconds=1)
    clock.advance(timedelta(seconds=20))
    cache.refresh()
    db.run(
        lambda unit: unit.execute(
            update(table_of(Link)).values(updated_at=made, destination="https://shop.example.com/x")
        )
    )
    cache.refresh()
    assert cache.link("coat").base.endswith("/x")


def test_many_changes_at_once_empty_the_memory(db, clock, cache, monkeypatch):
    monkeypatch.setattr("engine.tracking.clicks.cache._MOST_CHANGES", 1)
    before = cache.link("coat")
    cache.refresh()
    after = cache.link("coat")
    assert after is not before
    cache.refresh()
    assert cache.link("coat") is after


def test_what_is_known_is_answered_while_the_database_is_out_of_reach(db, cache, monkeypatch):
    known = cache.link("coat")

    def gone():
        raise OperationalError("", {}, Exception("gone"))

    monkeypatch.setattr("engine.tracking.clicks.cache.LINK_LIFETIME_S", 0.0)
    monkeypatch.setattr(db, "reading", gone)
    assert cache.link("coat") is known
    with pytest.raises(OperationalError):
        cache.link("unknown")


def test_a_map_of_two_generations_keeps_what_is_asked_for_and_no_more_than_it_may():
    kept: TwoGenerations[int] = TwoGenerations(100)
    for number in range(10_000):
        kept.put(number, number)
        kept.get(0)
        assert len(kept) <= 100
    assert kept.get(0) == 0
    assert kept.get(5_000) is None
    assert kept.get(9_999) == 9_999
    kept.drop(0)
    assert kept.get(0) is None


def test_a_link_takes_less_than_four_kilobytes(db, place, cache):
    def make(unit):
        for number in range(300):
            make_link(unit, place, slug=f"link-{number:04d}")

    db.run(make)
    cache.link("coat")
    tracemalloc.start()
    for number in range(300):
        cache.link(f"link-{number:04d}")
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used / 300 < 4_000  # with what the database library keeps of its own
