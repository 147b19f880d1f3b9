"""A Medusa shop in memory: its orders as the Admin API tells them, and that API as Medusa's own source has it.

As in the real one, captures and refunds leave an order's `updated_at` alone, `total` shrinks with them, a promotion's
code tells upper case from lower, and unknown fields of a promotion are refused.
"""

import base64
import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine.plugin_api import ConfigError, HttpResponse
from plugins.medusa.settings import MedusaSettings
from tests.plugins.by_module import CLICK, NEXT_SECRET, SECRET, after, written

URL = "https://medusa.example"
KEY = "sk_" + "0123456789abcdef" * 3


def settings(**changes: Any) -> MedusaSettings:
    return MedusaSettings.model_validate({"url": URL, "api_key": KEY, "secrets": [SECRET, NEXT_SECRET], **changes})


def at(minutes: float = 0) -> str:
    """The time so many minutes after the first order."""
    return after(minutes=minutes)


def big(**fields: str | int) -> dict[str, Any]:
    """Numbers as Medusa writes them: one that JSON rounds, and the exact one beside it."""
    found: dict[str, Any] = {}
    for name, value in fields.items():
        number = json.loads(str(value))
        found |= {name: number, f"raw_{name}": {"value": str(value), "precision": 20}}
    return found


def an_item(item_id: str, price: str, quantity: int = 1, *, off: str = "", code: str = "ANNA10", **changes: Any) -> Any:
    """A line of an order, 19 % tax on top of its price; `off` is what a promotion takes, without tax."""
    adjustment = {"id": f"ordliadj_{item_id}", "code": code, "promotion_id": "promo_1", **big(amount=off or "0")}
    return {
        "id": item_id,
        "title": "Cap",
        "product_id": "prod_cap",
        "product_title": "Cap",
        "product_collection": "Spring",
        "variant_sku": "CAP-1",
        "is_tax_inclusive": False,
        "is_giftcard": False,
        **big(unit_price=price, quantity=quantity),
        "tax_lines": [{"id": f"ordlitxl_{item_id}", "code": "DE", "rate": 19, "provider_id": "tp_system"}],
        "adjustments": [adjustment | {"is_tax_inclusive": False}] if off else [],
        "detail": {
            "id": f"orditem_{item_id}",
            "updated_at": at(),
            **big(quantity=quantity, return_received_quantity=0, return_dismissed_quantity=0, fulfilled_quantity=0),
        },
        **changes,
    }


def a_move(move_id: str, amount: str, when: str) -> dict[str, Any]:
    """A capture or a refund."""
    return {"id": move_id, "payment_id": "pay_1", "created_at": when, "created_by": "user_1", **big(amount=amount)}


def a_credit(credit_id: str, amount: str, *, version: int | None = None) -> dict[str, Any]:
    """A credit line of the checkout (a gift card, store credit), or of a later version of the order."""
    metadata = {} if version is None else {"created_in_version": version}
    credit: dict[str, Any] = {
        "id": credit_id,
        "reference": "gift-card" if version is None else "order",
        "metadata": metadata,
    }
    return credit | {"created_at": at(), "updated_at": at(), **big(amount=amount)}


def a_payment(amount: str, *, captured: bool = True) -> dict[str, Any]:
    return {
        "id": "paycol_1",
        "currency_code": "eur",
        "status": "completed" if captured else "authorized",
        "created_at": at(-1),
        "updated_at": at(),
        **big(amount=amount),
        "payments": [
            {
                "id": "pay_1",
                "provider_id": "pp_stripe",
                "data": {"client_secret": "pi_1_secret_never_to_be_stored"},
                "updated_at": at(),
                **big(amount=amount),
                "captures": [a_move("capt_1", amount, at(1))] if captured else [],
                "refunds": [],
            }
        ],
    }


