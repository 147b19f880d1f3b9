"""A Vendure shop in memory: its orders as the Admin API tells them, and what that API answers to our questions."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine.plugin_api import HttpResponse
from plugins.vendure.questions import (
    CHECK,
    CREATE_PROMOTION,
    PROMOTION,
    PROMOTIONS,
    SIGN_IN,
    UPDATE_PROMOTION,
    one_order,
    orders_placed,
)
from plugins.vendure.settings import VendureSettings
from tests.plugins.by_module import CLICK, NEXT_SECRET, SECRET, after, written

URL = "https://vendure.example/admin-api"
NAME, PASSWORD, TOKEN = "goodword@example.com", "made-up-password", "made-up-token"


def settings(**changes: Any) -> VendureSettings:
    return VendureSettings.model_validate(
        {
            "admin_api": URL,
            "username": NAME,
            "password": PASSWORD,
            "secrets": [SECRET, NEXT_SECRET],
            "click_field": "gwClick",
            **changes,
        }
    )


def at(seconds: float = 0) -> str:
    """The time so many seconds after the first order."""
    return after(seconds=seconds)


def a_line(line_id: str, net: int, gross: int, quantity: int = 1, **changes: Any) -> dict[str, Any]:
    """A line of so many pieces."""
    return {
        "id": line_id,
        "quantity": quantity,
        "orderPlacedQuantity": quantity,
        "proratedLinePrice": net,
        "proratedLinePriceWithTax": gross,
        "productVariant": {"sku": "L2201308", "product": {"id": "1", "collections": [{"slug": "laptops"}]}},
        **changes,
    }


def a_payment(amount: int, state: str = "Settled", **changes: Any) -> dict[str, Any]:
    return {"id": "1", "amount": amount, "state": state, "updatedAt": at(4), "refunds": [], **changes}


def a_refund(
    refund_id: str, total: int, seconds: float, *, lines: Mapping[str, int] | None = None, **changes: Any
) -> dict[str, Any]:
    """A refund of a typed-in amount, or of pieces of lines."""
    return {
        "id": refund_id,
        "total": total,
        "state": "Settled",
        "createdAt": at(seconds),
        "updatedAt": at(seconds),
        "lines": [{"orderLineId": line_id, "quantity": pieces} for line_id, pieces in (lines or {}).items()],
        **changes,
    }


def a_move(seconds: float, state: str) -> dict[str, Any]:
    return {"createdAt": at(seconds), "data": {"from": "ArrangingPayment", "to": state}}


def an_order(code: str = "T3EPGJKVZZYBD3Q9", **changes: Any) -> dict[str, Any]:
    """Three laptops at 100.00 in all, a mouse at 18.00, shipping 5.00, 20 % tax; 146.60 were paid."""
    order: dict[str, Any] = {
        "id": "1",
        "code": code,
        "type": "Regular",
        "state": "PaymentSettled",
        "active": False,
        "orderPlacedAt": at(),
        "updatedAt": at(4),
        "currencyCode": "USD",
        "totalWithTax": 14_660,
        "shipping": 500,
        "shippingWithTax": 500,
        "surcharges": [],
        "couponCodes": ["ANNA10"],
        "customFields": {"click": CLICK},
        "customer": {"id": "7", "emailAddress": "bea@example.org"},
        "lines": [a_line("1", 10_000, 12_000, 3), a_line("2", 1_800, 2_160)],
        "payments": [a_payment(14_660)],
        "moves": {
            "items": [a_move(-60, "ArrangingPayment"), a_move(1, "PaymentAuthorized"), a_move(4, "PaymentSettled")]
        },
        "newest": {"totalItems": 8, "items": [{"createdAt": at(4)}]},
    }
    return {**copy.deepcopy(order), **copy.deepcopy(changes)}


def refunded(order: dict[str, Any], *refunds: dict[str, Any]) -> dict[str, Any]:
    """The order with refunds, which its history tells and `updatedAt` does not."""
    order = copy.deepcopy(order)
    order["payments"][0]["refunds"] += refunds
    newest = max([order["newest"]["items"][0]["createdAt"], *(refund["createdAt"] for refund in refunds)])
    order["newest"] = {"totalItems": order["newest"]["totalItems"] + len(refunds), "items": [{"createdAt": newest}]}
    return order


def cancelled(order: dict[str, Any], line_id: str, pieces: int, seconds: float) -> dict[str, Any]:
    """The order without some pieces of a line: they are out of its quantity, its price and the order's total."""
    order = copy.deepcopy(order)
    line = next(each for each in order["lines"] if each["id"] == line_id)
    left = line["quantity"] - pieces
    before = line["proratedLinePriceWithTax"]
    for name in ("proratedLinePrice", "proratedLinePriceWithTax"):
        line[name] = line[name] * left // line["quantity"]
    order["totalWithTax"] -= before - line["proratedLinePriceWithTax"]
    line["quantity"] = left
    order["newest"] = {"totalItems": order["newest"]["totalItems"] + 1, "items": [{"createdAt": at(seconds)}]}
    return order


