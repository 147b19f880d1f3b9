"""A completed Checkout Session, or a paid invoice, to an order event.

A session has no time of change, and its states only go one way: not paid, failed, paid. Its versions are told apart by
seconds behind its beginning, so that every way to learn of one says the same.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from engine.plugin_api import Currency, Customer, OrderEvent, OrderLine, allocate
from engine.plugin_api.reading import Record, currency_in, not_negative, text
from plugins.stripe_payments.clicks import clicks_of, subscription_details
from plugins.stripe_payments.reading import ident, inner, instant, maybe_ident, maybe_instant, minor, records

_SECOND: Final = timedelta(seconds=1)
_PAID: Final = frozenset({"paid", "no_payment_required"})
_GIVEN_UP: Final = frozenset({"canceled", "requires_payment_method"})
_MAX_QUANTITY: Final = 1_000_000
_SHORTEST_PERIOD: Final = timedelta(days=1)
"""Of a subscription: behind the end of a trial, the invoice that ends it is the only one in that time."""


def session_order(record: Record) -> OrderEvent | None:
    """Return the order of `session`, or None where the customer has not finished it, or it sold nothing.

    Raises:
        InputError: it cannot be read.
    """
    session = inner(record, "session")
    lines = tuple(_session_lines(session)) if text(session, "status") in {"complete", ""} else ()
    if not lines or text(session, "mode") != "payment":
        return None
    currency, placed_at = currency_in(session, "currency"), instant(session, "created")
    payment, updated_at = inner(session, "payment_intent"), placed_at
    paid_at, cancelled_at = _session_paid_at(record, payment), None
    if paid_at:
        updated_at = max(paid_at, placed_at + 2 * _SECOND)
    elif text(payment, "status") in _GIVEN_UP:
        cancelled_at = updated_at = placed_at + _SECOND
    return OrderEvent(
        external_id=maybe_ident(session, "payment_intent") or ident(session, "id"),
        updated_at=updated_at,
        placed_at=placed_at,
        currency=currency,
        lines=lines,
        charged_minor=not_negative(minor(session, "amount_total", currency=currency), field="amount_total"),
        paid_at=paid_at,
        cancelled_at=cancelled_at,
        shipping_minor=_shipping(session, currency),
        codes=codes_of(session),
        clicks=clicks_of(session, payment),
        customer=_customer(session),
    )


def invoice_order(record: Record) -> OrderEvent | None:
    """Return the order of `invoice`; None where it is not paid, sells nothing, or gives back as much as it takes.

    The session in which its subscription began, where `record` has it, brings click and codes of the first invoice. The
    one for nothing with which a free trial begins is no order.

    Raises:
        InputError: it cannot be read.
    """
    invoice = inner(record, "invoice")
    currency, placed_at = currency_in(invoice, "currency"), instant(invoice, "created")
    lines = _without_credits(tuple(_invoice_lines(invoice, currency)))
    if text(invoice, "status") != "paid" or not lines or not _sells(invoice):
        return None
    first = is_first(invoice)
    begun_in = inner(record, "session") if first else {}
    told = (begun_in, subscription_details(invoice)) if first else ()
    paid_at = maybe_instant(inner(invoice, "status_transitions"), "paid_at") or placed_at
    return OrderEvent(
        external_id=ident(invoice, "id"),
        updated_at=max(paid_at, placed_at),
        placed_at=placed_at,
        currency=currency,
        lines=lines,
        charged_minor=max(0, minor(invoice, "total", currency=currency)),
        paid_at=max(paid_at, placed_at),
        shipping_minor=_shipping(invoice, currency),
        codes=tuple(dict.fromkeys((*codes_of(begun_in), *codes_of(invoice)))),
        clicks=clicks_of(*told, invoice),
        customer=_customer(invoice),
    )


def is_first(invoice: Record) -> bool:
    """Tell whether an invoice is the first of its subscription: of its beginning, or of the end of a free trial."""
    if text(invoice, "billing_reason") == "subscription_create":
        return True
    trial_end = maybe_instant(inner(subscription_details(invoice), "subscription"), "trial_end")
    return trial_end is not None and timedelta(0) <= instant(invoice, "created") - trial_end < _SHORTEST_PERIOD


def codes_of(thing: Record) -> tuple[str, ...]:
    """Return the promotion codes in what a session or an invoice says of its discounts, where they are whole.

    A discount without one is a coupon that the shop itself gave.
    """
    listed = thing.get("discounts")
    discounts = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    whole = (inner(each, "promotion_code") for each in (*discounts, inner(thing, "discount")))
    return tuple(dict.fromkeys(filter(None, (text(each, "code") for each in whole))))


def _sells(invoice: Record) -> bool:
    return any(line.get("amount") for line in records(invoice, "lines"))


def _session_paid_at(record: Record, payment: Record) -> datetime | None:
    """Return when the session was paid: when its charge was made, or when an event says that it came through."""
    session = inner(record, "session")
    if text(session, "payment_status") not in _PAID:
        return None
    charged_at = maybe_instant(inner(payment, "latest_charge"), "created")
    return max(filter(None, (instant(session, "created"), charged_at, maybe_instant(record, "settled_at"))))


def _session_lines(session: Record) -> Iterator[OrderLine]:
    """Yield the lines: their totals are after discounts and with tax, whether prices include it or not."""
    currency = currency_in(session, "currency")
    for line in records(session, "line_items"):
        tax = not_negative(minor(line, "amount_tax", currency=currency), field="line_items")
        net = minor(line, "amount_total", currency=currency) - tax
        product = maybe_ident(inner(line, "price"), "product")
        net = not_negative(net, field="line_items")
        yield OrderLine(ident(line, "id"), net, _quantity(line), tax, product)


def _invoice_lines(invoice: Record, currency: Currency) -> Iterator[OrderLine]:
    """Yield the lines after discounts and without tax. A credit is below zero."""
    for line in records(invoice, "lines"):
        off = sum(minor(each, "amount", currency=currency) for each in records(line, "discount_amounts"))
        included, on_top = _taxes(line, currency)
        net = minor(line, "amount", currency=currency) - off - included
        yield OrderLine(ident(line, "id"), net, _quantity(line), max(0, included + on_top), _product(line))


def _taxes(line: Record, currency: Currency) -> tuple[int, int]:
    """Return the taxes that the line's amount includes and those that came on top, in the newer shape or the old."""
    newer = [(text(each, "tax_behavior") == "inclusive", each) for each in records(line, "taxes")]
    old = [(each.get("inclusive") is True, each) for each in records(line, "tax_amounts")]
    taxes = [(included, minor(each, "amount", currency=currency)) for included, each in newer or old]
    return sum(tax for included, tax in taxes if included), sum(tax for included, tax in taxes if not included)


