"""Keeps track of customers: who bought first with what, and to whom they are linked.

A customer's first order is the earliest paid one. When an earlier one arrives late, the order that was first until then
must be looked at again; when the first one changes or leaves, all of the customer's orders must. They must in any case
where a program's model looks at when a customer was first seen.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, delete, insert, update

from engine.attribution.tables import CustomerLink
from engine.intake.queries import FirstOrder, OrderRecord
from engine.intake.tables import Customer
from engine.kernel.bulk import insert_rows
from engine.kernel.database import UnitOfWork
from engine.kernel.ids import new_id
from engine.kernel.tables import table_of
from engine.pipeline.decide import links_since
from engine.pipeline.pointers import Firsts, past_matters
from engine.pipeline.workset import Link, LinkKey, Workset

_CUSTOMER = table_of(Customer)
_LINK = table_of(CustomerLink)


@dataclass(frozen=True, slots=True)
class Wider:
    """What else must be in the batch before it can be decided: single orders, or everything of some customers."""

    orders: frozenset[UUID]
    customers: frozenset[str]

    def __bool__(self) -> bool:
        """Tell whether anything is wanted."""
        return bool(self.orders or self.customers)


def first_of(work: Workset) -> dict[str, FirstOrder | None]:
    """Return the first order of each customer of the batch."""
    paid: dict[str, list[OrderRecord]] = {}
    for order in work.orders.values():
        if order.customer_key and order.paid_at:
            paid.setdefault(order.customer_key, []).append(order)
    found: dict[str, FirstOrder | None] = {}
    for key in work.customer_keys | set(work.firsts):
        candidates = [FirstOrder(order.id, order.place) for order in paid.get(key, ())]
        stored = work.firsts.get(key)
        if stored is not None and stored.order_id not in work.orders:
            candidates.append(stored)
        found[key] = min(candidates, key=lambda first: first.place) if candidates else None
    return found


def wider(
    work: Workset,
    firsts: Firsts,
    *,
    links: Mapping[LinkKey, Link | None],
    whole: frozenset[str],
) -> Wider:
    """Return what the batch lacks. `whole` are the customers all of whose orders are in it already."""
    orders: set[UUID] = set()
    customers: set[str] = set()
    for key, stored in work.firsts.items():
        if key in whole:
            continue
        known = work.orders.get(stored.order_id)
        if known is not None and not _still_stands(known, key, stored):
            customers.add(key)
        elif firsts[key] != stored:
            customers.update([key] if past_matters(work) else [])
            orders.update([stored.order_id] if known is None else [])
    customers.update(key[1] for key, link in links.items() if work.links.get(key) != link)
    customers.update(_with_a_past(work, links))
    return Wider(frozenset(orders), frozenset(customers - whole))


def store_firsts(unit: UnitOfWork, brand_id: UUID, stored: Mapping[str, FirstOrder], *, firsts: Firsts) -> None:
    """Write the first orders that changed."""
    new, changed, gone = [], [], []
    for key, first in firsts.items():
        if first is None:
            gone += [{"of_brand": brand_id, "key": key}] if key in stored else []
            continue
        row = {
            "first_order_id": first.order_id,
            "first_placed_at": first.place[0],
            "first_connector": first.place[1],
            "first_external_id": first.place[2],
        }
        if key not in stored:
            new.append({**row, "id": new_id(), "brand_id": brand_id, "customer_key": key})
        elif stored[key] != first:
            changed.append({**row, "of_brand": brand_id, "key": key})
    named = (_CUSTOMER.c.brand_id == bindparam("of_brand"), _CUSTOMER.c.customer_key == bindparam("key"))
    if new:
        insert_rows(unit, _CUSTOMER, sorted(new, key=lambda row: row["customer_key"]))
    if changed:
        unit.execute(update(_CUSTOMER).where(*named), changed)
    if gone:
        unit.execute(delete(_CUSTOMER).where(*named), gone)


def store_links(
    unit: UnitOfWork, brand_id: UUID, stored: Mapping[LinkKey, Link], *, links: Mapping[LinkKey, Link | None]
) -> None:
    """Write the links that changed."""
    for (program_id, customer), link in sorted(links.items(), key=lambda item: (item[0][1], item[0][0])):
        before = stored.get((program_id, customer))
        if link == before:
            continue
        named = (
            _LINK.c.brand_id == brand_id,
            _LINK.c.program_id == program_id,
            _LINK.c.customer_key == customer,
        )
        if link is None:
            unit.execute(delete(_LINK).where(*named))
        elif before is None:
            row = _link_columns(link) | {"program_id": program_id, "customer_key": customer}
            unit.execute(insert(_LINK).values(id=new_id(), brand_id=brand_id, **row))
        else:
            unit.execute(update(_LINK).where(*named).values(**_link_columns(link)))


def _with_a_past(work: Workset, links: Mapping[LinkKey, Link | None]) -> Iterator[str]:
    """Yield customers who may owe a link to an order from before the program noted links at all."""
    since = {program.id: noted for program in work.programs if (noted := links_since(work, program.id))}
    for key, first in work.firsts.items():
        if any(first.place[0] < noted and not links.get((program_id, key)) for program_id, noted in since.items()):
            yield key


def _still_stands(order: OrderRecord, key: str, stored: FirstOrder) -> bool:
    return order.customer_key == key and order.paid_at is not None and order.place == stored.place


def _link_columns(link: Link) -> dict[str, Any]:
    placed_at, connector, external_id = link.place
    return {
        "enrollment_id": link.enrollment_id,
        "order_id": link.order_id,
        "placed_at": placed_at,
        "connector": connector,
        "external_id": external_id,
    }
