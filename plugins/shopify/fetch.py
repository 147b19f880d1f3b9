"""Orders out of the Admin API, whole: with all lines, payments and refunds, however many there are."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from plugins.shopify.api import AdminApi, TooCostlyError
from plugins.shopify.likeness import order_record, refund_record
from plugins.shopify.questions import ALL_LISTED, LISTED, MORE_LINES, MORE_REFUND_LINES, ONE, PAGE, REFUNDS

_SIZES: Final = (10, 4, 1)
"""How many orders a page may have: what Shopify finds too costly is asked for in smaller pages."""

_REFUNDS_AT_ONCE: Final = 5

Node = Mapping[str, Any]


def changed_orders(
    api: AdminApi, *, since: datetime, until: datetime, cursor: str | None
) -> tuple[list[dict[str, Any]], str | None]:
    """Return a page of the orders changed from `since` until `until`, in the shape of a webhook, and the next cursor.

    Shopify searches by whole seconds, both ends included.

    Raises:
        ConfigError, RetriableError, FatalError: as `AdminApi.ask`.
    """
    query = f"updated_at:>='{_second(since)}' AND updated_at:<='{_second(until + timedelta(seconds=1))}'"
    found = _page(api, query, cursor)["orders"]
    info = found["pageInfo"]
    return _wholes(api, found["nodes"]), info["endCursor"] if info["hasNextPage"] else None


def order_by_id(api: AdminApi, order_id: str) -> dict[str, Any] | None:
    """Return one order in the shape of a webhook, or None where the shop has none.

    Raises:
        ConfigError, RetriableError, FatalError: as `AdminApi.ask`.
    """
    node = api.ask(ONE, {"id": f"gid://shopify/Order/{order_id}"})["order"]
    return _wholes(api, [node])[0] if node else None


def _page(api: AdminApi, query: str, cursor: str | None) -> Node:
    for size in _SIZES[:-1]:
        try:
            return api.ask(PAGE, {"query": query, "first": size, "after": cursor})
        except TooCostlyError:
            continue
    return api.ask(PAGE, {"query": query, "first": _SIZES[-1], "after": cursor})


def _wholes(api: AdminApi, nodes: Sequence[Node]) -> list[dict[str, Any]]:
    lists = [_listed(api, node) for node in nodes]
    refunds = _refunds(api, [each["id"] for listed in lists for each in listed["refunds"]])
    return [
        order_record(
            node,
            lines=_all_lines(api, node),
            payments=listed["transactions"],
            refunds=[refund_record(refunds[each["id"]], order=node) for each in listed["refunds"]],
        )
        for node, listed in zip(nodes, lists, strict=True)
    ]


def _listed(api: AdminApi, node: Node) -> Node:
    """Return the order's payments and refunds: lists without pages, so a full one is asked for again at full length."""
    if max(len(node["transactions"]), len(node["refunds"])) < LISTED:
        return node
    whole: Node = api.ask(ALL_LISTED, {"id": node["id"]})["order"]
    return whole


def _all_lines(api: AdminApi, node: Node) -> list[Node]:
    found, page = list(node["lineItems"]["nodes"]), node["lineItems"]
    while page["pageInfo"]["hasNextPage"]:
        page = api.ask(MORE_LINES, {"id": node["id"], "after": page["pageInfo"]["endCursor"]})["order"]["lineItems"]
        found += page["nodes"]
    return found


def _refunds(api: AdminApi, ids: Sequence[str]) -> dict[str, Node]:
    found: dict[str, Node] = {}
    for start in range(0, len(ids), _REFUNDS_AT_ONCE):
        for refund in api.ask(REFUNDS, {"ids": ids[start : start + _REFUNDS_AT_ONCE]})["nodes"]:
            lines = [*refund["refundLineItems"]["nodes"], *_more_refund_lines(api, refund)]
            found[refund["id"]] = {**refund, "refundLineItems": {"nodes": lines}}
    return found


def _more_refund_lines(api: AdminApi, refund: Node) -> Iterable[Node]:
    info = refund["refundLineItems"]["pageInfo"]
    while info["hasNextPage"]:
        page = api.ask(MORE_REFUND_LINES, {"id": refund["id"], "after": info["endCursor"]})["node"]["refundLineItems"]
        yield from page["nodes"]
        info = page["pageInfo"]


def _second(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")
