"""The account asked by the host's client: pulls that say what webhooks said, promotion codes, endpoints, the check."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.plugin_api import CodeView, ConfigError, FatalError, OrderEvent
from plugins.stripe_payments.connector import StripePayments
from plugins.stripe_payments.settings import StripeSettings
from tests.plugins.stripe_payments.account import KEY, SECRET, SETTINGS, place_of
from tests.plugins.stripe_payments.objects import example, written
from tests.plugins.stripe_payments.world import Account

CONNECTOR = StripePayments()
NOW = datetime.now(UTC).replace(microsecond=0)
ADDRESS = "https://goodword.example/hooks/stripe_payments/acme"
TEN = CodeView("key-1", "ANNA-10", "Anna & Bea", 1_250, None, NOW)


def settings_of(**given: Any) -> StripeSettings:
    return StripeSettings.model_validate(given)


def ago(days: int) -> int:
    return int((NOW - timedelta(days=days)).timestamp())


@pytest.fixture
def account():
    return Account().with_code()


def pulled(account, *, days: int, settings=SETTINGS):
    """Every delivery of a pull, page by page."""
    found: list[Any] = []
    cursor, first = None, True
    while first or cursor is not None:
        window = {"since": NOW - timedelta(days=days), "until": NOW}
        page = CONNECTOR.pull(**window, cursor=cursor, settings=settings, http=account.client())
        found, cursor, first = [*found, *page.deliveries], page.cursor, False
    return found


def by_webhook(account):
    """What all events of the account come to, each completed."""
    events = account.folders["events"].values()
    bodies = [(each["type"], written(each)) for each in sorted(events, key=lambda each: each["created"])]
    return {
        event
        for topic, body in bodies
        for event in CONNECTOR.parse(
            CONNECTOR.complete(body, topic=topic, settings=SETTINGS, http=account.client()),
            topic=topic,
            settings=SETTINGS,
        )
    }


def filled(account, at):
    for number in range(1, 41):
        account.buy(str(number), at=at(number))
    account.subscribe_customer("1", at=at(3))
    account.bill("1", invoice_id="in_1b", at=at(2), billing_reason="subscription_cycle")
    account.refund("1", "re_1", 700, at=at(2))
    account.refund("in_1", "re_2", 900, at=at(2))
    account.dispute("2", "dp_1", "lost", at=at(1))


def test_a_pull_by_events_says_what_the_webhooks_said(account):
    filled(account, lambda number: ago(1) - 600 * number)
    found = pulled(account, days=2)
    assert {event for each in found for event in each.events} == by_webhook(account)
    assert len({each.key for each in found}) == len(found)


def test_a_pull_by_lists_says_what_the_webhooks_said_though_the_events_are_gone(account):
    filled(account, lambda number: ago(100) - 600 * number)
    expected = by_webhook(account)
    found = pulled(account, days=120)
    assert {each.topic for each in found} == {
        "checkout.session.completed",
        "invoice.paid",
        "refund.updated",
        "charge.dispute.updated",
    }
    assert {event for each in found for event in each.events} == expected
    assert {path for _, path, _ in account.requests[-60:]} >= {"events", "disputes"}


def test_lists_are_read_only_up_to_where_events_begin(account):
    account.buy("1", at=ago(33))
    account.buy("2", at=ago(10))
    found = pulled(account, days=35)
    assert [each.key.split(":")[1][:3] for each in found] == ["cs_", "evt"]
    assert [event.external_id for each in found for event in each.events] == ["pi_1", "pi_2"]


def test_a_pull_that_begins_again_later_is_the_same(account, monkeypatch):
    """The machine's clock has gone on: the page and the place in its cursor have not."""
    account.buy("1", at=ago(33))
    window = {"since": NOW - timedelta(days=35), "until": NOW}
    pages = []
    for late in (timedelta(0), timedelta(seconds=1), timedelta(hours=11)):
        later = type("Later", (datetime,), {"now": lambda zone, late=late: NOW + late})
        monkeypatch.setattr("plugins.stripe_payments.changes.datetime", later)
        pages.append(CONNECTOR.pull(**window, cursor=None, settings=SETTINGS, http=account.client()))
    assert pages[0] == pages[1] == pages[2]
    assert pages[0].deliveries


