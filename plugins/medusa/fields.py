"""Which of an order's fields are asked for, and which of them are kept.

Child collections can only be asked for whole. What is stored is what is read: no addresses, and nothing of what the
payment provider said.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

FIELDS: Final = (
    "id,version,status,is_draft_order,currency_code,email,customer_id,metadata,created_at,updated_at,canceled_at,"
    "*items,*items.detail,*items.tax_lines,*items.adjustments,"
    "*shipping_methods,*shipping_methods.tax_lines,*shipping_methods.adjustments,*credit_lines,"
    "*payment_collections,*payment_collections.payments,"
    "*payment_collections.payments.captures,*payment_collections.payments.refunds"
)
"""For the `fields` of a question."""

_TAXES: Final = {"tax_lines": {"rate": None}}
_ADJUSTMENTS: Final = {
    "adjustments": dict.fromkeys(("id", "version", "code", "amount", "raw_amount", "is_tax_inclusive"))
}
_MOVED: Final = {"id": None, "amount": None, "raw_amount": None, "created_at": None}

_Shape = Mapping[str, Any]
_ORDER: Final[_Shape] = {
    **dict.fromkeys(("id", "version", "status", "is_draft_order", "currency_code", "email", "customer_id")),
    **dict.fromkeys(("created_at", "updated_at", "canceled_at")),
    "metadata": {"gw_click": None},
    "items": {
        **dict.fromkeys(("id", "unit_price", "raw_unit_price", "quantity", "raw_quantity", "is_tax_inclusive")),
        **dict.fromkeys(("product_id", "product_collection", "variant_sku", "is_giftcard")),
        **_TAXES,
        **_ADJUSTMENTS,
        "detail": dict.fromkeys(
            (
                "updated_at", "return_received_quantity", "raw_return_received_quantity",
                "return_dismissed_quantity", "raw_return_dismissed_quantity",
            )
        ),
    },
    "shipping_methods": {
        **dict.fromkeys(("id", "amount", "raw_amount", "is_tax_inclusive")),
        **_TAXES,
        **_ADJUSTMENTS,
    },
    "credit_lines": _MOVED | {"reference": None, "metadata": {"created_in_version": None}},
    "payment_collections": {
        **dict.fromkeys(("id", "status", "amount", "raw_amount", "created_at", "updated_at")),
        "payments": {"id": None, "updated_at": None, "captures": _MOVED, "refunds": _MOVED},
    },
}  # fmt: skip


def body_of(order: Any) -> bytes:
    """Return an order of the API as the body that `parse` reads, the same however the shop sorts things."""
    found = {"order": _kept(order, _ORDER)}
    return json.dumps(found, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_plain).encode(
        "utf-8", "replace"
    )


def _kept(value: Any, shape: _Shape | None) -> Any:
    """Return the part of `value` that `shape` names; lists are put in the order of their things' ids."""
    if shape is None:
        return value
    if isinstance(value, list):
        return sorted((_kept(each, shape) for each in value), key=_name)
    if not isinstance(value, dict):
        return value
    return {name: _kept(value[name], inner) for name, inner in shape.items() if name in value}


def _name(thing: Any) -> str:
    return str(thing.get("id", thing)) if isinstance(thing, dict) else str(thing)


def _plain(number: object) -> str:
    return format(number, "f") if isinstance(number, Decimal) else str(number)
