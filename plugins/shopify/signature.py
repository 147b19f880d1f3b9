"""Which webhooks are the shop's.

The signature covers the body alone: no header is proof of anything. So the topic says only how to look at a body, never
what became of an order, and a body that comes again under another event id has the effect of once, by its versions.
"""

import hmac
from base64 import b64encode
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Final

from pydantic import SecretStr

from engine.plugin_api import SignatureError, Webhook, WebhookKind, WebhookRequest
from plugins.shopify.matters import UNINSTALLED, matters
from plugins.shopify.settings import ShopifySettings
from plugins.shopify.topics import READ

_LONGEST: Final = 100


def verified(request: WebhookRequest, settings: ShopifySettings) -> Webhook:
    """Return the webhook that `request` is; topics that nothing is read from as IGNORED.

    Of privacy requests, and of the app's removal, a sentence goes to staff.

    The key is topic, event id and a hash of the body: Shopify's retries repeat all three, and two subscriptions to one
    event share the event id. Headers count with and without `x-`, as Shopify's own libraries take them.

    Raises:
        SignatureError: a required header is missing, the shop is another one, or no live secret signed the body.
    """
    signature, topic, shop = (_header(request.headers, name) for name in ("hmac-sha256", "topic", "shop-domain"))
    if not signature or not topic or not shop:
        raise SignatureError("A webhook of Shopify carries its signature, its topic and its shop.")
    if not _signed(request.body, signature, settings.secrets):
        raise SignatureError("None of the secrets of this connection signed the webhook.")
    if shop.lower() != settings.shop:
        raise SignatureError(f"The webhook is from another shop than {settings.shop}.")
    digest = sha256(request.body).hexdigest()
    name = _short(_header(request.headers, "event-id") or _header(request.headers, "webhook-id"))
    key = f"{_short(topic)}:{name}:{digest[:32]}"
    return Webhook(key, _short(topic), _kind(topic), matters=matters(topic, request.body))


def _kind(topic: str) -> WebhookKind:
    if topic == UNINSTALLED:
        return WebhookKind.GOODBYE
    return WebhookKind.EVENT if topic in READ else WebhookKind.IGNORED


def _signed(body: bytes, signature: str, secrets: Iterable[SecretStr]) -> bool:
    """Compare with every secret, so that the time taken tells nothing about which one it was."""
    given = signature.encode("utf-8", "replace")
    expected = [b64encode(hmac.digest(secret.get_secret_value().encode(), body, "sha256")) for secret in secrets]
    return sum(hmac.compare_digest(given, each) for each in expected) > 0


def _header(headers: Mapping[str, str], name: str) -> str:
    return headers.get(f"x-shopify-{name}") or headers.get(f"shopify-{name}") or ""


def _short(text: str) -> str:
    """Return what can stand in a key: anything odd is replaced by its hash."""
    if len(text) <= _LONGEST and text.isprintable():
        return text
    return sha256(text.encode("utf-8", "replace")).hexdigest()
