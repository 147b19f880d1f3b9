"""Webhooks of any shop, read by a template, are what the host expects of a connector."""

import base64
import hmac
import json
from datetime import timedelta
from hashlib import sha256
from typing import Any

from engine.plugin_api import WebhookRequest
from engine.testing.connectors import ConnectorConformance, Sample
from plugins import generic_webhook
from plugins.generic_webhook.settings import GenericWebhookSettings

KEY = b"new-secret-of-the-shop"
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
ORDER: dict[str, Any] = {
    "type": "order.updated",
    "data": {
        "id": "1001",
        "at": "2026-03-01T10:05:00Z",
        "placed": "2026-03-01T10:00:00Z",
        "currency": "EUR",
        "total": 25.00,
        "codes": ["ANN10"],
        "email": "ann@example.org",
        "refunds": [{"id": "r-1", "at": "2026-03-04T09:00:00Z", "amount": "5.00"}],
    },
}
OTHER = {**ORDER, "data": {**ORDER["data"], "id": "1002", "refunds": []}}


class TestGenericWebhook(ConnectorConformance):
    plugin = generic_webhook
    settings = GenericWebhookSettings.model_validate(
        {
            "signing_secrets": [SECRET],
            "topic": "type",
            "code_parameter": "voucher",
            "order": {
                "topics": ["order.updated"],
                "id": "data.id",
                "updated_at": "data.at",
                "placed_at": "data.placed",
                "paid_at": "data.placed",
                "currency": "data.currency",
                "net": "data.total",
                "codes": "data.codes[]",
                "customer_email": "data.email",
            },
            "refund": {
                "topics": ["order.updated"],
                "each": "data.refunds[]",
                "id": "id",
                "order_id": "$.data.id",
                "updated_at": "at",
                "currency": "$.data.currency",
                "amount": "amount",
            },
        }
    )
    samples = (Sample(json.dumps(ORDER).encode()), Sample(json.dumps(OTHER).encode()))
    unknown = Sample(b'{"type": "product.updated", "data": {}}')
    stale_after = timedelta(minutes=5)

    def signed(self, body, *, topic, at):
        delivery = f"msg_{sha256(body).hexdigest()[:16]}"
        signed = f"{delivery}.{int(at.timestamp())}.".encode() + body
        signature = base64.b64encode(hmac.digest(KEY, signed, "sha256")).decode()
        headers = {"webhook-id": delivery, "webhook-timestamp": str(int(at.timestamp()))}
        return WebhookRequest({**headers, "webhook-signature": f"v1,{signature}"}, body, at)
