"""What screens say of clicks: by link, by day, by ambassador, and which orders came by them; on both databases."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from engine.enrollment.tables import Enrollment
from engine.insights.clicks import (
    Clicks,
    Span,
    brought,
    clicked_orders,
    clicks_by_target,
    clicks_in_programs,
    visited_in_programs,
    visited_of_enrollments,
)
from engine.insights.home import home_of
from engine.insights.overview import days_of_month, month_after, overview_of
from engine.kernel.tables import table_of
from engine.plugin_api import Customer, OrderEvent, OrderLine
from engine.programs.schemas import TermsDocument
from engine.tracking.clicks.rollups import roll_up
from engine.tracking.clicks.rules import click_token
from engine.tracking.clicks.tables import Click
from engine.tracking.links.schemas import LinkDraft
from engine.tracking.links.service import create_link
from engine.tracking.site.schemas import SiteDraft, TrackingDraft
from engine.tracking.site.service import save_site, save_tracking
from tests.engine.tracking.clicks.visits import Place, Visit, click_on
from tests.factories import make_click
from tests.support.plans import plans
from tests.support.shop import TEN_PERCENT, installation, open_shop

MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)
HOUR = timedelta(hours=1)
BOT: dict[str, Any] = {"counted": False, "reason": "bot"}
REPEAT: dict[str, Any] = {"counted": False, "reason": "repeat"}


@pytest.fixture
def shop(db, clock, tmp_path):
    return open_shop(installation(db, tmp_path), clock)


@pytest.fixture
def anna(shop):
    return shop.ambassador("Anna Berg", "anna@example.com", code="ANNA10")


@pytest.fixture
def place(shop, db, anna):
    """Three links of Anna's, the last of them with a title."""

    def work(unit):
        save_site(unit, shop.brand_id, draft=SiteDraft(domains=("bean.example",)), by="owner")
        draft = TrackingDraft(home_url="https://bean.example/")
        save_tracking(unit, shop.brand_id, program_id=shop.program_id, draft=draft, by="owner")
        drafts = [LinkDraft(), LinkDraft(), LinkDraft(slug="annas-own", title="My picks")]
        return [create_link(unit, shop.brand_id, enrollment_id=anna, draft=draft, by="anna").id for draft in drafts]

    links = db.run(work)
    return Place(shop.brand_id, shop.program_id, ZoneInfo("Europe/Berlin"), (anna,), tuple(links))


@pytest.fixture
def clicked(db, clock, place):
    """Six clicks on the first two links over three hours, two of them left out; all counted by day."""
    now = clock.now()
    visits = [
        Visit(now + HOUR, link=0),
        Visit(now + HOUR, link=0, verified=False),
        Visit(now + 2 * HOUR, link=0, **REPEAT),
        Visit(now + 2 * HOUR, link=1, **BOT),
        Visit(now + 2 * HOUR, link=1),
        Visit(now + 26 * HOUR, link=1),
    ]
    db.run(lambda unit: click_on(unit, (place,), visits))
    clock.advance(30 * HOUR)
    roll_up(db)
    return place


def order(shop, number, minor, *, codes=(), clicks=()):
    """Let a paid order come in that brings codes and clicks."""
    now = shop.clock.now()
    lines = (OrderLine("1", minor),)
    pointers = {"codes": codes, "clicks": clicks, "customer": Customer(email=f"{number}@example.org")}
    event = OrderEvent(number, now, now, "EUR", lines, minor, paid_at=now, **pointers)
    shop.take_in(f"order:{number}", event)


def person(db, enrollment_id):
    enrollments = table_of(Enrollment).c
    with db.reading() as unit:
        return unit.execute(select(enrollments.ambassador_id).where(enrollments.id == enrollment_id)).scalar_one()