def an_order(order_id: str = "order_1", **changes: Any) -> dict[str, Any]:
    """An order: 55.00 less 5.50 and 18.00, shipping 5.00, 19 % tax on all; 86.28 were captured, rounded from 86.275."""
    order: dict[str, Any] = {
        "id": order_id,
        "display_id": 1,
        "version": 1,
        "status": "pending",
        "is_draft_order": False,
        "currency_code": "eur",
        "email": "ann@example.org",
        "customer_id": "cus_1",
        "metadata": {"gw_click": CLICK, "note": "ring twice"},
        "created_at": at(),
        "updated_at": at(),
        "canceled_at": None,
        "total": 86.28,
        "original_total": 92.82,
        "summary": {"original_order_total": 86.28, "current_order_total": 86.28, "paid_total": 86.28},
        "shipping_address": {"address_1": "Never Street 1"},
        "items": [an_item("ordli_1", "27.5", 2, off="5.5"), an_item("ordli_2", "18", variant_sku=None)],
        "shipping_methods": [
            {
                "id": "ordsm_1",
                "name": "Parcel",
                "is_tax_inclusive": False,
                **big(amount="5"),
                "tax_lines": [{"id": "ordsmtxl_1", "rate": 19}],
                "adjustments": [],
            }
        ],
        "credit_lines": [],
        "payment_collections": [a_payment("86.28")],
    }
    return {**copy.deepcopy(order), **copy.deepcopy(changes)}


def refunded(order: dict[str, Any], *refunds: tuple[str, str, float]) -> dict[str, Any]:
    """The order with refunds of (id, amount, minute), credit lines for them, and a total that shrank.

    As in the real one, each version has its own copies of the credit lines, which keep the version in which they came.
    """
    order = copy.deepcopy(order)
    for refund_id, amount, minute in refunds:
        order["payment_collections"][0]["payments"][0]["refunds"].append(a_move(refund_id, amount, at(minute)))
        order = versioned(order, minute + 0.001)
        credit: dict[str, Any] = {
            "id": f"ordcl_{refund_id}",
            "reference": "payment_collection",
            "created_at": at(minute + 0.001),
        }
        credit |= {"metadata": {"created_in_version": order["version"]}, "updated_at": at(minute + 0.001)}
        order["credit_lines"].append(credit | big(amount=amount))
        order["total"] = round(order["total"] - json.loads(amount), 2)
        order["summary"]["current_order_total"] = order["total"]
    return order


def versioned(order: dict[str, Any], minute: float) -> dict[str, Any]:
    """The order in its next version: its credit lines are copied, with new ids and times."""
    order = copy.deepcopy(order) | {"version": order["version"] + 1}
    for credit in order["credit_lines"]:
        credit |= {"id": f"{credit['id']}_{order['version']}", "created_at": at(minute), "updated_at": at(minute)}
    return order


def returned(order: dict[str, Any], item_id: str, quantity: int, minute: float) -> dict[str, Any]:
    """The order with pieces of an item received back."""
    order = versioned(order, minute)
    detail = next(each["detail"] for each in order["items"] if each["id"] == item_id)
    detail |= {**big(return_received_quantity=quantity), "updated_at": at(minute)}
    return order | {"updated_at": at(minute)}


_METHOD = {"type", "target_type", "value", "currency_code", "allocation"}
_PROMOTION = {"code", "type", "status", "is_tax_inclusive", "is_automatic", "campaign_id", "application_method"}
_CAMPAIGN = {"name", "campaign_identifier", "starts_at", "ends_at"}


