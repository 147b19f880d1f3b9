"""What the pages say and do."""

import re
from datetime import timedelta
from html import unescape
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlmodel import col

from engine.enrollment.tables import Enrollment
from engine.identity.tables import Realm
from engine.plugin_api import OrderEvent, OrderLine
from engine.programs.schemas import TermsDocument
from engine.tracking.clicks.rules import click_token
from engine.tracking.clicks.tables import Target
from tests.factories import make_click
from tests.support.routes import only
from tests.support.shop import CAPPED_IN_EUROS, TEN_PERCENT


def words(answer):
    """Return a page as a reader sees it: no tags, one blank between words."""
    body = re.sub(r"<(script|style)[^>]*>.*?</\1>", "", answer.get_data(as_text=True), flags=re.DOTALL)
    return (
        " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).replace(" .", ".").split())
        .replace(" ,", ",")
        .replace(" .", ".")
    )


def one(db, query):
    with db.reading() as unit:
        return unit.execute(text(query)).scalars().first()


def commission_of(db, order, reason="accrual"):
    query = "SELECT c.id FROM commission c JOIN shop_order o ON o.id = c.order_id"
    return UUID(one(db, f"{query} WHERE o.external_id = '{order}' AND c.reason = '{reason}'"))


@pytest.fixture
def anna(shop, always):
    shop.ambassador("Anna Berg", "anna@example.com", code="ANNA10")
    return always("anna@example.com", Realm.AMBASSADOR)


def test_home_says_what_changed_and_shows_the_code(anna, shop):
    assert "No order yet. Share your code" in words(anna.get("/portal/bean/"))
    shop.order("1", 12_400, code="ANNA10")
    shop.order("2", 10_000, code="anna10")
    said = words(anna.get("/portal/bean/"))
    assert "You earned €22.40 from 2 orders this week." in said
    assert "On hold €22.40 Ready €0.00 On its way €0.00 Paid so far €0.00" in said
    assert 'data-copy="ANNA10"' in anna.get("/portal/bean/").get_data(as_text=True)
    shop.mature(days=20)
    said = words(anna.get("/portal/bean/"))
    assert "Nothing new this week." in said
    assert "On hold €0.00 Ready €22.40" in said


def test_home_names_a_week_of_returns(anna, shop):
    shop.order("1", 12_400, code="ANNA10")
    shop.clock.advance(timedelta(days=8))
    shop.refund("r", order="1", minor=12_400)
    assert "Returns this week took back €12.40." in words(anna.get("/portal/bean/"))


def test_currencies_stand_apart(anna, shop):
    shop.order("1", 12_400, code="ANNA10")
    shop.order("2", 9_990, code="ANNA10", currency="JPY")
    said = words(anna.get("/portal/bean/"))
    assert "You earned €12.40 from 1 order this week." in said
    assert "You earned JP¥999 from 1 order this week." in said


def test_why_is_a_sentence_first(anna, shop, owner, db):
    shop.order("1", 12_400, code="ANNA10")
    row = commission_of(db, "1")
    assert "10 % of €124.00, because your code ANNA10 was used on 2 Mar 2026." in words(
        anna.get(f"/portal/bean/earnings/{row}")
    )
    staff = words(owner.get(f"/admin/bean/commissions/{row}"))
    assert "10 % of €124.00, because the code ANNA10 of Anna Berg was used on 2 Mar 2026." in staff
    assert '"ledger_transaction"' in staff
    assert "ledger_transaction" not in words(anna.get(f"/portal/bean/earnings/{row}")), "nothing raw for ambassadors"


def test_why_names_the_link_and_how_long_clicks_count(anna, shop, owner, db):
    with db.unit() as unit:
        enrollment = unit.session.execute(select(Enrollment)).scalar_one()
        click = make_click(unit, enrollment, target=Target.PAGE, signals="no_activation")
    shop.clock.advance(timedelta(days=2))
    at, line = shop.clock.now(), OrderLine("1", 12_400)
    token = click_token(shop.goodword.keyring.key("click"), click.id)
    shop.take_in("1", OrderEvent("1", at, at, "EUR", (line,), 12_400, at, clicks=(token,)))
    row = commission_of(db, "1")
    mine = words(anna.get(f"/portal/bean/earnings/{row}"))
    assert "because your page was opened on 2 Mar 2026 and an order followed on 4 Mar 2026." in mine
    assert "Your page was opened on 2 Mar 2026, 2 days before the order. Clicks count for 30 days." in mine
    staff = words(owner.get(f"/admin/bean/commissions/{row}"))
    assert "The page of Anna Berg was opened on 2 Mar 2026, 2 days before the order." in staff
    odd = "What looks odd The browser did not say that somebody clicked"
    assert odd in staff
    assert odd not in mine, "what we think of a visit is for staff"


