"""Shopify's order to an order event.

Everything is in the shop's money (`shop_money`): a customer who paid in another currency bought for what the shop
booked. Lines are as bought, after discounts, without tax, before refunds; units that an edit took off without a refund
are not counted.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Final

from engine.plugin_api import Currency, Customer, OrderEvent, OrderLine, round_half_even
from engine.plugin_api.reading import Record, currency_in, inner, instant, maybe_instant, not_negative, records, text
from plugins.shopify.clicks import clicks_of
from plugins.shopify.reading import count, ident, maybe_ident, shop_minor

_PAID: Final = frozenset({"paid", "partially_refunded", "refunded"})
"""What `financial_status` says of an order that was paid in full, whatever was given back since."""


def order_event(order: Record) -> OrderEvent | None:
    """Return the order as it stands, or None where nothing was sold: a test, or only a tip.

    Raises:
        InputError: it cannot be read.
    """
    if order.get("test") is True:
        return None
    currency = currency_in(order, "currency")
    placed_at = maybe_instant(order, "processed_at") or instant(order, "created_at")
    lines = tuple(_lines(order, currency))
    if not lines:
        return None
    return OrderEvent(
        external_id=ident(order, "id"),
        updated_at=instant(order, "updated_at"),
        placed_at=placed_at,
        currency=currency,
        lines=lines,
        charged_minor=not_negative(shop_minor(order, "total_price", currency=currency), field="total_price"),
        paid_at=_paid_at(order, placed_at, currency),
        cancelled_at=maybe_instant(order, "cancelled_at"),
        shipping_minor=sum(_shipping(order, currency)),
        codes=tuple(_codes(order)),
        clicks=clicks_of(order),
        customer=_customer(order),
    )


def _lines(order: Record, currency: Currency) -> Iterable[OrderLine]:
    refunded = _refunded_units(order)
    tip = shop_minor(order, "total_tip_received", currency=currency)
    for line in records(order, "line_items"):
        line_id, bought = ident(line, "id"), count(line, "quantity")
        left_now = count(line, "current_quantity", default=bought)
        kept = bought - max(0, bought - left_now - refunded[line_id])
        if not kept or _is_tip(line, tip, currency):
            continue
        tax = taxes(line, currency)
        net = gross(line, currency) - (tax if order.get("taxes_included") is True else 0)
        yield OrderLine(
            line_id=line_id,
            net_minor=_share(not_negative(net, field="line_items"), kept, of=bought),
            quantity=kept,
            tax_minor=_share(tax, kept, of=bought),
            product=maybe_ident(line, "product_id"),
            gift_card=line.get("gift_card") is True,
        )


def gross(line: Record, currency: Currency) -> int:
    """Return what all units of a line cost after discounts; with tax where prices include it.

    Raises:
        InputError: it cannot be read.
    """
    return shop_minor(line, "price", currency=currency) * count(line, "quantity") - _discounts(line, currency)


def taxes(line: Record, currency: Currency) -> int:
    """Return the tax on all units of a line, or on shipping.

    Raises:
        InputError: it cannot be read, or is below zero.
    """
    found = sum(shop_minor(each, "price", currency=currency) for each in records(line, "tax_lines"))
    return not_negative(found, field="tax_lines")


def _discounts(line: Record, currency: Currency) -> int:
    return sum(shop_minor(each, "amount", currency=currency) for each in records(line, "discount_allocations"))


def _share(amount: int, units: int, *, of: int) -> int:
    return amount if units == of else round_half_even(Fraction(amount * units, of))


def _refunded_units(order: Record) -> Mapping[str, int]:
    """Return how many units of each line refunds took back; those that are missing beyond them an edit removed."""
    units: Counter[str] = Counter()
    for refund in records(order, "refunds"):
        for line in records(refund, "refund_line_items"):
            units[ident(line, "line_item_id")] += count(line, "quantity")
    return units


def _is_tip(line: Record, tip: int, currency: Currency) -> bool:
    """Tell a tip from a thing that was sold: Shopify lists it as a line of no product named so."""
    named = line.get("product_id") is None and text(line, "title").lower() == "tip"
    return tip > 0 and named and shop_minor(line, "price", currency=currency) == tip


def _paid_at(order: Record, placed_at: datetime, currency: Currency) -> datetime | None:
    """Return when the order was first paid in full.

    By its payments where they are known (after completion, and when pulled): when they first reached the total that the
    order had when it was placed, so that a later edit moves nothing, also one that leaves more to be paid. Otherwise by
    its status, and when it was placed, which stays the same over all versions too.
    """
    payments = sorted(_payments(order, currency))
    first_total = "original_total_price" if inner(order, "original_total_price_set") else "total_price"
    due = shop_minor(order, first_total, currency=currency)
    for time, amount in payments:
        due -= amount
        if due <= 0:
            return time
    if text(order, "financial_status") not in _PAID:
        return None
    return payments[-1][0] if payments else placed_at


def _payments(order: Record, currency: Currency) -> Iterable[tuple[datetime, int]]:
    for each in records(order, "transactions"):
        if text(each, "kind") in {"sale", "capture"} and text(each, "status") == "success":
            time = maybe_instant(each, "processed_at") or instant(each, "created_at")
            yield time, shop_minor(each, "amount", currency=currency)


def _shipping(order: Record, currency: Currency) -> Iterable[int]:
    for line in records(order, "shipping_lines"):
        if line.get("is_removed") is not True:
            tax = taxes(line, currency) if order.get("taxes_included") is True else 0
            yield max(0, shop_minor(line, "price", currency=currency) - _discounts(line, currency) - tax)


def _codes(order: Record) -> Sequence[str]:
    """Return the codes in the shop's order, each once: case does not matter at the checkout."""
    listed = [text(each, "code") for each in records(order, "discount_codes")]
    listed += [
        text(each, "code") for each in records(order, "discount_applications") if text(each, "type") == "discount_code"
    ]
    found: dict[str, str] = {}
    for code in filter(None, listed):
        found.setdefault(code.casefold(), code)
    return tuple(found.values())


def _customer(order: Record) -> Customer:
    customer = inner(order, "customer")
    email = text(order, "email") or text(order, "contact_email") or text(customer, "email")
    return Customer(email=email if 0 < len(email) <= 320 else None, external_id=maybe_ident(customer, "id"))
