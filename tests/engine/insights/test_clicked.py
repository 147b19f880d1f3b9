"""An order that came by a link is explained by it: to staff, to the ambassador, and as a record."""

import json
import re
from datetime import timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner
from sqlmodel import col, select

from engine.cli import main
from engine.cli.telling import tell
from engine.enrollment.tables import Enrollment
from engine.insights.clicks import Span
from engine.insights.explain import explain
from engine.insights.odd import odd_clicks
from engine.insights.why import why_of
from engine.plugin_api import Customer, OrderEvent, OrderLine, RefundEvent
from engine.programs.schemas import TermsDocument
from engine.rewards.tables import Commission
from engine.tracking.clicks.rules import click_token
from engine.tracking.clicks.tables import Target
from engine.tracking.links.tables import Link, SlugKind
from engine.tracking.pages.tables import LandingPage
from tests.factories import make_click
from tests.support.plans import plans
from tests.support.shop import TEN_PERCENT, installation, open_shop

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
DAY = timedelta(days=1)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def shop(db, clock, tmp_path):
    """A brand with a 10 % program in Berlin's time; it is 2 March 2026, 10 o'clock there."""
    return open_shop(installation(db, tmp_path), clock)


@pytest.fixture
def told(db, shop):
    def told(what):
        with db.reading() as unit:
            return _ID.sub("ID", "\n".join(tell(explain(unit, shop.brand_id, what=what))))

    return told


def linked(shop, name, *, title="", target=Target.LINK, days=0, seconds=0, reason=None):
    """Let somebody in, with a link or a page; a click on it so long before now, as it comes back from the shop."""
    enrollment_id = shop.ambassador(name, f"{name.lower()}@example.com", code=f"{name.upper()}10")
    now = shop.clock.now()
    with shop.goodword.database.unit() as unit:
        enrollment = unit.session.get(Enrollment, enrollment_id)
        common = {"brand_id": shop.brand_id, "program_id": shop.program_id, "enrollment_id": enrollment_id}
        common |= {"created_at": now, "updated_at": now}
        if target is Target.LINK:
            place: Link | LandingPage = Link(
                **common,
                slug=name.lower(),
                kind=SlugKind.VANITY,
                destination="https://shop.example/",
                title=title,
                utm={},
                created_by="factory",
            )
        else:
            place = LandingPage(**common, handle=name.lower())
        unit.session.add(place)
        unit.session.flush()
        at = now - days * DAY - timedelta(seconds=seconds)
        made = make_click(unit, enrollment, at=at, target=target, target_id=place.id, reason=reason)
    return click_token(shop.goodword.keyring.key("click"), made.id)


def buy(shop, *tokens, number="1001", minor=12_400, **more):
    at = shop.clock.now()
    line = OrderLine("1", minor)
    event = OrderEvent(
        number, at, at, "EUR", (line,), minor, at, clicks=tokens, customer=Customer("c@example.org"), **more
    )
    shop.take_in(number, event)


def test_the_click_is_named_with_its_link_its_day_and_the_window(shop, told):
    token = linked(shop, "Anna", title="Spring tea")
    shop.clock.advance(2 * DAY)
    buy(shop, token)
    text = told("1001")
    assert text.startswith(
        "10 % of €124.00, because the link Spring tea of Anna was clicked on 2 March 2026 "
        "and an order followed on 4 March 2026.\n"
    )
    assert (
        "  - click of Anna: earning; it is credited\n"
        "    The link Spring tea of Anna was clicked on 2 March 2026, 2 days before the order."
        " Clicks count for 30 days.\n"
        "    click ID on /r/anna, 2026-03-02 10:00\n"
    ) in text


def test_a_click_outside_the_window_says_how_many_days_it_was(shop, told):
    token = linked(shop, "Anna")
    shop.clock.advance(31 * DAY)
    buy(shop, token)
    text = told("1001")
    assert text.startswith(
        "Not credited: the click of 2026-03-02 came 31 days before the order; clicks count for 30 days."
    )
    assert "click of Anna: expired; it came 31 days before the order; clicks count for 30 days\n" in text


def test_a_page_is_called_a_page(shop, told):
    buy(shop, linked(shop, "Anna", target=Target.PAGE, days=0, seconds=60))
    text = told("1001")
    assert "because the page of Anna was opened on 2 March 2026 and an order followed on 2 March 2026." in text
    assert "click ID on /a/anna, " in text


def test_what_was_odd_is_shown_and_changes_nothing(shop, told):
    buy(shop, linked(shop, "Anna", seconds=3))
    text = told("1001")
    assert "    odd (fast_order), and changes nothing: The order was placed 3.000 seconds after the click.\n" in text
    assert "  owed now: 12.40 EUR\n" in text or "  owed now: €12.40\n" in text


