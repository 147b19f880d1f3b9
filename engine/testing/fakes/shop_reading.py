"""Turns the fake shop's orders into events. A body is from outside: nothing in it is used before it is checked."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from engine.plugin_api import (
    CommerceEvent,
    Currency,
    Customer,
    InputError,
    MoneyError,
    OrderEvent,
    OrderLine,
    RefundEvent,
    RefundLine,
    exponent_of,
    parse_currency,
    read_json,
)

_CLICK: Final = "gw_click"
Document = Mapping[str, Any]


def events_in(body: bytes) -> tuple[CommerceEvent, ...]:
    """Return the order in `body` and its refunds.

    Raises:
        InputError: it is no such order; the field is named.
    """
    order = read_json(body)
    if not isinstance(order, dict):
        raise InputError("The body is no JSON object.")
    currency = _currency(order)
    return (_order(order, currency), *_refunds(order, currency))


def _order(order: Document, currency: Currency) -> OrderEvent:
    customer = order.get("customer")
    return OrderEvent(
        external_id=_text(order, "id"),
        updated_at=_instant(order, "updated_at"),
        placed_at=_instant(order, "placed_at"),
        currency=currency,
        lines=tuple(_line(line, currency) for line in _objects(order, "lines")),
        charged_minor=_minor(order, "total", currency),
        paid_at=_instant(order, "paid_at") if order.get("paid_at") else None,
        cancelled_at=_instant(order, "cancelled_at") if order.get("cancelled_at") else None,
        shipping_minor=_minor(order, "shipping", currency),
        codes=tuple(code for code in _list(order, "codes") if isinstance(code, str)),
        clicks=_clicks(_text(order, "landing_page")),
        customer=Customer(email=_text(customer, "email")) if isinstance(customer, dict) else Customer(),
        refund_ids=tuple(_text(refund, "id") for refund in _objects(order, "refunds")),
    )


def _line(line: Document, currency: Currency) -> OrderLine:
    quantity = line.get("quantity")
    if type(quantity) is not int or quantity < 1:
        raise InputError(f"{quantity!r:.40} is no quantity.", field="quantity")
    net, tax = _minor(line, "total", currency), _minor(line, "tax", currency)
    return OrderLine(_text(line, "id"), net, quantity, tax, product=_text(line, "product"))


def _refunds(order: Document, currency: Currency) -> Iterator[RefundEvent]:
    for refund in _objects(order, "refunds"):
        at = _instant(refund, "created_at")
        lines = [RefundLine(_text(one, "line_id"), _minor(one, "total", currency)) for one in _objects(refund, "lines")]
        amount = _minor(refund, "amount", currency)
        yield RefundEvent(_text(refund, "id"), _text(order, "id"), at, at, currency, amount, tuple(lines))


def _text(document: Document, field: str) -> str:
    value = document.get(field)
    if not isinstance(value, str):
        raise InputError(f"{value!r:.40} is no text.", field=field)
    return value


def _list(document: Document, field: str) -> list[Any]:
    value = document.get(field)
    if not isinstance(value, list):
        raise InputError(f"{value!r:.40} is no list.", field=field)
    return value


def _objects(document: Document, field: str) -> list[Document]:
    found = _list(document, field)
    if not all(isinstance(one, dict) for one in found):
        raise InputError("It holds what is no object.", field=field)
    return found


def _instant(document: Document, field: str) -> datetime:
    try:
        instant = datetime.fromisoformat(_text(document, field))
    except ValueError:
        raise InputError("It is no time such as 2026-03-02T12:00:00Z.", field=field) from None
    if instant.tzinfo is None:
        raise InputError("The time has no zone.", field=field)
    return instant.astimezone(UTC)


def _currency(document: Document) -> Currency:
    try:
        return parse_currency(_text(document, "currency"))
    except MoneyError as error:
        raise InputError(str(error), field="currency") from None


def _minor(document: Document, field: str, currency: Currency) -> int:
    """Return an amount in minor units: exact, and never by way of a float."""
    try:
        minor = Decimal(_text(document, field)).scaleb(exponent_of(currency))
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
