"""What the connector asks of WooCommerce's REST API, over https and over http."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.plugin_api import (
    CodeView,
    ConfigError,
    Delivery,
    FatalError,
    InputError,
    OrderEvent,
    PulledPage,
    RefundEvent,
    RetriableError,
    ShopCode,
    Subscription,
)
from plugins.woocommerce.api import oauth_signed
from plugins.woocommerce.connector import WooCommerce
from plugins.woocommerce.settings import WooCommerceSettings
from plugins.woocommerce.signature import READ
from tests.plugins.woocommerce.shop import (
    KEY,
    KEY_SECRET,
    PLAIN,
    SECRET,
    SECURE,
    T0,
    FakeShop,
    a_refund,
    an_order,
    is_signed,
    settings,
    written,
)

CONNECTOR = WooCommerce()
WEEK = {"since": T0 - timedelta(days=1), "until": T0 + timedelta(days=6)}
ADDRESS = "https://goodword.example/hooks/woocommerce/woo"


@pytest.fixture(params=[SECURE, PLAIN], ids=["https", "http"])
def shop(request):
    return FakeShop(request.param)


def pages(shop, **window):
    """The pages of a window."""
    found: list[PulledPage] = []
    cursor = None
    while not found or cursor is not None:
        asked: dict[str, Any] = {**WEEK, **window, "cursor": cursor}
        found.append(CONNECTOR.pull(**asked, settings=settings(shop.url), http=shop))
        cursor = found[-1].cursor
    return found


def pulled(shop, **window) -> list[Delivery]:
    return [delivery for page in pages(shop, **window) for delivery in page.deliveries]


def completed(shop, record, topic="order.updated"):
    body = CONNECTOR.complete(written(record), topic=topic, settings=settings(shop.url), http=shop)
    return CONNECTOR.parse(body, topic=topic, settings=settings(shop.url))


# --- signatures


def test_an_oauth_signature_holds_method_address_and_every_parameter():
    given = {"status": "any", "search": "a b&c=ü/~+", "oauth_nonce": "n" * 32, "oauth_timestamp": "1772445605"}
    url = f"{PLAIN}/wp-json/wc/v3/orders"
    signed = oauth_signed("GET", url, params=given, key=KEY, secret=KEY_SECRET)
    assert is_signed("GET", url, dict(signed))
    assert not is_signed("POST", url, dict(signed))
    assert not is_signed("GET", url + "/1", dict(signed))
    for name in signed:
        assert not is_signed("GET", url, signed | {name: signed[name] + "x"})
    other = oauth_signed("GET", url, params=given, key=KEY, secret=KEY_SECRET + "x")
    assert not is_signed("GET", url, other)


def test_every_call_over_http_is_signed_anew_and_over_https_sends_the_key():
    for url in (PLAIN, SECURE):
        shop = FakeShop(url)
        shop.place(an_order())
        assert len(pulled(shop)) == 1
        assert len(shop.nonces) == (len(shop.asked) if url == PLAIN else 0)


@pytest.mark.parametrize("url", [SECURE, PLAIN])
def test_a_key_that_does_not_open_is_the_settings_fault(url):
    wrong = WooCommerceSettings.model_validate(
        {"url": url, "consumer_key": KEY, "consumer_secret": "cs_" + "c" * 40, "secrets": [SECRET]}
    )
    with pytest.raises(ConfigError):
        CONNECTOR.check(settings=wrong, http=FakeShop(url))


# --- orders


def test_webhook_and_pull_say_the_same_of_every_state(shop):
    order = shop.place(an_order())
    states = [
        lambda: None,
        lambda: shop.take_back(order, a_refund(730, "29.46", lines={315: ("24.75", "4.71")})),
        lambda: shop.take_back(order, a_refund(731, "5.00", at="2026-03-04T10:00:00")),
        lambda: order.update(status="cancelled", date_modified_gmt="2026-03-05T10:00:00"),
        lambda: order.update(status="trash", date_modified_gmt="2026-03-06T10:00:00"),
    ]
    for change in states:
        change()
        (delivery,) = pulled(shop)
        assert delivery.events == completed(shop, order)
        assert delivery.events == CONNECTOR.parse(delivery.body, topic=delivery.topic, settings=settings())


def test_an_order_in_the_bin_is_fetched_and_one_that_is_gone_is_told(shop):
    shop.place(an_order(status="trash"))
    (order,) = completed(shop, {"id": 727}, "order.deleted")
    assert order.cancelled_at is not None
    with pytest.raises(InputError, match="deleted for good"):
        completed(shop, {"id": 999}, "order.deleted")


def test_an_order_without_refunds_needs_nothing(shop):
    body = written(an_order())
    assert CONNECTOR.complete(body, topic="order.updated", settings=settings(shop.url), http=shop) == body
    assert shop.asked == []


def test_all_refunds_come_however_many_there_are(shop):
    order = shop.place(an_order())
    for number in range(130):
        shop.take_back(order, a_refund(800 + number, "0.10"))
    found, *refunds = completed(shop, order)
    assert (len(found.refund_ids), len(refunds)) == (130, 130)


def test_a_deleted_refund_is_no_longer_there(shop):
    order = shop.place(an_order())
    shop.take_back(order, a_refund(730, "5.00"))
    stale = json.loads(json.dumps(order))
    order["refunds"].clear()
    shop.refunds.clear()
    assert [type(each) for each in completed(shop, order)] == [OrderEvent]
    (of_before,) = completed(shop, stale)
    assert of_before.refund_ids == ("730",)


def test_pull_gives_every_order_of_the_window_once_and_the_bin_too(shop):
    for number in range(120):
        at = (T0 + timedelta(minutes=number // 30)).strftime("%Y-%m-%dT%H:%M:%S")
        shop.place(an_order(1_000 + number, date_modified_gmt=at))
    shop.place(an_order(1, date_modified_gmt="2026-02-01T00:00:00"))
    shop.place(an_order(2, status="trash"))
    found = [delivery.events[0].external_id for delivery in pulled(shop)]
    assert found == [str(1_000 + number) for number in range(120)] + ["2"]


def test_many_orders_of_one_second_do_not_stop_a_pull(shop):
    for number in range(170):
        shop.place(an_order(1_000 + number))
    assert len({delivery.key for delivery in pulled(shop)}) == 170


def test_an_order_that_changes_between_two_pages_makes_none_be_skipped(shop):
    for number in range(45):
        at = (T0 + timedelta(minutes=number)).strftime("%Y-%m-%dT%H:%M:%S")
        shop.place(an_order(1_000 + number, date_modified_gmt=at))
    first = CONNECTOR.pull(**WEEK, cursor=None, settings=settings(shop.url), http=shop)
    for number in range(10):
        shop.orders[1_000 + number]["date_modified_gmt"] = "2026-05-01T00:00:00"
    second = CONNECTOR.pull(**WEEK, cursor=first.cursor, settings=settings(shop.url), http=shop)
    found = [delivery.events[0].external_id for page in (first, second) for delivery in page.deliveries]
    assert found == [str(1_000 + number) for number in range(45)]


def test_both_ends_of_the_window_are_inside(shop):
    shop.place(an_order())
    assert len(pulled(shop, since=T0, until=T0 + timedelta(days=1))) == 1
    assert len(pulled(shop, since=T0 - timedelta(days=1), until=T0)) == 1


def test_the_key_of_what_was_pulled_changes_with_the_thing(shop):
    order = shop.place(an_order())
    keys = {pulled(shop)[0].key}
    shop.take_back(order, a_refund(730, "5.00", at="2026-03-02T10:00:05"))
    assert pulled(shop)[0].key not in keys


def test_one_order_that_cannot_be_read_does_not_stop_the_others(shop):
    shop.place(an_order(1, currency="XXX"))
    shop.place(an_order(2))
    assert [len(delivery.events) for delivery in pulled(shop)] == [0, 1]


@pytest.mark.parametrize("changes", [{"id": "9" * 400}, {"date_modified_gmt": "\x00" * 50}, {"id": 0.5}], ids=ascii)
def test_the_key_of_an_odd_order_can_be_kept(shop, changes):
    shop.answers = [(200, written([an_order(1) | changes, an_order(2)])), (200, b"[]")]
    first, second = pulled(shop)
    assert len(first.key) <= 300
    assert first.key.isprintable()
    assert (first.events, len(second.events)) == ((), 1)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (404, b'{"code": "rest_no_route", "message": "No route"}', ConfigError),
        (404, b"<html>Not found</html>", ConfigError),
        (400, b'{"code": "rest_invalid_param", "message": "Invalid parameter(s): orderby"}', FatalError),
        (400, b'"x"', FatalError),
        (200, b"<br />Warning: PHP", RetriableError),
        (200, b"", RetriableError),
        (200, b"{}", FatalError),
        (200, b"[1]", FatalError),
        (200, b'[{"id": 1}]', FatalError),
        (200, b'[{"id": 1, "refunds": [], "date_modified_gmt": null}]', None),
    ],
)
def test_what_odd_answers_mean(shop, status, body, error):
    shop.answers = [(status, body)]
    if error is None:
        assert [len(delivery.events) for delivery in pulled(shop)] == [0]
        return
    with pytest.raises(error):
        pulled(shop)


# --- check


def test_the_check_names_the_shop(shop):
    assert CONNECTOR.check(settings=settings(shop.url), http=shop).problems == ()


def test_the_check_says_what_keeps_promo_codes_out(shop):
    shop.may_write = False
    (problem,) = CONNECTOR.check(settings=settings(shop.url), http=shop).problems
    assert "Read/Write" in problem
    shop.coupons_on = False
    (problem,) = CONNECTOR.check(settings=settings(shop.url), http=shop).problems
    assert "Enable coupons" in problem


@pytest.mark.parametrize(
    ("index", "error"),
    [
        ({"name": "x", "home": SECURE, "namespaces": ["wp/v2"]}, ConfigError),
        ({"name": "x"}, FatalError),
    ],
)
def test_a_wordpress_without_shop_is_told(index, error):
    shop = FakeShop(answers=[(200, written(index))])
    with pytest.raises(error):
        CONNECTOR.check(settings=settings(), http=shop)


def test_another_address_than_the_shops_own_is_a_problem():
    shop = FakeShop(home="https://www.woo.example")
    (problem,) = CONNECTOR.check(settings=settings(), http=shop).problems
    assert "https://www.woo.example" in problem


def test_a_signature_for_another_address_than_the_shops_own_is_told_so():
    shop = FakeShop(PLAIN, home="http://shop.local:8099/shop")
    with pytest.raises(ConfigError, match=r"shop\.local:8099/shop: enter that address"):
        CONNECTOR.check(settings=settings(PLAIN), http=shop)


# --- codes

VIEW = CodeView("key-1", "ANNA10", "Anna", 1_250, None, datetime(2026, 3, 1, tzinfo=UTC))


def push(shop, view=VIEW):
    return CONNECTOR.push_code(view, settings=settings(shop.url), http=shop)


def find(shop, code="ANNA10"):
    return CONNECTOR.find_code(code, settings=settings(shop.url), http=shop)


def revoke(shop, reference):
    CONNECTOR.revoke_code(reference, settings=settings(shop.url), http=shop)


def test_a_code_is_pushed_once_and_found_in_any_case(shop):
    reference = push(shop)
    assert push(shop) == reference
    assert len(shop.coupons) == 1
    assert find(shop, "Anna10") == ShopCode(reference, "anna10", active=True, percent_bps=1_250)
    assert find(shop, "OTHER") is None


@pytest.mark.parametrize("bps", [1, 333, 1_250, 10_000])
def test_a_percentage_arrives_exactly(shop, bps):
    push(shop, replace(VIEW, percent_bps=bps))
    assert find(shop).percent_bps == bps


def test_a_fixed_amount_is_given_in_the_shops_currency_only(shop):
    view = replace(VIEW, percent_bps=None, amount_minor={"EUR": 550, "JPY": 900})
    push(shop, view)
    assert find(shop).amount_minor == {"EUR": 550}
    shop.currency = "JPY"
    push(shop, view)
    assert find(shop).amount_minor == {"JPY": 900}
    for unknown in ("USD", "XXX"):
        shop.currency = unknown
        with pytest.raises(FatalError):
            push(shop, view)


def test_a_coupon_that_is_there_is_brought_to_what_it_should_be(shop):
    push(shop)
    shop.coupons[1] |= {"amount": "50.00", "product_ids": [3], "usage_limit": 1}
    assert find(shop).percent_bps is None
    expires = datetime(2046, 12, 31, tzinfo=UTC)
    assert push(shop, replace(VIEW, expires_at=expires)) == "1"
    assert (find(shop).percent_bps, find(shop).expires_at, find(shop).active) == (1_250, expires, True)
    push(shop)
    assert find(shop).expires_at is None


def test_an_expired_coupon_is_not_active(shop):
    push(shop, replace(VIEW, expires_at=datetime(2020, 1, 1, tzinfo=UTC)))
    assert find(shop).active is False


@pytest.mark.parametrize("keeps_status", [True, False], ids=["as a draft", "deleted by an older shop"])
def test_a_revoked_code_is_no_longer_found(shop, keeps_status):
    shop.keeps_coupon_status = keeps_status
    reference = push(shop)
    for _ in range(2):
        revoke(shop, reference)
    assert find(shop) is None
    assert len(shop.coupons) == (1 if keeps_status else 0)
    for missing in ("404", "", "1/../2", "gid"):
        revoke(shop, missing)


def test_what_woocommerce_refuses_is_said_in_its_words(shop):
    with pytest.raises(FatalError, match=r"Invalid discount amount\. \(coupon_invalid_amount\)"):
        push(shop, replace(VIEW, percent_bps=10_001))


def test_a_code_that_was_revoked_can_be_pushed_again(shop):
    revoke(shop, push(shop))
    push(shop)
    assert find(shop).active is True


# --- subscriptions


def topics(shop):
    return CONNECTOR.subscriptions(address=ADDRESS, settings=settings(shop.url), http=shop)


def subscribe(shop):
    CONNECTOR.subscribe(address=ADDRESS, settings=settings(shop.url), http=shop)


def test_subscribing_asks_for_every_topic_and_repeats_without_harm(shop):
    assert topics(shop) == tuple(Subscription(topic, enabled=False) for topic in READ)
    subscribe(shop)
    subscribe(shop)
    assert topics(shop) == tuple(Subscription(topic, enabled=True) for topic in READ)
    assert len(shop.webhooks) == 4
    assert {each["secret"] for each in shop.webhooks.values()} == {SECRET}


def test_a_webhook_that_the_shop_switched_off_is_seen_and_switched_on(shop):
    subscribe(shop)
    shop.webhooks[2]["status"] = "disabled"
    assert Subscription("order.updated", enabled=False) in topics(shop)
    subscribe(shop)
    assert Subscription("order.updated", enabled=True) in topics(shop)
    assert len(shop.webhooks) == 4


def test_a_webhook_to_elsewhere_does_not_count(shop):
    shop.webhooks[1] = {"id": 1, "topic": "order.updated", "delivery_url": ADDRESS + "2", "status": "active"}
    assert Subscription("order.updated", enabled=False) in topics(shop)


def test_a_webhook_on_a_later_page_is_found(shop):
    for number in range(1, 150):
        shop.webhooks[number] = {"id": number, "topic": "x.y", "delivery_url": "https://x.example", "status": "active"}
    subscribe(shop)
    assert {each.enabled for each in topics(shop)} == {True}


def test_refunds_of_an_order_come_with_their_lines(shop):
    order = shop.place(an_order())
    shop.take_back(order, a_refund(730, "29.46", lines={315: ("24.75", "4.71")}))
    (_, refund) = completed(shop, order)
    assert isinstance(refund, RefundEvent)
    assert [(line.line_id, line.net_minor) for line in refund.lines] == [("315", 2475)]
