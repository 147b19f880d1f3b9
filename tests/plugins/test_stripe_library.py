"""Stripe's library asks by the host's client alone, is loaded late, tells nothing else; refusals keep their meaning."""

import json
import subprocess
import sys
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import httpx2
import pytest
import stripe

from engine.plugin_api import CodeView, ConfigError, FatalError, PluginError, RetriableError
from engine.plugin_host.http import USER_AGENT, HttpPool
from plugins.stripe_payments.api import StripeApi
from plugins.stripe_payments.codes import _coupon_form
from plugins.stripe_payments.settings import ORIGIN, VERSION
from tests.plugins.stripe_payments.account import KEY, SECRET, SETTINGS, sent
from tests.plugins.stripe_payments.objects import T0, a_session, written

REFUSALS: list[tuple[int, dict[str, Any] | str, type[PluginError], str]] = [
    (400, {"type": "invalid_request_error", "message": "Received unknown parameter"}, FatalError, "unknown parameter"),
    (400, {"type": "idempotency_error", "message": "Keys for idempotent requests"}, FatalError, "Keys for idempotent"),
    (400, {"code": "rate_limit", "message": "Too many requests"}, RetriableError, "Too many"),
    (400, {"type": "invalid_request_error"}, FatalError, "without a word"),
    (402, {"type": "card_error", "message": "Your card was declined."}, FatalError, "declined"),
    (
        409,
        {"type": "invalid_request_error", "message": "Another request is in progress"},
        RetriableError,
        "in progress",
    ),
    (401, {"message": "Invalid API Key provided"}, ConfigError, "401"),
    (403, {"message": "The key has not the required permissions"}, ConfigError, "403"),
    (429, {"code": "rate_limit"}, RetriableError, "429"),
    (500, {"type": "api_error"}, RetriableError, "500"),
    (404, "<html>a proxy</html>", FatalError, "Invalid response"),
    (400, "{}", FatalError, "Invalid response"),
    (200, "<html>a proxy</html>", RetriableError, "Invalid response"),
    (200, '{"id": "re_1", "id": "re_2"}', RetriableError, "cannot be read"),
    (200, "[]", FatalError, "no object"),
]


@pytest.fixture
def asked():
    """Every request that went out."""
    return []


@pytest.fixture
def api(asked):
    """An account that answers everything with an object that has an id."""
    return answering(200, '{"id": "x", "object": "list", "data": [], "has_more": false}', asked)


def answering(status, body, asked):
    def answer(request):
        asked.append(request)
        return httpx2.Response(status, content=body.encode(), headers={"Request-Id": "req_1", "Stripe-Notice": "Hello"})

    return StripeApi(SETTINGS, HttpPool(transport=httpx2.MockTransport(answer)).client((ORIGIN,)))


def test_whoever_takes_webhooks_in_does_not_load_it():
    body = written({"session": a_session(), "settled_at": None})
    request = sent(body, at=T0)
    script = f"""
import sys
from datetime import datetime
from engine.plugin_api import WebhookRequest
from plugins.stripe_payments import connectors
from plugins.stripe_payments.settings import StripeSettings
(connector,) = connectors()
settings = StripeSettings(api_key={KEY!r}, webhook_secrets=[{SECRET!r}])
connector.verify(WebhookRequest({request.headers!r}, {body!r}, datetime.fromisoformat("{T0}")), settings=settings)
found = connector.parse({body!r}, topic="checkout.session.completed", settings=settings)
print(len(found), "stripe" in sys.modules)
"""
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["1", "False"]


def test_a_request_carries_the_key_the_version_and_nothing_of_this_machine(api, asked, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(stripe, "enable_telemetry", True)
    api.get("account")
    api.get("events", {"types": ["invoice.paid"], "created": {"gte": 5}})
    for request in asked:
        assert not [name for name in request.headers if name.startswith("x-")]
        assert request.headers["user-agent"] == USER_AGENT
        assert request.headers["authorization"] == f"Bearer {KEY}"
        assert request.headers["stripe-version"] == VERSION
    assert list(tmp_path.iterdir()) == []
    assert parse_qsl(asked[1].url.query.decode()) == [("types[0]", "invoice.paid"), ("created[gte]", "5")]


def test_what_is_written_is_a_form_with_the_given_key_or_one_drawn_anew(api, asked):
    for key in ("key-1", None, None):
        api.post("coupons", {"duration": "once", "percent_off": 12.5, "metadata": {"gw": "é & ="}}, key=key)
    keys = [request.headers["idempotency-key"] for request in asked]
    assert keys[0] == "key-1"
    assert len(set(keys)) == 3
    form = dict(parse_qsl(asked[0].content.decode()))
    assert form == {"duration": "once", "percent_off": "12.5", "metadata[gw]": "é & ="}


@pytest.mark.parametrize(
    ("status", "said", "error", "words"), REFUSALS, ids=[f"{status} {words}" for status, _, _, words in REFUSALS]
)
def test_a_refusal_is_final_tried_again_or_a_matter_of_settings(asked, status, said, error, words):
    body = said if isinstance(said, str) else json.dumps({"error": said})
    with pytest.raises(error, match=words) as raised:
        answering(status, body, asked).maybe("refunds/re_1")
    assert KEY not in str(raised.value)
    assert len(asked) == 1  # who tries again is the host


def test_nothing_there_is_none(asked):
    body = json.dumps({"error": {"type": "invalid_request_error", "message": "No such refund: 're_1'"}})
    assert answering(404, body, asked).maybe("refunds/re_1") is None


def test_decimals_of_an_answer_are_exact(asked):
    found = answering(200, '{"percent_off": 33.33}', asked).get("coupons/x")
    assert found["percent_off"] == Decimal("33.33")


def test_every_percentage_to_the_hundredth_is_written_exactly():
    for bps in range(1, 10_001):
        form = _coupon_form(CodeView("key", "ANNA", "Anna", bps, None, T0))
        assert Decimal(str(form["percent_off"])) * 100 == bps
