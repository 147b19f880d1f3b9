"""Shopify's refund to a refund event.

The same object comes as `refunds/create` and inside every later version of its order; it is read by itself, so that
both give one event.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from fractions import Fraction

from engine.plugin_api import Currency, InputError, RefundEvent, RefundLine, RefundState
from engine.plugin_api.reading import Record, currency_in, inner, instant, maybe_instant, not_negative, records, text
from plugins.shopify.orders import gross, taxes
from plugins.shopify.reading import ident, minor, shop_minor


def refund_event(refund: Record) -> RefundEvent:
    """Return the refund: of lines where it names some, else of the money given back, shipping and duties apart.

    What goes back beyond or below its lines (`refund_discrepancy`) does not change what the lines lose. A refund of an
    amount that is known only in the customer's currency comes in that currency; the core then asks a person.

    Raises:
        InputError: it cannot be read.
    """
    currency = _shop_currency(refund)
    lines = tuple(_lines(refund, currency))
    money = [each for each in records(refund, "transactions") if text(each, "kind") == "refund"]
    state, paid_out = _state(money)
    times = [instant(refund, "created_at"), *_times([refund, *money])]
    foreign = _foreign(paid_out, currency)
    amount = sum(_amount(each, foreign or currency) for each in paid_out)
    apart = 0
    if not lines and not foreign:
        apart = _for_shipping(refund, currency) + shop_minor(refund, "total_duties", currency=currency)
    if lines and not money:
        amount = sum(line.net_minor for line in lines)
    return RefundEvent(
        external_id=ident(refund, "id"),
        order_external_id=ident(refund, "order_id"),
        updated_at=maybe_instant(refund, "updated_at") or max(times),
        refunded_at=maybe_instant(refund, "processed_at") or times[0],
        currency=currency if lines else foreign or currency,
        amount_minor=0 if lines and foreign else amount,
        lines=lines,
        state=state,
        apart_minor=max(0, min(amount, apart)),
    )


def _lines(refund: Record, currency: Currency) -> Iterable[RefundLine]:
    for line in records(refund, "refund_line_items"):
        tax = shop_minor(line, "total_tax", currency=currency)
        net = shop_minor(line, "subtotal", currency=currency) - (tax if _included(refund, line, currency) else 0)
        yield RefundLine(ident(line, "line_item_id"), not_negative(net, field="refund_line_items"))


def _included(refund: Record, line: Record, currency: Currency) -> bool:
    """Tell whether the subtotal of a refunded line includes its tax.

    Its order knows, and completion says so in the refund; a refund alone tells by its line: before tax it is smaller
    (`pre_tax_price`), or the tax is that part of the price which the rate takes out of it, not adds to it.
    """
    if isinstance(told := refund.get("taxes_included"), bool):
        return told
    bought = inner(line, "line_item")
    tax, price = taxes(bought, currency), gross(bought, currency) if bought else 0
    if not tax or price <= 0:
        return False
    if bought.get("pre_tax_price") is not None:
        return shop_minor(bought, "pre_tax_price", currency=currency) < price
    rate = sum((_rate(each) for each in records(bought, "tax_lines")), start=Fraction(0))
    return abs(tax - price * rate * Fraction(1, 1 + rate)) < abs(tax - price * rate)


def _rate(tax_line: Record) -> Fraction:
    try:
        rate = Fraction(tax_line.get("rate") or 0)
    except (TypeError, ValueError):
        rate = Fraction(-1)
    if not 0 <= rate <= 10:
        raise InputError("What Shopify sent here is no rate of tax.", field="rate")
    return rate


def _state(money: Sequence[Record]) -> tuple[RefundState, list[Record]]:
    """Return how far the refund got, and the payments that count. Without any, goods were taken back for nothing."""
    done = [each for each in money if text(each, "status") == "success"]
    pending = [each for each in money if text(each, "status") not in {"success", "failure", "error"}]
    if done or not money:
        return RefundState.SUCCEEDED, done
    return (RefundState.PENDING, pending) if pending else (RefundState.FAILED, list(money))


def _amount(payment: Record, currency: Currency) -> int:
    return not_negative(shop_minor(payment, "amount", currency=currency), field="transactions")


def _foreign(money: Sequence[Record], currency: Currency) -> Currency | None:
    """Return the customer's currency where a payment is known in it alone."""
    for payment in money:
        named = text(payment, "currency")
        if not inner(payment, "amount_set") and named and named.upper() != currency:
            return currency_in(payment, "currency")
    return None


def _for_shipping(refund: Record, currency: Currency) -> int:
    """Return the part of the money that was for shipping, with its tax. Adjustments are negative, newer lines not."""
    included = refund.get("taxes_included") is True
    of_lines = sum(
        shop_minor(each, "subtotal_amount", currency=currency)
        + (0 if included else shop_minor(each, "tax_amount", currency=currency))
        for each in records(refund, "refund_shipping_lines")
    )
    adjusted = sum(
        abs(minor(each.get("amount"), currency, field="order_adjustments"))
        + abs(minor(each.get("tax_amount"), currency, field="order_adjustments"))
        for each in records(refund, "order_adjustments")
        if text(each, "kind") == "shipping_refund"
    )
    return of_lines or adjusted


def _shop_currency(refund: Record) -> Currency:
    """Return the shop's currency, from the first of its amounts; where none names it, that of the payment."""
    sets = [
        inner(each, field)
        for part, field in (
            ("refund_line_items", "subtotal_set"),
            ("transactions", "total_unsettled_set"),
            ("transactions", "amount_set"),
            ("order_adjustments", "amount_set"),
        )
        for each in records(refund, part)
    ]
    for money in (*sets, inner(refund, "total_duties_set")):
        shop_money = inner(money, "shop_money")
        for field in ("currency_code", "currency"):  # what is unsettled has the short name
            if shop_money.get(field) is not None:
                return currency_in(shop_money, field)
    for each in (refund, *records(refund, "transactions")):
        if each.get("currency") is not None:
            return currency_in(each, "currency")
    raise InputError("Nothing in the refund names its currency.", field="transactions")


def _times(parts: Sequence[Record]) -> list[datetime]:
    return [time for part in parts for field in ("processed_at", "created_at") if (time := maybe_instant(part, field))]
