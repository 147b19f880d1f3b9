"""What `goodword explain` says, written out, for one order or month of each kind."""

import json
import re
from datetime import UTC, datetime, timedelta
from textwrap import dedent

import pytest
from click.testing import CliRunner
from sqlmodel import col, select

from engine.cli import main
from engine.cli.telling import tell
from engine.enrollment.service import set_ambassador_rate
from engine.insights.explain import explain
from engine.intake.rules import Source
from engine.kernel.errors import InputError, NotFoundError
from engine.plugin_api import (
    ChargebackEvent,
    ChargebackState,
    Customer,
    Delivery,
    OrderEvent,
    OrderLine,
    RefundEvent,
    RefundLine,
    RefundReason,
)
from engine.programs.schemas import PersonalRateDraft, TermsDocument
from engine.rewards.tables import Commission
from engine.tracking.codes.service import issue_code
from tests.support.shop import SHOP, installation, open_shop

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


def terms(*rewards, rates=(), **more):
    return TermsDocument.model_validate({"hold_days": 14, "rewards": rewards, "rates": rates, **more})


@pytest.fixture
def shop(db, clock, tmp_path):
    """A brand with a 10 % program in Berlin's time, and Anna with ANNA10; it is 2 March 2026, 10 o'clock there."""
    shop = open_shop(installation(db, tmp_path), clock)
    shop.ambassador("Anna", "anna@example.com", code="ANNA10")
    return shop


@pytest.fixture
def told(db, shop):
    """Return the text of an explanation, with every id as ID and every payout's reference as GW."""

    def told(what):
        with db.reading() as unit:
            text = "\n".join(tell(explain(unit, shop.brand_id, what=what)))
        return re.sub(r"GW-\w+", "GW", _ID.sub("ID", text))

    return told


def take_in(shop, key, event, source=SHOP):
    delivery = Delivery(key=key, body=b"{}", events=(event,))
    assert not shop.goodword.pipeline.ingest(shop.brand_id, source, deliveries=[delivery]).refused


def place(shop, number, *lines, code="ANNA10", currency="EUR", source=SHOP, **more):
    at = more.pop("at", shop.clock.now())
    facts = {
        "updated_at": at,
        "placed_at": at,
        "paid_at": at,
        "currency": currency,
        "codes": (code,) if code else (),
        "charged_minor": sum(line.net_minor + line.tax_minor for line in lines),
        "customer": Customer(email=f"customer-{number}@example.org"),
    }
    take_in(shop, f"order:{number}:{at}", OrderEvent(number, lines=lines, **facts | more), source=source)


def rows_of(db, shop):
    with db.reading() as unit:
        return unit.session.exec(select(Commission).order_by(col(Commission.id))).all()


def test_a_plain_order(shop, told):
    place(shop, "1001", OrderLine("1", 12_400))
    assert told("1001") == dedent(
        """\
        10 % of €124.00, because the code ANNA10 of Anna was used on 2 March 2026.

        Order 1001 of test_shop/main (ID)
          placed 2026-03-02 10:00, paid 2026-03-02 10:00; the customer was charged €124.00 in all
          line 1: €124.00
          codes: ANNA10
          the customer's first order with the brand

        Who is credited
          credited by rule first_code: The order carried this ambassador's code.
          decided 2026-03-02 10:00
          program Friends, terms version 1
          policy: model basic; signals code, then click; customer link off; self-purchase blocked
          - code ANNA10 of Anna: earning; it is credited

        commission (percentage) to Anna
          program Friends, terms version 1
          line 1: counts with €124.00; rate 10 %, found at level program
          base: €124.00
          10 % of 124.00 = 12.40 EUR  [10 % of what is paid for the goods]
          owed now: €12.40
          row 1: accrual of €12.40, booked 2026-03-02 10:00, ledger transaction 1; in no payout; commission ID
          due 2026-03-17 00:00, 14 days' hold; pending"""
    )