def test_the_clicks_of_a_month_show_what_looked_odd(anna, shop, owner, db):
    assert "What looks odd" not in words(owner.get("/admin/bean/clicks"))
    with db.unit() as unit:
        enrollment = unit.session.execute(select(Enrollment)).scalar_one()
        click = make_click(unit, enrollment, signals="as_image", reason="embedded")
    shop.clock.advance(timedelta(seconds=3))
    at, line = shop.clock.now(), OrderLine("1", 12_400)
    token = click_token(shop.goodword.keyring.key("click"), click.id)
    shop.take_in("1", OrderEvent("1", at, at, "EUR", (line,), 12_400, at, clicks=(token,)))
    said = words(owner.get("/admin/bean/clicks?month=2026-03"))
    as_picture = "A page fetched the address as if it were a picture."
    assert f"Anna Berg {as_picture} The order was placed 3.000 seconds after the click. 1 /r/" in said
    db.run(lambda unit: unit.execute(text("DELETE FROM click")))
    assert as_picture in words(owner.get("/admin/bean/clicks?month=2026-03")), "what was odd outlives the click"
    assert "What looks odd" not in words(owner.get("/admin/bean/clicks?month=2026-02"))


def test_why_says_that_an_order_is_shared(anna, shop, owner, db):
    shop.ambassador("Ben", "ben@example.com", code="BEN10")
    linear = {"attribution": {"model": "linear", "signals": ["code", "click"]}}
    shop.publish(TermsDocument.model_validate(TEN_PERCENT.model_dump(mode="json") | linear))
    shop.clock.advance(timedelta(days=1))
    with db.unit() as unit:
        both = unit.session.execute(select(Enrollment).order_by(col(Enrollment.id))).scalars().all()
        clicks = [make_click(unit, one, at=shop.clock.now() - timedelta(hours=9 - n)) for n, one in enumerate(both)]
    key = shop.goodword.keyring.key("click")
    tokens = tuple(click_token(key, click.id) for click in clicks)
    at, line = shop.clock.now(), OrderLine("1", 10_010)
    shop.take_in("1", OrderEvent("1", at, at, "EUR", (line,), 10_010, at, clicks=tokens))
    row = UUID(one(db, "SELECT id FROM commission ORDER BY amount_minor DESC, id"))
    mine = words(anna.get(f"/portal/bean/earnings/{row}"))
    assert "A share of 50 % Others led the customer to this order as well." in mine
    assert "All who share the order are owed €10.01 together. €5.01" in mine.replace("\N{NARROW NO-BREAK SPACE}", " ")
    staff = words(owner.get(f"/admin/bean/commissions/{row}"))
    assert "is Anna Berg’s." in staff
    considered = (
        r"Everybody who was considered The click of 3 Mar 2026 on \S+ of Anna Berg is credited with 50 % of the"
    )
    assert re.search(considered, staff)
    assert re.search(r"of Ben is credited with 50 % of the order\.", staff)


def test_why_of_a_return_names_before_and_after(anna, shop, db):
    shop.order("1", 12_400, code="ANNA10")
    shop.refund("r", order="1", minor=3_100)
    row = commission_of(db, "1", "reversal")
    said = words(anna.get(f"/portal/bean/earnings/{row}"))
    assert "€3.10 was taken back: the order changed on 2 Mar 2026, so it brings €9.30 now instead of €12.40." in said
    assert "Commission 2 Mar 2026" in said.replace(" €12.40", "")


