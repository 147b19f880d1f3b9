"""What a set of facts comes to, worked out from the rules of the design alone: a second, plain implementation.

It knows one program: `TERMS`. It calls nothing of the engine; the events are read as a person would read them, and so
are the clicks that came before them.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from engine.plugin_api import ChargebackEvent, OrderEvent, RefundEvent
from tests.engine.pipeline.world import terms

TERMS = terms(
    {"key": "commission", "type": "percentage", "params": {"cap_minor": {"EUR": 4_000}}},
    {"key": "bonus", "type": "first_order_bonus", "params": {"amount_minor": {"EUR": 333}}},
    {
        "key": "volume",
        "type": "volume_tiers",
        "params": {
            "mode": "marginal",
            "tiers": {"EUR": [{"from_minor": 0, "rate_bps": 300}, {"from_minor": 20_000, "rate_bps": 700}]},
        },
    },
    rates=[
        {"reward": "commission", "rate_bps": 1_250},
        {"reward": "commission", "rate_bps": 2_000, "product": "tea"},
        {"reward": "volume", "rate_bps": 500, "product": "tea"},
    ],
    attribution={"signals": ["code", "click", "customer_link"], "click_window_days": 14, "customer_link_days": 0},
)
"""12.5 %, tea 20 %, at most 40.00 an order; 3.33 for a first order; 3 % a month up to 200.00, 7 % beyond, tea 5 %.

A code counts before the last click within 14 days, and that before the customer's link, which is for life.
"""

OWNERS = {"ADA": "Ada", "BEA": "Bea"}

Books = dict[tuple[str, str, str, str, str], tuple[int, str | None]]


@dataclass(frozen=True)
class Clicked:
    """A click as the visitor's browser took it: the id that travels, on whose link, when, by whom, and if it counts."""

    token: str
    name: str
    at: datetime
    visitor: str | None = None
    counts: bool = True


def books_of(events: Iterable[Any], clicks: Iterable[Clicked] = ()) -> Books:
    """Return (program, ambassador, reward, order or month, asset) to (amount, hold), without what is zero."""
    known = list(clicks)
    orders = _newest(events, OrderEvent)
    refunds, chargebacks = _newest(events, RefundEvent), _newest(events, ChargebackEvent)
    by_customer: defaultdict[str | None, list[OrderEvent]] = defaultdict(list)
    for order in sorted(orders.values(), key=lambda each: (each.placed_at, each.external_id.encode())):
        by_customer[order.customer.external_id].append(order)
    books: defaultdict[tuple[str, str, str, str, str], int] = defaultdict(int)
    holds: dict[str, str] = {}
    months: defaultdict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for customer, theirs in by_customer.items():
        paid = [order for order in theirs if order.paid_at is not None]
        link = None
        for order in theirs:
            name = next((OWNERS[code] for code in order.codes if code in OWNERS), None)
            name = name or _last_clicked(order, known)
            found_itself = name is not None
            name = name or (link if customer else None)
            if order.paid_at is None or name is None:
                continue
            if found_itself and customer and link is None:
                link = name
            nets = _nets(order, refunds.values(), chargebacks.values())
            if hold := _hold(order, chargebacks):
                holds[order.external_id] = hold
            is_first = customer is not None and paid[0] is order
            for reward, amount in _amounts(order, nets, first=is_first).items():
                books["main", name, reward, order.external_id, "EUR"] += amount
            inside = sum((nets[line.line_id] for line in order.lines if line.product != "tea"), Fraction(0))
            months[name, f"{order.placed_at:%Y-%m}"].append((_round(inside), _round(inside * 300 / 10_000)))
    for (name, month), parts in months.items():
        base = sum(part[0] for part in parts)
        tiers = _round(Fraction(min(base, 20_000)) * 300 / 10_000) + _round(
            Fraction(max(base - 20_000, 0)) * 700 / 10_000
        )
        books["main", name, "volume", month, "EUR"] += tiers - sum(part[1] for part in parts)
    return {key: (amount, holds.get(key[3])) for key, amount in books.items() if amount}