def test_a_partly_refunded_order_of_several_lines_some_of_which_do_not_count(shop, told):
    shop.publish(
        terms(
            {"key": "commission", "type": "percentage"},
            rates=[
                {"reward": "commission", "rate_bps": 1_250},
                {"reward": "commission", "rate_bps": 2_000, "product": "kettle"},
            ],
            base={"excluded_products": ["stamp"], "excluded_collections": ["sale"]},
        )
    )
    shop.clock.advance(timedelta(minutes=1))
    place(
        shop,
        "7",
        OrderLine("a", 999, tax_minor=190),
        OrderLine("b", 5_000, quantity=2, product="kettle"),
        OrderLine("c", 2_500, gift_card=True),
        OrderLine("d", 300, product="stamp"),
        OrderLine("e", 400, collections=("sale", "tea")),
        shipping_minor=490,
        charged_minor=9_879,
    )
    shop.clock.advance(timedelta(days=3))
    now = shop.clock.now()
    take_in(shop, "r1", RefundEvent("r1", "7", now, now, "EUR", 2_500, (RefundLine("b", 2_500),)))
    text = told("7")
    assert text.startswith("€6.25, because the code ANNA10 of Anna was used on 2 March 2026.\n")
    assert text.split("\ncommission (percentage) to Anna\n")[1] == dedent(
        """\
          program Friends, terms version 2
          line a: counts with €9.99; rate 12.5 %, found at level program
          line b: counts with €50.00, of which 1/2 is left: 25.00; rate 20 %, found at level product
          line c does not count: the terms leave gift cards out
          line d does not count: the terms leave the product stamp out
          line e does not count: the terms leave the collection sale out
          shipping does not count: the terms leave shipping out
          tax does not count: the terms leave tax out
          base: €34.99
          12.5 % of 9.99 = 1.24875 → €1.25, half-even  [12.5 % of what is paid for the goods]
          20 % of 25.00 = 5.00 EUR  [20 % of what is paid for the goods]
          owed now: €6.25
          of which €1.78 for line a, €4.47 for line b (largest remainder)
          row 1: accrual of €11.25, booked 2026-03-02 10:01, ledger transaction 1; in no payout; commission ID
          row 2: reversal of −€5.00, booked 2026-03-05 10:01, ledger transaction 2; in no payout; commission ID
          due 2026-03-17 00:00, 14 days' hold; pending

        Taken back
          refund r1 of 2026-03-05 10:01: €25.00, succeeded; it takes back 25.00 of 50.00 of line b"""
    )


def test_the_row_asked_about_has_the_first_sentence(db, shop, told):
    place(shop, "7", OrderLine("1", 12_400))
    shop.clock.advance(timedelta(days=3))
    shop.refund("r1", order="7", minor=3_100)
    accrual, reversal = rows_of(db, shop)
    assert told(str(reversal.id)).splitlines()[0] == (
        "€3.10 was taken back: the order changed on 5 March 2026, so it brings €9.30 now instead of €12.40."
    )
    text = told(str(accrual.id))
    assert text.startswith("10 % of €124.00, because the code ANNA10 of Anna was used on 2 March 2026.\n")
    assert "commission ID (the one asked about)\n  row 2: reversal of −€3.10" in text
    assert (
        "refund r1 of 2026-03-05 10:00: €31.00, succeeded; it takes back 31.00 ÷ 124.00 = 25.00 % of every line" in text
    )


def test_an_order_that_was_refunded_as_a_whole(shop, told):
    place(shop, "7", OrderLine("1", 12_400))
    shop.refund("r1", order="7", minor=20_000)
    assert told("7").startswith("Nothing is left of €12.40: all of it was taken back.\n")
    assert "€200.00, succeeded; it takes back 200.00 ÷ 124.00 = all of every line" in told("7")


def test_refunds_of_lines_and_of_amounts_say_what_they_are_parts_of(shop, told):
    """100.00 and 24.00; 24.00 of it by line, 6.00 for shipping, half of the rest, then all of it."""
    place(shop, "7", OrderLine("1", 10_000), OrderLine("2", 2_400), charged_minor=13_000)
    at = shop.clock.now() + timedelta(hours=1)

    def refunded(name, amount, lines=(), **more):
        take_in(shop, name, RefundEvent(name, "7", at, at, "EUR", amount, lines, **more))

    refunded("r1", 2_400, (RefundLine("2", 2_400),))
    refunded("r2", 600, apart_minor=600)
    refunded("r3", 5_300, apart_minor=300)
    text = told("7")
    assert "takes back 24.00 of 24.00 of line 2" in text
    assert "takes back nothing of the lines: 6.00 for shipping, fees or duties" in text
    assert (
        "€53.00, succeeded; it takes back 50.00 ÷ 97.00 = 51.54… % of what else was charged, and so of what is left of "
        "every line; besides 3.00 for shipping, fees or duties" in text
    )
    assert text.startswith("10 % of €48.45")
    refunded("r4", 4_700)
    assert told("7").startswith("Nothing is left of €12.40: all of it was taken back.\n")


