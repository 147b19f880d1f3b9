"""Which webhooks are taken for Shopify's, and what may stand in the settings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from engine.plugin_api import PluginError, PluginSettings, SignatureError, WebhookKind, WebhookRequest
from plugins.shopify.connector import Shopify
from plugins.shopify.settings import ShopifySettings
from tests.plugins.shopify.shop import CLIENT_ID, SECRET, SETTINGS, T0, TOKEN, an_order, sent, written

CONNECTOR = Shopify()
BODY = written(an_order())
OLD = "shpss_the_one_before_it"
GOOD = {"shop": "acme.myshopify.com", "access_token": TOKEN, "secrets": [SECRET]}


def verified(request, settings=SETTINGS):
    return CONNECTOR.verify(request, settings=settings)


def test_a_signed_webhook_is_the_shops():
    webhook = verified(sent(BODY, "orders/paid"))
    assert (webhook.topic, webhook.kind) == ("orders/paid", WebhookKind.EVENT)
    assert webhook.key.startswith("orders/paid:98880550-7158-44d4-b7cd-2c97c8a091b5:")


def test_header_names_count_with_and_without_x():
    assert verified(sent(BODY, "orders/paid", prefix="shopify")) == verified(sent(BODY, "orders/paid"))


def test_during_a_rotation_both_secrets_count_and_others_never():
    both = ShopifySettings.model_validate(GOOD | {"secrets": [SECRET, OLD]})
    assert verified(sent(BODY, "orders/paid", secret=OLD), both) == verified(sent(BODY, "orders/paid"), both)
    with pytest.raises(SignatureError):
        verified(sent(BODY, "orders/paid", secret=OLD))


@pytest.mark.parametrize(
    "changes",
    [
        {"hmac_sha256": ""},
        {"hmac_sha256": "AAAA"},
        {"hmac_sha256": "x" * 10_000},
        {"hmac_sha256": "ü\ud800"},
        {"topic": ""},
        {"shop_domain": ""},
        {"shop_domain": "evil.myshopify.com"},
        {"shop_domain": "acme.myshopify.com.evil.com"},
    ],
    ids=["none", "short", "long", "no ASCII", "no topic", "no shop", "another shop", "a longer name"],
)
def test_without_signature_topic_or_the_right_shop_it_is_nobodys(changes):
    with pytest.raises(SignatureError):
        verified(sent(BODY, "orders/paid", **changes))


def test_the_signature_holds_the_very_bytes():
    request = sent(BODY, "orders/paid")
    for body in (BODY + b" ", BODY.replace(b'": ', b'":'), b""):
        with pytest.raises(SignatureError):
            verified(WebhookRequest(request.headers, body, T0))


def test_blanks_in_the_signature_are_no_signature():
    signature = sent(BODY, "orders/paid").headers["x-shopify-hmac-sha256"]
    with pytest.raises(SignatureError):
        verified(sent(BODY, "orders/paid", hmac_sha256=f" {signature}"))


def test_the_key_is_that_of_topic_event_and_body():
    keys = {
        verified(sent(body, topic, event_id=event)).key
        for body in (BODY, b"{}")
        for topic in ("orders/paid", "orders/updated")
        for event in ("e1", "e2")
    }
    assert len(keys) == 8
    retry = sent(BODY, "orders/paid", webhook_id="another", triggered_at="2026-03-02T12:00:00Z")
    assert verified(retry) == verified(sent(BODY, "orders/paid"))


def test_without_an_event_id_the_webhook_id_counts():
    keys = {verified(sent(BODY, "orders/paid", event_id="", webhook_id=each)).key for each in ("a", "b", "")}
    assert len(keys) == 3


PRIVACY = ("customers/data_request", "customers/redact", "shop/redact")


@pytest.mark.parametrize("topic", [*PRIVACY, "app/uninstalled", "x/y"])
def test_topics_that_nothing_is_read_from_are_answered_and_kept_by_name(topic):
    webhook = verified(sent(b"{}", topic))
    kind = WebhookKind.GOODBYE if topic == "app/uninstalled" else WebhookKind.IGNORED
    assert (webhook.topic, webhook.kind, bool(webhook.matters)) == (topic, kind, topic != "x/y")


def test_staff_are_told_whom_a_privacy_request_is_about_and_nothing_that_names_a_person():
    asks = {
        "shop_domain": "acme.myshopify.com",
        "orders_requested": list(range(1, 14)),
        "customer": {"id": 191167, "email": "john@example.org", "phone": "555-625-1199"},
        "data_request": {"id": 9999},
    }
    said = verified(sent(written(asks), "customers/data_request")).matters
    assert said == (
        "The customer 191167 asks what is kept about them (request 9999, orders 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 3 "
        "more). Tell the shop within 30 days."
    )
    forget = {"customer": asks["customer"], "orders_to_redact": [299938]}
    said = verified(sent(written(forget), "customers/redact")).matters
    assert "The customer 191167 asks to be forgotten (orders 299938)." in said


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b'{"customer": 7, "orders_requested": {"a": 1}}', b'{"customer": {"id": "\\u202e7"}}', b"\xff",
     b'{"customer": {"id": true}, "orders_requested": [null, -1, 1e99], "orders_to_redact": [[]]}'],
    ids=["nothing", "a list", "broken", "numbers", "a trick", "no text", "odd ids"],
)  # fmt: skip
def test_whatever_a_privacy_request_says_it_is_told_in_a_sentence(body):
    for topic in PRIVACY:
        said = verified(sent(body, topic)).matters
        assert said.isprintable()
        assert 40 < len(said) <= 600


@given(st.text(max_size=300), st.text(max_size=300))
def test_whatever_stands_in_the_headers_the_key_can_be_kept(topic, event):
    if not topic:
        return
    webhook = verified(sent(BODY, topic, event_id=event))
    assert 0 < len(webhook.key) <= 300
    assert (webhook.key + webhook.topic).isprintable()


def test_another_plugins_settings_are_refused():
    with pytest.raises(PluginError, match="without its settings"):
        CONNECTOR.verify(sent(BODY, "orders/paid"), settings=PluginSettings())


# --- settings


@pytest.mark.parametrize("shop", ["acme.myshopify.com", " Acme-2.MyShopify.com "])
def test_shops(shop):
    settings = ShopifySettings.model_validate(GOOD | {"shop": shop})
    assert settings.origin == f"https://{shop.strip().lower()}"


@pytest.mark.parametrize(
    "shop",
    [
        "acme.example",
        "..myshopify.com.evil.com",
        "acme.myshopify.com.evil.com",
        "evil.com/acme.myshopify.com",
        "evil.com#acme.myshopify.com",
        "user@acme.myshopify.com",
        "acme.myshopify.com:443",
        "acme.myshopify.com\n.evil.com",
        "https://acme.myshopify.com",
        "-acme.myshopify.com",
        ".myshopify.com",
        "a.b.myshopify.com",
        "аcme.myshopify.com",
        "",
    ],
)
def test_what_is_no_shop(shop):
    with pytest.raises(ValidationError):
        ShopifySettings.model_validate(GOOD | {"shop": shop})


@pytest.mark.parametrize(
    "changes",
    [
        {"secrets": []},
        {"secrets": ["test"]},
        {"secrets": [""]},
        {"secrets": [SECRET, "x"]},
        {"secrets": [SECRET + " "]},
        {"secrets": [SECRET] * 5},
        {"access_token": "shpat_\n0123456789abcdef"},
        {"access_token": "schlüssel-der-lang-ist"},
        {"access_token": None},
        {"client_id": CLIENT_ID},
        {"access_token": None, "client_id": "x&grant_type=y"},
        {"api_version": "unstable"},
        {"api_version": "2026-02"},
        {"api_version": "2025-10"},
        {"api_version": "2026-07/../../x"},
        {"more": 1},
    ],
    ids=lambda changes: ascii(changes)[:40],
)
def test_what_no_settings_may_be(changes):
    with pytest.raises(ValidationError):
        ShopifySettings.model_validate(GOOD | changes)


def test_no_secret_shows_itself():
    assert SECRET not in repr(SETTINGS)
    assert TOKEN not in SETTINGS.model_dump_json()