def test_what_happened_long_ago_is_not_looked_for_among_events_that_are_gone(account):
    account.buy("1", at=ago(45))
    window = {"since": NOW - timedelta(days=50), "until": NOW - timedelta(days=40)}
    page = CONNECTOR.pull(**window, cursor=None, settings=SETTINGS, http=account.client())
    assert [event.external_id for each in page.deliveries for event in each.events] == ["pi_1"]


def test_an_invoice_is_told_by_when_it_was_paid_however_long_it_waited(account):
    for number, (made, paid) in enumerate(((60, 45), (60, 50), (41, 39))):
        times = {"paid_at": ago(paid), "finalized_at": ago(made)}
        account.bill(invoice_id=f"in_{number}", at=ago(made), status_transitions=times, billing_reason="manual")
    found = CONNECTOR.pull(
        since=NOW - timedelta(days=46),
        until=NOW - timedelta(days=40),
        cursor=f'["invoices", {ago(29)}, null]',
        settings=SETTINGS,
        http=account.client(),
    )
    assert [event.external_id for each in found.deliveries for event in each.events] == ["in_0"]


def test_a_payment_that_came_through_later_is_paid_then_by_pull_as_by_webhook(account):
    session = account.buy("1", at=ago(5))
    account.tell("checkout.session.async_payment_succeeded", session, at=ago(2))
    (order,) = [event for each in pulled(account, days=7) for event in each.events]
    assert order.paid_at.timestamp() == ago(2)
    assert order in by_webhook(account)


def test_what_is_outside_the_window_is_not_told(account):
    account.buy("1", at=ago(10))
    account.buy("2", at=ago(1))
    orders = [event for each in pulled(account, days=3) for event in each.events]
    assert [order.external_id for order in orders] == ["pi_2"]


def test_a_refund_that_failed_later_is_found_by_its_event(account):
    account.buy("1", at=ago(60))
    refund = account.refund("1", "re_1", 700, at=ago(50))
    refund["status"] = "failed"
    account.tell("refund.failed", refund, at=ago(1))
    (found,) = [event for each in pulled(account, days=2) for event in each.events]
    assert (found.external_id, found.state) == ("re_1", "failed")


def test_one_that_cannot_be_read_stops_none_behind_it(account):
    account.buy("1", at=ago(1), currency="xxx")
    account.buy("2", at=ago(1))
    found = pulled(account, days=2)
    assert sorted(len(each.events) for each in found) == [0, 1]


def test_a_page_is_told_oldest_first(account):
    for number in range(1, 6):
        account.buy(str(number), at=ago(1) + number)
    orders = [event for each in pulled(account, days=2) for event in each.events if isinstance(event, OrderEvent)]
    assert [order.external_id for order in orders] == [f"pi_{number}" for number in range(1, 6)]


def push(account, code=TEN):
    return CONNECTOR.push_code(code, settings=SETTINGS, http=account.client())


def find(account, code="ANNA-10"):
    return CONNECTOR.find_code(code, settings=SETTINGS, http=account.client())


def revoke(account, reference):
    CONNECTOR.revoke_code(reference, settings=SETTINGS, http=account.client())


def with_value(percent=None, amounts=None, **changes):
    given: dict[str, Any] = {"key": "key-1", "code": "ANNA-10", "title": "Anna & Bea", "starts_at": NOW}
    return CodeView(**given | changes, percent_bps=percent, amount_minor=amounts)


def test_a_percentage_to_the_hundredth(account):
    reference = push(account)
    found = find(account, "anna-10")
    assert (found.reference, found.percent_bps, found.active, found.code) == (reference, 1_250, True, "ANNA-10")


