"""The connector `generic_webhook`: signed JSON in, events out, by the template of the connection."""

from collections.abc import Iterator
from typing import Any

from engine.plugin_api import (
    Capability,
    ChargebackEvent,
    ChargebackState,
    CommerceEvent,
    Customer,
    InputError,
    OrderEvent,
    OrderLine,
    PluginError,
    PluginSettings,
    RefundEvent,
    RefundLine,
    RefundState,
    Webhook,
    WebhookRequest,
    address_with,
    read_json,
    signed_id,
)
from plugins.generic_webhook.paths import Place
from plugins.generic_webhook.settings import (
    ChargebackTemplate,
    GenericWebhookSettings,
    LineTemplate,
    OrderTemplate,
    RefundTemplate,
    Template,
    key_of,
)
from plugins.generic_webhook.values import Thing

MAX_THINGS = 500
"""How many orders, refunds or chargebacks one body may hold."""


class GenericWebhook:
    """Takes webhooks of any system that signs by Standard Webhooks."""

    name = "generic_webhook"
    title = "Any shop by webhook"
    capabilities = frozenset({Capability.WEBHOOKS, Capability.CODE_LINKS})

    def verify(self, request: WebhookRequest, *, settings: PluginSettings) -> Webhook:
        """Return the webhook under its own id, which the sender keeps when it tries again.

        Raises:
            SignatureError: it was not signed with one of the secrets, or not within five minutes.
        """
        secrets = _settings(settings).signing_secrets
        message_id = signed_id(request, [key_of(secret.get_secret_value()) for secret in secrets])
        return Webhook(key=message_id, topic="")

    def parse(self, body: bytes, *, topic: str, settings: PluginSettings) -> tuple[CommerceEvent, ...]:
        """Return what the templates find in `body`: orders, then refunds, then chargebacks, each in its order.

        Raises:
            InputError: it is no JSON, or something is not where the template says; field and place are named.
        """
        declared = _settings(settings)
        whole = Place(read_json(body), "the body")
        if not isinstance(whole.value, dict):
            raise InputError("The body is no JSON object.")
        base = Thing("body", whole, whole, declared)
        about = base.optional_text("topic", declared.topic) or topic
        events: list[CommerceEvent] = []
        if declared.order:
            events += [_order(thing, declared.order) for thing in _things(base, declared.order, about, kind="order")]
        if declared.refund:
            events += [
                _refund(thing, declared.refund) for thing in _things(base, declared.refund, about, kind="refund")
            ]
        if template := declared.chargeback:
            events += [_chargeback(thing, template) for thing in _things(base, template, about, kind="chargeback")]
        if len(events) > MAX_THINGS:
            raise InputError(f"The body holds more than {MAX_THINGS} orders, refunds and chargebacks.")
        return tuple(events)

    def code_address(self, destination: str, *, code: str, settings: PluginSettings) -> str | None:
        """Return `destination` with the code as the storefront reads it, None where it reads none."""
        name = _settings(settings).code_parameter
        return address_with(destination, parameters={name: code}) if name else None


def _things(base: Thing, template: Template, topic: str, *, kind: str) -> Iterator[Thing]:
    if template.topics and topic not in template.topics:
        return iter(())
    return base.each(template.each or "@", kind=kind)


def _order(thing: Thing, template: OrderTemplate) -> OrderEvent:
    currency = thing.currency(template.currency)
    money: dict[str, Any] = {"currency": currency}
    if template.lines:
        lines = tuple(
            _line(line, template.lines, **money) for line in thing.each(template.lines.each, kind="order.lines")
        )
        if not lines:
            raise InputError(f"There is nothing at {template.lines.each}.", field="order.lines")
    else:
        lines = (OrderLine("1", thing.amount("net", template.net or "@", **money)),)
    shipping = thing.optional_amount("shipping", template.shipping, **money) or 0
    charged = thing.optional_amount("charged", template.charged, **money)
    if charged is None:
        charged = sum(line.net_minor + line.tax_minor for line in lines) + shipping
    return OrderEvent(
        external_id=thing.text("id", template.id),
        updated_at=thing.instant("updated_at", template.updated_at),
        placed_at=thing.instant("placed_at", template.placed_at),
        currency=currency,
        lines=lines,
        charged_minor=charged,
        paid_at=thing.optional_instant("paid_at", template.paid_at),
        cancelled_at=thing.optional_instant("cancelled_at", template.cancelled_at),
        shipping_minor=shipping,
        codes=thing.texts("codes", template.codes),
        clicks=thing.clicks(template.clicks),
        customer=Customer(
            email=thing.optional_text("customer_email", template.customer_email),
            external_id=thing.optional_text("customer_id", template.customer_id),
        ),
        first_seen_at=thing.optional_instant("first_seen_at", template.first_seen_at),
        refund_ids=thing.texts("refund_ids", template.refund_ids) if template.refund_ids else None,
    )


def _line(line: Thing, template: LineTemplate, *, currency: Any) -> OrderLine:
    return OrderLine(
        line_id=line.text("id", template.id),
        net_minor=line.amount("net", template.net, currency=currency),
        quantity=line.quantity(template.quantity),
        tax_minor=line.optional_amount("tax", template.tax, currency=currency) or 0,
        product=line.optional_text("product", template.product),
        collections=line.texts("collections", template.collections),
        gift_card=line.flag("gift_card", template.gift_card),
    )


def _refund(thing: Thing, template: RefundTemplate) -> RefundEvent:
    currency = thing.currency(template.currency)
    updated_at = thing.instant("updated_at", template.updated_at)
    lines: tuple[RefundLine, ...] = ()
    if declared := template.lines:
        lines = tuple(
            RefundLine(line.text("line_id", declared.line_id), line.amount("net", declared.net, currency=currency))
            for line in thing.each(declared.each, kind="refund.lines")
        )
    words = {state.value: state.value for state in RefundState} | {
        key: one.value for key, one in template.states.items()
    }
    return RefundEvent(
        external_id=thing.text("id", template.id),
        order_external_id=thing.text("order_id", template.order_id),
        updated_at=updated_at,
        refunded_at=thing.optional_instant("refunded_at", template.refunded_at) or updated_at,
        currency=currency,
        amount_minor=thing.amount("amount", template.amount, currency=currency),
        lines=lines,
        state=RefundState(thing.word("state", template.state, words=words))
        if template.state
        else RefundState.SUCCEEDED,
    )


def _chargeback(thing: Thing, template: ChargebackTemplate) -> ChargebackEvent:
    currency = thing.currency(template.currency)
    updated_at = thing.instant("updated_at", template.updated_at)
    words = {one.value: one.value for one in ChargebackState} | {key: one.value for key, one in template.states.items()}
    return ChargebackEvent(
        external_id=thing.text("id", template.id),
        order_external_id=thing.text("order_id", template.order_id),
        updated_at=updated_at,
        opened_at=thing.optional_instant("opened_at", template.opened_at) or updated_at,
        currency=currency,
        amount_minor=thing.amount("amount", template.amount, currency=currency),
        state=ChargebackState(thing.word("state", template.state, words=words)),
    )


def _settings(settings: PluginSettings) -> GenericWebhookSettings:
    if not isinstance(settings, GenericWebhookSettings):
        raise PluginError("generic_webhook was asked without its template. Enter the shop's settings first.")
    return settings
