"""Reads of the touches that were kept for orders."""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from sqlalchemy import select

from engine.attribution.tables import Touch
from engine.kernel.database import UnitOfWork
from engine.kernel.keyed import rows_of
from engine.kernel.tables import table_of
from engine.tracking.clicks.queries import ClickRow

_TOUCH: Final = table_of(Touch)
_NAMES: Final = ("program_id", "enrollment_id", "target", "target_id", "at", "reason", "verified", "visitor_key")

OrderName = tuple[str, str, str]
"""Connector, account and the shop's number of an order."""


def touches_of(unit: UnitOfWork, brand_id: UUID, orders: Iterable[OrderName]) -> dict[OrderName, dict[UUID, ClickRow]]:
    """Return the clicks that were kept for these orders, by id: one keyed read for each shop among them.

    Index: uq_touch_brand_id_connector_account_order_external_id_click_id.
    """
    by_shop: dict[tuple[str, str], list[str]] = {}
    for connector, account, external_id in orders:
        by_shop.setdefault((connector, account), []).append(external_id)
    found: dict[OrderName, dict[UUID, ClickRow]] = {}
    columns = (_TOUCH.c.order_external_id, _TOUCH.c.click_id, *(_TOUCH.c[name] for name in _NAMES))
    for (connector, account), external_ids in by_shop.items():
        theirs = rows_of(unit, _TOUCH.c.order_external_id, external_ids)
        shop = (_TOUCH.c.brand_id == brand_id, _TOUCH.c.connector == connector, _TOUCH.c.account == account)
        for external_id, *click in unit.execute(select(*columns).select_from(theirs).where(*shop)):
            row = ClickRow(*click)
            found.setdefault((connector, account, external_id), {})[row.id] = row
    return found