def test_lines_whose_refunds_gave_everything_back_take_all_lines(shop, told):
    place(shop, "7", OrderLine("1", 10_000), OrderLine("2", 2_400))
    at = shop.clock.now() + timedelta(hours=1)
    take_in(shop, "r1", RefundEvent("r1", "7", at, at, "EUR", 12_400, (RefundLine("2", 2_400),)))
    take_in(shop, "r2", RefundEvent("r2", "7", at, at, "EUR", 100))
    text = told("7")
    assert (
        "takes back 24.00 of 24.00 of line 2; everything that was charged was given back, so that nothing is left of "
        "any line" in text
    )
    assert "takes back all that is left: everything that was charged was given back" in text


def test_what_was_never_paid_is_not_called_a_refund(shop, told):
    place(shop, "7", OrderLine("1", 12_400))
    at = shop.clock.now() + timedelta(hours=1)
    take_in(shop, "u", RefundEvent("unpaid:7", "7", at, at, "EUR", 3_100, reason=RefundReason.NOT_PAID))
    text = told("7")
    assert "\n  not paid unpaid:7 of 2026-03-02 11:00: €31.00; it takes back 31.00 ÷ 124.00 = 25.00 % of every" in text
    assert "refund unpaid" not in text
    take_in(shop, "r", RefundEvent("refund", "7", at, at, "EUR", 3_100))
    assert "\n  refund refund of 2026-03-02 11:00: €31.00, succeeded; it takes back" in told("7")


def test_a_capped_order(shop, told):
    shop.publish(
        terms(
            {"key": "commission", "type": "percentage", "params": {"cap_minor": {"EUR": 5_000}}},
            rates=[{"reward": "commission", "rate_bps": 1_000}],
        )
    )
    shop.clock.advance(timedelta(minutes=1))
    place(shop, "7", OrderLine("1", 81_000))
    text = told("7")
    assert text.startswith(
        "€50.00, the most that one order can bring, because the code ANNA10 of Anna was used on 2 March 2026.\n"
    )
    assert (
        "  10 % of 810.00 = 81.00 EUR  [10 % of what is paid for the goods]\n"
        "  the most that one order can bring: €50.00; it cuts it\n"
        "  owed now: €50.00\n"
    ) in text


def test_yen_and_dinars_are_written_in_their_own_units(shop, told):
    shop.publish(
        terms({"key": "commission", "type": "percentage"}, rates=[{"reward": "commission", "rate_bps": 1_250}])
    )
    shop.clock.advance(timedelta(minutes=1))
    place(shop, "yen", OrderLine("1", 999), currency="JPY")
    place(shop, "dinar", OrderLine("1", 1_001), currency="KWD")
    assert "12.5 % of 999 = 124.875 → ¥125" in told("yen")
    assert "12.5 % of 1.001 = 0.125125 → KWD 0.125" in told("dinar")


def test_a_month_of_tiers(db, shop, told):
    tiers = [{"from_minor": 0, "rate_bps": 600}, {"from_minor": 25_000, "rate_bps": 800}]
    shop.publish(
        terms({"key": "volume", "type": "volume_tiers", "params": {"mode": "marginal", "tiers": {"EUR": tiers}}})
    )
    shop.clock.set(datetime(2026, 4, 2, 6, tzinfo=UTC))
    place(shop, "1", OrderLine("1", 20_000))
    place(shop, "2", OrderLine("1", 10_404))
    assert "the tiers of 2026-04 are settled when that month has closed" in told("1")
    shop.clock.set(datetime(2026, 5, 1, 6, tzinfo=UTC))
    shop.mature(days=0)
    settlement = rows_of(db, shop)[-1]
    assert told(str(settlement.id)) == dedent(
        """\
        April 2026 closed: its orders came to €304.04, so €1.08 is settled on top of what they brought one by one.

        volume (volume_tiers) to Anna, month 2026-04
          program Friends, terms version 2
          base: €304.04
          order 1 brought €200.00 to the month and accrued €12.00
          order 2 brought €104.04 to the month and accrued €6.24
          6 % of 250.00 = 15.00 EUR  [6 %, the tier from €0.00 a month on]
          8 % of 54.04 = 4.3232 → €4.32, half-even  [8 %, the tier from €250.00 a month on]
          what its orders accrued already: −€18.24
          owed now: €1.08
          row 1: settlement of €1.08, booked 2026-05-01 08:00, ledger transaction 3; in no payout; commission ID (the one asked about)
          due 2026-04-17 00:00, 14 days' hold; approved"""  # noqa: E501 - as it is printed
    )


