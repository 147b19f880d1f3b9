"""Which webhooks are the shop's.

The signature covers the body alone, so no header is proof of anything. The delivery id is made of the webhook's number
and the second, so two events may share it: the body's hash stands beside it in the key. It stands there still, because
an order that is put in the bin twice sends one and the same body.
"""

import hmac
import re
from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from typing import Final

from pydantic import SecretStr

from engine.plugin_api import SignatureError, Webhook, WebhookKind, WebhookRequest
from plugins.woocommerce.settings import WooCommerceSettings

DELETED: Final = "order.deleted"
UPDATED: Final = "order.updated"
READ: Final = ("order.created", UPDATED, DELETED, "order.restored")
"""The topics that are read, and asked for."""

_PING: Final = re.compile(rb"webhook_id=\d{1,20}", re.ASCII)
_LONGEST: Final = 100


def verified(request: WebhookRequest, settings: WooCommerceSettings) -> Webhook:
    """Return the webhook that `request` is; the greeting of a new webhook, a form without signature, as PING.

    Raises:
        SignatureError: no live secret signed the body.
    """
    signature = request.headers.get("x-wc-webhook-signature", "")
    topic = request.headers.get("x-wc-webhook-topic", "")
    if not signature and not topic and _PING.fullmatch(request.body):
        return Webhook(f"ping:{request.body.decode()}", "", WebhookKind.PING)
    if not signature or not topic:
        raise SignatureError("A webhook of WooCommerce carries its signature and its topic.")
    if not _signed(request.body, signature, settings.secrets):
        raise SignatureError("None of the secrets of this connection signed the webhook.")
    delivery = _short(request.headers.get("x-wc-webhook-delivery-id", ""))
    key = f"{_short(topic)}:{delivery}:{sha256(request.body).hexdigest()[:32]}"
    return Webhook(key, _short(topic), WebhookKind.EVENT if topic in READ else WebhookKind.IGNORED)


def _signed(body: bytes, signature: str, secrets: Iterable[SecretStr]) -> bool:
    """Compare with every secret, so that the time taken tells nothing about which one it was."""
    given = signature.encode("utf-8", "replace")
    expected = [b64encode(hmac.digest(secret.get_secret_value().encode(), body, "sha256")) for secret in secrets]
    return sum(hmac.compare_digest(given, each) for each in expected) > 0


def _short(text: str) -> str:
    """Return what can stand in a key: anything odd is replaced by its hash."""
    if len(text) <= _LONGEST and text.isprintable():
        return text
    return sha256(text.encode("utf-8", "replace")).hexdigest()