def test_why_names_the_cap(anna, shop, db):
    shop.publish(CAPPED_IN_EUROS)
    shop.clock.advance(timedelta(seconds=1))
    shop.order("1", 81_000, code="ANNA10")
    said = words(anna.get(f"/portal/bean/earnings/{commission_of(db, '1')}"))
    assert "€50.00, the most that one order can bring, because your code ANNA10 was used" in said
    assert "10 % of €810.00" in said


def test_a_payout_is_a_statement(anna, shop, db):
    shop.order("1", 52_400, code="ANNA10")
    shop.mature(days=20)
    reference = shop.pay(confirmed=True)
    said = words(anna.get("/portal/bean/payouts"))
    assert "€52.40" in said
    assert "Paid" in said
    payout = UUID(one(db, "SELECT id FROM payout"))
    statement = words(anna.get(f"/portal/bean/payouts/{payout}"))
    assert "Order of 2 Mar 2026 €52.40" in statement
    assert reference
    assert "Paid so far €52.40" in words(anna.get("/portal/bean/"))


def test_ten_thousand_rows_come_in_pages(anna, shop, owner, db):
    shop.order("1", 100, code="ANNA10")
    with db.unit() as unit:
        unit.execute(
            text(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) "
                "INSERT INTO commission SELECT printf('%032x', i), brand_id, scope_id, 1000 + i, ambassador_id, "
                "program_id, order_id, asset, amount_minor, reason, explanation, transaction_id, booked_at "
                "FROM commission, n"
            )
        )
    seen, address = 0, "/admin/bean/commissions"
    for _ in range(5):
        page = owner.get(address).get_data(as_text=True)
        rows = page.count('visually-hidden">, why?')
        assert rows == 50
        seen += rows
        address = unescape(only(r'rel="next" href="([^"]+)"', page))
    assert seen == 250
    assert 'rel="next"' in anna.get("/portal/bean/earnings").get_data(as_text=True)


def test_the_overview_sets_a_month_beside_the_last(owner, shop, anna):
    shop.order("1", 12_400, code="ANNA10")
    shop.order("2", 5_000, code=None)
    shop.clock.advance(timedelta(days=31))
    shop.order("3", 20_000, code="ANNA10")
    shop.applicant("Carla", "carla@example.com")
    said = words(owner.get("/admin/bean/"))
    assert "April 2026: 1 order, 1 through ambassadors." in said
    assert "Orders 1 2 in March Revenue credited €200.00 €124.00 in March" in said
    assert "Commission booked €20.00 €12.40 in March" in said
    assert "Applications 1 Blocked orders 0" in said
    assert "March 2026 €12.40 April 2026 €20.00" in said, "the table behind the chart"
    march = words(owner.get("/admin/bean/?month=2026-03"))
    assert "March 2026: 2 orders, 1 through ambassadors." in march


def test_a_quiet_brand_is_told_what_to_expect(owner):
    for address, sentence in {
        "": "Once orders come in, this shows what the program costs each month.",
        "applications": "Nobody waits for an answer.",
        "commissions": "It appears when an order comes in with an ambassador's code.",
        "payouts": "No payout has been made.",
        "payouts/preview": "No commission is open.",
        "orders": "Orders arrive from the shop's connector, or from a file.",
        "orders?show=blocked": "No order is blocked.",
    }.items():
        assert sentence in words(owner.get(f"/admin/bean/{address}")), address


def test_applications_are_decided(owner, shop, db):
    first, second = shop.applicant("Carla", "carla@example.com"), shop.applicant("Dmitri", "d@example.com")
    assert "2 people wait for your answer." in words(owner.get("/admin/bean/applications"))
    assert "I drink it every morning." in words(owner.get(f"/admin/bean/applications/{first}"))
    approved = owner.post(f"/admin/bean/applications/{first}/approve", follow_redirects=True)
    assert "Approved: from now on" in words(approved)
    again = owner.post(f"/admin/bean/applications/{first}/approve", follow_redirects=True)
    assert "This enrollment is active" in words(again)
    wrong = owner.post(f"/admin/bean/applications/{second}/reject", data={"reason": " ", "reapply_on": "soon"})
    assert wrong.status_code == 422
    assert 'value="soon"' in wrong.get_data(as_text=True)
    owner.post(
        f"/admin/bean/applications/{second}/reject", data={"reason": "Too far away.", "reapply_on": "2026-06-01"}
    )
    said = words(owner.get(f"/admin/bean/applications/{second}"))
    assert "owner@bean.example: Too far away." in said
    assert "May apply again 1 Jun 2026" in said


