"""What screens read: rows, balances and figures, on both databases."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from engine.enrollment.tables import Enrollment, EnrollmentState
from engine.identity.tables import Ambassador
from engine.insights.applications import applicant_file, applicants
from engine.insights.commissions import CommissionFilter, MoneyState, commission, commissions, commissions_in_payout
from engine.insights.home import Balance, home_of
from engine.insights.orders import OrderView, blocked_order, orders
from engine.insights.overview import latest_month, months_until, overview_of, waiting, zone_of
from engine.insights.people import ambassador_names
from engine.kernel.errors import InputError, NotFoundError
from engine.kernel.tables import table_of
from engine.payouts.queries import payout_of_ambassador, payouts_of_ambassador
from engine.tracking.codes.service import assign_code
from engine.tracking.codes.tables import PromoCode
from tests.support.shop import CAPPED_IN_EUROS, fill, installation, open_shop


@pytest.fixture
def shop(db, clock, tmp_path):
    return open_shop(installation(db, tmp_path), clock)


@pytest.fixture
def anna(shop, db):
    enrollment = shop.ambassador("Anna Berg", "anna@example.com", code="ANNA10")
    with db.reading() as unit:
        found = select(table_of(Enrollment).c.ambassador_id).where(table_of(Enrollment).c.id == enrollment)
        return unit.execute(found).scalar_one()


def states(db, shop, **wanted):
    with db.reading() as unit:
        page = commissions(unit, shop.brand_id, wanted=CommissionFilter(**wanted))
    return [(row.order_number, row.amount_minor, row.state) for row in page.rows]


def test_money_moves_from_hold_to_paid(db, shop, anna):
    shop.order("1", 52_400, code="ANNA10")
    assert states(db, shop) == [("1", 5_240, MoneyState.PENDING)]
    shop.mature(days=20)
    assert states(db, shop) == [("1", 5_240, MoneyState.READY)]
    shop.pay(confirmed=False)
    assert states(db, shop) == [("1", 5_240, MoneyState.ON_ITS_WAY)]
    shop.order("2", 1_000, code="ANNA10")
    assert states(db, shop, state=MoneyState.ON_ITS_WAY) == [("1", 5_240, MoneyState.ON_ITS_WAY)]
    assert states(db, shop, state=MoneyState.PAID) == []
    with db.reading() as unit:
        home = home_of(unit, shop.brand_id, ambassador_id=anna)
    assert home.balances == (Balance("EUR", on_hold_minor=100, ready_minor=0, on_its_way_minor=5_240, paid_minor=0),)


def test_a_blocked_order_holds_what_it_brought(db, shop, anna):
    shop.order("1", 52_400, code="ANNA10", currency="USD")
    shop.publish(CAPPED_IN_EUROS)
    shop.clock.advance(timedelta(seconds=1))
    shop.order("2", 52_400, code="ANNA10", currency="USD")
    with db.reading() as unit:
        (blocked,) = orders(unit, shop.brand_id, view=OrderView.BLOCKED).rows
        assert blocked.number == "2"
        assert "USD" in (blocked.blocked_reason or "")
        assert blocked_order(unit, shop.brand_id, order_id=blocked.id) == blocked
        assert blocked_order(unit, UUID(int=1), order_id=blocked.id) is None
        assert waiting(unit, shop.brand_id).blocked_orders == 1


def test_rows_are_filtered_and_paged_without_gaps(db, shop, anna):
    shop.ambassador("Ben", "ben@example.com", code="BENBREWS")
    for number in range(12):
        shop.order(str(number), 1_000 + number, code=("ANNA10", "BENBREWS")[number % 2])
    seen, cursor = [], None
    with db.reading() as unit:
        while True:
            page = commissions(unit, shop.brand_id, wanted=CommissionFilter(), cursor=cursor, limit=5)
            seen += [row.order_number for row in page.rows]
            if (cursor := page.next_cursor) is None:
                break
        mine = commissions(unit, shop.brand_id, wanted=CommissionFilter(ambassador_id=anna))
        assert {row.ambassador_name for row in mine.rows} == {"Anna Berg"}
        assert commissions(unit, shop.brand_id, wanted=CommissionFilter(program_id=UUID(int=1))).rows == ()
        assert commissions(unit, UUID(int=1), wanted=CommissionFilter()).rows == ()
        with pytest.raises(InputError):
            commissions(unit, shop.brand_id, wanted=CommissionFilter(), cursor="nonsense")
    assert seen == [str(number) for number in reversed(range(12))]


def test_a_row_is_its_brands_and_its_ambassadors_alone(db, shop, anna):
    shop.order("1", 52_400, code="ANNA10")
    with db.reading() as unit:
        (row,) = commissions(unit, shop.brand_id, wanted=CommissionFilter()).rows
        assert commission(unit, shop.brand_id, commission_id=row.id, ambassador_id=anna) == row
        for brand, person in ((UUID(int=1), None), (shop.brand_id, UUID(int=1))):
            with pytest.raises(NotFoundError):
                commission(unit, brand, commission_id=row.id, ambassador_id=person)


def test_a_payout_lists_its_rows_also_after_it_failed(db, shop, anna):
    shop.order("1", 52_400, code="ANNA10")
    shop.mature(days=20)
    shop.pay(confirmed=True)
    with db.reading() as unit:
        (payout,) = payouts_of_ambassador(unit, shop.brand_id, ambassador_id=anna).rows
        rows = commissions_in_payout(unit, shop.brand_id, payout_id=payout.id, ambassador_id=anna).rows
        assert sum(row.amount_minor for row in rows) == payout.amount_minor
        assert payout_of_ambassador(unit, shop.brand_id, ambassador_id=anna, payout_id=payout.id) == payout
        with pytest.raises(NotFoundError):
            payout_of_ambassador(unit, shop.brand_id, ambassador_id=UUID(int=1), payout_id=payout.id)


def test_a_code_is_shown_to_its_owner_only(db, shop, anna):
    ben = shop.ambassador("Ben", "ben@example.com", code="BENBREWS")

    def codes(person):
        with db.reading() as unit:
            return [one.code for one in home_of(unit, shop.brand_id, ambassador_id=person).codes]

    with db.reading() as unit:
        enrollments = table_of(Enrollment).c
        bens = unit.execute(select(enrollments.ambassador_id).where(enrollments.id == ben)).scalar_one()
        code = unit.execute(select(table_of(PromoCode).c.id).where(table_of(PromoCode).c.code == "ANNA10")).scalar_one()
    assert (codes(anna), codes(bens)) == (["ANNA10"], ["BENBREWS"])
    shop.clock.advance(timedelta(days=1))
    with db.unit() as unit:
        assign_code(unit, shop.brand_id, promo_code_id=code, enrollment_id=ben, by="owner")
    assert (codes(anna), codes(bens)) == ([], ["ANNA10", "BENBREWS"])


def test_a_month_stands_beside_the_last(db, shop, anna):
    shop.order("1", 12_400, code="ANNA10")
    shop.order("2", 5_000, code=None)
    shop.clock.advance(timedelta(days=31))
    shop.order("3", 20_000, code="ANNA10")
    with db.reading() as unit:
        shown = overview_of(unit, shop.brand_id)
        assert zone_of(unit, shop.brand_id).key == shown.time_zone == "Europe/Berlin"
    now, last = shown.this_month, shown.last_month
    assert (now.month, now.orders, now.credited_orders) == ("2026-04", 1, 1)
    assert (last.month, last.orders, last.credited_orders) == ("2026-03", 2, 1)
    assert [(one.currency, one.minor) for one in (*now.revenue, *now.commission)] == [("EUR", 20_000), ("EUR", 2_000)]
    assert shown.year is not None
    assert shown.year.months[-2:] == (("2026-03", 1_240), ("2026-04", 2_000))
    assert len(shown.year.months) == 12


def test_the_months_of_a_year_sum_to_what_was_booked(db, shop, clock):
    fill(shop)
    with db.reading() as unit:
        shown = overview_of(unit, shop.brand_id)
        rows = commissions(unit, shop.brand_id, wanted=CommissionFilter(), limit=200)
    assert rows.next_cursor is None
    assert shown.year is not None
    assert sum(minor for _, minor in shown.year.months) == sum(
        row.amount_minor for row in rows.rows if row.currency == shown.year.currency
    )


def test_a_quiet_shop_shows_its_last_month(db, shop, anna):
    shop.order("1", 12_400, code="ANNA10")
    shop.clock.advance(timedelta(days=200))
    with db.reading() as unit:
        assert latest_month(unit, shop.brand_id, zone=zone_of(unit, shop.brand_id)) == "2026-03"


def test_months_count_over_new_year():
    assert months_until("2026-02", 4) == ["2025-11", "2025-12", "2026-01", "2026-02"]


def test_orders_name_who_was_credited(db, shop, anna):
    shop.order("1", 12_400, code="ANNA10")
    shop.clock.advance(timedelta(minutes=1))
    shop.order("2", 12_400, code=None)
    with db.reading() as unit:
        rows = orders(unit, shop.brand_id).rows
        assert [(row.number, row.outcome, row.credited) for row in rows] == [
            ("2", "nobody", ()),
            ("1", "credited", ("Anna Berg",)),
        ]
        assert [row.number for row in orders(unit, shop.brand_id, view=OrderView.CREDITED).rows] == ["1"]
        assert [row.number for row in orders(unit, shop.brand_id, view=OrderView.NOT_CREDITED).rows] == ["2"]
        first = orders(unit, shop.brand_id, limit=1)
        assert [row.number for row in orders(unit, shop.brand_id, cursor=first.next_cursor, limit=1).rows] == ["1"]


def test_an_applicants_file_has_it_all(db, shop, anna):
    enrollment = shop.applicant("Carla", "carla@example.com")
    with db.reading() as unit:
        (row,) = applicants(unit, shop.brand_id, state=EnrollmentState.APPLIED).rows
        file = applicant_file(unit, shop.brand_id, enrollment_id=enrollment)
        assert file.row == row
        assert [change.state for change in file.changes] == [EnrollmentState.APPLIED]
        assert list(file.applications[0].answers.values()) == ["I drink it every morning."]
        assert waiting(unit, shop.brand_id).applications == 1
        assert [name for _, name in ambassador_names(unit, shop.brand_id)] == ["Anna Berg", "Carla"]
        with pytest.raises(NotFoundError):
            applicant_file(unit, UUID(int=1), enrollment_id=enrollment)


def test_nothing_is_shown_of_nobody(db, shop):
    with db.reading() as unit:
        home = home_of(unit, shop.brand_id, ambassador_id=UUID(int=1))
        assert (home.this_week, home.balances, home.codes, home.memberships) == ((), (), (), ())
        assert unit.execute(select(table_of(Ambassador).c.id)).first() is None
