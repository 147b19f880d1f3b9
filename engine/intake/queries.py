"""Reads orders with all that was taken back from them, in keyed reads for a whole batch."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Table, func, select

from engine.intake.tables import Chargeback, CommerceFact, Customer, Refund, ShopOrder
from engine.kernel.database import UnitOfWork
from engine.kernel.keyed import among, rows_of
from engine.kernel.tables import table_of

_ORDER = table_of(ShopOrder)
_FACT = table_of(CommerceFact)
_CUSTOMER = table_of(Customer)
_CLAIMS = (table_of(Refund), table_of(Chargeback))
_RECORD = (
    _ORDER.c.id,
    _ORDER.c.connector,
    _ORDER.c.account,
    _ORDER.c.external_id,
    _ORDER.c.version_at,
    _ORDER.c.placed_at,
    _ORDER.c.paid_at,
    _ORDER.c.currency,
    _ORDER.c.customer_key,
    _ORDER.c.blocked_reason,
    _FACT.c.payload,
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A refund or chargeback as it stands since `version_at`."""

    external_id: str
    version_at: datetime
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """An order as it stands since `version_at`: its head, its newest payload, and its refunds and chargebacks."""

    id: UUID
    connector: str
    account: str
    external_id: str
    version_at: datetime
    placed_at: datetime
    paid_at: datetime | None
    currency: str
    customer_key: str | None
    blocked_reason: str | None
    payload: dict[str, Any]
    refunds: tuple[Claim, ...]
    chargebacks: tuple[Claim, ...]

    @property
    def name(self) -> tuple[str, str, str]:
        """What the shop calls the order: connector, account and external id."""
        return self.connector, self.account, self.external_id

    @property
    def place(self) -> tuple[datetime, str, str]:
        """Where the order stands among a customer's: ties compare connector and external id bytewise."""
        return self.placed_at, self.connector, self.external_id

    @property
    def standing_refunds(self) -> tuple[Claim, ...]:
        """The refunds that the shop still has: where it lists them, those in its list and those that changed later.

        Which they are follows from the newest versions alone, whatever order they came in.
        """
        listed = self.payload.get("refund_ids")
        if listed is None:
            return self.refunds
        return tuple(each for each in self.refunds if each.external_id in listed or each.version_at > self.version_at)


@dataclass(frozen=True, slots=True)
class FirstOrder:
    """A customer's first order as last noted."""

    order_id: UUID
    place: tuple[datetime, str, str]


def order_ids(
    unit: UnitOfWork, brand_id: UUID, *, connector: str, account: str, external_ids: Collection[str]
) -> list[UUID]:
    """Return the ids of those orders that have come. Index: uq_shop_order_brand_id_connector_account_external_id."""
    statement = select(_ORDER.c.id).where(
        _ORDER.c.brand_id == brand_id,
        _ORDER.c.connector == connector,
        _ORDER.c.account == account,
        among(unit, _ORDER.c.external_id, sorted(external_ids)),
    )
    return list(unit.execute(statement).scalars())


def customers_of(
    unit: UnitOfWork, brand_id: UUID, *, connector: str, account: str, external_ids: Collection[str]
) -> set[str]:
    """Return the customers of those orders that have come. Index: as for `order_ids`."""
    statement = select(_ORDER.c.customer_key).where(
        _ORDER.c.brand_id == brand_id,
        _ORDER.c.connector == connector,
        _ORDER.c.account == account,
        among(unit, _ORDER.c.external_id, sorted(external_ids)),
        _ORDER.c.customer_key.is_not(None),
    )
    return set(unit.execute(statement).scalars())