def test_an_amount_in_several_currencies_in_stripes_units(account):
    push(account, with_value(amounts={"EUR": 500, "ISK": 700, "JPY": 800}))
    (coupon,) = [each for each in account.folders["coupons"].values() if each["id"] != "TEN"]
    assert (coupon["currency"], coupon["amount_off"]) == ("eur", 500)
    assert coupon["currency_options"]["isk"] == {"amount_off": 70_000}
    assert find(account).amount_minor == {"EUR": 500, "ISK": 700, "JPY": 800}


def test_a_code_that_gives_something_else_is_ended_and_made_anew(account):
    first = push(account)
    second = push(account, with_value(2_000))
    assert first != second
    assert not account.folders["promotion_codes"][first]["active"]
    assert (find(account).reference, find(account).percent_bps) == (second, 2_000)


def test_back_to_what_it_gave_before_the_first_one_holds_again(account):
    first = push(account)
    push(account, with_value(2_000))
    assert push(account) == first
    assert [each["active"] for each in account.folders["promotion_codes"].values()][1:] == [True, False]


def test_a_revoked_code_holds_again_within_the_day_of_its_idempotency_key(account):
    reference = push(account)
    revoke(account, reference)
    assert not find(account).active
    assert push(account) == reference
    assert find(account).active


def test_another_end_is_another_code(account):
    first = push(account)
    second = push(account, with_value(1_250, expires_at=NOW + timedelta(days=5)))
    assert first != second
    assert find(account).expires_at == NOW + timedelta(days=5)


def test_a_code_that_is_right_already_is_left_as_it_is(account):
    reference = push(account)
    account.requests.clear()
    assert push(account) == reference
    assert [method for method, *_ in account.requests] == ["GET"]


def test_a_code_whose_coupon_was_deleted_at_stripe_is_made_anew_within_the_day_of_its_key(account):
    first = push(account)
    account.delete_coupon(next(name for name in account.folders["coupons"] if name != "TEN"))
    assert not find(account).active
    second = push(account)
    assert second != first
    assert (find(account).reference, find(account).active) == (second, True)


def test_a_plain_code_of_somebody_else_is_brought_to_what_the_terms_say(account):
    account.put("coupons", example("coupon", id="PLAIN", percent_off=5, duration="once", redeem_by=None))
    theirs = example("promotion_code", id="promo_x", code="anna-10", active=True, expires_at=None)
    account.put("promotion_codes", theirs | {"promotion": {"type": "coupon", "coupon": "PLAIN"}})
    reference = push(account)
    assert not account.folders["promotion_codes"]["promo_x"]["active"]
    assert (find(account).reference, find(account).percent_bps) == (reference, 1_250)


def test_codes_that_give_the_same_share_a_coupon(account):
    push(account)
    push(account, with_value(1_250, key="key-2", code="BOB-10"))
    assert len(account.folders["coupons"]) == 2


def test_an_answer_that_was_lost_is_given_again_by_its_key(account):
    reference = push(account)
    kept = account.folders["promotion_codes"].pop(reference)  # Stripe's list lags behind
    again = push(account)
    account.folders["promotion_codes"][reference] = kept
    assert again == reference


def test_a_code_with_restrictions_of_somebody_else_is_never_touched(account):
    theirs = example("promotion_code", id="promo_x", code="ANNA-10", active=True, customer="cus_1", expires_at=None)
    theirs["promotion"] = {"type": "coupon", "coupon": "TEN"}
    account.put("promotion_codes", theirs)
    assert (find(account).percent_bps, find(account).amount_minor) == (None, None)
    with pytest.raises(FatalError, match="restrictions of its own"):
        push(account)
    assert theirs["active"]