def _last_clicked(order: OrderEvent, clicks: list[Clicked]) -> str | None:
    """Whose link was clicked last before the order, of the clicks it names and others of those visitors."""
    named = [click for click in clicks if click.token in order.clicks]
    visitors = {click.visitor for click in named if click.visitor}
    theirs = [click for click in clicks if click in named or click.visitor in visitors]
    good = [
        click for click in theirs if click.counts and timedelta(0) <= order.placed_at - click.at < timedelta(days=14)
    ]
    return max(good, key=lambda click: click.at).name if good else None


def _newest(events: Iterable[Any], kind: type[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for event in events:
        before = found.get(event.external_id) if isinstance(event, kind) else None
        if isinstance(event, kind) and (before is None or event.updated_at > before.updated_at):
            found[event.external_id] = event
    return found


def _nets(
    order: OrderEvent, refunds: Iterable[RefundEvent], chargebacks: Iterable[ChargebackEvent]
) -> dict[str, Fraction]:
    """What is left of each line."""
    ours = [one for one in refunds if one.order_external_id == order.external_id]
    ours = [one for one in ours if one.state not in ("failed", "cancelled")]
    if order.refund_ids is not None:
        ours = [one for one in ours if one.external_id in order.refund_ids or one.updated_at > order.updated_at]
    lost = [one for one in chargebacks if one.order_external_id == order.external_id and one.state == "lost"]
    of_lines = [one for one in ours if one.lines]
    aside = sum(one.apart_minor for one in ours if not one.lines)
    of_all = sum(one.amount_minor for one in ours if not one.lines) - aside + sum(one.amount_minor for one in lost)
    gone = {line.line_id: Fraction(0) for line in order.lines}
    for line in order.lines:
        back = sum(part.net_minor for one in of_lines for part in one.lines if part.line_id == line.line_id)
        gone[line.line_id] = min(Fraction(1), Fraction(back, line.net_minor)) if line.net_minor else Fraction(0)
    rest = order.charged_minor - aside - max(sum(one.amount_minor for one in of_lines), _charged_for(order, gone))
    left = Fraction(1)
    if order.charged_minor:
        left = Fraction(rest - of_all, rest) if rest > of_all else Fraction(0)
    if order.cancelled_at:
        left = Fraction(0)
    return {line.line_id: line.net_minor * (1 - gone[line.line_id]) * left for line in order.lines}


def _charged_for(order: OrderEvent, parts: dict[str, Fraction]) -> int:
    """What these parts of the lines cost the customer, who may have been charged less than all the lines come to."""
    full = sum(line.net_minor + line.tax_minor for line in order.lines)
    cost = sum((parts[line.line_id] * (line.net_minor + line.tax_minor) for line in order.lines), Fraction(0))
    listed = full + order.shipping_minor
    return _round(cost * order.charged_minor / listed) if listed > order.charged_minor else _round(cost)


def _amounts(order: OrderEvent, nets: dict[str, Fraction], *, first: bool) -> dict[str, int]:
    tea = sum((nets[line.line_id] for line in order.lines if line.product == "tea"), Fraction(0))
    other = sum((nets[line.line_id] for line in order.lines if line.product != "tea"), Fraction(0))
    whole = sum(line.net_minor for line in order.lines)
    return {
        "commission": min(4_000, _round(tea * 2_000 / 10_000) + _round(other * 1_250 / 10_000)),
        "bonus": _round(333 * (tea + other) / whole) if first and whole else 0,
        "volume": _round(tea * 500 / 10_000) + _round(other * 300 / 10_000),
    }


def _hold(order: OrderEvent, chargebacks: dict[str, ChargebackEvent]) -> str | None:
    if order.cancelled_at:
        return None
    of_order = sorted(
        key for key, one in chargebacks.items() if one.order_external_id == order.external_id and one.state == "open"
    )
    return "; ".join(f"chargeback {key} is open" for key in of_order) or None


def _round(amount: Fraction) -> int:
    """Half to even, by hand."""
    floor, rest = divmod(amount.numerator, amount.denominator)
    twice = 2 * rest
    if twice > amount.denominator or (twice == amount.denominator and floor % 2):
        return floor + 1
    return floor
