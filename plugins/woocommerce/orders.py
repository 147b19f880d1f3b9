"""WooCommerce's order to an order event.

Line totals are after coupons and without tax, whatever prices include, and stay as they are when something is refunded.
"""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from engine.plugin_api import Currency, Customer, OrderEvent, OrderLine
from engine.plugin_api.reading import MAX_TEXT, Record, currency_in, not_negative, records, text
from plugins.woocommerce.reading import ident, inner, instant, maybe_ident, maybe_instant, minor, read_time

_GONE: Final = frozenset({"cancelled", "failed", "trash"})
_NOT_PAID: Final = frozenset({"pending", "on-hold", "draft", "auto-draft", "checkout-draft", "new"})
_PAID: Final = frozenset({"processing", "completed", "refunded"})

_CLICK: Final = "gw_click"
_FIRST_PAGE: Final = "_wc_order_attribution_session_entry"
_FIRST_SEEN: Final = "_wc_order_attribution_session_start_time"
_LONGEST_CLICK: Final = 100
_MOST_CLICKS: Final = 10
_MOST_PARAMETERS: Final = 100
_MAX_QUANTITY: Final = 1_000_000


def order_event(order: Record) -> OrderEvent | None:
    """Return the order as it stands, or None for a draft of the checkout and for an order without products.

    Raises:
        InputError: it cannot be read.
    """
    currency = currency_in(order, "currency")
    lines = tuple(_line(line, currency) for line in records(order, "line_items"))
    placed_at, updated_at = instant(order, "date_created_gmt"), version_of(order)
    status, meta = text(order, "status"), _meta(order)
    if not lines or status in {"checkout-draft", "auto-draft"}:
        return None
    return OrderEvent(
        external_id=ident(order, "id"),
        updated_at=updated_at,
        placed_at=placed_at,
        currency=currency,
        lines=lines,
        charged_minor=not_negative(minor(order, "total", currency=currency), field="total"),
        paid_at=_paid_at(order, status, placed_at),
        cancelled_at=updated_at if status in _GONE else None,
        shipping_minor=not_negative(minor(order, "shipping_total", currency=currency), field="shipping_total"),
        codes=tuple(filter(None, (text(each, "code") for each in records(order, "coupon_lines")))),
        clicks=_clicks(meta),
        customer=_customer(order),
        first_seen_at=read_time(meta.get(_FIRST_SEEN)),
        refund_ids=tuple(ident(each, "id") for each in records(order, "refunds")),
    )


def version_of(order: Record) -> datetime:
    """Return when the order changed, to the second.

    Raises:
        InputError: the time cannot be read.
    """
    return maybe_instant(order, "date_modified_gmt") or instant(order, "date_created_gmt")


def _line(line: Record, currency: Currency) -> OrderLine:
    return OrderLine(
        line_id=ident(line, "id"),
        net_minor=not_negative(minor(line, "total", currency=currency), field="line_items"),
        quantity=_quantity(line.get("quantity")),
        tax_minor=max(0, minor(line, "total_tax", currency=currency)),
        product=maybe_ident(line, "product_id"),
    )


def _quantity(found: object) -> int:
    """Return whole units: what is sold by weight or length counts at least as one."""
    if isinstance(found, bool) or not isinstance(found, int | Decimal):
        return 1
    return max(1, min(_MAX_QUANTITY, int(found)))


def _paid_at(order: Record, status: str, placed_at: datetime) -> datetime | None:
    """Return when the order was paid. A status of another plugin counts as paid where a time of payment is given."""
    paid = maybe_instant(order, "date_paid_gmt")
    if status in _NOT_PAID or (status not in _PAID and paid is None):
        return None
    return paid or maybe_instant(order, "date_completed_gmt") or placed_at


def _meta(order: Record) -> dict[str, Any]:
    """Return the order's meta data by key; of one that is there twice, the first."""
    found: dict[str, Any] = {}
    for each in records(order, "meta_data"):
        if isinstance(key := each.get("key"), str):
            found.setdefault(key, each.get("value"))
    return found


def _clicks(meta: dict[str, Any]) -> tuple[str, ...]:
    """Return the click ids in the order's meta data and in the first page of the customer's session. Fails open."""
    noted = meta.get(_CLICK)
    found = dict.fromkeys([*([noted] if isinstance(noted, str) else []), *_in_address(meta.get(_FIRST_PAGE))])
    fit = (each for each in found if 0 < len(each) <= _LONGEST_CLICK and each.isascii() and each.isprintable())
    return tuple(fit)[:_MOST_CLICKS]


def _in_address(address: object) -> Iterator[str]:
    if not isinstance(address, str):
        return
    try:
        query = parse_qs(urlsplit(address[:MAX_TEXT]).query, max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        return
    yield from query.get(_CLICK, ())


def _customer(order: Record) -> Customer:
    email = text(inner(order, "billing"), "email")
    return Customer(email=email if 0 < len(email) <= 320 else None, external_id=maybe_ident(order, "customer_id"))