@pytest.mark.parametrize("shape", ["newer", "before 2025-09-30"])
def test_a_promotion_code_is_read_in_both_shapes(account, shape):
    coupon = example("coupon", percent_off=12, duration="once", redeem_by=None)
    found = example("promotion_code", active=True, expires_at=None)
    found |= {"promotion": {"coupon": coupon}} if shape == "newer" else {"promotion": None, "coupon": coupon}
    account.put("promotion_codes", found)
    assert (find(account, found["code"]).percent_bps, find(account, found["code"]).active) == (1_200, True)


def test_what_stripe_does_not_take_is_told_in_its_words(account):
    with pytest.raises(FatalError, match="letters, digits and dashes"):
        push(account, with_value(1_000, code="ANNA_10"))
    with pytest.raises(FatalError, match="must be in the future"):
        push(account, with_value(1_000, expires_at=NOW - timedelta(days=1)))
    with pytest.raises(FatalError, match="no discount"):
        push(account, with_value(amounts={}))


def test_revoking_what_is_no_reference_asks_for_nothing(account):
    revoke(account, "../coupons/TEN")
    assert account.requests == []


def enabled(account):
    found = CONNECTOR.subscriptions(address=ADDRESS, settings=SETTINGS, http=account.client())
    return {each.enabled for each in found}


def subscribe(account):
    CONNECTOR.subscribe(address=ADDRESS, settings=SETTINGS, http=account.client())


def test_an_endpoint_that_stripe_switched_off_is_switched_on_and_keeps_what_else_it_sends(account):
    subscribe(account)
    (endpoint,) = account.folders["webhook_endpoints"].values()
    endpoint |= {"status": "disabled", "enabled_events": ["customer.created", "invoice.paid"]}
    assert enabled(account) == {False}
    subscribe(account)
    assert enabled(account) == {True}
    assert "customer.created" in endpoint["enabled_events"]
    assert len(account.folders["webhook_endpoints"]) == 1


def test_an_endpoint_for_everything_is_enough_and_another_address_is_not(account):
    account.put("webhook_endpoints", example("webhook_endpoint", id="we_x", url="https://else.example/"))
    account.put("webhook_endpoints", example("webhook_endpoint", id="we_y", url=ADDRESS, enabled_events=["*"]))
    assert enabled(account) == {True}
    subscribe(account)
    assert account.folders["webhook_endpoints"]["we_y"]["enabled_events"] == ["*"]


def test_the_check_names_the_account_and_what_is_missing(account):
    assert CONNECTOR.check(settings=SETTINGS, http=account.client()).problems == ()
    report = CONNECTOR.check(settings=settings_of(api_key=KEY), http=account.client())
    assert report.shop == "Acme"
    assert ["signing secret" in each for each in report.problems] == [True]
    wrong = settings_of(api_key=KEY + "x", webhook_secrets=(SECRET,))
    with pytest.raises(ConfigError):
        CONNECTOR.check(settings=wrong, http=account.client())


def test_the_check_names_the_rights_that_the_key_lacks_for_what_is_asked_later(account):
    account.forbidden = {"subscriptions", "refunds"}
    (problem,) = CONNECTOR.check(settings=SETTINGS, http=account.client()).problems
    assert "may not read Refunds, Subscriptions" in problem
    account.forbidden = set()
    filled(account, lambda number: ago(100) - 600 * number)
    account.requests.clear()
    CONNECTOR.check(settings=SETTINGS, http=account.client())
    checked = {path for _, path, _ in account.requests}
    account.requests.clear()
    push(account)
    subscribe(account)
    by_webhook(account)
    pulled(account, days=120)
    asked = {place_of(path)[0] for _, path, _ in account.requests} - {"invoice_payments"}
    assert asked <= checked


def test_every_request_names_the_version_and_only_makings_carry_a_key(account):
    push(account)
    made = [path for method, path, _ in account.requests if method == "POST"]
    assert made == ["coupons", "promotion_codes"]
    assert len(account.answered) == 2
