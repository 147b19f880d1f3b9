"""Makes batches that share an order or a customer take turns, on PostgreSQL; on SQLite there is one writer anyway.

Locking rows cannot do it: what races are rows that the other batch cannot see yet, such as an order and its refund, or
two orders of one customer. Without turns each commits without the other, and nobody looks again. Advisory locks end
with the transaction. Names share a few hundred locks per brand, so that a large batch does not fill the server's table
of locks; whoever meets a stranger in one just waits a little longer.
"""

from collections.abc import Iterable
from uuid import UUID
from zlib import crc32

from sqlalchemy import BigInteger, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY

from engine.intake.queries import OrderRecord, customers_of
from engine.intake.rules import FactDraft, Source
from engine.kernel.database import UnitOfWork

LOCKS = 256
_TAKE = text("SELECT pg_advisory_xact_lock(key) FROM unnest(:keys) AS key").bindparams(
    bindparam("keys", type_=ARRAY(BigInteger))
)


class Turns:
    """What one transaction has waited for."""

    def __init__(self, unit: UnitOfWork, brand_id: UUID) -> None:
        self._unit, self._brand_id = unit, brand_id
        self._needed = unit.dialect == "postgresql"
        self._held: set[int] = set()

    def await_facts(self, source: Source, facts: Iterable[FactDraft]) -> None:
        """Wait until nobody else works on the orders of these facts, nor on the customers whom they have or get."""
        if not self._needed:
            return
        known = list(facts)
        orders = {fact.order_external_id for fact in known}
        place = {"connector": source.connector, "account": source.account}
        customers = customers_of(self._unit, self._brand_id, **place, external_ids=orders)
        customers |= {fact.payload["customer"] for fact in known if fact.payload.get("customer")}
        names = {_order_name(source.connector, source.account, external_id) for external_id in orders}
        self._take(names | {_customer_name(key) for key in customers})

    def await_orders(self, orders: Iterable[OrderRecord]) -> bool:
        """Wait for orders that were read; return whether that took no lock, so that what was read still holds."""
        return not self._needed or not self._take(map(_name, orders))

    def _take(self, names: Iterable[str]) -> bool:
        keys = {self._key(name) for name in names} - self._held
        if not keys:
            return False
        self._unit.connection.execute(_TAKE, {"keys": sorted(keys)})  # one order for all: no deadlocks
        self._held |= keys
        return True

    def _key(self, name: str) -> int:
        return (self._brand_id.int % 2**54) * LOCKS + crc32(name.encode()) % LOCKS


def _name(order: OrderRecord) -> str:
    if order.customer_key:
        return _customer_name(order.customer_key)
    return _order_name(order.connector, order.account, order.external_id)


def _customer_name(key: str) -> str:
    return f"customer/{key}"


def _order_name(connector: str, account: str, external_id: str) -> str:
    return f"order/{connector}/{account}/{external_id}"
