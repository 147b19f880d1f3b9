"""The connector `stripe_payments`: what it can do, each in a line or two, and where it is done."""

import json
import re
from datetime import datetime
from hashlib import sha256
from typing import Final
from urllib.parse import urlsplit

from engine.plugin_api import (
    Capability,
    CodeView,
    CommerceEvent,
    ConnectionReport,
    Delivery,
    HttpClient,
    InputError,
    PluginSettings,
    PulledPage,
    ShopCode,
    Subscription,
    Webhook,
    WebhookRequest,
    address_with,
)
from engine.plugin_api.reading import Record, read_record, text
from plugins.stripe_payments.api import Found, StripeApi, answers_of_stripe
from plugins.stripe_payments.changes import Change, changes
from plugins.stripe_payments.check import report
from plugins.stripe_payments.codes import found_code, put_code, revoke
from plugins.stripe_payments.fetch import Pointer, record_of
from plugins.stripe_payments.orders import invoice_order, session_order
from plugins.stripe_payments.reading import maybe_ident, records
from plugins.stripe_payments.refunds import chargeback_event, refund_event
from plugins.stripe_payments.settings import ORIGIN, own
from plugins.stripe_payments.signature import verified
from plugins.stripe_payments.subscriptions import subscribe_all, subscribed
from plugins.stripe_payments.topics import READ

_CODE: Final = re.compile(r"[A-Za-z0-9-]{1,500}", re.ASCII)


class StripePayments:
    """Stripe, by its events and its REST API."""

    name = "stripe_payments"
    title = "Stripe"
    capabilities = frozenset(
        {
            Capability.WEBHOOKS,
            Capability.COMPLETION,
            Capability.PULL,
            Capability.CODES,
            Capability.CODE_LINKS,
            Capability.SUBSCRIPTIONS,
        }
    )

    def parse(self, body: bytes, *, topic: str, settings: PluginSettings) -> tuple[CommerceEvent, ...]:
        """Return the order, refunds or dispute in a completed record; what belongs to no order gives nothing.

        Raises:
            InputError: the body cannot be read, or is an event that was not completed.
        """
        if topic not in READ:
            return ()
        record = read_record(body)
        if text(record, "object") == "event" or not record.keys() & {"session", "invoice", "order"}:
            raise InputError("This is an event that only names a thing of Stripe's.", remedy="Complete it first.")
        return tuple(_events(record))

    def verify(self, request: WebhookRequest, *, settings: PluginSettings) -> Webhook:
        """Return the webhook that `request` is.

        Raises:
            SignatureError: no live secret signed it, or not within five minutes of its arrival.
        """
        return verified(request, own(settings))

    def complete(self, body: bytes, *, topic: str, settings: PluginSettings, http: HttpClient) -> bytes:
        """Return what the event points at, as it stands now; what is complete already stays as it is.

        Raises:
            ConfigError, RetriableError, FatalError: as `HttpClient.request`.
            InputError: the body cannot be read.
        """
        event = read_record(body)
        if topic not in READ or text(event, "object") != "event" or text(event, "type") not in READ:
            return body
        pointer = Pointer.of(event)
        with answers_of_stripe():
            return _written(record_of(StripeApi(own(settings), http), pointer))

    def origins(self, settings: PluginSettings) -> tuple[str, ...]:
        """Return the API's origin."""
        return (ORIGIN,)

    def check(self, *, settings: PluginSettings, http: HttpClient) -> ConnectionReport:
        """Say whose account this is, whether it may take payments, and what it or its key lacks.

        Raises:
            ConfigError, RetriableError, FatalError: as `HttpClient.request`.
        """
        with answers_of_stripe():
            return report(StripeApi(own(settings), http))

    def pull(
        self, *, since: datetime, until: datetime, cursor: str | None, settings: PluginSettings, http: HttpClient
    ) -> PulledPage:
        """Return a page of what changed from `since` until `until`, of which Stripe tells newest first.

        Raises:
            ConfigError, RetriableError, FatalError: as `HttpClient.request`.
        """
        api = StripeApi(own(settings), http)
        with answers_of_stripe():
            found, following = changes(api, since=since, until=until, cursor=cursor)
        return PulledPage(tuple(self._delivery(each, settings) for each in found), following)

    def find_code(self, code: str, *, settings: PluginSettings, http: HttpClient) -> ShopCode | None:
        """Return what the account has under `code`, in whatever case, or None.

        Raises:
            ConfigError, RetriableError, FatalError: as `HttpClient.request`.
        """
        with answers_of_stripe():
            return found_code(StripeApi(own(settings), http), code)

    def push_code(self, code: CodeView, *, settings: PluginSettings, http: HttpClient) -> str:
        """Put `code` into the account as a promotion code, and return its id.

        Raises:
            ConfigError, RetriableError, FatalError: as `HttpClient.request`; FatalError also where the code is one
                with restrictions, or Stripe takes no such amount.
        """
        with answers_of_stripe():
            return put_code(StripeApi(own(settings), http), code)

    def revoke_code(self, reference: str, *, settings: PluginSettings, http: HttpClient) -> None:
        """Switch the promotion code off; quiet where it is gone.

        Raises:
            ConfigError, RetriableError, FatalError: as `HttpClient.request`.
        """
        with answers_of_stripe():
            revoke(StripeApi(own(settings), http), reference)

    def code_address(self, destination: str, *, code: str, settings: PluginSettings) -> str | None:
        """Return a payment link with the code filled in.

        None for any other page, which cannot tell Stripe, and for a code of letters that no promotion code has.
        """
        if urlsplit(destination).hostname not in own(settings).payment_link_hosts or not _CODE.fullmatch(code):
            return None
        return address_with(destination, parameters={"prefilled_promo_code": code})

    def subscriptions(self, *, address: str, settings: PluginSettings, http: HttpClient) -> tuple[Subscription, ...]:
        """Return every wanted type of event and whether Stripe sends it to `address`.

        Raises:
            ConfigError, RetriableError, FatalError: as `HttpClient.request`.
        """
        with answers_of_stripe():
            return subscribed(StripeApi(own(settings), http), address)

    def subscribe(self, *, address: str, settings: PluginSettings, http: HttpClient) -> None:
        """Make Stripe send every wanted type of event to `address`.

        Raises:
            ConfigError, RetriableError, FatalError: as `HttpClient.request`.
        """
        with answers_of_stripe():
            subscribe_all(StripeApi(own(settings), http), address)

    def _delivery(self, change: Change, settings: PluginSettings) -> Delivery:
        body = _written(change.record)
        key = f"pulled:{change.key}:{sha256(body).hexdigest()[:32]}"
        try:
            events = self.parse(body, topic=change.topic, settings=settings)
        except InputError:  # one that cannot be read must not stop those behind it
            events = ()
        return Delivery(key, body, events, topic=change.topic)


def _events(record: Record) -> list[CommerceEvent]:
    if "invoice" in record:
        order = invoice_order(record)
    elif "session" in record:
        order = session_order(record)
    else:
        order_id = maybe_ident(record, "order")
        if order_id is None:
            return []
        refunds = [refund_event(each, order_id) for each in records(record, "refunds")]
        return [*refunds, *(chargeback_event(each, order_id) for each in records(record, "disputes"))]
    return [order] if order else []


def _written(record: Found) -> bytes:
    """Write a record down. Decimals, none of which is an amount, become texts."""
    return json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str).encode(
        "utf-8", "replace"
    )
