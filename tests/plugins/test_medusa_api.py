"""Medusa's webhooks, pulls, promotions and answers, against a shop in memory."""

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
    read_json,
)
from plugins.medusa.connector import Medusa
from plugins.medusa.fields import body_of
from plugins.medusa.settings import MedusaSettings
from tests.plugins.by_module import FORGED, NEXT_SECRET, PERCENT, SECRET, T0, Answers, Codes, body, sent, written
from tests.plugins.medusa.shop import KEY, URL, FakeShop, a_move, a_payment, an_order, at, refunded, settings
from tests.plugins.wire import through_the_host

CONNECTOR = Medusa()

# --- webhooks


@pytest.mark.parametrize("secret", [SECRET, NEXT_SECRET])
def test_each_live_secret_counts(secret):
    webhook = CONNECTOR.verify(sent(b"{}", secret=secret, message_id="msg_7"), settings=settings())
    assert (webhook.key, webhook.topic, webhook.kind) == ("msg_7", "order", WebhookKind.EVENT)


def test_another_topic_is_ignored():
    assert CONNECTOR.verify(sent(b"{}", "product"), settings=settings()).kind is WebhookKind.IGNORED


@pytest.mark.parametrize("request_", FORGED.values(), ids=FORGED)
def test_what_nobody_signed_in_time_is_refused(request_):
    with pytest.raises(SignatureError):
        CONNECTOR.verify(request_, settings=settings())


def test_a_webhook_is_completed_with_the_order_as_it_is_now():
    shop = FakeShop()
    shop.place(an_order())
    found = CONNECTOR.complete(written({"id": "order_1"}), topic="order", settings=settings(), http=shop)
    assert found == body_of(read_json(written(an_order())))
    assert CONNECTOR.parse(found, topic="order", settings=settings()) == CONNECTOR.parse(
        body(an_order()), topic="order", settings=settings()
    )
    assert CONNECTOR.complete(written({"id": "order_9"}), topic="order", settings=settings(), http=shop) == b"{}"


@pytest.mark.parametrize("found", [b"{}", b"[]", b'{"id": "../users"}', b'{"id": ""}', b'{"id": 7}'])
def test_a_webhook_that_names_no_order_asks_nobody(found):
    shop = FakeShop()
    with pytest.raises(InputError, match="names no order"):
        CONNECTOR.complete(found, topic="order", settings=settings(), http=shop)
    assert shop.asked == []


# --- pulls


def pulled(shop: FakeShop, since: float, until: float) -> list[str]:
    """The ids of the orders that a pull between two minutes finds."""
    found, cursor, first = [], None, True
    while first or cursor:
        page = CONNECTOR.pull(
            since=T0 + timedelta(minutes=since), until=T0 + timedelta(minutes=until), cursor=cursor,
            settings=settings(refund_days=1), http=shop,
        )  # fmt: skip
        found += [event.external_id for each in page.deliveries for event in each.events[:1]]
        cursor, first = page.cursor, False
    return found


def test_a_pull_finds_what_moved_of_young_orders_and_of_old_ones_that_say_so():
    shop, day = FakeShop(), 24 * 60
    quiet = an_order("order_quiet")
    captured = an_order("order_captured", payment_collections=[a_payment("86.28", captured=False)])
    captured["payment_collections"][0]["payments"][0]["captures"].append(a_move("capt_1", "86.28", at(600)))
    old = {"created_at": at(-9 * day), "payment_collections": []}
    shop.place(quiet, captured, refunded(an_order("order_refunded"), ("ref_1", "1", 605)))
    shop.place(
        an_order("order_old", **old, updated_at=at(610)), an_order("order_old_quiet", **old, updated_at=at(-8 * day))
    )
    shop.place(
        an_order("order_draft", is_draft_order=True, updated_at=at(601)), an_order("order_new", created_at=at(620))
    )
    assert pulled(shop, 590, 630) == ["order_captured", "order_refunded", "order_new", "order_old"]
    assert pulled(shop, 607, 612) == ["order_old"]


def test_a_pull_goes_page_by_page_through_both_lists():
    shop = FakeShop()
    shop.place(*(an_order(f"order_{number:03}", created_at=at(number / 10)) for number in range(120)))
    assert len(set(pulled(shop, -60, 60))) == 120
    assert shop.asked == ["GET orders"] * 4


def test_one_order_that_cannot_be_read_stops_none_behind_it():
    shop = FakeShop()
    shop.place(an_order("order_1", currency_code="xxx"), an_order("order_2"))
    page = CONNECTOR.pull(since=T0, until=T0 + timedelta(hours=1), cursor=None, settings=settings(), http=shop)
    assert [len(each.events) for each in page.deliveries] == [0, 1]


def test_a_cursor_of_somebody_else_is_refused():
    with pytest.raises(FatalError, match="cursor"):
        CONNECTOR.pull(since=T0, until=T0, cursor="page:1", settings=settings(), http=FakeShop())


# --- codes

CODES = Codes(CONNECTOR, settings())
push, find, revoke = CODES.push, CODES.find, CODES.revoke


def test_a_percentage_is_a_promotion_off_the_order_in_every_currency_of_the_shop():
    shop = FakeShop()
    reference = push(shop, PERCENT)
    assert shop.promotions[reference]["application_method"] == {
        "type": "percentage", "target_type": "order", "value": 12.5, "currency_code": None,
    }  # fmt: skip
    found = find(shop, "anna10")
    assert (found.reference, found.active, found.percent_bps, found.expires_at) == (reference, True, 1_250, None)
    assert shop.campaigns == {}


