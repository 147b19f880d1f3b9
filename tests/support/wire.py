"""A plugin for tests of webhooks: `wire` takes plain signed JSON, `wire_online` also asks its shop.

What a question gets instead of the plain answer stands in `ANSWER`; a test that sets it puts it back (fixture `wire`).
"""

import hmac
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from pydantic import SecretStr

from engine.plugin_api import (
    Capability,
    CommerceEvent,
    ConnectionReport,
    Connector,
    HttpClient,
    OrderEvent,
    OrderLine,
    PluginManifest,
    PluginSettings,
    SignatureError,
    Subscription,
    Webhook,
    WebhookKind,
    WebhookRequest,
    hookimpl,
    read_json,
)

ANSWER: dict[str, Callable[..., Any]] = {}
SECRET = "correct-horse-battery-staple"


class WireSettings(PluginSettings):
    """Secrets that sign, a token that does not, and where the shop is."""

    webhook_secrets: tuple[SecretStr, ...]
    token: SecretStr = SecretStr("t")
    origin: str = "https://wire.example"


def signed(body: bytes, *, key: str, secret: str = SECRET, topic: str = "order", kind: str = "event") -> dict[str, str]:
    """Return the headers under which a shop would send `body`."""
    signature = hmac.digest(secret.encode(), key.encode() + b"." + body, "sha256").hex()
    return {"X-Wire-Signature": signature, "X-Wire-Key": key, "X-Wire-Topic": topic, "X-Wire-Kind": kind}


def order_body(
    number: str = "o1", net: int = 10_000, *, at: str = "2026-03-02T09:00:00+00:00", code: str = "ADA"
) -> bytes:
    """Return what the shop says of an order of `net` cents, paid when it was placed."""
    placed = "2026-03-02T09:00:00+00:00"
    return json.dumps({"id": number, "net": net, "at": at, "placed": placed, "code": code}).encode()


class Wire:
    """Takes webhooks."""

    name = "wire"
    title = "Wire"
    capabilities = frozenset({Capability.WEBHOOKS})

    def verify(self, request: WebhookRequest, *, settings: PluginSettings) -> Webhook:
        if "verify" in ANSWER:
            answer: Webhook = ANSWER["verify"](request)
            return answer
        assert isinstance(settings, WireSettings)
        headers, kind = request.headers, WebhookKind(request.headers.get("x-wire-kind", "event"))
        if kind is WebhookKind.PING:
            return Webhook("ping", "", kind)
        key = headers.get("x-wire-key", "")
        expected = [
            hmac.digest(secret.get_secret_value().encode(), key.encode() + b"." + request.body, "sha256").hex()
            for secret in settings.webhook_secrets
        ]
        if not any(hmac.compare_digest(one, headers.get("x-wire-signature", "")) for one in expected):
            raise SignatureError("not signed")
        return Webhook(key, headers.get("x-wire-topic", ""), kind)

    def parse(self, body: bytes, *, topic: str, settings: PluginSettings) -> tuple[CommerceEvent, ...]:
        if "parse" in ANSWER:
            ANSWER["parse"](body)
        said = read_json(body)
        at, placed = datetime.fromisoformat(said["at"]), datetime.fromisoformat(said["placed"])
        lines = (OrderLine("1", said["net"]),)
        return (
            OrderEvent(
                said["id"], at, placed, "EUR", lines, charged_minor=said["net"], paid_at=placed, codes=(said["code"],)
            ),
        )


class WireOnline(Wire):
    """Also completes, checks and subscribes, as a test says."""

    name = "wire_online"
    title = "Wire, online"
    capabilities = frozenset({Capability.WEBHOOKS, Capability.COMPLETION, Capability.SUBSCRIPTIONS})

    def origins(self, settings: PluginSettings) -> tuple[str, ...]:
        assert isinstance(settings, WireSettings)
        return (settings.origin,)

    def check(self, *, settings: PluginSettings, http: HttpClient) -> ConnectionReport:
        report: ConnectionReport = ANSWER.get("check", lambda: ConnectionReport("Wire shop"))()
        return report

    def complete(self, body: bytes, *, topic: str, settings: PluginSettings, http: HttpClient) -> bytes:
        whole: bytes = ANSWER.get("complete", lambda body: body)(body)
        return whole

    def subscriptions(self, *, address: str, settings: PluginSettings, http: HttpClient) -> tuple[Subscription, ...]:
        found: tuple[Subscription, ...] = ANSWER.get("subscriptions", lambda address: (Subscription("order", True),))(
            address
        )
        return found

    def subscribe(self, *, address: str, settings: PluginSettings, http: HttpClient) -> None:
        ANSWER.get("subscribe", lambda address: None)(address)


@hookimpl
def manifest() -> PluginManifest:
    return PluginManifest(name="wire", version="1", title="Wire", summary="For tests.")


@hookimpl
def settings_model() -> type[PluginSettings]:
    return WireSettings


@hookimpl
def connectors() -> tuple[Connector, ...]:
    return (Wire(), WireOnline())


def plain(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers as a connector sees them."""
    return {name.lower(): value for name, value in headers.items()}
