"""A click is on disk before the visitor is led on, says no more than was agreed to, counts once for each visitor."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql, sqlite

from engine.kernel.clock import microseconds
from engine.kernel.ids import new_id
from engine.kernel.tables import table_of
from engine.tracking.clicks.driver import id_taker, target_taker, time_reader, time_taker
from engine.tracking.clicks.repeats import Repeats
from engine.tracking.clicks.rules import click_id_of
from engine.tracking.clicks.store import counted_before
from engine.tracking.clicks.tables import Click
from tests.engine.tracking.clicks.world import (
    DESKTOP,
    KEYRING,
    PHONE,
    clicks,
    make_link,
    make_shop,
    tracker_of,
    visit,
)

HOUR = timedelta(hours=1)


@pytest.fixture
def tracker(db):
    tracker = tracker_of(db)
    yield tracker
    tracker.close()


def shop_with_link(db, *, link=None, **settings):
    def work(unit):
        place = make_shop(unit, **settings)
        return place, make_link(unit, place, **(link or {}))

    return db.run(work)


def named(location):
    token = parse_qs(urlsplit(location).query)["gw_click"][0]
    return click_id_of(KEYRING.key("click"), token)


def test_the_address_names_the_click_that_is_stored(db, clock, tracker):
    place, link_id = shop_with_link(db)
    location, _ = tracker.follow("coat", visit(referer="https://www.instagram.com/mia?x=1", query="sub=reel"))
    (row,) = clicks(db)
    assert row.id == named(location)
    assert (row.brand_id, row.program_id, row.enrollment_id) == (place.brand_id, place.program_id, place.enrollment_id)
    assert (row.target, row.target_id, row.at, row.counted, row.reason) == ("link", link_id, clock.now(), True, None)
    assert (row.verified, row.address, row.user_agent) == (True, "203.0.113.0/24", PHONE)
    assert (row.referrer, row.sub_id, row.signals) == ("https://www.instagram.com", "reel", "")
    assert row.id.int >> 80 == int(clock.now().timestamp() * 1000)


def test_slugs_are_found_however_they_are_written_and_others_lead_nowhere(db, tracker):
    place, link_id = shop_with_link(db)
    assert tracker.follow("COAT", visit()) is not None
    ids = (str(place.enrollment_id), place.enrollment_id.hex, str(link_id), "1", "16")
    for slug in ("coat2", "", "x" * 200, "../coat", "coat'--", "\x00", *ids):
        assert tracker.follow(slug, visit()) is None
    assert len(clicks(db)) == 1


@pytest.mark.parametrize(
    ("consent", "answer", "agreed"),
    [
        ("required", None, False),
        ("required", True, True),
        ("required", False, False),
        ("assumed", None, True),
        ("assumed", False, False),
    ],
)
def test_without_consent_nothing_of_the_visitor_is_kept_and_the_click_counts_unverified(
    db, tracker, consent, answer, agreed
):
    shop_with_link(db, consent=consent)
    location, kept = tracker.follow("coat", visit(consented=answer, cookie=None))
    (row,) = clicks(db)
    assert row.id == named(location)
    assert (row.counted, row.verified) == (True, agreed)
    assert (kept.cookie is not None) is agreed
    for value in (row.visitor_key, row.address, row.user_agent):
        assert (value is not None) is agreed


def test_without_consent_each_click_counts_that_is_no_machines(db, tracker):
    shop_with_link(db, consent="required")
    for _ in range(2):
        tracker.follow("coat", visit(consented=False))
    tracker.follow("coat", visit(consented=False, agent="Twitterbot/1.0"))
    tracker.follow("coat", visit(consented=False, sec_purpose="prefetch"))
    rows = clicks(db)
    assert [(row.counted, row.reason) for row in rows] == [
        (True, None),
        (True, None),
        (False, "bot"),
        (False, "prefetch"),
    ]
    assert {(row.verified, row.visitor_key, row.address, row.user_agent) for row in rows} == {(False, None, None, None)}


def test_without_consent_a_cookie_from_before_is_not_read(db, tracker):
    shop_with_link(db, consent="required")
    _, kept = tracker.follow("coat", visit(consented=True))
    tracker.follow("coat", visit(consented=False, cookie=kept.cookie))
    assert clicks(db)[1].visitor_key is None


def test_a_visitor_counts_once_within_the_window_and_is_led_on_each_time(db, clock, tracker):
    shop_with_link(db, window_h=24)
    _, kept = tracker.follow("coat", visit())
    found = []
    for hours in (1, 22.9, 0.2, 24.1):
        clock.advance(hours * HOUR)
        location, again = tracker.follow("coat", visit(cookie=kept.cookie, address="198.51.100.1"))
        assert again.cookie is None
        row = clicks(db)[-1]
        assert row.id == named(location)
        found.append(row.reason)
    assert found == ["repeat", "repeat", None, None]
    assert len({row.visitor_key for row in clicks(db)}) == 1


def test_who_throws_the_cookie_away_does_not_count_again(db, tracker):
    shop_with_link(db)
    for _ in range(3):
        tracker.follow("coat", visit())
    tracker.follow("coat", visit(agent=DESKTOP))
    assert [row.reason for row in clicks(db)] == [None, "repeat", "repeat", None]
    assert len({row.visitor_key for row in clicks(db)}) == 4


def test_after_a_restart_who_was_counted_is_known_again(db, tracker):
    shop_with_link(db)
    _, kept = tracker.follow("coat", visit())
    for again in (visit(), visit(cookie=kept.cookie, address="198.51.100.1")):
        tracker.close()
        tracker = tracker_of(db)
        tracker.follow("coat", again)
    tracker.close()
    assert [row.reason for row in clicks(db)] == [None, "repeat", "repeat"]


def test_who_brings_the_cookie_is_no_more_counted_when_memory_has_lost_them(db, tracker, monkeypatch):
    shop_with_link(db)
    _, kept = tracker.follow("coat", visit())
    monkeypatch.setattr(tracker.writer.store, "_repeats", Repeats())
    tracker.follow("coat", visit(cookie=kept.cookie, address="198.51.100.1"))
    assert [row.reason for row in clicks(db)] == [None, "repeat"]


def test_another_link_counts_for_itself(db, tracker):
    place, _ = shop_with_link(db)
    db.run(lambda unit: make_link(unit, place, slug="hat"))
    tracker.follow("coat", visit())
    tracker.follow("hat", visit())
    assert [row.counted for row in clicks(db)] == [True, True]


def test_only_what_counted_makes_a_repeat(db, tracker):
    shop_with_link(db)
    tracker.follow("coat", visit(sec_purpose="prefetch"))
    tracker.follow("coat", visit())
    assert [row.reason for row in clicks(db)] == ["prefetch", None]


def test_what_does_not_count_is_kept_with_its_reason(db, clock, tracker):
    place, _ = shop_with_link(db)
    db.run(lambda unit: make_link(unit, place, slug="ended", expires_at=clock.now() + HOUR))
    tracker.follow("coat", visit(method="HEAD"))
    tracker.follow("coat", visit(agent="Twitterbot/1.0"))
    tracker.follow("coat", visit(sec_fetch_dest="image", sec_fetch_mode="no-cors"))
    tracker.follow("ended", visit())
    clock.advance(HOUR)
    location, _ = tracker.follow("ended", visit())
    assert location.startswith("https://shop.example.com/coat?")
    rows = clicks(db)
    assert [row.reason for row in rows] == ["head", "bot", "embedded", None, "expired"]
    assert [row.counted for row in rows] == [False, False, False, True, False]
    assert rows[2].signals == "as_image"


def test_machines_get_no_cookie(db, tracker):
    shop_with_link(db)
    assert tracker.follow("coat", visit(agent="Twitterbot/1.0"))[1].cookie is None


def test_a_link_whose_domain_is_gone_leads_home_and_without_a_home_nowhere(db, tracker):
    place, _ = shop_with_link(db, link={"destination": "https://old.example/coat"})
    shop_with_link(db, domains=(), link={"slug": "hat"})
    assert tracker.follow("coat", visit())[0].startswith("https://shop.example.com/?gw_click=")
    assert tracker.follow("hat", visit()) is None
    assert [row.brand_id for row in clicks(db)] == [place.brand_id]


def test_words_of_the_template_are_filled_in(db, tracker):
    place, _ = shop_with_link(db, utm={"utm_campaign": "{program}-{link}", "utm_term": "{handle}{code}"})
    location, _ = tracker.follow("coat", visit())
    assert f"utm_campaign={place.program_slug}-coat&gw_click=" in location


def test_many_at_once_are_all_stored_and_each_visitor_counts_once(db, tracker):
    shop_with_link(db)

    def follow(number):
        return named(tracker.follow("coat", visit(address=f"10.0.{number % 100}.1"))[0])

    with ThreadPoolExecutor(32) as threads:
        answered = list(threads.map(follow, range(300)))
    rows = clicks(db)
    assert {row.id for row in rows} == set(answered)
    assert sum(row.counted for row in rows) == 100
    assert {row.reason for row in rows} == {None, "repeat"}


def test_whether_a_visitor_counted_is_found_by_index(db):
    sqlite = db.dialect == "sqlite"
    statement = counted_before(2, dialect=db.dialect).replace("?", "?" if sqlite else "%s")
    one = new_id()
    values = (*[one.hex if sqlite else one] * 2, "0", one.hex if sqlite else one) * 2
    with db.reading() as unit:
        if not sqlite:
            unit.connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        found = unit.connection.exec_driver_sql(f"EXPLAIN {'QUERY PLAN ' if sqlite else ''}{statement}", values)
        assert "ix_click_visitor" in "\n".join(str(row[-1]) for row in found)


def as_sqlalchemy_takes(name, dialect):
    return table_of(Click).c[name].type.dialect_impl(dialect).bind_processor(dialect) or (lambda value: value)


@given(at=st.datetimes(timezones=st.just(UTC)), name=st.uuids())
def test_values_made_ready_for_the_driver_are_what_sqlalchemy_would_make_of_them(at, name):
    for dialect in (sqlite.dialect(), postgresql.dialect()):
        ready_at, ready = (as_sqlalchemy_takes(column, dialect)(value) for column, value in (("at", at), ("id", name)))
        assert (time_taker(dialect)(microseconds(at)), id_taker(dialect)(name.hex)) == (ready_at, ready)
        assert time_reader(dialect)(ready_at) == microseconds(at)
        row = " ".join([*[name.hex] * 3, "link", name.hex])
        assert target_taker(dialect)(row) == (*[ready] * 3, "link", ready)
