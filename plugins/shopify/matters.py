"""What staff must see to: a customer or the shop asks that data be shown or forgotten, or the shop removed the app."""

from collections.abc import Mapping
from typing import Any, Final

from engine.plugin_api import InputError, read_json

UNINSTALLED: Final = "app/uninstalled"
_MOST_ORDERS: Final = 10


def matters(topic: str, body: bytes) -> str:
    """Return a sentence about a signed webhook for staff, or nothing where its topic asks nothing of them.

    It names people and orders by the shop's own numbers alone. A body that says no number still makes a sentence.
    """
    match topic:
        case "app/uninstalled":
            return (
                "The shop removed our app, so that it sends and answers nothing. Install the app again and subscribe, "
                "with its new access token where it has one of its own; or switch the shop off."
            )
        case "customers/data_request":
            said = _document(body)
            return (
                f"The customer {_number(said, 'customer')} asks what is kept about them (request "
                f"{_number(said, 'data_request')}, orders {_orders(said, 'orders_requested')}). Tell the shop within "
                "30 days."
            )
        case "customers/redact":
            said = _document(body)
            return (
                f"The customer {_number(said, 'customer')} asks to be forgotten (orders "
                f"{_orders(said, 'orders_to_redact')}). Do so within 30 days."
            )
        case "shop/redact":
            return "The shop asks that what is kept about its customers be forgotten. Do so within 30 days."
    return ""


def _document(body: bytes) -> Mapping[str, Any]:
    try:
        found = read_json(body)
    except InputError:
        return {}
    return found if isinstance(found, dict) else {}


def _number(said: Mapping[str, Any], what: str) -> str:
    found = said.get(what)
    return _id(found.get("id")) if isinstance(found, dict) else "without a number"


def _orders(said: Mapping[str, Any], what: str) -> str:
    found = said.get(what)
    if not isinstance(found, list) or not found:
        return "none"
    more = f" and {len(found) - _MOST_ORDERS:,} more" if len(found) > _MOST_ORDERS else ""
    return ", ".join(_id(each) for each in found[:_MOST_ORDERS]) + more


def _id(value: Any) -> str:
    return str(value) if type(value) is int and 0 <= value < 10**20 else "without a number"