def test_a_first_order_bonus_that_an_earlier_order_takes_over(shop, told):
    shop.publish(terms({"key": "welcome", "type": "first_order_bonus", "params": {"amount_minor": {"EUR": 1_000}}}))
    shop.clock.advance(timedelta(hours=2))
    someone = Customer(email="someone@example.org")
    place(shop, "late", OrderLine("1", 8_000), customer=someone)
    text = told("late")
    assert text.startswith("€10.00, because the code ANNA10 of Anna was used on 2 March 2026.\n")
    assert "  a bonus for the customer's first order: 10.00\n  owed now: €10.00\n" in text
    place(shop, "early", OrderLine("1", 4_000), customer=someone, at=shop.clock.now() - timedelta(hours=1))
    assert told("early").startswith("€10.00, because the code ANNA10 of Anna was used on 2 March 2026.\n")
    text = told("late")
    assert text.startswith("Nothing is left of €10.00: all of it was taken back.\n")
    assert "  not the customer's first order with the brand\n" in text


def test_an_ambassadors_own_order(shop, told):
    place(shop, "7", OrderLine("1", 12_400), customer=Customer(email="Anna@example.com"))
    text = told("7")
    assert text.startswith("Not credited: the customer is the ambassador.\n")
    assert "  self_purchase by rule first_code: Not credited: the customer is the ambassador.\n" in text
    assert "  - code ANNA10 of Anna: self; it is the customer's own" in text


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("FREE-CODE", "Not credited: FREE-CODE belonged to nobody when the order was placed."),
        ("NO-SUCH", "Not credited: NO-SUCH is not a code of this brand's ambassadors."),
        (None, "No code of an ambassador came with the order."),
    ],
)
def test_an_order_credited_to_nobody_says_why(db, shop, told, code, sentence):
    db.run(
        lambda unit: issue_code(
            unit, shop.brand_id, program_id=shop.program_id, enrollment_id=None, code="FREE-CODE", by="owner"
        )
    )
    place(shop, "7", OrderLine("1", 12_400), code=code)
    assert told("7").splitlines()[0] == sentence


def test_a_customer_who_came_back_without_a_code(shop, told):
    shop.publish(
        terms(
            {"key": "commission", "type": "percentage"},
            rates=[{"reward": "commission", "rate_bps": 1_000}],
            attribution={"signals": ["code", "customer_link"], "customer_link_days": 90},
        )
    )
    someone = Customer(email="someone@example.org")
    shop.clock.advance(timedelta(minutes=1))
    place(shop, "7", OrderLine("1", 12_400), customer=someone)
    shop.clock.advance(timedelta(days=30))
    place(shop, "8", OrderLine("1", 5_000), customer=someone, code="NO-SUCH")
    text = told("8")
    assert text.splitlines()[0] == (
        "10 % of €50.00, because a customer who first came through Anna ordered again on 1 April 2026."
    )
    assert (
        "  policy: model basic; signals code, then customer_link; customer link for 90 days; self-purchase blocked\n"
        "  - code NO-SUCH: unknown; it is not a code of this brand's ambassadors\n"
        "  - customer_link of Anna: earning; it is credited\n"
    ) in text


def test_of_two_codes_one_is_credited_and_the_other_could_have_been(shop, told):
    shop.ambassador("Ben", "ben@example.com", code="BEN10")
    shop.clock.advance(timedelta(minutes=1))
    place(shop, "7", OrderLine("1", 12_400), codes=("BEN10", "ANNA10"))
    assert (
        "  - code BEN10 of Ben: earning; it is credited\n"
        "  - code ANNA10 of Anna: earning; it could have earned, but the rule chose otherwise\n"
    ) in told("7")


def test_a_personal_rate_is_named_as_such(db, shop, told):
    rate = PersonalRateDraft(reward="commission", rate_bps=1_550, reason="Agreed.")
    enrollment_id = shop.ambassador("Ben", "ben@example.com", code="BEN10")
    db.run(lambda unit: set_ambassador_rate(unit, shop.brand_id, enrollment_id=enrollment_id, draft=rate, by="owner"))
    place(shop, "7", OrderLine("1", 12_400), code="BEN10")
    assert "  line 1: counts with €124.00; rate 15.5 %, found at level ambassador\n" in told("7")
    assert "  15.5 % of 124.00 = 19.22 EUR" in told("7")


def test_orders_that_owe_nothing_yet_or_any_more(shop, told):
    place(shop, "unpaid", OrderLine("1", 100), paid_at=None)
    place(shop, "cancelled", OrderLine("1", 100), cancelled_at=shop.clock.now(), paid_at=None)
    assert told("unpaid").startswith("Nothing is owed yet: the order has not been paid in full.\n")
    assert told("cancelled").startswith("Nothing is owed: the order was cancelled on 2 March 2026.\n")


