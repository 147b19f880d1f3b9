"""Medusa's order to events.

A line counts as it stands: what was returned, exchanged or edited away is out of it, as it is out of Medusa's own
total. So of a refund only that part counts which no line tells already; the two together always come to what the
customer paid less what was given back. Medusa's `total` is not read: it shrinks with refunds as well.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from plugins.medusa.reading import Record, maybe_text, minor_of, number_in, number_of, text_of, time_of

_AT_CHECKOUT: Final = timedelta(minutes=1)
"""A credit of the order that is older than this was given with the order itself: a gift card, or store credit."""

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
    moves = [*_all(payments, "captures"), *_all(payments, "refunds"), *(order.get("credit_lines") or ())]
    details = [item["detail"] for item in order["items"] if item.get("detail")]
    dated = [order, *details, *collections, *payments]
    moments = [time_of(order["created_at"]), *(time_of(each["updated_at"]) for each in dated if each.get("updated_at"))]
    moments += [time_of(each["created_at"]) for each in moves]
    moments += [time_of(order["canceled_at"])] if order.get("canceled_at") else []
    things = len(moves) + int(number_of(order.get("version")))
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
        event = OrderEvent(
            external_id=text_of(order["id"]),
            updated_at=changed_at(order),
            placed_at=time_of(order["created_at"]),
            currency=self.currency,
            lines=tuple(self._line(item, each) for item, each in bought),
            charged_minor=charged,
            paid_at=self._paid_at(charged),
            cancelled_at=self._cancelled_at(),
            shipping_minor=self._minor(sum((each.net for each in shipping), Fraction(0))),
            codes=_codes(order),
            clicks=_clicks(order.get("metadata")),
            customer=Customer(email=maybe_text(order.get("email")), external_id=maybe_text(order.get("customer_id"))),
        )
        return (event, *self._refunds(event))

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

    def _payments(self) -> list[Record]:
        collections = self.order.get("payment_collections") or ()
        return [payment for collection in collections for payment in collection.get("payments") or ()]

    def _moved(self, kind: str) -> list[tuple[datetime, str, int]]:
        """Return when captures or refunds were made, their ids and amounts, first things first."""
        found = _all(self._payments(), kind)
        return sorted(
            (time_of(each["created_at"]), text_of(each["id"]), self._minor(number_in(each, "amount"))) for each in found
        )

    def _paid_at(self, charged: int) -> datetime | None:
        """Return when what was captured first reached what was asked for at the checkout."""
        asked = [each for each in self.order.get("payment_collections") or () if each.get("status") != "canceled"]
        first = min(asked, key=lambda each: (time_of(each["created_at"]), text_of(each["id"])), default=None)
        due = charged - self._credit_at_checkout() if first is None else self._minor(number_in(first, "amount"))
        if due <= 0:
            return time_of(self.order["created_at"])
        captured = 0
        for at, _, amount in self._moved("captures"):
            captured += amount
            if captured >= due:
                return at
        return None

    def _cancelled_at(self) -> datetime | None:
        if self.order["status"] != "canceled" and not self.order.get("canceled_at"):
            return None
        return time_of(self.order.get("canceled_at") or self.order["updated_at"])

    def _refunds(self, event: OrderEvent) -> Iterator[RefundEvent]:
        """Yield the refunds. What the lines tell already is taken from the newest ones: they are why it was given back.

        What counts of one refund depends on how the lines stand, so each is as new as the order.
        """
        captured = sum(amount for _, _, amount in self._moved("captures"))
        told = max(0, captured + self._credit_at_checkout() - event.charged_minor)
        refunds = self._moved("refunds")
        for (at, refund_id, _), counts in zip(refunds, _beyond(told, [each[2] for each in refunds]), strict=True):
            yield RefundEvent(
                external_id=refund_id,
                order_external_id=event.external_id,
                updated_at=event.updated_at,
                refunded_at=max(at, event.placed_at),
                currency=event.currency,
                amount_minor=counts,
            )

    def _credit_at_checkout(self) -> int:
        """Return what was paid by gift card or store credit; credits of refunds and of goodwill come later."""
        until = min([time_of(self.order["created_at"]) + _AT_CHECKOUT, *(at for at, _, _ in self._moved("refunds"))])
        lines = self.order.get("credit_lines") or ()
        return sum(self._minor(number_in(each, "amount")) for each in lines if time_of(each["created_at"]) < until)


def _beyond(told: int, amounts: Sequence[int]) -> list[int]:
    """Return what is left of each amount when `told` is taken from them all, beginning with the last."""
    left: list[int] = []
    for amount in reversed(amounts):
        taken = min(told, amount)
        told -= taken
        left.append(amount - taken)
    return left[::-1]


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


def _all(payments: Iterable[Record], kind: str) -> list[Record]:
    return [each for payment in payments for each in payment.get(kind) or ()]


def _codes(order: Record) -> tuple[str, ...]:
    things = (*order["items"], *(order.get("shipping_methods") or ()))
    codes = (maybe_text(each.get("code")) for thing in things for each in _adjustments(thing))
    return tuple(dict.fromkeys(code for code in codes if code))


def _clicks(metadata: Any) -> tuple[str, ...]:
    click = metadata.get("gw_click") if isinstance(metadata, Mapping) else None
    return (click[:100],) if isinstance(click, str) and click.strip() else ()