def _product(line: Record) -> str | None:
    """Return the product of an invoice's line, in the newer shape or those of before 2025-03-31."""
    newer = maybe_ident(inner(inner(line, "pricing"), "price_details"), "product")
    return newer or maybe_ident(inner(line, "price"), "product") or maybe_ident(inner(line, "plan"), "product")


def _without_credits(lines: tuple[OrderLine, ...]) -> tuple[OrderLine, ...]:
    """Take credits, such as for the rest of a month after a change of plan, off the other lines by their size."""
    bought = [line for line in lines if line.net_minor >= 0]
    credit = -sum(line.net_minor for line in lines if line.net_minor < 0)
    if not credit:
        return lines
    if credit >= sum(line.net_minor for line in bought):
        return ()
    shares = allocate(credit, [line.net_minor for line in bought])
    return tuple(
        OrderLine(line.line_id, line.net_minor - share, line.quantity, line.tax_minor, line.product)
        for line, share in zip(bought, shares, strict=True)
    )


def _quantity(line: Record) -> int:
    """Return whole units: what is billed by use counts as one where it comes to less."""
    found = line.get("quantity")
    return max(1, min(_MAX_QUANTITY, found)) if type(found) is int else 1


def _shipping(thing: Record, currency: Currency) -> int:
    cost = inner(thing, "shipping_cost")
    return max(0, minor(cost, "amount_total", currency=currency) - minor(cost, "amount_tax", currency=currency))


def _customer(thing: Record) -> Customer:
    email = text(inner(thing, "customer_details"), "email") or text(thing, "customer_email")
    return Customer(email=email if 0 < len(email) <= 320 else None, external_id=maybe_ident(thing, "customer"))