def orders(
    unit: UnitOfWork, brand_id: UUID, ids: Collection[UUID], *, fresh: Mapping[UUID, OrderRecord] | None = None
) -> dict[UUID, OrderRecord]:
    """Return the orders with these ids, whole and by id; those in `fresh`, just written, are not read again.

    Two joins by primary key, and one keyed read for each kind of claim.
    """
    known = fresh or {}
    found = [known[each] for each in ids if each in known]
    unread = [each for each in ids if each not in known]
    if unread:
        wanted = rows_of(unit, _ORDER.c.id, unread).join(_FACT, _FACT.c.id == _ORDER.c.fact_id)
        statement = select(*_RECORD).select_from(wanted).where(_ORDER.c.brand_id == brand_id)
        found += [OrderRecord(*(*row, (), ())) for row in unit.execute(statement)]
    refunds, chargebacks = (_claims(unit, brand_id, table, found) for table in _CLAIMS)
    claimed = refunds.keys() | chargebacks.keys()
    return {
        order.id: replace(
            order, refunds=tuple(refunds.get(order.name, ())), chargebacks=tuple(chargebacks.get(order.name, ()))
        )
        if order.name in claimed
        else order
        for order in sorted(found, key=lambda order: order.id.int)
    }


def first_orders(unit: UnitOfWork, brand_id: UUID, customer_keys: Collection[str]) -> dict[str, FirstOrder]:
    """Return the first order noted of each customer. Index: uq_customer_brand_id_customer_key."""
    statement = select(
        _CUSTOMER.c.customer_key,
        _CUSTOMER.c.first_order_id,
        _CUSTOMER.c.first_placed_at,
        _CUSTOMER.c.first_connector,
        _CUSTOMER.c.first_external_id,
    ).where(_CUSTOMER.c.brand_id == brand_id, among(unit, _CUSTOMER.c.customer_key, sorted(customer_keys)))
    return {row[0]: FirstOrder(row[1], (row[2], row[3], row[4])) for row in unit.execute(statement)}


def orders_of_customers(unit: UnitOfWork, brand_id: UUID, customer_keys: Collection[str]) -> list[UUID]:
    """Return the ids of all orders of these customers. Index: ix_shop_order_customer."""
    theirs = rows_of(unit, _ORDER.c.customer_key, sorted(customer_keys))
    statement = select(_ORDER.c.id).select_from(theirs).where(_ORDER.c.brand_id == brand_id)
    return list(unit.execute(statement).scalars())


def refunds_waiting(unit: UnitOfWork, brand_id: UUID, *, connector: str, account: str) -> int:
    """Return how many refunds wait for an order that has not come. Indexes: ix_refund_order, and the order's key.

    Reads every refund of the account: for the end of an import, not for a batch.
    """
    refund = table_of(Refund).c
    its_order = select(_ORDER.c.id).where(
        _ORDER.c.brand_id == refund.brand_id,
        _ORDER.c.connector == refund.connector,
        _ORDER.c.account == refund.account,
        _ORDER.c.external_id == refund.order_external_id,
    )
    statement = select(func.count()).where(
        refund.brand_id == brand_id, refund.connector == connector, refund.account == account, ~its_order.exists()
    )
    return int(unit.execute(statement).scalar_one())


def _claims(
    unit: UnitOfWork, brand_id: UUID, table: Table, orders: Sequence[OrderRecord]
) -> dict[tuple[str, str, str], list[Claim]]:
    """Read the refunds or chargebacks of `orders`. Indexes: ix_refund_order, ix_chargeback_order."""
    wanted: dict[tuple[str, str], list[str]] = {}
    for order in orders:
        wanted.setdefault((order.connector, order.account), []).append(order.external_id)
    found: dict[tuple[str, str, str], list[Claim]] = {}
    for (connector, account), external_ids in wanted.items():
        theirs = rows_of(unit, table.c.order_external_id, external_ids)
        statement = (
            select(table.c.order_external_id, table.c.external_id, table.c.version_at, _FACT.c.payload)
            .select_from(theirs.join(_FACT, _FACT.c.id == table.c.fact_id))
            .where(table.c.brand_id == brand_id, table.c.connector == connector, table.c.account == account)
            .order_by(table.c.external_id)
        )
        for order_id, *claim in unit.execute(statement):
            found.setdefault((connector, account, order_id), []).append(Claim(*claim))
    return found
