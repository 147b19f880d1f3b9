"""Which webhooks are Stripe's.

As `stripe.WebhookSignature` checks it, which the tests hold this to. It is not used: it judges by a clock of its own,
lets through what was signed in the future and a header with two times, knows one secret, and needs a body in UTF-8.
"""

import hmac
import re
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from typing import Final

from pydantic import SecretStr

from engine.plugin_api import InputError, SignatureError, Webhook, WebhookKind, WebhookRequest
from engine.plugin_api.reading import Record, read_record, text
from plugins.stripe_payments.reading import ident
from plugins.stripe_payments.settings import StripeSettings
from plugins.stripe_payments.topics import READ, UNREADABLE

TOLERANCE_S: Final = 300
_STAMP: Final = re.compile(r"[0-9]{1,12}", re.ASCII)
_MOST_SIGNATURES: Final = 10
_LONGEST_HEADER: Final = 2_000


def verified(request: WebhookRequest, settings: StripeSettings) -> Webhook:
    """Return the event that `request` is, under its own id; one that is not for this connection as IGNORED.

    That is one of the other mode, one of an account connected to this one, and one of another type.

    Raises:
        SignatureError: no live secret signed it, or not within five minutes of its arrival.
    """
    stamp, signatures = _header(request.headers.get("stripe-signature", ""))
    if not _signed(b"%s.%s" % (stamp.encode(), request.body), signatures, settings.webhook_secrets):
        raise SignatureError("None of the secrets of this connection signed the webhook.")
    if abs(_seconds(request.received_at) - int(stamp)) > TOLERANCE_S:
        raise SignatureError("The webhook was signed more than five minutes before or after it arrived.")
    try:
        event = read_record(request.body)
        key, topic = ident(event, "id"), text(event, "type")[:100]
    except InputError:
        return Webhook(f"unreadable:{sha256(request.body).hexdigest()}", UNREADABLE)
    return Webhook(key, topic if topic.isprintable() else "", _kind(event, topic, settings))


def _kind(event: Record, topic: str, settings: StripeSettings) -> WebhookKind:
    ours = event.get("livemode") is (not settings.test_mode) and not event.get("account")
    return WebhookKind.EVENT if ours and topic in READ else WebhookKind.IGNORED


def _header(header: str) -> tuple[str, list[str]]:
    """Return the time and the signatures. Nothing is trimmed: Stripe writes no blanks, and its library reads none."""
    pairs = [part.partition("=") for part in header.split(",")] if len(header) <= _LONGEST_HEADER else []
    stamps = [value for name, _, value in pairs if name == "t"]
    signatures = [value for name, _, value in pairs if name == "v1"]
    if len(stamps) != 1 or not _STAMP.fullmatch(stamps[0]) or not 0 < len(signatures) <= _MOST_SIGNATURES:
        raise SignatureError("A webhook of Stripe carries one time and a signature of version v1.")
    return stamps[0], signatures


def _signed(message: bytes, signatures: Iterable[str], secrets: Iterable[SecretStr]) -> bool:
    """Compare every signature with every secret, so that the time taken tells nothing about which one it was."""
    expected = [hmac.digest(each.get_secret_value().encode(), message, "sha256").hex().encode() for each in secrets]
    given = [each.encode("utf-8", "replace") for each in signatures]
    return sum(hmac.compare_digest(one, other) for one in given for other in expected) > 0


def _seconds(time: datetime) -> int:
    """Return whole seconds since 1970, as Stripe stamps."""
    return int(time.timestamp())
