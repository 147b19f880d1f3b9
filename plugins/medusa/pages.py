"""Pages of the orders that a pull must look at.

Two lists, one after the other: all orders young enough to be refunded, then older ones that changed. Both go by when
orders were placed, which never changes, so that nothing moves from page to page.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from engine.plugin_api import FatalError
from plugins.medusa.api import AdminApi
from plugins.medusa.fields import FIELDS

PER_PAGE: Final = 50
_CURSOR: Final = re.compile(r"(young|old):(\d{1,9})", re.ASCII)


def orders_looked_at(
    api: AdminApi, *, since: datetime, until: datetime, cursor: str | None
) -> tuple[list[Any], str | None]:
    """Return a page of the orders that may have changed from `since` until `until`, and the next cursor.

    Raises:
        FatalError: the cursor is not one of ours; or as `AdminApi.get`.
        ConfigError, RetriableError: as `AdminApi.get`.
    """
    which, offset = _place(cursor)
    young = since - timedelta(days=api.settings.refund_days)
    bounds = {"created_at[$gte]": _written(young), "created_at[$lt]": _written(until)}
    if which == "old":
        bounds = {"created_at[$lt]": _written(young), "updated_at[$gte]": _written(since)}
    page = {"fields": FIELDS, "order": "created_at", "offset": str(offset), "limit": str(PER_PAGE)}
    found = api.get("orders", page | bounds)["orders"]
    if not isinstance(found, list):
        raise FatalError("Medusa's list of orders is no list.")
    if len(found) == PER_PAGE:
        return found, f"{which}:{offset + PER_PAGE}"
    return found, "old:0" if which == "young" else None


def _place(cursor: str | None) -> tuple[str, int]:
    if cursor is None:
        return "young", 0
    place = _CURSOR.fullmatch(cursor)
    if place is None:
        raise FatalError("The cursor is not one of this connector's.")
    return place[1], int(place[2])


def _written(time: datetime) -> str:
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")
