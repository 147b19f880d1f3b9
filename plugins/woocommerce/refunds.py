"""WooCommerce's refunds to refund events.

An order lists its refunds with nothing but an id and a negative total; when each was made and which lines it took back
is asked for (`refund_details`, put in by completion and by pulls). A refund never changes; it can be deleted, which the
order's list tells.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from engine.plugin_api import Currency, RefundEvent, RefundLine
from plugins.woocommerce.reading import (
    Record,
    currency_in,
    ident,
    instant,
    maybe_ident,
    minor,
    not_negative,
    records,
)

DETAILS = "refund_details"
"""The field that completion adds to an order: its refunds as the API has them one by one."""


def refund_events(order: Record) -> Iterator[RefundEvent]:
    """Yield the refunds that the order lists.

    Without details each is an amount, as old as the order: every event that knows more is newer.

    Raises:
        InputError: they cannot be read.
    """
    currency, order_id = currency_in(order, "currency"), ident(order, "id")
    listed = {ident(each, "id"): each for each in records(order, "refunds")}
    if order.get(DETAILS) is None:
        placed_at = instant(order, "date_created_gmt")
        for refund_id, refund in listed.items():
            amount = abs(minor(refund, "total", currency=currency))
            yield RefundEvent(refund_id, order_id, placed_at, placed_at, currency, amount)
        return
    for refund in records(order, DETAILS):
        if ident(refund, "id") in listed:
            yield _event(refund, order_id, currency)


def _event(refund: Record, order_id: str, currency: Currency) -> RefundEvent:
    """Return the refund: of lines where what they name is all that was given back, else of the amount.

    What was for shipping does not touch the lines.
    """
    made_at: datetime = instant(refund, "date_created_gmt")
    amount = not_negative(minor(refund, "amount", currency=currency), field="amount")
    lines = tuple(_lines(refund, currency))
    shipping = _given_back(records(refund, "shipping_lines"), currency)
    named = _given_back(records(refund, "line_items"), currency) + shipping
    named += _given_back(records(refund, "fee_lines"), currency)
    if not lines or named != amount:
        lines, amount = (), max(0, amount - shipping)
    return RefundEvent(ident(refund, "id"), order_id, made_at, made_at, currency, amount, lines)


def _lines(refund: Record, currency: Currency) -> Iterator[RefundLine]:
    for line in records(refund, "line_items"):
        net, line_id = -minor(line, "total", currency=currency), _refunded_line(line)
        if net > 0 and line_id:
            yield RefundLine(line_id, net)


def _refunded_line(line: Record) -> str | None:
    """Return the id of the order's line, which a refund's line keeps in its meta data."""
    links = (each for each in records(line, "meta_data") if each.get("key") == "_refunded_item_id")
    return next((found for each in links if (found := maybe_ident(each, "value"))), None)


def _given_back(lines: Iterable[Record], currency: Currency) -> int:
    return sum(-minor(each, "total", currency=currency) - minor(each, "total_tax", currency=currency) for each in lines)
