"""Standard Webhooks: whether a request was signed with one of our secrets, over the raw bytes, a short while ago.

Written out here and held to the `standardwebhooks` library by the tests: the library asks the machine's clock, turns
the body into text first, and knows one secret at a time. Specification: standardwebhooks.com.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from engine.plugin_api.connectors import WebhookRequest
from engine.plugin_api.errors import SignatureError

TOLERANCE: Final = timedelta(seconds=300)
"""How far the shop's clock and ours may differ, either way. What is older may be a replay."""

_ID: Final = re.compile(r"[!-~]{1,200}")
_SECONDS: Final = re.compile(r"\d{1,12}", re.ASCII)
_MOST_SIGNATURES: Final = 10
_ALIKE: Final = "Nothing shows that the shop sent this."


def signed_id(request: WebhookRequest, keys: Iterable[bytes]) -> str:
    """Return the id of a webhook that was signed with one of `keys`.

    Raises:
        SignatureError: a header is missing or malformed, it is too old or from the future, or no signature fits.
    """
    message_id = request.headers.get("webhook-id", "")
    seconds = request.headers.get("webhook-timestamp", "")
    if not _ID.fullmatch(message_id) or not _SECONDS.fullmatch(seconds):
        raise SignatureError(_ALIKE)
    sent = datetime.fromtimestamp(int(seconds), UTC) if int(seconds) < 1 << 33 else None
    if sent is None or abs(request.received_at - sent) > TOLERANCE:
        raise SignatureError(_ALIKE)
    signed = b"%s.%s.%s" % (message_id.encode(), seconds.encode(), request.body)
    given = list(_signatures(request.headers.get("webhook-signature", "")))
    wanted = [hmac.digest(key, signed, "sha256") for key in keys]
    # Every pair is compared, whichever fits: how long it takes says nothing about which secret or signature did.
    if not sum([hmac.compare_digest(one, other) for one in wanted for other in given]):
        raise SignatureError(_ALIKE)
    return message_id


def _signatures(header: str) -> Iterator[bytes]:
    for part in header.split(" ")[:_MOST_SIGNATURES]:
        version, _, encoded = part.partition(",")
        if version != "v1":
            continue
        try:
            yield base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            continue