@dataclass
class FakeShop:
    """The shop, and the HTTP client that leads to it."""

    orders: list[dict[str, Any]] = field(default_factory=list)
    promotions: dict[str, dict[str, Any]] = field(default_factory=dict)
    permissions: tuple[str, ...] = ("ReadOrder", "ReadPromotion", "CreatePromotion", "UpdatePromotion")
    gives_token: bool = True
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
        assert (method, url, params, form) == ("POST", URL, None, None)
        question, given = json["query"], json["variables"]
        if question == SIGN_IN:
            self.asked.append("login")
            known = given == {"username": NAME, "password": PASSWORD}
            told = {"login": {"__typename": "CurrentUser" if known else "InvalidCredentialsError"}}
            token = {"vendure-auth-token": TOKEN} if known and self.gives_token else {}
            return HttpResponse(200, token, written({"data": told}))
        if (headers or {}).get("authorization") != f"Bearer {TOKEN}":
            forbidden = {"message": "You are not currently authorized", "extensions": {"code": "FORBIDDEN"}}
            return HttpResponse(200, {}, written({"errors": [forbidden], "data": None}))
        return HttpResponse(200, {}, written({"data": self._answer(question, given)}))

    def _answer(self, question: str, given: dict[str, Any]) -> dict[str, Any]:
        if question == CHECK:
            channels = [{"permissions": list(self.permissions)}]
            return {"activeChannel": {"code": "main", "currencyCode": "USD"}, "me": {"channels": channels}}
        if question in {one_order("gwClick"), one_order("")}:
            self.asked.append("order")
            return {"orders": {"items": [each for each in self.orders if each["code"] == given["code"]][:1]}}
        if question in {orders_placed("gwClick"), orders_placed("")}:
            self.asked.append("orders")
            return {"orders": self._placed(given)}
        if question == PROMOTIONS:
            words = given["code"].lower()
            found = [each for each in self.promotions.values() if words in (each["couponCode"] or "").lower()]
            same = [each for each in self.promotions.values() if each["couponCode"] == given["code"]]
            return {"same": {"items": same[:100]}, "similar": {"items": found[:100]}}
        if question == PROMOTION:
            return {"promotion": self.promotions.get(given["id"])}
        assert question in {CREATE_PROMOTION, UPDATE_PROMOTION}
        return self._promotion(question, given["input"])

    def _placed(self, given: dict[str, Any]) -> dict[str, Any]:
        since, until = datetime.fromisoformat(given["since"]), datetime.fromisoformat(given["until"])
        placed = [each for each in self.orders if each["orderPlacedAt"]]
        found = [each for each in placed if since <= datetime.fromisoformat(each["orderPlacedAt"]) <= until]
        found.sort(key=lambda each: each["orderPlacedAt"])
        return {"totalItems": len(found), "items": found[given["skip"] :][: given["take"]]}

    def _promotion(self, question: str, wish: dict[str, Any]) -> dict[str, Any]:
        name = "createPromotion" if question == CREATE_PROMOTION else "updatePromotion"
        taken = any(each["couponCode"] == wish.get("couponCode") for each in self.promotions.values())
        if question == CREATE_PROMOTION and taken:
            return {name: {"__typename": "MissingConditionsError", "message": "the code is taken"}}
        promotion_id = wish.get("id") or str(len(self.promotions) + 1)
        assert question == CREATE_PROMOTION or promotion_id in self.promotions
        kept = {"id": promotion_id, "endsAt": None, **self.promotions.get(promotion_id, {}), **wish}
        if "actions" in wish:
            kept["actions"] = [{"code": each["code"], "args": each["arguments"]} for each in wish["actions"]]
        self.promotions[promotion_id] = kept
        return {name: {"__typename": "Promotion", "id": promotion_id}}
