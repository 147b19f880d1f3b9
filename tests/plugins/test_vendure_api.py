"""Vendure's webhooks, pulls, promotions and answers, against a shop in memory."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from engine.plugin_api import (
    ConfigError,
    FatalError,
    InputError,
    PluginError,
    PluginSettings,
    SignatureError,
    WebhookKind,
)
from plugins.vendure.connector import Vendure
from tests.plugins.by_module import FORGED, NEXT_SECRET, PERCENT, SECRET, T0, Answers, Codes, body, sent, written
from tests.plugins.vendure.shop import PASSWORD, FakeShop, a_refund, an_order, at, refunded, settings

CONNECTOR = Vendure()


def read(order: Any):
    """The order's event and those of its refunds."""
    order_event, *refunds = CONNECTOR.parse(body(order), topic="order", settings=settings())
    return order_event, refunds


# --- webhooks


@pytest.mark.parametrize("topic", ["order", "refund"])
@pytest.mark.parametrize("secret", [SECRET, NEXT_SECRET], ids=["this secret", "the next one"])
def test_each_live_secret_counts(secret, topic):
    webhook = CONNECTOR.verify(sent(b"{}", topic, secret=secret, message_id="msg_7"), settings=settings())
    assert (webhook.key, webhook.topic, webhook.kind) == ("msg_7", topic, WebhookKind.EVENT)


@pytest.mark.parametrize("topic", ["", "product", "x\x07y"], ids=["none", "product", "odd"])
def test_another_topic_is_ignored(topic):
    assert CONNECTOR.verify(sent(b"{}", topic), settings=settings()).kind is WebhookKind.IGNORED


@pytest.mark.parametrize("request_", FORGED.values(), ids=FORGED)
def test_what_nobody_signed_in_time_is_refused(request_):
    with pytest.raises(SignatureError):
        CONNECTOR.verify(request_, settings=settings())


def complete(found: bytes, shop: FakeShop, **changes: Any) -> bytes:
    return CONNECTOR.complete(found, topic="order", settings=settings(**changes), http=shop)


def test_a_webhook_is_completed_with_the_order_as_it_is_now():
    shop = FakeShop([an_order()])
    found = complete(written({"code": "T3EPGJKVZZYBD3Q9"}), shop)
    assert CONNECTOR.parse(found, topic="order", settings=settings()) == tuple(read(an_order())[:1])
    assert complete(written({"code": "GONE"}), shop) == b"{}"
    assert complete(written({"code": "T3EPGJKVZZYBD3Q9"}), shop, click_field="") == found
    assert shop.asked == ["login", "order"] * 3


@pytest.mark.parametrize("found", [b"{}", b"[]", b'{"code": 7}', b'{"code": ""}', written({"code": "x" * 101})])
def test_a_webhook_that_names_no_order_asks_nobody(found):
    shop = FakeShop()
    with pytest.raises(InputError, match="names no order"):
        complete(found, shop)
    assert shop.asked == []


# --- pulls


def pull(shop: FakeShop, since: float, until: float, cursor: str | None = None, **changes: Any):
    return CONNECTOR.pull(
        since=T0 + timedelta(seconds=since), until=T0 + timedelta(seconds=until), cursor=cursor,
        settings=settings(**changes), http=shop,
    )  # fmt: skip


def found_by(*pages: Any) -> list[str]:
    return [event.external_id for page in pages for each in page.deliveries for event in each.events[:1]]


def test_a_pull_finds_what_the_history_says_has_moved():
    moved = refunded(an_order("REFUNDED"), a_refund("1", 100, 600))
    shop = FakeShop([an_order("QUIET"), moved, an_order("CART", orderPlacedAt=None)])
    assert found_by(pull(shop, 590, 610)) == ["REFUNDED"]
    assert found_by(pull(shop, -10, 10)) == ["QUIET"]
    assert found_by(pull(shop, 86_400, 86_500, refund_days=1)) == []


def test_a_pull_goes_page_by_page():
    shop = FakeShop([an_order(f"CODE{number:03}", orderPlacedAt=at(number / 100)) for number in range(120)])
    first = pull(shop, -60, 60)
    second = pull(shop, -60, 60, first.cursor)
    third = pull(shop, -60, 60, second.cursor)
    assert (first.cursor, second.cursor, third.cursor) == ("50", "100", None)
    assert len(set(found_by(first, second, third))) == 120


def test_one_order_that_cannot_be_read_stops_none_behind_it():
    shop = FakeShop([an_order("BAD", shipping=-1), an_order("ODD", newest=None), an_order("GOOD")])
    page = pull(shop, -10, 10)
    assert [len(each.events) for each in page.deliveries] == [0, 0, 1]


@pytest.mark.parametrize("cursor", ["next", "-1", "٣", "9" * 30])
def test_a_cursor_of_somebody_else_is_refused(cursor):
    with pytest.raises(FatalError, match="cursor"):
        pull(FakeShop(), 0, 1, cursor)


# --- codes

CODES = Codes(CONNECTOR, settings())
push, find, revoke = CODES.push, CODES.find, CODES.revoke


