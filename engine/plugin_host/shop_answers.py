"""Asks a connector about its shop and holds the answers to the contract. What it reads is asked for in `answers`."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from engine.kernel.errors import InputError
from engine.plugin_api import (
    CompletingConnector,
    ConnectionReport,
    Connector,
    Delivery,
    HttpClient,
    OnlineConnector,
    PluginSettings,
    PullConnector,
    PulledPage,
    SubscribingConnector,
    Subscription,
    Webhook,
    WebhookConnector,
    WebhookKind,
    WebhookRequest,
)
from engine.plugin_host.guard import Breaker, ContractBreachError, Registered

MAX_KEY: Final = 300
MAX_TOPIC: Final = 80
MAX_MATTERS: Final = 600
_MAX_PROBLEMS: Final = 50
_MAX_CURSOR: Final = 4_000


def ask_verify(connector: Registered[Connector], request: WebhookRequest, *, settings: PluginSettings) -> Webhook:
    """Return the webhook that `request` is.

    Failures are not counted towards switching the connector off: anybody may send anything here, and nobody outside may
    switch a shop off.

    Raises:
        SignatureError: nothing shows that the shop sent it.
        PluginFailedError: the plugin broke, or answered with no webhook, an unusable key or an endless topic.
        InputError: the connector takes no webhooks.
    """
    if not isinstance(connector.value, WebhookConnector):
        raise _unable(connector, "takes no webhooks")
    verifier = connector.value

    def question(_: Connector) -> Webhook:
        webhook: object = verifier.verify(request, settings=settings)
        if not isinstance(webhook, Webhook) or not isinstance(webhook.kind, WebhookKind):
            raise _breach("verify gives no Webhook")
        key, topic = _texts(webhook)
        if not isinstance(key, str) or not 0 < len(key) <= MAX_KEY or not key.isprintable():
            raise _breach(f"a webhook's key is {key!r:.60}")
        if not isinstance(topic, str) or len(topic) > MAX_TOPIC or not topic.isprintable():
            raise _breach(f"a webhook's topic is {topic!r:.60}")
        _check_matters(webhook)
        return webhook

    return replace(connector, breaker=Breaker()).ask(question)


def ask_origins(connector: Registered[Connector], *, settings: PluginSettings) -> tuple[str, ...]:
    """Return the origins that the connector may talk to.

    Raises:
        PluginFailedError: the plugin broke, or named no texts.
        InputError: the connector does not talk to its shop.
    """
    if not isinstance(connector.value, OnlineConnector):
        raise _unable(connector, "does not talk to its shop")
    online = connector.value

    def question(_: Connector) -> tuple[str, ...]:
        found: object = online.origins(settings)
        if not isinstance(found, tuple) or not found or not all(map(_is_text, found)):
            raise _breach("origins gives no tuple of texts")
        return found

    return connector.ask(question)


def ask_check(connector: Registered[Connector], *, settings: PluginSettings, http: HttpClient) -> ConnectionReport:
    """Return what a connection check finds.

    Raises:
        PluginFailedError: the plugin broke, or gave no report.
        InputError: the connector does not talk to its shop.
        ConfigError, RetriableError, FatalError: the shop did not let us in, or not now.
    """
    if not isinstance(connector.value, OnlineConnector):
        raise _unable(connector, "does not talk to its shop")
    online = connector.value

    def question(_: Connector) -> ConnectionReport:
        report: object = online.check(settings=settings, http=http)
        if not isinstance(report, ConnectionReport) or not _is_text(report.shop):
            raise _breach("check gives no ConnectionReport")
        problems = tuple(report.problems)
        if not all(_is_text(problem) for problem in problems):
            raise _breach("check names a problem that is no text")
        return ConnectionReport(report.shop[:200], problems[:_MAX_PROBLEMS])

    return connector.ask(question)


def ask_complete(
    connector: Registered[Connector], body: bytes, *, topic: str, settings: PluginSettings, http: HttpClient
) -> bytes:
    """Return the body that `parse` can read alone.

    Raises:
        PluginFailedError: the plugin broke, or gave no bytes.
        InputError: the body cannot be read, or the connector completes nothing.
        ConfigError, RetriableError, FatalError: the shop did not let us in, or not now.
    """
    if not isinstance(connector.value, CompletingConnector):
        raise _unable(connector, "completes nothing")
    completing = connector.value

    def question(_: Connector) -> bytes:
        whole: object = completing.complete(body, topic=topic, settings=settings, http=http)
        if not isinstance(whole, bytes):
            raise _breach("complete gives no bytes")
        return whole

    return connector.ask(question)


def ask_subscriptions(
    connector: Registered[Connector], *, address: str, settings: PluginSettings, http: HttpClient
) -> tuple[Subscription, ...]:
    """Return every topic that the connector wants sent to `address`, and whether the shop sends it.

    Raises:
        PluginFailedError, InputError, ConfigError, RetriableError, FatalError: as `ask_check`.
    """
    if not isinstance(connector.value, SubscribingConnector):
        raise _unable(connector, "cannot see which webhooks its shop sends")
    subscribing = connector.value

    def question(_: Connector) -> tuple[Subscription, ...]:
        found: tuple[object, ...] = tuple(subscribing.subscriptions(address=address, settings=settings, http=http))
        listed = tuple(one for one in found if isinstance(one, Subscription) and _is_text(one.topic))
        if len(listed) < len(found):
            raise _breach("subscriptions gives what is no Subscription")
        return listed

    return connector.ask(question)


def ask_subscribe(
    connector: Registered[Connector], *, address: str, settings: PluginSettings, http: HttpClient
) -> None:
    """Make the shop send every wanted topic to `address`.

    Raises:
        PluginFailedError, InputError, ConfigError, RetriableError, FatalError: as `ask_check`.
    """
    if not isinstance(connector.value, SubscribingConnector):
        raise _unable(connector, "cannot set which webhooks its shop sends")
    subscribing = connector.value
    connector.ask(lambda _: subscribing.subscribe(address=address, settings=settings, http=http))


def ask_pull(
    connector: Registered[Connector],
    *,
    since: datetime,
    until: datetime,
    cursor: str | None,
    settings: PluginSettings,
    http: HttpClient,
) -> PulledPage:
    """Return a page of what changed in the shop.

    Raises:
        InputError: the connector cannot pull, or the shop's answer cannot be read.
        PluginFailedError: the plugin broke, or what it gives is no page; a cursor that stands still would never end.
        RetriableError, ConfigError, FatalError: as `PullConnector.pull`.
    """
    if not isinstance(connector.value, PullConnector):
        raise _unable(connector, "cannot ask its shop what changed")
    puller = connector.value

    def question(_: Connector) -> PulledPage:
        page: object = puller.pull(since=since, until=until, cursor=cursor, settings=settings, http=http)
        if not isinstance(page, PulledPage):
            raise _breach("pull gives no PulledPage")
        if not all(isinstance(delivery, Delivery) for delivery in page.deliveries):
            raise _breach("a pulled page holds what is no delivery")
        if page.cursor is not None and (not page.cursor or page.cursor == cursor or len(page.cursor) > _MAX_CURSOR):
            raise _breach("its cursor does not move on")
        reached: object = page.reached
        if reached is not None and not (isinstance(reached, datetime) and reached.tzinfo is not None):
            raise _breach(f"it says that it reached {reached!r:.60}, no aware time")
        return page

    return connector.ask(question)


def _unable(connector: Registered[Connector], lacks: str) -> InputError:
    return InputError(f"The {connector.what} {lacks}.")


def _texts(webhook: Webhook) -> tuple[object, object]:
    return webhook.key, webhook.topic


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _breach(what: str) -> ContractBreachError:
    return ContractBreachError(f"its answer breaks the contract: {what}")


def _check_matters(webhook: Webhook) -> None:
    """Hold what staff shall see to the contract; a greeting says nothing, since anybody may send one."""
    said: object = webhook.matters
    if not isinstance(said, str) or len(said) > MAX_MATTERS or not said.isprintable():
        raise _breach(f"what matters about a webhook is {said!r:.60}")
    if said and webhook.kind is WebhookKind.PING:
        raise _breach("a greeting matters to nobody")
