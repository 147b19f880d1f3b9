"""Finds the clicks that led to the orders of a batch, and keeps them with the orders as touches.

An order names clicks by their signed ids; other visits of the same visitors belong to it as well. What was found is
kept, so that a later decision about the order does not depend on clicks that were deleted meanwhile. Which touches
count is worked out from the order's newest version each time, so it does not matter which version came first.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import and_, func, select

from engine.attribution.queries import OrderName, touches_of
from engine.attribution.tables import Touch
from engine.intake.queries import OrderRecord
from engine.intake.rules import instant
from engine.intake.tables import ShopOrder
from engine.kernel.bulk import insert_rows
from engine.kernel.database import UnitOfWork
from engine.kernel.ids import new_id
from engine.kernel.keyed import among
from engine.kernel.tables import table_of
from engine.tracking.clicks.flags import Flag, FlagReason, flag_of, flags_of_visit, raise_flags
from engine.tracking.clicks.queries import NEWEST, ClickRow, Span, clicks_by_id, visits_of
from engine.tracking.clicks.rules import click_id_of
from engine.tracking.clicks.tables import ClickFlag

LOOK_BACK: Final = timedelta(days=365)
"""The longest click window that terms can have."""

SHARED_BY: Final = 3
"""From how many customers on a click is flagged that their orders name."""

_TOUCH: Final = table_of(Touch)
_ORDER: Final = table_of(ShopOrder)
_FLAG: Final = table_of(ClickFlag)


@dataclass(frozen=True, slots=True)
class OrderTouches:
    """The clicks of an order, oldest first. `unknown`: it also came with something that names no click of the brand."""

    clicks: tuple[ClickRow, ...] = ()
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class Gathered:
    """The touches of a batch by order, and those among them that are not stored yet."""

    of: Mapping[UUID, OrderTouches] = field(default_factory=dict)
    new: tuple[tuple[OrderRecord, ClickRow], ...] = ()


NO_TOUCHES: Final = OrderTouches()


@dataclass(frozen=True, slots=True)
class _Known:
    """An order, the clicks that it names (None: what nobody signed), what was kept, and all that is known of them."""

    order: OrderRecord
    named: tuple[UUID | None, ...]
    kept: Mapping[UUID, ClickRow]
    clicks: dict[UUID, ClickRow]

    @property
    def visitors(self) -> set[str]:
        """Who made the clicks that the order names, as far as it may be known."""
        clicks = (self.clicks[each] for each in self.named if each in self.clicks)
        return {click.visitor_key for click in clicks if click.visitor_key is not None}

    @property
    def spans(self) -> set[Span]:
        """Where other visits of theirs are looked for."""
        placed_at = self.order.placed_at
        return {Span(visitor, placed_at - LOOK_BACK, placed_at) for visitor in self.visitors}


def gather(unit: UnitOfWork, brand_id: UUID, orders: Iterable[OrderRecord], *, key: bytes) -> Gathered:
    """Return the touches of `orders`; `key` is the one that click ids are signed with.

    One keyed read each for what was kept, for the clicks that are named, and for other visits of the same visitors.
    Orders that name no click cost nothing.
    """
    naming = [order for order in orders if "clicks" in order.payload]
    if not naming:
        return Gathered()
    kept = touches_of(unit, brand_id, (order.name for order in naming))
    known = [_known(order, kept.get(order.name, {}), key) for order in naming]
    unread = {click_id for each in known for click_id in each.named if click_id and click_id not in each.clicks}
    read = {row.id: row for row in clicks_by_id(unit, brand_id, unread)}
    for each in known:
        each.clicks.update((click_id, read[click_id]) for click_id in each.named if click_id in read)
    _add_visits(unit, brand_id, known)
    touches = {each.order.id: _touches(each) for each in known}
    new = ((each, click) for each in known for click in touches[each.order.id].clicks if click.id not in each.kept)
    return Gathered(touches, tuple((each.order, click) for each, click in new))


def kept_touches(unit: UnitOfWork, brand_id: UUID, orders: Iterable[OrderRecord]) -> Mapping[UUID, OrderTouches]:
    """Return what was kept for `orders`, whatever of it counts now: for those who only explain."""
    named: dict[OrderName, OrderRecord] = {order.name: order for order in orders if "clicks" in order.payload}
    found = touches_of(unit, brand_id, named) if named else {}
    return {
        named[name].id: OrderTouches(tuple(sorted(clicks.values(), key=lambda click: click.place)))
        for name, clicks in found.items()
    }


def store_touches(unit: UnitOfWork, brand_id: UUID, new: Sequence[tuple[OrderRecord, ClickRow]]) -> None:
    """Keep touches that are not stored yet, and flag what is odd about them."""
    if not new:
        return
    insert_rows(unit, _TOUCH, [_row(unit, brand_id, order, click) for order, click in new])
    flags = [flag for order, click in new for flag in _flags(order, click)]
    raise_flags(unit, brand_id, [*flags, *_shared(unit, brand_id, {click.id for _, click in new})])


def _known(order: OrderRecord, kept: Mapping[UUID, ClickRow], key: bytes) -> _Known:
    named = tuple(click_id_of(key, token) for token in order.payload["clicks"])
    return _Known(order, named, kept, dict(kept))


def _add_visits(unit: UnitOfWork, brand_id: UUID, known: Iterable[_Known]) -> None:
    spans = [(each, each.spans) for each in known]
    by_visitor: dict[str | None, list[ClickRow]] = {}
    for row in visits_of(unit, brand_id, {span for _, theirs in spans for span in theirs}):
        by_visitor.setdefault(row.visitor_key, []).append(row)
    for each, theirs in spans:
        visits = (row for span in theirs for row in by_visitor.get(span.visitor_key, ()))
        each.clicks.update((row.id, row) for row in visits)


def _touches(known: _Known) -> OrderTouches:
    """Return which clicks belong to an order: those it names, and of each of their visitors the visits before it.

    Of a visitor's visits in the year before the order, the newest ones and the first count; which they are does not
    change when more is known than was asked for.
    """
    chosen = {each: known.clicks[each] for each in known.named if each in known.clicks}
    for visitor in known.visitors:
        visits = sorted(
            (click for click in known.clicks.values() if click.visitor_key == visitor and _within(click, known.order)),
            key=lambda click: click.place,
        )
        chosen.update((click.id, click) for click in (*visits[:1], *visits[-NEWEST:]))
    unknown = any(each not in known.clicks for each in known.named)
    return OrderTouches(tuple(sorted(chosen.values(), key=lambda click: click.place)), unknown)


def _within(click: ClickRow, order: OrderRecord) -> bool:
    return click.is_visit and order.placed_at - LOOK_BACK <= click.at <= order.placed_at


def _row(unit: UnitOfWork, brand_id: UUID, order: OrderRecord, click: ClickRow) -> dict[str, Any]:
    return {
        "id": new_id(),
        "brand_id": brand_id,
        "connector": order.connector,
        "account": order.account,
        "order_external_id": order.external_id,
        "click_id": click.id,
        "program_id": click.program_id,
        "enrollment_id": click.enrollment_id,
        "target": click.target,
        "target_id": click.target_id,
        "at": click.at,
        "reason": click.reason,
        "verified": click.verified,
        "visitor_key": click.visitor_key,
        "recorded_at": unit.now,
    }


def _flags(order: OrderRecord, click: ClickRow) -> Iterator[Flag]:
    yield from flags_of_visit(click.id, click.signals)
    first_seen = instant(order.payload, "first_seen_at")
    if flag := flag_of(click.id, click.at, placed_at=order.placed_at, first_seen_at=first_seen):
        yield flag


def _shared(unit: UnitOfWork, brand_id: UUID, click_ids: Collection[UUID]) -> Iterator[Flag]:
    """Yield a flag for each click that orders of several customers name; one that has it is not counted again.

    Who buys may be somebody to whom the visitor sent the shop's address, so it is no proof. Indexes: ix_touch_click,
    the unique one of shop_order.
    """
    flagged = select(_FLAG.c.id).where(
        _FLAG.c.brand_id == brand_id, _FLAG.c.click_id == _TOUCH.c.click_id, _FLAG.c.reason == FlagReason.SHARED.value
    )
    named = ("brand_id", "connector", "account")
    of_order = [_TOUCH.c[name] == _ORDER.c[name] for name in named]
    customers = func.count(_ORDER.c.customer_key.distinct())
    found = unit.execute(
        select(_TOUCH.c.click_id, customers)
        .join_from(_TOUCH, _ORDER, and_(*of_order, _TOUCH.c.order_external_id == _ORDER.c.external_id))
        .where(_TOUCH.c.brand_id == brand_id, among(unit, _TOUCH.c.click_id, sorted(click_ids)), ~flagged.exists())
        .group_by(_TOUCH.c.click_id)
        .having(customers >= SHARED_BY)
    )
    for click_id, number in found:
        yield Flag(click_id, FlagReason.SHARED, f"Orders of {number} different customers came back with this click.")