def test_odd_clicks_of_a_span_are_found_by_index_with_their_orders(db, shop):
    token = linked(shop, "Anna", seconds=3)
    buy(shop, token)
    buy(shop, token, number="1002")
    buy(shop, linked(shop, "Ben", seconds=30), number="1003")
    now = shop.clock.now()
    span = Span(now - timedelta(minutes=1), now)
    with db.reading() as unit:
        (odd,) = odd_clicks(unit, shop.brand_id, span=span)
        found = plans(unit, lambda: odd_clicks(unit, shop.brand_id, span=span))
        assert odd_clicks(unit, shop.brand_id, span=Span(now, now + DAY)) == ()
    assert (odd.ambassador, odd.path, odd.order, odd.orders) == ("Anna", "/r/anna", "1001", 2)
    assert odd.details == ("The order was placed 3.000 seconds after the click.",)
    assert any("uq_click_flag" in plan or "sqlite_autoindex_click_flag" in plan for plan in found)
    assert any("ix_touch_click" in plan for plan in found)


def test_who_shares_an_order_is_told_with_how_much_and_how_it_was_divided(db, shop, told):
    """Three links, 10 % of 1.00: 0.0333… each, 0.10 together."""
    linear = {"attribution": {"model": "linear", "signals": ["code", "click"]}}
    shop.publish(TermsDocument.model_validate(TEN_PERCENT.model_dump(mode="json") | linear))
    shop.clock.advance(DAY)
    tokens = [linked(shop, name, seconds=600 - number) for number, name in enumerate(("Anna", "Ben", "Cleo"))]
    buy(shop, *tokens, minor=100)
    text = told("1001")
    assert "  - click of Anna: earning; it is credited with 33.3334 % of the order\n" in text
    assert "  - click of Cleo: earning; it is credited with 33.3333 % of the order\n" in text
    assert "10 minutes before the order." in text
    assert text.count("  all who share the order are owed €0.10 together, divided by largest remainder\n") == 3
    assert [text.count(f"  owed now: €{owed}\n") for owed in ("0.04", "0.03")] == [1, 2]


def test_what_was_not_counted_says_why(shop, told):
    buy(shop, linked(shop, "Anna", reason="bot"), "A" * 32)
    text = told("1001")
    assert "  - click of Anna: uncounted; it does not count: a program made it, not a person\n" in text
    assert "  - click: unknown; it names none on a link or page of this brand's ambassadors\n" in text


def test_an_ambassador_is_told_of_their_own_link(db, shop):
    token = linked(shop, "Anna")
    shop.clock.advance(DAY)
    buy(shop, token)
    with db.reading() as unit:
        commission_id = unit.execute(select(col(Commission.id))).scalar_one()
        why = why_of(unit, shop.brand_id, commission_id=commission_id)
    assert why.sentence(mine=True).in_english(BERLIN) == (
        "10 % of €124.00, because your link anna was clicked on 2 March 2026 and an order followed on 3 March 2026."
    )
    assert [said.in_english(BERLIN) for said in why.visit(mine=True)] == [
        "Your link anna was clicked on 2 March 2026, 1 day before the order.",
        "Clicks count for 30 days.",
    ]


def test_the_record_carries_the_click(shop, db_url, tmp_path):
    token = linked(shop, "Anna", title="Spring tea")
    shop.clock.advance(DAY)
    buy(shop, token)
    variables = {"GOODWORD_DATABASE_URL": db_url, "GOODWORD_HOME": str(tmp_path), "GOODWORD_SECRET_KEY": "t" * 40}
    ran = CliRunner().invoke(main, ["explain", "1001", "--json"], env=variables)
    (candidate,) = json.loads(ran.output)["decision"]["candidates"]
    click = candidate["click"]
    assert (candidate["signal"], click["name"], click["path"], click["target"]) == (
        "click",
        "Spring tea",
        "/r/anna",
        "link",
    )
    assert (click["seconds_before"], click["window_days"], click["flags"]) == (86_400, 30, [])
    assert UUID(click["id"]).version == 7


def test_a_refund_that_the_shop_deleted_says_so(shop, told):
    linked(shop, "Anna")
    buy(shop, codes=("ANNA10",), number="7")
    shop.refund("r1", order="7", minor=2_400)
    shop.clock.advance(DAY)
    at = shop.clock.now()
    placed = at - DAY
    line = OrderLine("1", 12_400)
    listed = OrderEvent("7", at, placed, "EUR", (line,), 12_400, placed, codes=("ANNA10",), refund_ids=())
    shop.take_in("listed", listed)
    assert "counts for nothing: the shop deleted it, since its list of the order's refunds no longer has it" in told(
        "7"
    )
    later = at + DAY
    shop.take_in("again", RefundEvent("r1", "7", later, placed, "EUR", 1_240))
    assert "takes back 12.40 ÷ 124.00 = 10.00 % of every line" in told("7")