def test_an_open_chargeback_holds(shop, told):
    place(shop, "7", OrderLine("1", 12_400))
    now = shop.clock.now()
    take_in(shop, "cb", ChargebackEvent("cb1", "7", now, now, "EUR", 12_400, ChargebackState.OPEN))
    text = told("7")
    assert "14 days' hold; pending; held: chargeback cb1 is open\n" in text
    assert "€124.00, open; it takes nothing back while it is open; the commission is held" in text


def test_a_blocked_order_and_what_happens_when_it_is_tried_again(db, shop, told, db_url, tmp_path):
    shop.publish(
        terms(
            {"key": "commission", "type": "percentage", "params": {"cap_minor": {"EUR": 5_000}}},
            rates=[{"reward": "commission", "rate_bps": 1_000}],
        )
    )
    shop.clock.advance(timedelta(minutes=1))
    place(shop, "US-1", OrderLine("1", 7_000), currency="USD")
    text = told("US-1")
    assert text.startswith("Order US-1 is blocked; nothing of it is lost, and nothing is paid: ")
    assert "\n  Try again with: goodword orders retry ID" in text
    run = runner(db_url, tmp_path)
    listed = run("orders", "blocked", "--json")
    assert [row["number"] for row in json.loads(listed.output)["blocked"]] == ["US-1"]
    tried = run("orders", "retry", "US-1", "--json")
    assert (tried.exit_code, json.loads(tried.output)["still_blocked"]) == (1, 1)
    assert run("orders", "retry").exit_code == 2
    assert "still blocked 1." in run("orders", "retry", "--all").output


def test_what_waits_and_what_was_noticed(shop, db_url, tmp_path):
    shop.refund("r9", order="9", minor=500)
    place(shop, "7", OrderLine("1", 1_000))
    shop.refund("r1", order="7", minor=2_000)
    run = runner(db_url, tmp_path)
    assert (
        run("orders", "waiting").output == "refund r9  waits for order 9 of test_shop/main  €5.00  since 2026-03-02\n"
    )
    assert run("orders", "notices").output == (
        "2026-03-02  excess  order 7: More was refunded than the order came to; it counts as all of it.\n"
    )


def test_a_payout_is_named(db, shop, told):
    place(shop, "7", OrderLine("1", 100_000))
    shop.mature(days=16)
    shop.pay(confirmed=True)
    assert "ledger transaction 1; payout GW is paid; commission ID\n" in told("7")
    assert "; settled" in told("7")


def test_an_order_is_found_by_our_id_and_by_the_shops_number_unless_two_shops_have_it(db, shop):
    other = Source("test_shop", "outlet")
    place(shop, "7", OrderLine("1", 100))
    place(shop, "8", OrderLine("1", 100))
    place(shop, "7", OrderLine("1", 200), source=other)
    with db.reading() as unit:
        eight = explain(unit, shop.brand_id, what="8").order
        assert eight
        assert explain(unit, shop.brand_id, what=str(eight.id)).order == eight
        with pytest.raises(InputError, match=r"Several shops have an order 7\. .*test_shop/main: .*test_shop/outlet: "):
            explain(unit, shop.brand_id, what="7")
        with pytest.raises(NotFoundError):
            explain(unit, shop.brand_id, what="9")
        with pytest.raises(NotFoundError):
            explain(unit, shop.program_id, what=str(eight.id))


def test_the_command_prints_the_text_or_the_record(shop, told, db_url, tmp_path):
    place(shop, "1001", OrderLine("1", 12_400))
    run = runner(db_url, tmp_path)
    assert _ID.sub("ID", run("explain", "1001").output) == told("1001") + "\n"
    record = json.loads(run("explain", "1001", "--json").output)
    assert record["sentences"] == ["10 % of €124.00, because the code ANNA10 of Anna was used on 2 March 2026."]
    assert record["scopes"][0]["booked_minor"] == 1_240
    assert record["decision"]["candidates"][0]["standing"] == "earning"
    missing = run("explain", "no-such-order")
    assert (missing.exit_code, missing.stderr) == (1, "goodword: There is no order or commission no-such-order here.\n")


def runner(db_url, home):
    def run(*arguments):
        variables = {"GOODWORD_DATABASE_URL": db_url, "GOODWORD_HOME": str(home), "GOODWORD_SECRET_KEY": "t" * 40}
        return CliRunner().invoke(main, arguments, env=variables)

    return run
