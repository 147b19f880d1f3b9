"""Orders out of the REST API, with the details of their refunds: one by one, and all that changed.

A page is found by the time of change of the one before, never by its number: while an order changes, those behind it
move up, and a numbered page would skip one.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

from engine.plugin_api import FatalError
from plugins.woocommerce.api import RestApi
from plugins.woocommerce.reading import read_time
from plugins.woocommerce.refunds import DETAILS

_PER_PAGE: Final = 25
_SECOND: Final = timedelta(seconds=1)

Found = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Place:
    """How far a pull is: orders in the bin come after the others; `seen` were told already, all changed at `after`."""

    status: str
    after: datetime
    seen: tuple[int, ...] = ()

    @classmethod
    def read(cls, cursor: str) -> Self:
        status, after, seen = json.loads(cursor)
        return cls(str(status), datetime.fromisoformat(after), tuple(map(int, seen)))

    def written(self) -> str:
        return json.dumps([self.status, self.after.isoformat(), self.seen])


def changed_orders(
    api: RestApi, *, since: datetime, until: datetime, cursor: str | None
) -> tuple[list[Found], str | None]:
    """Return a page of the orders changed from `since` until `until`, their refunds with details, and the cursor.

    Raises:
        ConfigError, RetriableError, FatalError: as `RestApi.ask`.
    """
    place = _Place.read(cursor) if cursor else _Place("any", since)
    found = api.page("wc/v3/orders", _params(place, until))
    following = _following(place, found, since)
    return [with_details(api, order) for order in found], following.written() if following else None


def order_by_id(api: RestApi, order_id: str) -> Found | None:
    """Return one order with the details of its refunds, or None where the shop has none.

    Raises:
        ConfigError, RetriableError, FatalError: as `RestApi.ask`.
    """
    found = api.ask("GET", f"wc/v3/orders/{order_id}")
    return with_details(api, found) if found else None


def with_details(api: RestApi, order: Mapping[str, Any]) -> Found:
    """Return the order with the details of its refunds; without any, nothing is asked.

    Raises:
        ConfigError, RetriableError, FatalError: as `RestApi.ask`.
    """
    if not order.get("refunds"):
        return dict(order)
    return {**order, DETAILS: list(api.listed(f"wc/v3/orders/{int(order['id'])}/refunds"))}


def _params(place: _Place, until: datetime) -> dict[str, str]:
    """Both bounds leave out the second that they name."""
    params = {
        "status": place.status,
        "modified_after": _written(place.after - _SECOND),
        "modified_before": _written(until + _SECOND),
        "dates_are_gmt": "true",
        "orderby": "modified",
        "order": "asc",
        "per_page": str(_PER_PAGE),
    }
    return params | {"exclude": ",".join(map(str, place.seen))} if place.seen else params


def _following(place: _Place, found: list[Found], since: datetime) -> _Place | None:
    if len(found) < _PER_PAGE:
        return _Place("trash", since) if place.status == "any" else None
    last = _changed_at(found[-1])
    seen = tuple(int(order["id"]) for order in found if _changed_at(order) == last)
    return _Place(place.status, last, (*place.seen, *seen) if last == place.after else seen)


def _changed_at(order: Mapping[str, Any]) -> datetime:
    time = read_time(order["date_modified_gmt"])
    if time is None:
        raise FatalError(f"Order {order['id']!s:.20} of the shop does not say when it changed.")
    return time


def _written(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
