"""Medusa's order to events.

A line counts as it stands: what was returned, exchanged or edited away is out of it, as it is out of Medusa's own
total. So of a refund only that part counts which no line tells already, and what an edit or an exchange added counts
as far as it is paid. Medusa's `total` is not read: it shrinks with refunds as well.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any, Final

from engine.plugin_api import (
    CommerceEvent,
    Currency,
    Customer,
    InputError,
    MoneyError,
    OrderEvent,
    OrderLine,
    RefundEvent,
    exponent_of,
    parse_currency,
)
from engine.plugin_api.reading import Record, maybe_text, text_of, time_of
from plugins.medusa.balance import Balance, Taken, moves
from plugins.medusa.reading import minor_of, number_in, number_of

_MOST_TIES: Final = 999
_MAX_QUANTITY: Final = 1_000_000


def events_of(order: Any) -> tuple[CommerceEvent, ...]:
    """Return an order with its refunds; nothing for a draft, and for an order without lines.

    Raises:
        InputError: a field is missing or is not what Medusa sends.
    """
    try:
        if order.get("is_draft_order") or order["status"] == "draft" or not order["items"]:
            return ()
        return _Reader(order, parse_currency(text_of(order["currency_code"]).upper())).events()
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, MoneyError) as error:
        problem = f"The order is not as Medusa tells orders: {type(error).__name__} {error!s:.100}."
        raise InputError(problem) from None


def changed_at(order: Any) -> datetime:
    """Return the time of the order's last change.

    `updated_at` does not move when a payment is captured or a part of it refunded: what was captured and refunded does.
    Several things may happen within a millisecond; then the number of things, which only grows, tells which of two
    states is the later.
    """
    collections = order.get("payment_collections") or ()
    payments = [payment for collection in collections for payment in collection.get("payments") or ()]
    moved = [*moves(order, "captures"), *moves(order, "refunds"), *(order.get("credit_lines") or ())]
    details = [item["detail"] for item in order["items"] if item.get("detail")]
    dated = [order, *details, *collections, *payments]
    moments = [time_of(order["created_at"]), *(time_of(each["updated_at"]) for each in dated if each.get("updated_at"))]
    moments += [time_of(each["created_at"]) for each in moved]
    moments += [time_of(order["canceled_at"])] if order.get("canceled_at") else []
    things = len(moved) + int(number_of(order.get("version")))
    return max(moments) + timedelta(microseconds=max(0, min(things, _MOST_TIES)))


@dataclass(frozen=True, slots=True)
class _Sum:
    """An amount without tax and the tax on it, exact, in major units."""

    net: Fraction
    tax: Fraction

    @property
    def gross(self) -> Fraction:
        return self.net + self.tax


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one order."""

    order: Record
    currency: Currency

    def events(self) -> tuple[CommerceEvent, ...]:
        """Return the order and its refunds."""
        order, shipping = self.order, [_shipped(method) for method in self.order.get("shipping_methods") or ()]
        bought = [(item, _bought(item)) for item in order["items"]]
        charged = self._minor(sum((each.gross for each in (*(one for _, one in bought), *shipping)), Fraction(0)))
        balance = Balance(order, exponent_of(self.currency), charged)
        taken = balance.taken()
        event = OrderEvent(
            external_id=text_of(order["id"]),
            updated_at=changed_at(order),
            placed_at=time_of(order["created_at"]),
            currency=self.currency,
            lines=tuple(self._line(item, each) for item, each in bought),
            charged_minor=charged,
            paid_at=balance.paid_at(),
            cancelled_at=self._cancelled_at(),
            shipping_minor=self._minor(sum((each.net for each in shipping), Fraction(0))),
            codes=_codes(order),
            clicks=_clicks(order.get("metadata")),
            customer=Customer(email=maybe_text(order.get("email")), external_id=maybe_text(order.get("customer_id"))),
            refund_ids=tuple(each.external_id for each in taken),
        )
        return (event, *(_refund(each, event) for each in taken))

    def _minor(self, amount: Fraction) -> int:
        return minor_of(amount, exponent_of(self.currency))

    def _line(self, item: Record, bought: _Sum) -> OrderLine:
        collection = maybe_text(item.get("product_collection"))
        return OrderLine(
            line_id=text_of(item["id"]),
            net_minor=self._minor(bought.net),
            quantity=max(1, min(_MAX_QUANTITY, int(number_in(item, "quantity")))),
            tax_minor=self._minor(bought.tax),
            product=maybe_text(item.get("variant_sku")) or maybe_text(item.get("product_id")),
            collections=(collection,) if collection else (),
            gift_card=item.get("is_giftcard") is True,
        )

    def _cancelled_at(self) -> datetime | None:
        if self.order["status"] != "canceled" and not self.order.get("canceled_at"):
            return None
        return time_of(self.order.get("canceled_at") or self.order["updated_at"])