def test_an_amount_is_in_the_stores_default_currency_and_missing_it_pushes_nothing():
    shop = FakeShop()
    fixed = replace(PERCENT, percent_bps=None, amount_minor={"EUR": 1_050, "USD": 1_200})
    push(shop, fixed)
    assert find(shop, "ANNA10").amount_minor == {"EUR": 1_050}
    with pytest.raises(FatalError, match="no amount in EUR"):
        push(shop, replace(fixed, code="BOB", amount_minor={"USD": 1}))
    assert len(shop.promotions) == 1


@pytest.mark.parametrize("inside", [True, False])
def test_a_fixed_amount_has_taxes_in_it_where_prices_have(inside):
    shop = FakeShop(prices_have_taxes=inside)
    reference = push(shop, replace(PERCENT, percent_bps=None, amount_minor={"EUR": 1_050}))
    assert shop.promotions[reference]["is_tax_inclusive"] is inside


def test_an_end_is_a_campaign_of_its_own_which_moves_and_goes_with_it():
    shop, ends = FakeShop(), datetime(2126, 1, 1, tzinfo=UTC)
    reference = push(shop, replace(PERCENT, expires_at=ends))
    assert find(shop, "ANNA10").expires_at == ends
    push(shop, replace(PERCENT, expires_at=ends + timedelta(days=1)))
    assert (find(shop, "ANNA10").expires_at, len(shop.campaigns)) == (ends + timedelta(days=1), 1)
    assert push(shop, PERCENT) == reference
    assert find(shop, "ANNA10").expires_at is None
    push(shop, replace(PERCENT, expires_at=T0))
    assert find(shop, "ANNA10").active is False


def test_a_promotion_of_the_shops_own_is_told_as_it_is():
    shop = FakeShop()
    push(shop, PERCENT)
    mine = shop.promotions["promo_01"]
    for change in ({"rules": [{"id": "prorul_1"}]}, {"limit": 5}, {"type": "buyget"}):
        shop.promotions["promo_01"] = {**mine, **change}
        assert find(shop, "ANNA10").percent_bps is None
    shop.promotions["promo_02"] = {**mine, "id": "promo_02", "code": "anna10", "status": "inactive"}
    assert find(shop, "ANNA10").reference == "promo_01"
    assert find(shop, "anna10").reference == "promo_02"
    assert find(shop, "ANNA1") is None


def test_revoking_is_quiet_twice_and_where_nothing_is():
    shop = FakeShop()
    reference = push(shop, PERCENT)
    for each in (reference, reference, "promo_missing", "../orders"):
        revoke(shop, each)
    assert find(shop, "ANNA10").active is False
    assert not any(".." in each for each in shop.asked)
    assert push(shop, PERCENT) == reference
    assert find(shop, "ANNA10").active is True


def test_a_code_is_found_in_another_case_behind_many_that_hold_it():
    shop = FakeShop()
    for number in range(120):
        push(shop, replace(PERCENT, code=f"ANNA10-{number}"))
    reference = push(shop, PERCENT)
    assert find(shop, "Anna10").reference == reference


def test_what_is_asked_survives_the_hosts_own_client():
    shop = FakeShop()
    shop.place(*(an_order(f"order_{number}") for number in range(60)))
    http = through_the_host(shop, URL)
    window = {"since": T0 - timedelta(days=1), "until": T0 + timedelta(days=1)}
    first = CONNECTOR.pull(**window, cursor=None, settings=settings(), http=http)
    second = CONNECTOR.pull(**window, cursor=first.cursor, settings=settings(), http=http)
    assert (len(first.deliveries), len(second.deliveries), second.cursor) == (50, 10, "old:0")
    odd = replace(PERCENT, code="anna+10%~", percent_bps=1_234)
    CONNECTOR.push_code(odd, settings=settings(), http=http)
    found = CONNECTOR.find_code("ANNA+10%~", settings=settings(), http=http)
    assert found is not None
    assert (found.code, found.percent_bps) == ("anna+10%~", 1_234)


# --- answers and settings


@pytest.mark.parametrize(
    ("status", "body", "error", "words"),
    [
        (404, b"", ConfigError, "no Medusa Admin API"),
        (400, b'{"message": "Invalid field"}', FatalError, "Invalid field"),
        (200, b"<html>", FatalError, "cannot be read"),
        (200, b"[]", FatalError, "no object"),
        (200, b'{"stores": [{}]}', FatalError, "documented shape"),
    ],
    ids=["missing", "refused", "no JSON", "a list", "odd"],
)
def test_answers_that_do_not_help_are_told_as_what_they_are(status, body, error, words):
    with pytest.raises(error, match=words):
        CONNECTOR.check(settings=settings(), http=Answers(body, status=status))


def test_the_check_names_the_store():
    report = CONNECTOR.check(settings=settings(), http=FakeShop())
    assert (report.shop, report.problems) == ("Medusa", ())


def test_settings_are_a_server_a_secret_key_and_secrets():
    assert settings(url=f" {URL}/shop/ ").url == f"{URL}/shop"
    assert CONNECTOR.origins(settings(url=f"{URL}/shop")) == (URL,)
    wrongs: list[dict[str, Any]] = [{"url": f"{URL}/admin"}, {"url": "shop"}, {"url": f"{URL}?x=1"}]
    wrongs += [{"api_key": "pk_12345678"}, {"secrets": []}, {"secrets": ["too short"]}]
    for wrong in wrongs:
        with pytest.raises(ValidationError):
            settings(**wrong)
    with pytest.raises(PluginError):
        CONNECTOR.origins(PluginSettings())
    assert KEY not in repr(settings())
    assert MedusaSettings.model_validate({"url": URL, "api_key": KEY, "secrets": [SECRET]}).refund_days == 60
