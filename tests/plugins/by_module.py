"""What the tests of Vendure and Medusa share: shops that send by a module of ours, signed as Standard Webhooks are."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.plugin_api import CodeConnector, CodeView, HttpClient, HttpResponse, PluginSettings, WebhookRequest

SECRET, NEXT_SECRET = "made-up-secret-of-the-shop-1", "made-up-secret-of-the-shop-2"
T0 = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
CLICK = "A" * 32
PERCENT = CodeView("key-1", "ANNA10", "Anna's friends", 1_250, None, T0)


def after(**span: float) -> str:
    """The time so long after the first order, as JavaScript writes it."""
    return (T0 + timedelta(**span)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def written(record: Any) -> bytes:
    return json.dumps(record).encode()


def body(order: dict[str, Any]) -> bytes:
    """An order as `parse` reads it."""
    return written({"order": order})


def sent(
    body: bytes, topic: str = "order", *, secret: str = SECRET, when: datetime = T0, message_id: str = ""
) -> WebhookRequest:
    """A webhook as the module sends it."""
    message_id = message_id or f"msg_{hashlib.sha256(body).hexdigest()[:12]}"
    stamp = str(int(when.timestamp()))
    signed = b"%s.%s.%s" % (message_id.encode(), stamp.encode(), body)
    signature = base64.b64encode(hmac.digest(secret.encode(), signed, "sha256")).decode()
    headers = {"webhook-id": message_id, "webhook-timestamp": stamp, "webhook-signature": f"v1,{signature}"}
    return WebhookRequest(headers | {"x-goodword-topic": topic}, body, when)


FORGED = {
    "another secret": sent(b"{}", secret="made-up-secret-of-nobody"),
    "another body": replace(sent(b"{}"), body=b"{ }"),
    "late": replace(sent(b"{}"), received_at=T0 + timedelta(minutes=6)),
    "early": replace(sent(b"{}"), received_at=T0 - timedelta(minutes=6)),
    "unsigned": replace(sent(b"{}"), headers={}),
}
"""What nobody signed in time."""


@dataclass(frozen=True)
class Codes:
    """The promo codes of a shop in memory, as the host asks for them."""

    connector: CodeConnector
    settings: PluginSettings

    def push(self, shop: HttpClient, code: CodeView) -> str:
        return self.connector.push_code(code, settings=self.settings, http=shop)

    def find(self, shop: HttpClient, code: str) -> Any:
        return self.connector.find_code(code, settings=self.settings, http=shop)

    def revoke(self, shop: HttpClient, reference: str) -> None:
        self.connector.revoke_code(reference, settings=self.settings, http=shop)


class Answers:
    """A client that answers everything alike."""

    def __init__(self, body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        self.found = HttpResponse(status, dict(headers or {}), body)

    def request(self, method, url, *, params=None, headers=None, json=None, form=None, accept=()):
        return self.found