def test_a_percentage_is_a_promotion_with_a_coupon_code():
    shop = FakeShop()
    reference = push(shop, replace(PERCENT, expires_at=datetime(2126, 1, 1, tzinfo=UTC)))
    [action] = shop.promotions[reference]["actions"]
    assert action == {"code": "order_percentage_discount", "args": [{"name": "discount", "value": "12.5"}]}
    found = find(shop, "anna10")
    assert (found.reference, found.active, found.percent_bps) == (reference, True, 1_250)
    assert found.expires_at == datetime(2126, 1, 1, tzinfo=UTC)
    assert push(shop, PERCENT) == reference
    assert find(shop, "ANNA10").expires_at is None


def test_an_amount_is_in_the_channels_currency_and_missing_it_pushes_nothing():
    shop = FakeShop()
    fixed = replace(PERCENT, percent_bps=None, amount_minor={"USD": 1_050, "EUR": 900})
    push(shop, fixed)
    assert find(shop, "ANNA10").amount_minor == {"USD": 1_050}
    with pytest.raises(FatalError, match="no amount in USD"):
        push(shop, replace(fixed, code="BOB", amount_minor={"EUR": 1}))
    assert len(shop.promotions) == 1


def test_a_promotion_of_the_shops_own_is_told_as_it_is():
    shop = FakeShop()
    push(shop, PERCENT)
    action = shop.promotions["1"]["actions"][0]
    for actions in ([], [action, action], [{"code": "free_shipping", "args": []}],
                    [action | {"args": [{"name": "discount", "value": "ten"}]}],
                    [action | {"args": [{"name": "discount", "value": "12.345"}]}]):  # fmt: skip
        shop.promotions["1"]["actions"] = actions
        found = find(shop, "ANNA10")
        assert (found.percent_bps, found.amount_minor) == (None, None)
    assert find(shop, "ANNA1") is None


def test_a_switched_off_twin_does_not_hide_the_code_that_is_on():
    shop = FakeShop()
    push(shop, PERCENT)
    shop.promotions["0"] = {**shop.promotions["1"], "id": "0", "enabled": False}
    assert find(shop, "ANNA10").reference == "1"


def test_a_code_is_found_behind_many_that_hold_it():
    shop = FakeShop()
    for number in range(120):
        push(shop, replace(PERCENT, code=f"XANNA10-{number}"))
    reference = push(shop, PERCENT)
    assert find(shop, "ANNA10").reference == reference == push(shop, PERCENT)


def test_revoking_is_quiet_twice_and_where_nothing_is():
    shop = FakeShop()
    reference = push(shop, PERCENT)
    for each in (reference, reference, "404"):
        revoke(shop, each)
    assert find(shop, "ANNA10").active is False
    assert push(shop, PERCENT) == reference
    assert find(shop, "ANNA10").active is True


# --- answers and settings


@pytest.mark.parametrize(
    ("body", "error", "words"),
    [
        (b"<html>", FatalError, "cannot be read"),
        (b'{"data": null}', FatalError, "no data"),
        (b"[]", FatalError, "no data"),
        (b'{"errors": [{"message": "Cannot query field"}]}', FatalError, "Cannot query field"),
        (b'{"errors": [{"extensions": {"code": "FORBIDDEN"}}]}', ConfigError, "does not allow"),
        (b'{"errors": [{"extensions": {"code": "CHANNEL_NOT_FOUND"}}]}', ConfigError, "no such channel"),
        (b'{"errors": "many"}', FatalError, "no reason given"),
        (b'{"data": {"login": {"__typename": "InvalidCredentialsError"}}}', ConfigError, "name and the password"),
        (b'{"data": {"login": {"__typename": "CurrentUser"}}}', FatalError, "documented shape"),
    ],
    ids=range(9),
)
def test_answers_that_do_not_help_are_told_as_what_they_are(body, error, words):
    with pytest.raises(error, match=words):
        CONNECTOR.check(settings=settings(), http=Answers(body, headers={"vendure-auth-token": "t"}))


def test_the_check_names_the_channel_and_what_the_administrator_may_not():
    report = CONNECTOR.check(settings=settings(), http=FakeShop())
    assert (report.shop, report.problems) == ("main (USD)", ())
    assert CONNECTOR.check(settings=settings(), http=FakeShop(permissions=("SuperAdmin",))).problems == ()
    lacking = CONNECTOR.check(settings=settings(), http=FakeShop(permissions=("ReadPromotion",))).problems
    assert len(lacking) == 3
    assert "Orders cannot be read." in lacking


def test_a_wrong_password_and_a_shop_without_bearer_tokens_are_for_people():
    with pytest.raises(ConfigError, match="name and the password"):
        CONNECTOR.check(settings=settings(password="another-password"), http=FakeShop())
    with pytest.raises(ConfigError, match="bearer"):
        CONNECTOR.check(settings=settings(), http=FakeShop(gives_token=False))


def test_settings_are_an_admin_api_an_administrator_and_secrets():
    assert CONNECTOR.origins(settings(admin_api="http://shop.lan:3000/admin-api/")) == ("http://shop.lan:3000",)
    wrongs: list[dict[str, Any]] = [{"admin_api": "shop"}, {"secrets": []}, {"secrets": ["too short"]}]
    wrongs += [{"click_field": "a b"}, {"click_field": "x } me { id"}, {"refund_days": 0}]
    for wrong in wrongs:
        with pytest.raises(ValidationError):
            settings(**wrong)
    with pytest.raises(PluginError):
        CONNECTOR.origins(PluginSettings())
    assert PASSWORD not in repr(settings())
