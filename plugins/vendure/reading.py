"""Reads an order as Vendure's Admin API tells it. Amounts are integers in minor units, times ISO 8601 with a zone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

from engine.plugin_api import (
    CommerceEvent,
    Customer,
    InputError,
    OrderEvent,
    OrderLine,
    RefundEvent,
    RefundLine,
    RefundState,
    round_half_even,
)

_STATES = {
    "Pending": RefundState.PENDING,
    "Settled": RefundState.SUCCEEDED,
    "Failed": RefundState.FAILED,
}


def events_of(order: Any) -> tuple[CommerceEvent, ...]:
    """Return an order with its refunds; nothing for a cart that was never placed.

    Raises:
        InputError: a field is missing or is not what Vendure sends.
    """
    try:
        if not order["orderPlacedAt"] or not order["lines"]:
            return ()
        return (_order(order), *_refunds(order))
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
    moments = [_time(order["updatedAt"]), *(_time(entry["createdAt"]) for entry in newest["items"])]
    moments += [_time(refund["updatedAt"]) for payment in order["payments"] or () for refund in payment["refunds"]]
    return max(moments) + timedelta(microseconds=min(int(newest["totalItems"]), 999))


def _order(order: Mapping[str, Any]) -> OrderEvent:
    settled = sum(_minor(payment["amount"]) for payment in order["payments"] or () if payment["state"] == "Settled")
    customer = order["customer"] or {}
    return OrderEvent(
        external_id=_text(order["code"]),
        updated_at=changed_at(order),
        placed_at=_time(order["orderPlacedAt"]),
        currency=_text(order["currencyCode"]),
        lines=tuple(_line(line) for line in order["lines"]),
        charged_minor=settled or _minor(order["totalWithTax"]),
        paid_at=_entered(order, "PaymentSettled"),
        cancelled_at=_entered(order, "Cancelled") if order["state"] == "Cancelled" else None,
        shipping_minor=_minor(order["shipping"]),
        codes=tuple(_text(code) for code in order["couponCodes"]),
        clicks=_clicks(order.get("customFields")),
        customer=Customer(email=_maybe_text(customer.get("emailAddress")), external_id=_maybe_text(customer.get("id"))),
    )


def _line(line: Mapping[str, Any]) -> OrderLine:
    """Return a line as it was bought: what is cancelled later is told by refunds."""
    net, gross, quantity = _bought(line)
    variant = line["productVariant"]
    return OrderLine(
        line_id=_text(line["id"]),
        net_minor=net,
        quantity=quantity,
        tax_minor=gross - net,
        product=_maybe_text(variant["sku"]) or _text(variant["product"]["id"]),
        collections=tuple(sorted(_text(each["slug"]) for each in variant["product"]["collections"])),
    )


def _bought(line: Mapping[str, Any]) -> tuple[int, int, int]:
    """Return what a line came to when it was bought, without tax and with it, and how many pieces that was."""
    left, quantity = int(line["quantity"]), max(int(line["orderPlacedQuantity"]), int(line["quantity"]), 1)
    if quantity == left:
        return _minor(line["proratedLinePrice"]), _minor(line["proratedLinePriceWithTax"]), quantity
    units = _minor(line["proratedUnitPrice"]), _minor(line["proratedUnitPriceWithTax"])
    return units[0] * quantity, units[1] * quantity, quantity


def _refunds(order: Mapping[str, Any]) -> Iterable[RefundEvent]:
    """Yield the refunds, in the order in which they were made.

    What a piece was worth depends on how the order stands, so each is as new as the order.
    """
    lines = {_text(line["id"]): _Returned(*_bought(line)[::2]) for line in order["lines"]}
    refunds = [refund for payment in order["payments"] or () for refund in payment["refunds"]]
    for refund in sorted(refunds, key=lambda refund: (_time(refund["createdAt"]), len(refund["id"]), refund["id"])):
        yield RefundEvent(
            external_id=_text(refund["id"]),
            order_external_id=_text(order["code"]),
            updated_at=changed_at(order),
            refunded_at=_time(refund["createdAt"]),
            currency=_text(order["currencyCode"]),
            amount_minor=_minor(refund["total"]),
            lines=_refunded_lines(refund, lines),
            state=_STATES.get(refund["state"], RefundState.PENDING),
        )


def _refunded_lines(refund: Mapping[str, Any], lines: Mapping[str, "_Returned"]) -> tuple[RefundLine, ...]:
    """Return the lines that a refund takes back; none where an amount was typed in, which then counts as a whole."""
    named: Sequence[Mapping[str, Any]] = refund["lines"] or ()
    if not named or _signed(refund["adjustment"]):
        return ()
    return tuple(
        RefundLine(line_id, lines[line_id].next(int(line["quantity"])))
        for line in named
        for line_id in [_text(line["orderLineId"])]
    )


@dataclass(slots=True)
class _Returned:
    """A line of which pieces come back one refund after the other: all together give exactly its net amount."""

    net_minor: int
    quantity: int
    pieces: int = 0

    def next(self, pieces: int) -> int:
        """Return what the next `pieces` were worth, in minor units."""
        before = round_half_even(Fraction(self.net_minor * min(self.pieces, self.quantity), self.quantity))
        self.pieces += pieces
        return round_half_even(Fraction(self.net_minor * min(self.pieces, self.quantity), self.quantity)) - before


def _entered(order: Mapping[str, Any], state: str) -> datetime | None:
    """Return when the order first entered `state`."""
    times = [_time(entry["createdAt"]) for entry in order["moves"]["items"] if entry["data"].get("to") == state]
    return min(times, default=None)


def _clicks(fields: Any) -> tuple[str, ...]:
    click = fields.get("click") if isinstance(fields, dict) else None
    return (click[:64],) if isinstance(click, str) and click.strip() else ()


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time has no zone")
    return moment.astimezone(UTC)


def _minor(value: object) -> int:
    amount = _signed(value)
    if amount < 0:
        raise ValueError("an amount is below zero")
    return amount


def _signed(value: object) -> int:
    if type(value) is not int:
        raise TypeError("an amount is no whole number of minor units")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError("a text is missing")
    return value


def _maybe_text(value: object) -> str | None:
    return _text(value) if value else None
