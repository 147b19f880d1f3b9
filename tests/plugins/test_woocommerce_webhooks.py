"""Which webhooks are taken for WooCommerce's, and what may stand in the settings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from engine.plugin_api import PluginError, PluginSettings, SignatureError, WebhookKind, WebhookRequest
from plugins.woocommerce.connector import WooCommerce
from plugins.woocommerce.settings import WooCommerceSettings
from tests.plugins.woocommerce.shop import KEY, KEY_SECRET, PLAIN, SECRET, SECURE, T0, an_order, sent, settings, written

CONNECTOR = WooCommerce()
BODY = written(an_order())
OLD = "the.one.before.it"
GOOD = {"url": SECURE, "consumer_key": KEY, "consumer_secret": KEY_SECRET, "secrets": [SECRET]}


def verified(request, given_settings=None):
    return CONNECTOR.verify(request, settings=given_settings or settings())


def test_a_signed_webhook_is_the_shops():
    webhook = verified(sent(BODY, "order.updated"))
    assert (webhook.topic, webhook.kind) == ("order.updated", WebhookKind.EVENT)


def test_during_a_rotation_both_secrets_count_and_others_never():
    both = WooCommerceSettings.model_validate(GOOD | {"secrets": [SECRET, OLD]})
    assert verified(sent(BODY, "order.updated", secret=OLD), both) == verified(sent(BODY, "order.updated"), both)
    with pytest.raises(SignatureError):
        verified(sent(BODY, "order.updated", secret=OLD))


def test_the_greeting_of_a_new_webhook_is_a_form_without_topic_and_signature():
    ping = verified(WebhookRequest({"content-type": "application/x-www-form-urlencoded"}, b"webhook_id=7", T0))
    assert (ping.kind, ping.topic) == (WebhookKind.PING, "")


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, BODY),
        ({}, b"webhook_id=7&x=1"),
        ({}, b"webhook_id="),
        ({}, b"webhook_id=" + b"7" * 21),
        ({"x-wc-webhook-topic": "order.updated"}, b"webhook_id=7"),
        ({"x-wc-webhook-signature": "AAAA"}, b"webhook_id=7"),
    ],
    ids=["an order", "more", "nothing", "too long", "a topic", "a signature"],
)
def test_what_is_no_greeting_and_not_signed_is_nobodys(headers, body):
    with pytest.raises(SignatureError):
        verified(WebhookRequest(headers, body, T0))


@pytest.mark.parametrize("changes", [{"signature": ""}, {"signature": "AAAA"}, {"signature": "ü\ud800"}, {"topic": ""}])
def test_without_signature_or_topic_it_is_nobodys(changes):
    with pytest.raises(SignatureError):
        verified(sent(BODY, "order.updated", **changes))


def test_the_signature_holds_the_very_bytes():
    request = sent(BODY, "order.updated")
    for body in (BODY + b" ", BODY.replace(b'": ', b'":'), b""):
        with pytest.raises(SignatureError):
            verified(WebhookRequest(request.headers, body, T0))


def test_events_that_share_a_delivery_id_are_told_apart():
    other = written(an_order(728))
    assert verified(sent(BODY, "order.updated")).key != verified(sent(other, "order.updated")).key


def test_a_second_deletion_with_the_same_body_counts_again():
    body = written({"id": 727})
    keys = {verified(sent(body, "order.deleted", delivery_id=each)).key for each in ("a", "b")}
    assert len(keys) == 2


def test_topics_that_nothing_is_read_from_are_answered_and_kept_by_name():
    webhook = verified(sent(b"{}", "product.updated"))
    assert (webhook.kind, webhook.topic) == (WebhookKind.IGNORED, "product.updated")


@given(st.text(max_size=300), st.text(max_size=300))
def test_whatever_stands_in_the_headers_the_key_can_be_kept(topic, delivery):
    if not topic:
        return
    webhook = verified(sent(BODY, topic, delivery_id=delivery))
    assert 0 < len(webhook.key) <= 300
    assert (webhook.key + webhook.topic).isprintable()


def test_another_plugins_settings_are_refused():
    with pytest.raises(PluginError, match="without its settings"):
        CONNECTOR.verify(sent(BODY, "order.updated"), settings=PluginSettings())


@pytest.mark.parametrize(
    ("url", "kept", "origin"),
    [
        ("https://woo.example", "https://woo.example", "https://woo.example"),
        (" https://Woo.Example/shop/ ", "https://woo.example/shop", "https://woo.example"),
        (PLAIN, PLAIN, "http://127.0.0.1:8099"),
    ],
)
def test_addresses(url, kept, origin):
    found = WooCommerceSettings.model_validate(GOOD | {"url": url})
    assert (found.url, CONNECTOR.origins(found)) == (kept, (origin,))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "woo.example",
        "ftp://woo.example",
        "https://user:pw@woo.example",
        "https://woo.example?x=1",
        "https://woo.example#x",
        "https://woo.example/a/../b c",
        "https://woo.example/%2e%2e",
        "https://woo.example:port",
        "https://[::1",
        "https://woo.example\n.evil.com",
    ],
)
def test_what_is_no_address(url):
    with pytest.raises(ValidationError):
        WooCommerceSettings.model_validate(GOOD | {"url": url})


@pytest.mark.parametrize(
    "changes",
    [
        {"secrets": []},
        {"secrets": ["test"]},
        {"secrets": ["with&amp;entities-inside"]},
        {"secrets": ["with blanks in between"]},
        {"consumer_secret": "short"},
        {"consumer_key": "ck_ä"},
        {"consumer_key": "a:b"},
        {"more": 1},
    ],
    ids=lambda changes: ascii(changes)[:40],
)
def test_what_no_settings_may_be(changes):
    with pytest.raises(ValidationError):
        WooCommerceSettings.model_validate(GOOD | changes)


def test_no_secret_shows_itself():
    assert SECRET not in repr(settings())
    assert KEY_SECRET not in settings().model_dump_json()