def test_an_applicant_is_told_by_mail(owner, shop, tmp_path):
    first, second = shop.applicant("Carla <b>", "carla@example.com"), shop.applicant("Dmitri", "d@example.com")
    owner.post(f"/admin/bean/applications/{first}/approve")
    owner.post(f"/admin/bean/applications/{second}/reject", data={"reason": "Too far.", "reapply_on": "2026-06-01"})
    welcome, refusal = (file.read_text() for file in sorted((tmp_path / "outbox").glob("*.eml")))
    assert "To: carla@example.com" in welcome
    assert "Subject: You are in: Friends" in welcome
    assert "http://127.0.0.1:8000/sign-in" in welcome
    assert "Carla &lt;b&gt;" in welcome
    assert "To: d@example.com" in refusal
    assert "Too far." in refusal
    assert "from 2026-06-01 on" in refusal


def test_orders_say_who_got_the_credit_or_why_nobody(owner, shop, anna):
    shop.order("1", 12_400, code="ANNA10")
    shop.order("2", 12_400, code=None)
    shop.order("3", 12_400, code="ANNA10", customer="anna@example.com")
    said = words(owner.get("/admin/bean/orders"))
    assert "3 Own purchase Not credited: the customer is the ambassador. €124.00" in said
    assert "2 Nobody's No code of an ambassador came with the order. €124.00" in said
    assert "1 Credited Anna Berg €124.00" in said
    assert "Nobody's" not in words(owner.get("/admin/bean/orders?show=credited")).partition("Charged")[2]


def test_a_blocked_order_waits_and_is_retried(owner, shop, anna, db):
    shop.publish(CAPPED_IN_EUROS)
    shop.clock.advance(timedelta(seconds=1))
    shop.order("US-1", 7_000, code="ANNA10", currency="USD")
    order = UUID(one(db, "SELECT id FROM shop_order"))
    assert "US-1 Blocked" in words(owner.get("/admin/bean/orders?show=blocked"))
    again = owner.post(f"/admin/bean/orders/{order}/retry", follow_redirects=True)
    assert "Order US-1 is still blocked" in words(again)
    assert owner.post(f"/admin/bean/orders/{UUID(int=1)}/retry").status_code == 404
    assert one(db, "SELECT count(*) FROM audit_entry WHERE action = 'order.retry'") == 1


def paying(owner):
    page = owner.get("/admin/bean/payouts/confirm").get_data(as_text=True)
    return {"rail": "payout_csv", "expected": only(r'name="expected" value="(\w+)"', page)}


@pytest.fixture
def payable(shop, anna):
    shop.ambassador("Ben", "ben@example.com", code="BENBREWS")
    shop.order("1", 52_400, code="ANNA10")
    shop.order("2", 900, code="BENBREWS")
    shop.mature(days=20)


def test_the_preview_names_everybody(owner, payable):
    said = words(owner.get("/admin/bean/payouts/preview"))
    assert "1 person would be paid, €52.40 in all. Nothing is paid by looking." in said
    assert "Anna Berg 1 €52.40 Total in EUR €52.40" in said
    assert "Ben Below the minimum of €25.00; it carries over. €0.90" in said


def test_a_payout_from_confirmation_to_paid(owner, payable, db):
    assert "€52.40 to 1 person" in words(owner.get("/admin/bean/payouts/confirm"))
    batch = owner.post("/admin/bean/payouts/run", data=paying(owner)).headers["Location"]
    assert "On its way €52.40 1 payout" in words(owner.get(batch))
    file = owner.get(f"{batch}/file")
    assert file.headers["Content-Disposition"].startswith("attachment; filename=payouts-2026-")
    assert b"Anna Berg" in file.data
    assert owner.post(f"{batch}/paid", data={"paid_on": "2031-01-01"}).status_code == 422
    done = owner.post(f"{batch}/paid", data={"paid_on": "2026-03-23"}, follow_redirects=True)
    assert "1 of this batch are marked paid." in words(done)
    assert "Paid €52.40" in words(done)
    assert one(db, "SELECT count(*) FROM audit_entry WHERE action = 'batch.file'") == 1


