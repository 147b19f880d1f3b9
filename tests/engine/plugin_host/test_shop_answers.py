"""What a connector says of its shop is held to the contract: an answer that is none is a failure of the plugin."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from engine.kernel.errors import InputError
from engine.plugin_api import (
    CodeView,
    ConnectionReport,
    Delivery,
    PluginSettings,
    PulledPage,
    RetriableError,
    ShopCode,
    SignatureError,
    Subscription,
    Webhook,
    WebhookKind,
    WebhookRequest,
)
from engine.plugin_host import PluginFailedError, Registered
from engine.plugin_host.code_answers import ask_find_code, ask_push_code, ask_revoke_code
from engine.plugin_host.guard import FAILURES_TO_TRIP
from engine.plugin_host.shop_answers import (
    ask_check,
    ask_complete,
    ask_origins,
    ask_pull,
    ask_subscribe,
    ask_subscriptions,
    ask_verify,
)

NOW = datetime(2026, 3, 2, tzinfo=UTC)
NAIVE = NOW.replace(tzinfo=None)
SETTINGS = PluginSettings()
HTTP: Any = SimpleNamespace()
CODE = CodeView("k", "ANN10", "Ann", 1_000, None, NOW)
REQUEST = WebhookRequest({}, b"{}", NOW)
ANY: Any = lambda kind, *values, **named: kind(*values, **named)  # noqa: E731 - what the types forbid, plugins give


def connector(**answers):
    """A connector that can do everything, and answers as told; an exception is raised."""

    def method(answer):
        def said(*_, **__):
            if isinstance(answer, Exception):
                raise answer
            return answer

        return said

    methods: dict[str, Any] = {name: method(answers.get(name)) for name in ("parse", *ASK)}
    value: Any = SimpleNamespace(name="acme", title="Acme", capabilities=frozenset(), **methods)
    return Registered("acme", "1", value, "connector acme")


TALK: Any = {"settings": SETTINGS, "http": HTTP}
ADDRESS = "https://goodword.example/hooks/acme/main"
ASK = {
    "verify": lambda noun: ask_verify(noun, REQUEST, settings=SETTINGS),
    "origins": lambda noun: ask_origins(noun, settings=SETTINGS),
    "check": lambda noun: ask_check(noun, **TALK),
    "complete": lambda noun: ask_complete(noun, b"{}", topic="t", **TALK),
    "pull": lambda noun: ask_pull(noun, since=NOW, until=NOW, cursor="here", **TALK),
    "find_code": lambda noun: ask_find_code(noun, "ANN10", **TALK),
    "push_code": lambda noun: ask_push_code(noun, CODE, **TALK),
    "revoke_code": lambda noun: ask_revoke_code(noun, "7", **TALK),
    "subscriptions": lambda noun: ask_subscriptions(noun, address=ADDRESS, **TALK),
    "subscribe": lambda noun: ask_subscribe(noun, address=ADDRESS, **TALK),
}


def asked(method, answer):
    return ASK[method](connector(**{method: answer}))


DELIVERY = Delivery("order:1", b"{}", ())
GOOD = [
    ("verify", Webhook("k", "orders")),
    ("verify", Webhook("k" * 300, "", WebhookKind.GOODBYE, "The app was removed.")),
    ("origins", ("https://acme.example",)),
    ("check", ConnectionReport("Acme", ("It may not read orders.",))),
    ("complete", b""),
    ("pull", PulledPage((DELIVERY,), "there", NOW)),
    ("pull", PulledPage((), None)),
    ("find_code", None),
    ("find_code", ShopCode("7", "ANN10", active=True, percent_bps=10_000, amount_minor={"ROUBLES": 5})),
    ("push_code", "7"),
    ("revoke_code", None),
    ("subscriptions", (Subscription("orders", enabled=True),)),
    ("subscribe", None),
]
BAD = {
    "verify": [
        None, {"key": "k"}, Webhook("", "t"), Webhook("k" * 301, "t"), Webhook("a\nb", "t"), ANY(Webhook, b"k", "t"),
        Webhook("k", "t" * 81), Webhook("k", "a\x00"), ANY(Webhook, "k", None), ANY(Webhook, "k", "t", "event"),
        Webhook("k", "t", matters="x" * 601), Webhook("k", "t", matters="a\nb"), ANY(Webhook, "k", "t", matters=None),
        Webhook("k", "t", WebhookKind.PING, "Look here."),
    ],
    "origins": [None, (), "https://acme.example", ["https://acme.example"], (b"https://acme.example",)],
    "check": [None, "Acme", ANY(ConnectionReport, None), ANY(ConnectionReport, "Acme", (5,)),
              ANY(ConnectionReport, "Acme", None)],
    "complete": [None, "{}", bytearray(b"{}")],
    "pull": [
        None, (DELIVERY,), ANY(PulledPage, None, None), ANY(PulledPage, ({"id": 1},), None), PulledPage((), ""),
        PulledPage((), "here"), PulledPage((), "x" * 4_001), ANY(PulledPage, (), 5), PulledPage((), "there", NAIVE),
        ANY(PulledPage, (), None, "2026-03-02"),
    ],
    "find_code": [
        "7", ShopCode("", "A", active=True), ShopCode("x" * 201, "A", active=True), ANY(ShopCode, 7, "A", active=True),
        ShopCode("7", "A", active=True, percent_bps=10_001), ShopCode("7", "A", active=True, percent_bps=-1),
        ANY(ShopCode, "7", "A", active=True, percent_bps=10.0), ANY(ShopCode, "7", "A", active=True, amount_minor=5),
        ANY(ShopCode, "7", "A", active=True, amount_minor={"EUR": 1.5}),
        ANY(ShopCode, "7", "A", active=True, amount_minor={"EUR\n": 1}),
    ],
    "push_code": [None, 7, "", "x" * 201, "a\nb"],
    "subscriptions": [None, ("orders",), (ANY(Subscription, 5, enabled=True),)],
}  # fmt: skip


@pytest.mark.parametrize(("method", "answer"), GOOD)
def test_an_answer_within_bounds_comes_through(method, answer):
    assert asked(method, answer) == answer


@pytest.mark.parametrize(("method", "number"), [(name, n) for name, many in BAD.items() for n in range(len(many))])
def test_an_answer_that_is_none_is_a_failure(method, number):
    with pytest.raises(PluginFailedError):
        asked(method, BAD[method][number])


@pytest.mark.parametrize("method", ASK)
def test_what_is_raised_on_purpose_comes_through_and_what_breaks_is_a_failure(method):
    with pytest.raises(RetriableError):
        asked(method, RetriableError("later"))
    with pytest.raises(PluginFailedError):
        asked(method, ZeroDivisionError())


@pytest.mark.parametrize("method", ASK)
def test_what_a_connector_cannot_do_is_said(method):
    unable: Registered[Any] = Registered("acme", "1", SimpleNamespace(), "connector acme")
    with pytest.raises(InputError, match="The connector acme "):
        ASK[method](unable)


def test_what_a_check_says_is_cut_to_what_a_screen_shows():
    found = asked("check", ConnectionReport("x" * 500, tuple(map(str, range(100)))))
    assert (len(found.shop), len(found.problems)) == (200, 50)


def test_nobody_outside_can_switch_a_connector_off():
    noun = connector(verify=KeyError("x"))
    for _ in range(FAILURES_TO_TRIP * 2):
        with pytest.raises(PluginFailedError, match="KeyError"):
            ask_verify(noun, REQUEST, settings=SETTINGS)
    refusing = connector(verify=SignatureError("no"))
    with pytest.raises(SignatureError):
        ask_verify(refusing, REQUEST, settings=SETTINGS)