def test_links_know_their_clicks_also_those_that_have_none(db, clicked):
    first, second, third = clicked.links
    with db.reading() as unit:
        found = clicks_by_target(unit, clicked.brand_id, target_ids=clicked.links, since=MARCH, until=APRIL)
        elsewhere = clicks_by_target(unit, clicked.program_id, target_ids=[first], since=MARCH, until=APRIL)
        later = clicks_by_target(unit, clicked.brand_id, target_ids=[second], since=date(2026, 3, 3), until=APRIL)
    assert found == {
        first: Clicks(counted=2, verified=1, repeated=1),
        second: Clicks(counted=2, verified=2, bots=1),
        third: Clicks(),
    }
    assert (found[first].all, found[first].filtered) == (3, 1)
    assert elsewhere == {first: Clicks()}
    assert later == {second: Clicks(counted=1, verified=1)}


def test_days_have_no_gap_and_sum_to_what_the_links_have(db, clicked):
    brand_id, programs = clicked.brand_id, [clicked.program_id]
    with db.reading() as unit:
        of_program = visited_in_programs(unit, brand_id, program_ids=programs, since=MARCH, until=APRIL)
        of_anna = visited_of_enrollments(unit, brand_id, enrollment_ids=clicked.enrollments, since=MARCH, until=APRIL)
        summed = clicks_in_programs(unit, brand_id, program_ids=programs, since=MARCH, until=APRIL)
        of_nobody = visited_of_enrollments(unit, brand_id, enrollment_ids=[], since=MARCH, until=APRIL)
    assert of_program == of_anna
    assert [day for day, _ in of_program.days] == [date(2026, 3, number) for number in range(1, 32)]
    assert {day.day: clicks.counted for day, clicks in of_program.days if clicks.all} == {2: 3, 3: 1}
    assert of_program.total == summed == Clicks(counted=4, verified=3, repeated=1, bots=1)
    assert [one.clicks.counted for one in of_program.targets] == [2, 2]
    assert of_nobody.total == Clicks()


def test_an_order_by_click_is_told_from_one_by_code(db, clock, shop, anna, clicked):
    clicks = table_of(Click).c
    with db.reading() as unit:
        click_id = unit.execute(select(clicks.id).where(clicks.counted).order_by(clicks.id).limit(1)).scalar_one()
    token = click_token(shop.goodword.keyring.key("click"), click_id)
    order(shop, "by-click", 12_400, clicks=(token,))
    order(shop, "by-code", 5_000, codes=("ANNA10",))
    order(shop, "by-both", 1_000, codes=("ANNA10",), clicks=(token,))
    order(shop, "by-nobody", 7_000)
    annas = person(db, anna)
    span = Span(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))
    since = clock.now() - timedelta(days=3)
    with db.reading() as unit:
        (one,) = brought(unit, shop.brand_id, program_ids=[shop.program_id], since=MARCH, until=APRIL, span=span)
        assert (one.ambassador_id, one.name, one.clicks.counted) == (annas, "Anna Berg", 4)
        assert (one.orders, one.clicked, one.revenue) == (3, 1, (("EUR", 18_400),))
        assert clicked_orders(unit, shop.brand_id, ambassador_id=annas, since=since) == 1
        assert clicked_orders(unit, shop.brand_id, ambassador_id=annas, since=clock.now() + HOUR) == 0
        shown = home_of(unit, shop.brand_id, ambassador_id=annas).month
        month = overview_of(unit, shop.brand_id).clicked
    assert (shown.visited.total.counted, shown.orders, shown.clicks_per_order) == (4, 1, 4)
    assert len(shown.visited.days) == 30
    assert (month.clicks.counted, month.orders, month.currency) == (4, 1, "EUR")
    assert month.by_revenue() == month.by_clicks() == [one]


