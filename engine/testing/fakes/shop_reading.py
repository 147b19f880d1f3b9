"""Turns the fake shop's orders into events. A body is from outside: nothing in it is used before it is checked."""

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from engine.plugin_api import (
    CommerceEvent,
    Currency,
    Customer,
    InputError,
    OrderEvent,
    OrderLine,
    RefundEvent,
    RefundLine,
    exponent_of,
)
from engine.plugin_api.reading import Record, currency_in, instant, maybe_instant, read_record, records

_CLICK: Final = "gw_click"


def events_in(body: bytes) -> tuple[CommerceEvent, ...]:
    """Return the order in `body` and its refunds.

    Raises:
        InputError: it is no such order; the field is named.
    """
    order = read_record(body)
    currency = currency_in(order, "currency")
    return (_order(order, currency), *_refunds(order, currency))


def _order(order: Record, currency: Currency) -> OrderEvent:
    customer = order.get("customer")
    return OrderEvent(
        external_id=_text(order, "id"),
        updated_at=instant(order, "updated_at"),
        placed_at=instant(order, "placed_at"),
        currency=currency,
        lines=tuple(_line(line, currency) for line in records(order, "lines")),
        charged_minor=_minor(order, "total", currency),
        paid_at=maybe_instant(order, "paid_at"),
        cancelled_at=maybe_instant(order, "cancelled_at"),
        shipping_minor=_minor(order, "shipping", currency),
        codes=tuple(code for code in _list(order, "codes") if isinstance(code, str)),
        clicks=_clicks(_text(order, "landing_page")),
        customer=Customer(email=_text(customer, "email")) if isinstance(customer, dict) else Customer(),
        refund_ids=tuple(_text(refund, "id") for refund in records(order, "refunds")),
    )


def _line(line: Record, currency: Currency) -> OrderLine:
    quantity = line.get("quantity")
    if type(quantity) is not int or quantity < 1:
        raise InputError(f"{quantity!r:.40} is no quantity.", field="quantity")
    net, tax = _minor(line, "total", currency), _minor(line, "tax", currency)
    return OrderLine(_text(line, "id"), net, quantity, tax, product=_text(line, "product"))


def _refunds(order: Record, currency: Currency) -> Iterator[RefundEvent]:
    for refund in records(order, "refunds"):
        at = instant(refund, "created_at")
        lines = [RefundLine(_text(one, "line_id"), _minor(one, "total", currency)) for one in records(refund, "lines")]
        amount = _minor(refund, "amount", currency)
        yield RefundEvent(_text(refund, "id"), _text(order, "id"), at, at, currency, amount, tuple(lines))


def _text(record: Record, field: str) -> str:
    value = record.get(field)
    if not isinstance(value, str):
        raise InputError(f"{value!r:.40} is no text.", field=field)
    return value


def _list(record: Record, field: str) -> list[Any]:
    value = record.get(field)
    if not isinstance(value, list):
        raise InputError(f"{value!r:.40} is no list.", field=field)
    return value


def _minor(record: Record, field: str, currency: Currency) -> int:
    """Return an amount in minor units: exact, and never by way of a float."""
    try:
        minor = Decimal(_text(record, field)).scaleb(exponent_of(currency))
        whole = int(minor)
    except (InvalidOperation, ValueError, OverflowError):
        raise InputError("It is no amount such as 12.50.", field=field) from None
    if minor != whole:
        raise InputError(f"It has more decimals than {currency} knows.", field=field)
    return whole


def _clicks(address: str) -> tuple[str, ...]:
    try:
        return tuple(parse_qs(urlsplit(address).query).get(_CLICK, ()))
    except ValueError:
        return ()  # the customer's address bar is no reason to lose an order