def test_a_payout_that_did_not_arrive_is_open_again(owner, payable, db):
    batch = owner.post("/admin/bean/payouts/run", data=paying(owner)).headers["Location"]
    reference = one(db, "SELECT reference FROM payout")
    assert owner.post(f"{batch}/failed", data={"reference": reference, "reason": " "}).status_code == 422
    other = owner.post(f"{batch}/failed", data={"reference": "GW-NOT", "reason": "x"}, follow_redirects=True)
    assert "GW-NOT is not in this batch." in words(other)
    failed = owner.post(f"{batch}/failed", data={"reference": reference, "reason": "Wrong IBAN"}, follow_redirects=True)
    assert "Failed €52.40" in words(failed)
    assert "1 person would be paid" in words(owner.get("/admin/bean/payouts/preview"))


def test_what_changed_since_the_look_is_not_paid(owner, payable, shop, db):
    agreed = paying(owner)
    shop.refund("r", order="1", minor=1_000)
    answer = owner.post("/admin/bean/payouts/run", data=agreed, follow_redirects=True)
    assert "has changed since this page was opened" in words(answer)
    assert one(db, "SELECT count(*) FROM payout_batch") == 0


def test_pressing_twice_pays_once(owner, payable, db):
    agreed = paying(owner)
    owner.post("/admin/bean/payouts/run", data=agreed)
    again = owner.post("/admin/bean/payouts/run", data=agreed, follow_redirects=True)
    assert "nothing to pay now" in words(again)
    assert one(db, "SELECT count(*) FROM payout") == 1


def test_a_rail_that_is_not_there_pays_nobody(owner, payable, db):
    answer = owner.post("/admin/bean/payouts/run", data=paying(owner) | {"rail": "gold"})
    assert answer.status_code == 404
    assert one(db, "SELECT count(*) FROM payout_batch") == 0


def test_plugins_show_state_and_reason(owner):
    said = words(owner.get("/admin/bean/plugins"))
    assert "Basic attribution" in said
    assert "Orders from CSV" in said
    assert "Needs settings" in said


def test_somebody_applies_and_nothing_is_lost_on_error(app, shop, owner, db):
    client = app.test_client()
    said = words(client.get("/join/bean/friends"))
    assert "Join Friends" in said
    assert "10 % of what is paid for the goods" in said
    wrong = client.post(
        "/join/bean/friends", data={"name": "Carla", "email": "carla", "links": "ftp://x\nnot a link", "why": "Beans."}
    )
    page = wrong.get_data(as_text=True)
    assert wrong.status_code == 422
    assert {'href="#field-email"', 'href="#field-links"', 'value="Carla"', "Beans.</textarea>"} <= {
        part
        for part in ('href="#field-email"', 'href="#field-links"', 'value="Carla"', "Beans.</textarea>")
        if part in page
    }
    right = {"name": "Carla", "email": "carla@example.com", "links": "https://example.org/carla", "why": "Beans."}
    assert client.post("/join/bean/friends", data=right).headers["Location"] == "/join/bean/friends/thanks"
    assert "Your application to Friends is with Bean & Leaf." in words(client.get("/join/bean/friends/thanks"))
    assert "Carla" in words(owner.get("/admin/bean/applications"))
    again = client.post("/join/bean/friends", data=right)
    assert again.headers["Location"] == "/join/bean/friends/thanks", "whether somebody is known is told to nobody"
    assert one(db, "SELECT count(*) FROM application") == 1


@pytest.mark.parametrize("address", ["/join/bean/missing", "/join/missing/friends", "/join/bean/friends/../x"])
def test_no_form_for_what_is_not_open(app, shop, address):
    assert app.test_client().get(address).status_code == 404


def test_an_unknown_field_is_refused(app, shop):
    data = {"name": "C", "email": "c@example.com", "why": "x", "role": "owner"}
    assert app.test_client().post("/join/bean/friends", data=data).status_code == 422


def test_ten_percent_is_what_the_shop_promises():
    assert [row.rate_bps for row in TEN_PERCENT.rates] == [1000]