def _refund(taken: Taken, order: OrderEvent) -> RefundEvent:
    """Return a refund. What counts of it depends on how the lines stand, so it is as new as the order."""
    return RefundEvent(
        external_id=taken.external_id,
        order_external_id=order.external_id,
        updated_at=order.updated_at,
        refunded_at=max(taken.at or order.updated_at, order.placed_at),
        currency=order.currency,
        amount_minor=taken.amount_minor,
        reason=taken.reason,
    )


def _bought(item: Record) -> _Sum:
    """Return what an item comes to now: without what was returned, and its discounts in proportion."""
    quantity, rate = number_in(item, "quantity"), _rate(item)
    detail = item.get("detail") or {}
    returned = number_in(detail, "return_received_quantity") + number_in(detail, "return_dismissed_quantity")
    left = max(Fraction(0), quantity - returned)
    price = number_in(item, "unit_price") * left
    if price < 0:
        raise ValueError("a price is below zero")
    off = _discount(item, rate) * left / quantity if quantity else Fraction(0)
    return _taxed(price, rate, inclusive=item.get("is_tax_inclusive") is True, off=off)


def _shipped(method: Record) -> _Sum:
    rate = _rate(method)
    inclusive = method.get("is_tax_inclusive") is True
    return _taxed(number_in(method, "amount"), rate, inclusive=inclusive, off=_discount(method, rate))


def _taxed(price: Fraction, rate: Fraction, *, inclusive: bool, off: Fraction) -> _Sum:
    """Return what a price comes to after a discount of `off`, which is without tax. Never less than nothing."""
    net = max(Fraction(0), (price / (1 + rate) if inclusive else price) - off)
    return _Sum(net, net * rate)


def _rate(thing: Record) -> Fraction:
    rate = sum((number_of(line.get("rate")) for line in thing.get("tax_lines") or ()), Fraction(0)) / 100
    if rate < 0:
        raise ValueError("a tax rate is below zero")
    return rate


def _discount(thing: Record, rate: Fraction) -> Fraction:
    """Return what the adjustments take off, without tax."""
    return sum(
        (
            number_in(each, "amount") / (1 + rate if each.get("is_tax_inclusive") is True else 1)
            for each in _adjustments(thing)
        ),
        Fraction(0),
    )


def _adjustments(thing: Record) -> list[Record]:
    """Return what a thing is adjusted by now: each version of an order has its own, and some lists hold them all."""
    found = list(thing.get("adjustments") or ())
    newest = max((number_of(each.get("version")) for each in found), default=Fraction(0))
    return [each for each in found if number_of(each.get("version")) == newest]


def _codes(order: Record) -> tuple[str, ...]:
    things = (*order["items"], *(order.get("shipping_methods") or ()))
    codes = (maybe_text(each.get("code")) for thing in things for each in _adjustments(thing))
    return tuple(dict.fromkeys(code for code in codes if code))


def _clicks(metadata: Any) -> tuple[str, ...]:
    click = metadata.get("gw_click") if isinstance(metadata, Mapping) else None
    return (click[:100],) if isinstance(click, str) and click.strip() else ()
