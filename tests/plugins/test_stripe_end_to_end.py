"""Stripe from the pushed code to the books, by webhook and by asking alone: the books are equal.

The account is in memory and answers as Stripe does (`stripe_payments/account.py`). Everything of ours is real: the
door, the inbox, its reader, the code pusher, the reconciler, both databases.
"""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from tests.plugins.stripe_payments.account import KEY, SECRET, sent
from tests.plugins.stripe_payments.objects import DAY, seconds, written
from tests.plugins.stripe_payments.world import Account
from tests.plugins.test_shops_end_to_end import CODE, houses  # noqa: F401 - a fixture

STRIPE = {"api_key": KEY, "webhook_secrets": [SECRET]}


@pytest.fixture(params=["events", "lists"])
def today(request):
    """A week after the first purchase: now, which events reach back from, or in March, which only lists know."""
    return datetime.now(UTC).replace(microsecond=0) if request.param == "events" else datetime(2026, 3, 9, tzinfo=UTC)


def at(clock, time):
    clock.set(time)
    return time


def webhooks(account, *, now):
    """Every event that the account has told of, as it is sent now."""
    return [sent(written(event), at=now) for event in account.folders["events"].values()]


def a_week(account, *, now, clicks):
    """Two purchases, a subscription with a second invoice, refunds of which one fails, and a dispute that is lost."""
    day = {number: seconds(now) - number * DAY for number in range(8)}
    (code,) = account.folders["promotion_codes"].values()
    by_code = [{"coupon": code["promotion"]["coupon"], "promotion_code": code["id"]}]
    account.buy("1", at=day[6], discounts=by_code)
    account.buy("2", at=day[6], discounts=[])
    account.folders["checkout/sessions"]["cs_live_2"]["metadata"] = {"gw_click": clicks[0]}
    account.folders["checkout/sessions"]["cs_live_2"]["client_reference_id"] = clicks[1]
    account.subscribe_customer("1", at=day[6])
    account.folders["checkout/sessions"]["cs_live_sub1"]["discounts"] = by_code
    account.bill("1", invoice_id="in_1b", at=day[5], billing_reason="subscription_cycle")
    account.refund("1", "re_1", 700, at=day[4])
    failed = account.refund("2", "re_2", 5_000, at=day[4])
    failed["status"] = "failed"
    account.tell("refund.failed", failed, at=day[2])
    account.refund("in_1", "re_3", 1_071, at=day[3])
    account.dispute("2", "dp_1", "lost", at=day[1])


def test_by_webhook_and_by_asking(houses, clock, today):  # noqa: F811
    at(clock, today - timedelta(days=7))
    account = Account(now=seconds(today))
    told, asking = houses(connector="stripe_payments", shop=account, document=STRIPE)
    for each in (told, asking):
        each.goodword.tell_events()
        assert each.goodword.code_pusher().push_due() == 1
    (code,) = account.folders["promotion_codes"].values()  # both houses push the same wish, which is one code
    assert (code["code"], [each["percent_off"] for each in account.folders["coupons"].values()]) == (CODE, [12.5])

    at(clock, today)
    a_week(account, now=today, clicks=(told.click, asking.click))
    sent_now = webhooks(account, now=today)
    told.hear(*Random(3).sample(sent_now, len(sent_now)), *sent_now)
    kept = {"pi_1": 7_200 * (1 - 700 / 9_068), "pi_2": 7_200 * (1 - 2_000 / 9_068), "in_1": 4_500 * (1 - 1_071 / 5_355)}
    owed = {order_id: booked for order_id, booked, *_ in told.books()}
    assert {name: amount for name, amount in owed.items() if amount} == {
        name: round(base / 10) for name, base in kept.items()
    }

    asking.ask()
    assert asking.books() == told.books()
    for each in (told, asking):
        again = each.ask()
        assert (again.missing, again.different, again.extra) == ([], [], [])


def test_half_of_the_webhooks_lost_and_the_rest_in_disorder_is_made_good_by_asking(houses, clock, today):  # noqa: F811
    """Which are lost, and the order of the others, is drawn by a fixed seed."""
    at(clock, today - timedelta(days=7))
    account = Account(now=seconds(today))
    told, asking = houses(connector="stripe_payments", shop=account, document=STRIPE)
    told.goodword.tell_events()
    told.goodword.code_pusher().push_due()
    at(clock, today)
    a_week(account, now=today, clicks=(told.click, asking.click))
    sent_now = webhooks(account, now=today)
    told.hear(*Random(11).sample(sent_now, len(sent_now) // 2))
    for each in (told, asking):
        each.ask()
        again = each.ask()
        assert (again.missing, again.different, again.extra) == ([], [], [])
    assert told.books() == asking.books()
    assert len(told.books()) >= 3
