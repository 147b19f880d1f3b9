"""Reads an order as Vendure's Admin API tells it. Amounts are integers in minor units, times ISO 8601 with a zone."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from engine.plugin_api import CommerceEvent, Customer, InputError, OrderEvent, OrderLine, RefundEvent
from engine.plugin_api.reading import maybe_text, text_of, time_of
from plugins.vendure.refunds import refunds_of, worth_of
from plugins.vendure.values import minor

_PART_OF_ANOTHER: Final = "Seller"
"""A marketplace's order of one seller: the order that was placed stands beside it, and has its lines too."""


def events_of(order: Any, *, of_sellers: bool) -> tuple[CommerceEvent, ...]:
    """Return an order with its refunds; nothing for a cart that was never placed.

    The parts of a marketplace's order count only where `of_sellers`: in a channel that has nothing else.

    Raises:
        InputError: a field is missing or is not what Vendure sends.
    """
    try:
        if not order["orderPlacedAt"] or not order["lines"]:
            return ()
        if order["type"] == _PART_OF_ANOTHER and not of_sellers:
            return ()
        paid_at = _entered(order, "PaymentSettled")
        refunds = tuple(refunds_of(order, changed_at=changed_at(order), paid=paid_at is not None))
        return (_order(order, refunds, paid_at), *refunds)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError) as error:
        problem = f"The order is not as Vendure tells orders: {type(error).__name__} {error!s:.100}."
        raise InputError(problem) from None


def changed_at(order: Any) -> datetime:
    """Return the time of the order's last change.

    `updatedAt` does not move when a state changes or a refund is made; the order's history does. It is told in whole
    seconds where the shop's database keeps no more, and several things happen within one: so the number of entries, in
    microseconds, tells which of two states with one second is the later.
    """
    newest = order["newest"]
    moments = [time_of(order["updatedAt"]), *(time_of(entry["createdAt"]) for entry in newest["items"])]
    moments += [time_of(refund["updatedAt"]) for payment in order["payments"] or () for refund in payment["refunds"]]
    return max(moments) + timedelta(microseconds=min(int(newest["totalItems"]), 999))


def _order(order: Mapping[str, Any], refunds: tuple[RefundEvent, ...], paid_at: datetime | None) -> OrderEvent:
    customer = order["customer"] or {}
    return OrderEvent(
        external_id=text_of(order["code"]),
        updated_at=changed_at(order),
        placed_at=time_of(order["orderPlacedAt"]),
        currency=text_of(order["currencyCode"]),
        lines=tuple(_line(line) for line in order["lines"]),
        charged_minor=worth_of(order),
        paid_at=paid_at,
        cancelled_at=_entered(order, "Cancelled") if order["state"] == "Cancelled" else None,
        shipping_minor=minor(order["shipping"]),
        codes=tuple(text_of(code) for code in order["couponCodes"]),
        clicks=_clicks(order.get("customFields")),
        customer=Customer(email=maybe_text(customer.get("emailAddress")), external_id=maybe_text(customer.get("id"))),
        refund_ids=tuple(refund.external_id for refund in refunds),
    )


def _line(line: Mapping[str, Any]) -> OrderLine:
    """Return a line as it stands: what was cancelled or modified away is out of it."""
    net, variant = minor(line["proratedLinePrice"]), line["productVariant"]
    return OrderLine(
        line_id=text_of(line["id"]),
        net_minor=net,
        quantity=max(1, minor(line["quantity"])),
        tax_minor=minor(line["proratedLinePriceWithTax"]) - net,
        product=maybe_text(variant["sku"]) or text_of(variant["product"]["id"]),
        collections=tuple(sorted(text_of(each["slug"]) for each in variant["product"]["collections"])),
    )


def _entered(order: Mapping[str, Any], state: str) -> datetime | None:
    """Return when the order first entered `state`."""
    times = [time_of(entry["createdAt"]) for entry in order["moves"]["items"] if entry["data"].get("to") == state]
    return min(times, default=None)


def _clicks(fields: Any) -> tuple[str, ...]:
    click = fields.get("click") if isinstance(fields, dict) else None
    return (click[:64],) if isinstance(click, str) and click.strip() else ()
