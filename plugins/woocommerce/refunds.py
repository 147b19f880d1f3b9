"""WooCommerce's refunds to refund events.

An order lists its refunds with nothing but an id and a negative total; when each was made and which lines it took back
is asked for (`refund_details`, put in by completion and by pulls). A refund is as new as the order that lists it, and
can be deleted, which the order's list tells.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from engine.plugin_api import Currency, RefundEvent, RefundLine
from engine.plugin_api.reading import Record, currency_in, not_negative, records
from plugins.woocommerce.orders import version_of
from plugins.woocommerce.reading import ident, instant, maybe_ident, minor

DETAILS: Final = "refund_details"
"""The field that completion adds to an order: its refunds as the API has them one by one."""


def refund_events(order: Record) -> tuple[RefundEvent, ...]:
    """Return the refunds that the order lists.

    Without details each is an amount, as old as the order: every event that knows more is newer.

    Raises:
        InputError: they cannot be read.
    """
    currency, order_id = currency_in(order, "currency"), ident(order, "id")
    listed = {ident(each, "id"): each for each in records(order, "refunds")}
    if order.get(DETAILS) is None:
        placed_at = instant(order, "date_created_gmt")
        amounts = {key: abs(minor(each, "total", currency=currency)) for key, each in listed.items()}
        return tuple(
            RefundEvent(key, order_id, placed_at, placed_at, currency, amount) for key, amount in amounts.items()
        )
    details = [each for each in records(order, DETAILS) if ident(each, "id") in listed]
    version = version_of(order)
    return tuple(_event(each, order_id, currency=currency, version=version) for each in details)


def _event(refund: Record, order_id: str, *, currency: Currency, version: datetime) -> RefundEvent:
    """Return the refund: of lines where what it names is all that was given back, else of the amount.

    What was for shipping, fees or tax alone does not touch the lines.
    """
    made_at = instant(refund, "date_created_gmt")
    amount = not_negative(minor(refund, "amount", currency=currency), field="amount")
    products = records(refund, "line_items")
    aside = _given_back([*records(refund, "shipping_lines"), *records(refund, "fee_lines")], currency)
    named = [*_given_back(products, currency), *aside]
    lines = _lines(products, currency)
    # Each of the amounts was rounded by itself: halves of the smallest unit may be missing or over.
    event = RefundEvent(ident(refund, "id"), order_id, version, made_at, currency, amount)
    if lines is not None and abs(sum(named) - amount) * 2 <= len(named):
        return replace(event, lines=lines) if lines else replace(event, apart_minor=amount)
    return replace(event, apart_minor=max(0, min(amount, sum(aside))))


def _lines(products: Sequence[Record], currency: Currency) -> tuple[RefundLine, ...] | None:
    """Return the net that each of the order's lines lost, or None where one does not say which it is."""
    lost = [(_refunded_line(each), -minor(each, "total", currency=currency)) for each in products]
    lines = tuple(RefundLine(line_id, net) for line_id, net in lost if line_id and net > 0)
    return lines if len(lines) == sum(net > 0 for _, net in lost) else None


def _refunded_line(line: Record) -> str | None:
    """Return the id of the order's line, which a refund's line keeps in its meta data."""
    links = (each for each in records(line, "meta_data") if each.get("key") == "_refunded_item_id")
    return next((found for each in links if (found := maybe_ident(each, "value"))), None)


def _given_back(lines: Sequence[Record], currency: Currency) -> list[int]:
    """Return every amount that lines gave back, of totals and of taxes, those of nothing left out."""
    amounts = (-minor(each, field, currency=currency) for each in lines for field in ("total", "total_tax"))
    return [amount for amount in amounts if amount]
