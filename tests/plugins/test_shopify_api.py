"""What the connector asks of Shopify's Admin API, by a fake that answers with Shopify's own schema."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from engine.plugin_api import (
    CodeView,
    CommerceEvent,
    ConfigError,
    Customer,
    Delivery,
    FatalError,
    OrderEvent,
    RefundEvent,
    RetriableError,
    ShopCode,
    Subscription,
)
from plugins.shopify.connector import Shopify
from plugins.shopify.settings import ShopifySettings
from tests.plugins.shopify.shop import (
    CAP,
    MUG,
    SETTINGS,
    T0,
    TOKEN,
    FakeShop,
    a_discount,
    a_payment,
    a_refund,
    an_order,
    money,
    written,
)

CONNECTOR = Shopify()
WEEK = {"since": T0 - timedelta(days=1), "until": T0 + timedelta(days=6)}
ADDRESS = "https://goodword.example/hooks/shopify/acme"


@pytest.fixture
def shop():
    return FakeShop()


def pulled(shop, **window):
    """All pages of a window, as one."""
    deliveries: list[Delivery] = []
    cursor = None
    while True:
        page = CONNECTOR.pull(**{**WEEK, **window}, cursor=cursor, settings=SETTINGS, http=shop)
        deliveries += page.deliveries
        cursor = page.cursor
        if cursor is None:
            return deliveries


def completed(shop, record, topic):
    body = CONNECTOR.complete(written(record), topic=topic, settings=SETTINGS, http=shop)
    return CONNECTOR.parse(body, topic=topic, settings=SETTINGS)


def a_duty(amount):
    return {"duties": [{"duty_id": 1, "amount_set": money(amount)}], "total_duties_set": money(amount)}


def sold(shop, number, **changes):
    at = (T0 + timedelta(minutes=number)).isoformat()
    return shop.place(an_order(**{"id": 5_000_000_000_000 + number, "updated_at": at, "processed_at": at} | changes))


# --- orders


def test_webhook_and_pull_say_the_same_of_every_state(shop):
    order = shop.place(an_order(note_attributes=[{"name": "gw_click", "value": "B" * 32}]))
    states = [
        lambda: None,
        lambda: shop.take_back(order, a_refund(order, 9001, units={CAP: 1, MUG: 1})),
        lambda: shop.take_back(order, a_refund(order, 9002, amount="7.00", status="pending")),
        lambda: shop.take_back(order, a_refund(order, 9003, amount="5.00") | a_duty("5.00")),
        lambda: order.update(cancelled_at="2026-03-04T10:00:00Z", updated_at="2026-03-04T10:00:01Z"),
    ]
    found: tuple[CommerceEvent, ...] = ()
    for change in states:
        change()
        by_webhook = CONNECTOR.parse(written(order), topic="orders/updated", settings=SETTINGS)
        (delivery,) = pulled(shop)
        found = delivery.events
        assert found == completed(shop, order, "orders/updated") == by_webhook
        assert found == CONNECTOR.parse(delivery.body, topic=delivery.topic, settings=SETTINGS)
    for refund in order["refunds"]:
        assert completed(shop, refund, "refunds/create") == found
    last = [event for event in found if isinstance(event, RefundEvent)][-1]
    assert last.amount_minor == last.apart_minor == 500  # it was all duties


def test_completion_knows_when_a_later_capture_was_made(shop):
    order = shop.place(an_order(), paid_at="2026-03-20T10:00:00Z")
    (event,) = completed(shop, order, "orders/paid")
    assert (event.paid_at, event.placed_at) == (
        datetime(2026, 3, 20, 10, tzinfo=UTC),
        datetime(2026, 3, 2, 8, 59, 58, tzinfo=UTC),
    )


def test_completion_knows_the_shops_money_of_a_refund_in_another_currency(shop):
    order = shop.place(an_order())
    refund = shop.take_back(order, a_refund(order, 9001, amount="10.00"))
    refund["transactions"][0] |= {"currency": "USD", "amount_set": money("9.20", shown="10.00", shown_in="USD")}
    alone = {**refund, "transactions": [{k: v for k, v in refund["transactions"][0].items() if k != "amount_set"}]}
    (_, event) = completed(shop, alone, "refunds/create")
    assert (event.currency, event.amount_minor) == ("EUR", 920)


def test_completion_knows_when_a_refund_changed_last(shop):
    order = shop.place(an_order())
    shop.take_back(order, a_refund(order, 9001, amount="10.00"))
    shop.refunds_changed[9001] = "2026-03-09T00:00:00Z"
    assert completed(shop, order, "orders/updated")[1].updated_at == datetime(2026, 3, 9, tzinfo=UTC)


def test_an_edit_is_completed_to_the_whole_order(shop):
    order = shop.place(an_order())
    edit = {"order_edit": {"id": 1, "order_id": order["id"]}}
    assert completed(shop, edit, "orders/edited") == completed(shop, order, "orders/updated")


def test_what_needs_no_completion_or_is_gone_stays_as_it_is(shop):
    for topic, record in (
        ("disputes/create", {"id": 1}),
        ("app/uninstalled", {"id": 1}),
        ("orders/paid", an_order()),
        ("refunds/create", a_refund(an_order(), 9001, amount="1.00")),
    ):
        body = written(record)
        assert CONNECTOR.complete(body, topic=topic, settings=SETTINGS, http=shop) == body


def test_pull_gives_every_order_of_the_window_once_and_oldest_change_first(shop):
    for number in range(23):
        sold(shop, number)
    sold(shop, 99, updated_at="2026-02-01T00:00:00Z")
    found = [delivery.events[0].external_id for delivery in pulled(shop)]
    assert found == [str(5_000_000_000_000 + number) for number in range(23)]
    assert [item.key for item in pulled(shop)] == [item.key for item in pulled(shop)]


def test_the_key_of_what_was_pulled_changes_with_the_thing(shop):
    order = sold(shop, 1)
    keys = {pulled(shop)[0].key}
    shop.take_back(order, a_refund(order, 9001, amount="5.00"))
    keys.add(pulled(shop)[0].key)
    shop.refunds_changed[9001] = "2026-03-05T00:00:00Z"
    keys.add(pulled(shop)[0].key)
    assert len(keys) == 3


def test_orders_are_whole_however_long_their_lists_are(shop):
    order = an_order()
    line = order["line_items"][1]
    order["line_items"] = [{**line, "id": 62_000 + number} for number in range(181)]
    shop.place(order)
    shop.payments[order["id"]] = [
        a_payment(
            number, "1.00", kind="sale", at=f"2026-03-02T{number // 60:02}:{number % 60:02}:00Z", order_id=order["id"]
        )
        for number in range(112)
    ]
    shop.take_back(order, a_refund(order, 9001, units={62_000 + number: 1 for number in range(133)}))
    for number in range(30):
        shop.take_back(order, a_refund(order, 9100 + number, amount="0.10"))
    (delivery,) = pulled(shop)
    found, *refunds = delivery.events
    assert isinstance(found, OrderEvent)
    assert isinstance(refunds[0], RefundEvent)
    assert (len(found.lines), len(refunds), len(refunds[0].lines)) == (181, 31, 133)
    assert found.paid_at == datetime(2026, 3, 2, 1, 51, tzinfo=UTC)


def test_a_page_that_is_too_costly_is_asked_for_smaller(shop):
    for number in range(9):
        sold(shop, number)
    shop.largest_page = 4
    assert len(pulled(shop)) == 9
    shop.largest_page = 1
    assert len(pulled(shop)) == 9
    shop.largest_page = 0
    with pytest.raises(FatalError, match="too large"):
        pulled(shop)


def test_one_order_that_cannot_be_read_does_not_stop_the_others(shop):
    sold(shop, 1, currency="XXX")
    sold(shop, 2)
    assert [len(delivery.events) for delivery in pulled(shop)] == [0, 1]


class Bent:
    """The shop, with something odd in the first order of its answers."""

    def __init__(self, shop, field, odd):
        self.shop, self.field, self.odd = shop, field, odd

    def request(self, *given, **more):
        answer = self.shop.request(*given, **more)
        document = json.loads(answer.body)
        document["data"]["orders"]["nodes"][0][self.field] = self.odd
        return replace(answer, body=written(document))


@pytest.mark.parametrize(
    ("field", "odd"), [("email", 0.5), ("legacyResourceId", "9" * 400), ("processedAt", 1.5)], ids=["a", "b", "c"]
)
def test_odd_values_stop_no_pull_and_leave_a_key_that_can_be_kept(shop, field, odd):
    sold(shop, 1)
    sold(shop, 2)
    first, second = pulled(Bent(shop, field, odd))
    assert len(first.key) <= 300
    assert len(second.events) == 1


THROTTLED = {
    "errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}],
    "extensions": {
        "cost": {
            "requestedQueryCost": 270,
            "actualQueryCost": None,
            "throttleStatus": {"maximumAvailable": 1000.0, "currentlyAvailable": 66, "restoreRate": 50.0},
        }
    },
}


def denied(field):
    return {"message": "Not approved.", "extensions": {"code": "ACCESS_DENIED"}, "path": ["orders", "nodes", 0, field]}


@pytest.mark.parametrize(
    ("status", "document", "error", "wait"),
    [
        (200, THROTTLED, RetriableError, 5),
        (200, {"errors": [{"message": "Throttled"}]}, RetriableError, 2),
        (200, {"errors": [{"message": "x", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}]}, RetriableError, None),
        (200, {"errors": [{"message": "x", "extensions": {"code": "ACCESS_DENIED"}}]}, ConfigError, None),
        (200, {"errors": [{"message": "Field 'nope' doesn't exist"}]}, FatalError, None),
        (200, {"errors": "Not Found"}, FatalError, None),
        (200, {"errors": [1, {"extensions": 2}]}, FatalError, None),
        (200, {"data": None}, RetriableError, None),
        (
            200,
            {"data": {}, "errors": [{"extensions": {"code": "ACCESS_DENIED"}, "path": ["orders"]}]},
            ConfigError,
            None,
        ),
        (200, {"data": {}, "errors": [{"extensions": {"code": "X"}, "path": ["email"]}]}, FatalError, None),
        (200, {"data": {}}, FatalError, None),
        (200, {"data": {"orders": {"nodes": [{}], "pageInfo": {}}}}, FatalError, None),
        (200, [], RetriableError, None),
        (200, b"<html>", RetriableError, None),
        (402, {"errors": "Unavailable Shop"}, ConfigError, None),
        (423, b"", ConfigError, None),
    ],
    ids=lambda value: json.dumps(value)[:40] if isinstance(value, dict | list) else None,
)
def test_what_shopifys_errors_mean(shop, status, document, error, wait):
    shop.fails = [(status, document)]
    with pytest.raises(error) as caught:
        pulled(shop)
    if isinstance(caught.value, RetriableError):
        assert caught.value.retry_after_s == wait


def test_a_token_that_does_not_open_is_the_settings_fault(shop):
    settings = ShopifySettings.model_validate(
        {"shop": "acme.myshopify.com", "access_token": TOKEN + "x", "secrets": ["0123456789abcdef"]}
    )
    with pytest.raises(ConfigError):
        CONNECTOR.check(settings=settings, http=shop)


def test_the_check_names_the_shop_and_every_scope_that_is_missing(shop):
    assert CONNECTOR.check(settings=SETTINGS, http=shop).problems == ()
    shop.scopes = ("read_orders",)
    report = CONNECTOR.check(settings=SETTINGS, http=shop)
    assert report.shop == "Acme"
    assert [problem.split()[4].rstrip(",") for problem in report.problems] == [
        "read_all_orders",
        "read_customers",
        "read_products",
        "write_discounts",
    ]


def test_what_is_kept_from_the_app_is_missing_and_the_rest_is_read(shop):
    sold(shop, 1)
    (whole,) = pulled(shop)[0].events
    shop.kept_back = ("email", "customer")
    (event,) = pulled(shop)[0].events
    assert whole.customer != Customer()
    assert event == replace(whole, customer=Customer())
    assert "customer, email" in CONNECTOR.check(settings=SETTINGS, http=shop).problems[0]
    shop.kept_back = ("totalPriceSet",)
    with pytest.raises(ConfigError, match="not approved"):
        pulled(shop)


# --- codes

VIEW = CodeView("key-1", "ANNA10", "Anna", 1_250, None, datetime(2026, 3, 1, tzinfo=UTC))


def push(shop, view=VIEW):
    return CONNECTOR.push_code(view, settings=SETTINGS, http=shop)


def find(shop, code="ANNA10"):
    return CONNECTOR.find_code(code, settings=SETTINGS, http=shop)


def test_a_code_is_pushed_once_and_found_in_any_case(shop):
    reference = push(shop)
    assert push(shop) == reference
    assert len(shop.discounts) == 1
    assert find(shop, "anna10") == ShopCode(reference, "ANNA10", active=True, percent_bps=1_250)
    assert find(shop, "OTHER") is None


@pytest.mark.parametrize("bps", [1, 333, 1_250, 10_000])
def test_a_percentage_arrives_exactly(shop, bps):
    push(shop, replace(VIEW, percent_bps=bps))
    found = find(shop)
    assert found is not None
    assert found.percent_bps == bps


def test_a_fixed_amount_is_given_in_the_shops_currency_only(shop):
    view = replace(VIEW, percent_bps=None, amount_minor={"EUR": 550, "JPY": 900})
    push(shop, view)
    assert find(shop).amount_minor == {"EUR": 550}
    shop.currency = "JPY"
    push(shop, view)
    assert find(shop).amount_minor == {"JPY": 900}
    shop.currency = "USD"
    with pytest.raises(FatalError, match="sells in USD"):
        push(shop, view)


def test_a_code_that_is_there_is_brought_to_what_it_should_be(shop):
    shop.discounts["gid://shopify/DiscountCodeNode/7"] = a_discount("anna10", percentage=0.5)
    expires = datetime(2026, 12, 31, tzinfo=UTC)
    assert push(shop, replace(VIEW, expires_at=expires)) == "gid://shopify/DiscountCodeNode/7"
    assert (find(shop).percent_bps, find(shop).expires_at) == (1_250, expires)


def test_a_code_that_somebody_makes_meanwhile_is_brought_to_what_it_should_be(shop):
    shop.taken_first = "ANNA10"
    assert push(shop) == "gid://shopify/DiscountCodeNode/1"
    assert find(shop).percent_bps == 1_250


def test_other_discounts_are_never_overwritten(shop):
    shop.discounts["gid://shopify/DiscountCodeNode/7"] = a_discount("ANNA10", "BEA10", percentage=0.5)
    with pytest.raises(FatalError, match="several codes"):
        push(shop)
    shop.discounts["gid://shopify/DiscountCodeNode/7"] = {"codes": ["ANNA10"], "kind": "DiscountCodeBxgy"}
    with pytest.raises(FatalError, match="another kind"):
        push(shop)
    assert find(shop) == ShopCode("gid://shopify/DiscountCodeNode/7", "ANNA10", active=True)


def test_a_discount_on_some_products_only_is_drift(shop):
    shop.discounts["gid://shopify/DiscountCodeNode/7"] = {**a_discount("ANNA10", percentage=0.125), "whole": False}
    assert find(shop).percent_bps is None


def test_what_shopify_refuses_is_said_in_its_words(shop):
    with pytest.raises(FatalError, match=r"between 0\.0 and 1\.0"):
        push(shop, replace(VIEW, percent_bps=10_001))


def test_a_revoked_code_ends_and_a_missing_one_is_quiet(shop):
    reference = push(shop)
    CONNECTOR.revoke_code(reference, settings=SETTINGS, http=shop)
    CONNECTOR.revoke_code("gid://shopify/DiscountCodeNode/404", settings=SETTINGS, http=shop)
    assert find(shop).active is False
    push(shop)
    assert find(shop).active is True


@pytest.mark.parametrize(
    ("destination", "path", "target"),
    [
        ("https://acme.example/cap?a=1&gw_click=x%2By#size", "/discount/ANNA%2F10", "/cap?a=1&gw_click=x%2By#size"),
        ("https://shop.acme.example", "/discount/ANNA%2F10", "/"),
    ],
)
def test_a_link_that_applies_a_code_lands_where_it_should(destination, path, target):
    parts = urlsplit(CONNECTOR.code_address(destination, code="ANNA/10", settings=SETTINGS))
    assert (parts.scheme, parts.netloc) == urlsplit(destination)[:2]
    assert (parts.path, parse_qs(parts.query), parts.fragment) == (path, {"redirect": [target]}, "")


# --- subscriptions


def topics(shop):
    return CONNECTOR.subscriptions(address=ADDRESS, settings=SETTINGS, http=shop)


def subscribe(shop):
    CONNECTOR.subscribe(address=ADDRESS, settings=SETTINGS, http=shop)


def test_subscribing_asks_for_what_is_missing_and_repeats_without_harm(shop):
    assert {each.enabled for each in topics(shop)} == {False}
    subscribe(shop)
    assert {each.enabled for each in topics(shop)} == {True}
    subscribe(shop)
    assert len(shop.subscriptions) == 7


def test_a_subscription_that_shopify_deleted_is_seen_and_brought_back(shop):
    subscribe(shop)
    shop.subscriptions = [each for each in shop.subscriptions if each["topic"] != "ORDERS_PAID"]
    assert Subscription("orders/paid", enabled=False) in topics(shop)
    subscribe(shop)
    assert Subscription("orders/paid", enabled=True) in topics(shop)


def test_a_subscription_elsewhere_or_in_part_does_not_count(shop):
    wanted: dict[str, Any] = {
        "topic": "ORDERS_PAID",
        "uri": ADDRESS,
        "format": "JSON",
        "filter": None,
        "includeFields": [],
    }
    for odd in ({"uri": ADDRESS + "2"}, {"format": "XML"}, {"filter": "total_price:>5"}, {"includeFields": ["id"]}):
        shop.subscriptions = [wanted | odd]
        assert Subscription("orders/paid", enabled=False) in topics(shop)


def test_disputes_are_asked_for_where_the_app_may_see_them(shop):
    shop.scopes += ("read_shopify_payments_disputes",)
    subscribe(shop)
    assert Subscription("disputes/update", enabled=True) in topics(shop)
    assert len(topics(shop)) == 9