def test_an_order_that_is_shared_counts_for_each_of_those_who_share_it(db, clock, shop, anna):
    linear = {"attribution": {"model": "linear", "signals": ["code", "click"]}}
    shop.publish(TermsDocument.model_validate(TEN_PERCENT.model_dump(mode="json") | linear))
    clock.advance(HOUR)
    ben = shop.ambassador("Ben", "ben@example.com", code="BEN10")
    cleo = shop.ambassador("Cleo", "cleo@example.com", code="CLEO10")
    key, since = shop.goodword.keyring.key("click"), clock.now() - timedelta(days=1)
    with db.unit() as unit:
        made = [make_click(unit, unit.session.get(Enrollment, one), at=clock.now() - HOUR) for one in (anna, ben, cleo)]
    tokens = tuple(click_token(key, one.id) for one in made)
    order(shop, "shared", 12_401, clicks=tokens[:2])
    order(shop, "thirds", 1_000, clicks=tokens)
    order(shop, "by-code", 5_000, codes=("CLEO10",))
    span = Span(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))
    with db.reading() as unit:
        found = [
            clicked_orders(unit, shop.brand_id, ambassador_id=person(db, one), since=since) for one in (anna, ben, cleo)
        ]
        everybody = brought(unit, shop.brand_id, program_ids=[shop.program_id], since=MARCH, until=APRIL, span=span)
        month = overview_of(unit, shop.brand_id)
    assert found == [2, 2, 1]
    assert [(one.name, one.orders, one.clicked) for one in everybody] == [
        ("Anna Berg", 2, 2),
        ("Ben", 2, 2),
        ("Cleo", 2, 1),
    ]
    revenue = {one.name: dict(one.revenue)["EUR"] for one in everybody}
    assert revenue["Cleo"] == 5_000 + 333
    assert sorted((revenue["Anna Berg"], revenue["Ben"])) == [
        6_534,
        6_534,
    ]  # 6,200.50 and 333.33 each, and nothing is lost
    assert sum(revenue.values()) == 12_401 + 1_000 + 5_000
    assert (month.clicked.orders, month.clicked.people) == (2, everybody)  # each order once


def test_thirty_days_end_today(db, clock, clicked, anna):
    clock.advance(timedelta(days=29))
    with db.reading() as unit:
        days = home_of(unit, clicked.brand_id, ambassador_id=person(db, anna)).month.visited.days
    assert (days[0][0], days[-1][0], len(days)) == (date(2026, 3, 3), clock.now().date(), 30)
    clock.set(datetime(2026, 4, 1, 22, 30, tzinfo=UTC))
    with db.reading() as unit:
        days = home_of(unit, clicked.brand_id, ambassador_id=person(db, anna)).month.visited.days
    assert days[-1][0] == date(2026, 4, 2)  # in Berlin


def test_counts_are_found_by_index(db, clicked):
    days = {"since": MARCH, "until": APRIL}
    brand_id = clicked.brand_id
    with db.reading() as unit:
        by_target = plans(unit, lambda: clicks_by_target(unit, brand_id, target_ids=clicked.links, **days))
        by_person = plans(
            unit, lambda: visited_of_enrollments(unit, brand_id, enrollment_ids=clicked.enrollments, **days)
        )
        by_program = plans(unit, lambda: clicks_in_programs(unit, brand_id, program_ids=[clicked.program_id], **days))
    assert not [plan for plan in (*by_target, *by_person, *by_program) if "SCAN click_day" in plan]
    assert not [plan for plan in (*by_target, *by_person, *by_program) if "Seq Scan on click_day" in plan]
    if db.dialect == "sqlite":  # PostgreSQL chooses among indexes by statistics, of which a test has none
        assert "ix_click_day_target (brand_id=? AND target_id=? AND day>? AND day<?)" in by_target[0]
        assert all("ix_click_day_enrollment (brand_id=? AND enrollment_id=? AND" in plan for plan in by_person)
        assert "sqlite_autoindex_click_day_2 (brand_id=? AND program_id=? AND day>? AND day<?)" in by_program[0]


def test_months_have_their_days():
    assert (month_after("2026-12"), days_of_month("2026-12")) == ("2027-01", (date(2026, 12, 1), date(2027, 1, 1)))