@dataclass
class FakeShop:
    """The shop, and the HTTP client that leads to it."""

    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    promotions: dict[str, dict[str, Any]] = field(default_factory=dict)
    campaigns: dict[str, dict[str, Any]] = field(default_factory=dict)
    currency: str = "eur"
    prices_have_taxes: bool = True
    asked: list[str] = field(default_factory=list)

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        accept: tuple[int, ...] = (),
    ) -> HttpResponse:
        assert form is None
        assert url.startswith(f"{URL}/admin/")
        if dict(headers or {}) != {"authorization": f"Basic {base64.b64encode(f'{KEY}:'.encode()).decode()}"}:
            raise ConfigError("401")
        path = url.removeprefix(f"{URL}/admin/")
        self.asked.append(f"{method} {path}")
        status, found = self._answer(method, path.split("/"), dict(params or {}), json)
        assert status < 300 or status in accept
        return HttpResponse(status, {}, written(found))

    def place(self, *orders: dict[str, Any]) -> None:
        self.orders |= {order["id"]: order for order in orders}

    def _answer(self, method: str, path: list[str], params: dict[str, str], given: Any) -> tuple[int, Any]:
        match method, path:
            case "GET", ["stores" | "price-preferences" as kind]:
                return 200, self._set_up(kind.replace("-", "_"), params)
            case "GET", ["orders"]:
                return 200, self._listed(params)
            case "GET", ["orders", order_id]:
                assert "*items.tax_lines" in params["fields"]
                found = self.orders.get(order_id)
                return (200, {"order": found}) if found else (404, {"type": "not_found", "message": "No such order"})
            case "GET", ["promotions"]:
                return 200, {"promotions": self._codes(params)}
            case "GET", ["campaigns"]:
                name = params["campaign_identifier"]
                named = [each for each in self.campaigns.values() if each["campaign_identifier"] == name]
                return 200, {"campaigns": named}
            case "POST", ["promotions", *rest]:
                return self._promotion(rest, given)
            case "POST", ["campaigns", *rest]:
                return self._kept(self.campaigns, "campaign", rest, given, allowed=_CAMPAIGN)
        return 404, {"type": "not_found", "message": "No such route"}

    def _set_up(self, kind: str, params: dict[str, str]) -> dict[str, Any]:
        if kind == "stores":
            supported = [{"currency_code": each, "is_default": self.currency == each} for each in ("usd", "eur")]
            return {kind: [{"id": "store_1", "name": "Medusa", "supported_currencies": supported}]}
        assert params == {"attribute": "currency_code", "value": self.currency, "limit": "1"}
        return {kind: [{"id": "prpref_1", "is_tax_inclusive": self.prices_have_taxes}]}

    def _listed(self, params: dict[str, str]) -> dict[str, Any]:
        found = [
            order
            for order in self.orders.values()
            if not order["is_draft_order"]
            and all(_holds(order, name, value) for name, value in params.items() if "[" in name)
        ]
        found.sort(key=lambda order: (order["created_at"], order["id"]))
        start, size = int(params.get("offset", "0")), int(params["limit"])
        return {"orders": found[start : start + size], "count": len(found), "offset": start, "limit": size}

    def _codes(self, params: dict[str, str]) -> list[dict[str, Any]]:
        if "code" in params:
            return [each for each in self.promotions.values() if each["code"] == params["code"]]
        found = [each for each in self.promotions.values() if params["q"].lower() in each["code"].lower()]
        start, size = int(params["offset"]), int(params["limit"])
        return found[start : start + size]

    def _promotion(self, rest: list[str], given: Any) -> tuple[int, Any]:
        method = given.get("application_method", {})
        taken = any(each["code"] == given.get("code") for each in self.promotions.values())
        if (taken and not rest) or set(method) - _METHOD:
            return 400, {"type": "invalid_data", "message": "Promotion with this code exists, or a field is unknown."}
        if method.get("type") == "fixed" and not method["currency_code"]:
            return 400, {"type": "invalid_data", "message": "A fixed amount needs a currency."}
        if method.get("type") == "percentage" and not 0 < method["value"] <= 100:
            return 400, {"type": "invalid_data", "message": "Application Method value should be a percentage number."}
        status, found = self._kept(self.promotions, "promotion", rest, given, allowed=_PROMOTION)
        if status == 200 and "campaign_id" in given:
            self.promotions[found["promotion"]["id"]]["campaign"] = self.campaigns.get(given["campaign_id"] or "")
        return status, found

    def _kept(
        self, things: dict[str, dict[str, Any]], kind: str, rest: list[str], given: Any, *, allowed: set[str]
    ) -> tuple[int, Any]:
        if set(given) - allowed:
            return 400, {"type": "invalid_data", "message": f"Unrecognized fields: {set(given) - allowed}"}
        if rest and rest[0] not in things:
            return 404, {"type": "not_found", "message": f"{kind} with id: {rest[0]} was not found"}
        thing_id = rest[0] if rest else f"{kind[:5]}_{len(things) + 1:02}"
        things.setdefault(
            thing_id, {"id": thing_id, "rules": [], "limit": None} if kind == "promotion" else {"id": thing_id}
        )
        things[thing_id] |= given
        return 200, {kind: things[thing_id]}


def _holds(order: dict[str, Any], name: str, value: str) -> bool:
    column, _, operator = name.partition("[")
    assert column in {"created_at", "updated_at"}
    found, bound = datetime.fromisoformat(order[column]), datetime.fromisoformat(value)
    return {"$gte]": found >= bound, "$lt]": found < bound}[operator]
