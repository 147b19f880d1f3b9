"""A Shopify shop in memory.

Its webhooks have the shape of Shopify's JSON Schemas, and its Admin API answers by Shopify's own schema
(tests/data/shopify-2026-07), cost, throttling and user errors included.
"""

import base64
import copy
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import graphql

from engine.plugin_api import ConfigError, HttpResponse, WebhookRequest
from plugins.shopify.settings import ShopifySettings

DATA = Path(__file__).parents[2] / "data" / "shopify-2026-07"
ORDER: dict[str, Any] = json.loads((DATA / "order.json").read_text(encoding="utf-8"))
SCHEMA = graphql.build_schema((DATA / "admin.graphql").read_text(encoding="utf-8"))
SECRET = "shpss_0123456789abcdef"
TOKEN = "shpat_0123456789abcdef"
SETTINGS = ShopifySettings.model_validate({"shop": "acme.myshopify.com", "access_token": TOKEN, "secrets": [SECRET]})
CLIENT_ID = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
OF_DASHBOARD = ShopifySettings.model_validate(
    {"shop": "acme.myshopify.com", "client_id": CLIENT_ID, "secrets": [SECRET, "shpss_of_before_0123"]}
)
TOKEN_ENDPOINT = "https://acme.myshopify.com/admin/oauth/access_token"
ENDPOINT = "https://acme.myshopify.com/admin/api/2026-07/graphql.json"
CAP, MUG = 61001, 61002
T0 = datetime(2026, 3, 2, 9, 0, 5, tzinfo=UTC)


def money(amount: str, currency: str = "EUR", *, shown: str | None = None, shown_in: str | None = None) -> dict:
    """A `…_set`: what the shop booked and what the customer saw."""
    return {
        "shop_money": {"amount": amount, "currency_code": currency},
        "presentment_money": {"amount": shown or amount, "currency_code": shown_in or currency},
    }


def an_order(**changes: Any) -> dict[str, Any]:
    """The order of the fixture with other values."""
    return {**copy.deepcopy(ORDER), **changes}


def priced(record: dict[str, Any], **amounts: str) -> dict[str, Any]:
    """Set amounts of a record, each with its set."""
    for name, amount in amounts.items():
        record[name], record[f"{name}_set"] = amount, money(amount)
    return record


def written(record: Any) -> bytes:
    return json.dumps(record).encode()


def a_refund(
    order: Mapping[str, Any],
    refund_id: int,
    *,
    units: Mapping[int, int] | None = None,
    amount: str | None = None,
    status: str = "success",
    at: str = "2026-03-03T10:00:00+01:00",
) -> dict[str, Any]:
    """A refund of units of lines at what they cost, or of an amount, or of both."""
    lines = {line["id"]: line for line in order["line_items"]}
    parts: list[dict[str, Any]] = []
    for number, (line_id, quantity) in enumerate((units or {}).items(), start=1):
        line = lines[line_id]
        whole = Decimal(line["price"]) * line["quantity"]
        whole -= sum(Decimal(each["amount"]) for each in line["discount_allocations"])
        tax = sum(Decimal(each["price"]) for each in line["tax_lines"])
        subtotal, of_tax = (round(each * quantity / line["quantity"], 2) for each in (whole, tax))
        parts.append(
            {
                "id": refund_id * 10 + number,
                "line_item": copy.deepcopy({k: v for k, v in line.items() if k != "attributed_staffs"}),
                "line_item_id": line_id,
                "location_id": None,
                "quantity": quantity,
                "restock_type": "return",
                "subtotal": float(subtotal),  # a number in JSON, as Shopify has it
                "subtotal_set": money(str(subtotal)),
                "total_tax": float(of_tax),
                "total_tax_set": money(str(of_tax)),
            }
        )
    if amount is None:
        amount = str(sum((Decimal(each["subtotal_set"]["shop_money"]["amount"]) for each in parts), start=Decimal(0)))
    paid_back = [a_payment(refund_id * 10, amount, kind="refund", status=status, at=at, order_id=order["id"])]
    return {
        "id": refund_id,
        "admin_graphql_api_id": f"gid://shopify/Refund/{refund_id}",
        "order_id": order["id"],
        "created_at": at,
        "processed_at": at,
        "note": "",
        "restock": True,
        "return": None,
        "user_id": 1,
        "duties": [],
        "order_adjustments": [],
        "refund_line_items": parts,
        "refund_shipping_lines": [],
        "total_duties_set": money("0.00"),
        "transactions": paid_back if Decimal(amount) else [],
    }


def a_payment(
    number: int, amount: str, *, kind: str, status: str = "success", at: str, order_id: int
) -> dict[str, Any]:
    return {
        "id": number,
        "admin_graphql_api_id": f"gid://shopify/OrderTransaction/{number}",
        "order_id": order_id,
        "parent_id": None,
        "kind": kind,
        "status": status,
        "amount": amount,
        "currency": "EUR",
        "gateway": "shopify_payments",
        "created_at": at,
        "processed_at": at,
        "amount_rounding": None,
        "authorization": None,
        "device_id": None,
        "error_code": None,
        "location_id": None,
        "manual_payment_gateway": False,
        "message": None,
        "payment_id": "",
        "receipt": {},
        "source_name": "web",
        "test": False,
        "total_unsettled_set": {
            name: {"amount": "0.0", "currency": "EUR"} for name in ("presentment_money", "shop_money")
        },
        "user_id": None,
    }


def sent(
    body: bytes, topic: str, /, *, secret: str = SECRET, prefix: str = "x-shopify", **changes: str
) -> WebhookRequest:
    """A webhook as Shopify sends it."""
    signature = base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()
    named = {
        "topic": topic,
        "hmac-sha256": signature,
        "shop-domain": "acme.myshopify.com",
        "event-id": "98880550-7158-44d4-b7cd-2c97c8a091b5",
        "webhook-id": "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
        "api-version": "2026-07",
    } | {name.replace("_", "-"): value for name, value in changes.items()}
    headers = {f"{prefix}-{name}": value for name, value in named.items() if value}
    return WebhookRequest(headers, body, T0)


@dataclass
class FakeShop:
    """The shop, and the HTTP client that leads to it."""

    orders: dict[int, dict[str, Any]] = field(default_factory=dict)
    payments: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    refunds_changed: dict[int, str] = field(default_factory=dict)
    discounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    subscriptions: list[dict[str, Any]] = field(default_factory=list)
    scopes: tuple[str, ...] = ("read_orders", "read_all_orders", "read_customers", "read_products", "write_discounts")
    currency: str = "EUR"
    largest_page: int = 250
    fails: list[tuple[int, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    taken_first: str | None = None
    token: str = TOKEN
    """The one that opens the shop now."""
    gives: Any = None
    """What is answered where a token is asked for; None: the present one, for a day."""
    kept_back: tuple[str, ...] = ()
    """Fields of orders that are null for the app, each with an error."""

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
        assert (method, params) == ("POST", None)
        if url == TOKEN_ENDPOINT:
            return self._token(dict(form or {}), accept)
        assert (url, form) == (ENDPOINT, None)
        if dict(headers or {}) != {"x-shopify-access-token": self.token}:
            raise ConfigError("401")
        if self.fails:
            status, document = self.fails.pop(0)
            assert status == 200 or status in accept
            return _answered(document, status)
        self.asked.append(json["query"].split("(")[0].split()[-1])
        if (json["variables"].get("first") or 0) > self.largest_page:
            return _answered(
                {"errors": [{"message": "Query cost is 1400", "extensions": {"code": "MAX_COST_EXCEEDED"}}]}
            )
        done = graphql.graphql_sync(SCHEMA, json["query"], self._root(), variable_values=json["variables"])
        return _answered(done.formatted)

    def _token(self, form: dict[str, str], accept: tuple[int, ...]) -> HttpResponse:
        self.asked.append("token")
        if form != {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": SECRET}:
            assert 400 in accept
            return _answered(b"<h1>Oauth error invalid_client</h1>", 400)
        if self.gives is not None:
            return _answered(self.gives)
        return _answered({"access_token": self.token, "scope": ",".join(self.scopes), "expires_in": 86_399})

    # --- what happens in the shop

    def place(self, order: dict[str, Any], *, paid_at: str | None = None) -> dict[str, Any]:
        self.orders[order["id"]] = order
        if order["financial_status"] == "paid":
            at = paid_at or order["processed_at"]
            paid = a_payment(order["id"] % 10**9, order["total_price"], kind="sale", at=at, order_id=order["id"])
            self.payments[order["id"]] = [paid]
        return order

    def take_back(self, order: dict[str, Any], refund: dict[str, Any]) -> dict[str, Any]:
        order["refunds"].append(refund)
        for part in refund["refund_line_items"]:
            line = next(each for each in order["line_items"] if each["id"] == part["line_item_id"])
            line["current_quantity"] -= part["quantity"]
        order["updated_at"] = refund["processed_at"]
        order["financial_status"] = "partially_refunded"
        self.refunds_changed[refund["id"]] = refund["processed_at"]
        return refund

    # --- the root of the Admin API

    def _root(self) -> dict[str, Any]:
        return {
            "shop": lambda _info: {"name": "Acme", "currencyCode": self.currency},
            "currentAppInstallation": lambda _info: {"accessScopes": [{"handle": scope} for scope in self.scopes]},
            "orders": self._orders_changed,
            "order": lambda _info, **given: self._order(given["id"]),
            "nodes": lambda _info, ids: [self.refund(int(each.rpartition("/")[2])) for each in ids],
            "node": lambda _info, **given: self.refund(int(given["id"].rpartition("/")[2])),
            "codeDiscountNodeByCode": lambda _info, code: self._code(code),
            "codeDiscountNode": lambda _info, **given: given if given["id"] in self.discounts else None,
            "discountCodeBasicCreate": lambda _info, **given: self._create_code(given["basicCodeDiscount"]),
            "discountCodeBasicUpdate": lambda _info, **given: self._write(given["id"], given["basicCodeDiscount"]),
            "discountCodeDeactivate": lambda _info, **given: self._end_code(given["id"]),
            "webhookSubscriptions": self._topics,
            "webhookSubscriptionCreate": lambda _info, **given: self._send(
                given["topic"], given["webhookSubscription"]
            ),
        }

    def _orders_changed(self, info: Any, query: str | None = None, **paging: Any) -> Any:
        if query is None:
            return _connection([self.node(order) for order in self.orders.values()])(info, **paging)
        assert paging.pop("sortKey") == "UPDATED_AT"
        since, until = (datetime.fromisoformat(each.split("'")[1]) for each in query.split(" AND "))
        changed = [(datetime.fromisoformat(each["updated_at"]), each["id"], each) for each in self.orders.values()]
        found = [order for at, _, order in sorted(changed, key=lambda each: each[:2]) if since <= at <= until]
        return _connection([self.node(order) for order in found])(info, **paging)

    def _order(self, gid: str) -> dict[str, Any] | None:
        found = self.orders.get(int(gid.rpartition("/")[2]))
        return self.node(found) if found else None

    def refund(self, refund_id: int) -> dict[str, Any]:
        refund = next(each for order in self.orders.values() for each in order["refunds"] if each["id"] == refund_id)
        lines = [
            {
                "quantity": each["quantity"],
                "lineItem": {"id": f"gid://shopify/LineItem/{each['line_item_id']}"},
                "subtotalSet": _bag(each["subtotal_set"]),
                "totalTaxSet": _bag(each["total_tax_set"]),
            }
            for each in refund["refund_line_items"]
        ]
        shipping = [
            {"subtotalAmountSet": _bag(each["subtotal_amount_set"]), "taxAmountSet": _bag(each["tax_amount_set"])}
            for each in refund["refund_shipping_lines"]
        ]
        return {
            "__typename": "Refund",
            "id": f"gid://shopify/Refund/{refund_id}",
            "legacyResourceId": str(refund_id),
            "createdAt": refund["created_at"],
            "processedAt": refund["processed_at"],
            "updatedAt": self.refunds_changed[refund_id],
            "duties": [{"amountSet": _bag(each["amount_set"])} for each in refund["duties"]],
            "refundLineItems": _connection(lines),
            "refundShippingLines": _connection(shipping),
            "transactions": _connection([_payment(each) for each in refund["transactions"]]),
        }

    def node(self, order: dict[str, Any]) -> dict[str, Any]:
        """An order as the Admin API has it."""
        return self._whole_node(order) | dict.fromkeys(self.kept_back, _denied)

    def _whole_node(self, order: dict[str, Any]) -> dict[str, Any]:
        customer = order["customer"]
        return {
            "id": f"gid://shopify/Order/{order['id']}",
            "legacyResourceId": str(order["id"]),
            "createdAt": order["created_at"],
            "processedAt": order["processed_at"],
            "updatedAt": order["updated_at"],
            "cancelledAt": order["cancelled_at"],
            "test": order["test"],
            "taxesIncluded": order["taxes_included"],
            "currencyCode": order["currency"],
            "displayFinancialStatus": order["financial_status"].upper(),
            "email": order["email"],
            "landingPageUrl": f"https://acme.example{order['landing_site']}" if order["landing_site"] else None,
            "discountCodes": [each["code"] for each in order["discount_codes"]],
            "customer": {"legacyResourceId": str(customer["id"])} if customer else None,
            "customAttributes": [{"key": each["name"], "value": each["value"]} for each in order["note_attributes"]],
            "totalPriceSet": _bag(order["total_price_set"]),
            "originalTotalPriceSet": _bag(order.get("first_total_set") or order["total_price_set"]),
            "totalTipReceivedSet": _bag(money(order["total_tip_received"])),
            "shippingLines": _connection([_line(each, "originalPriceSet") for each in order["shipping_lines"]]),
            "lineItems": _connection([_line(each, "originalUnitPriceSet") for each in order["line_items"]]),
            "transactions": _listed([_payment(each) for each in self.payments.get(order["id"], [])]),
            "refunds": _listed([self.refund(each["id"]) for each in order["refunds"]]),
        }

    def _code(self, code: str) -> dict[str, Any] | None:
        found = [key for key, each in self.discounts.items() if code.lower() in (one.lower() for one in each["codes"])]
        return self._discount(found[0]) if found else None

    def _create_code(self, wanted: dict[str, Any]) -> dict[str, Any]:
        if self.taken_first:  # somebody makes the code between our look and our write
            self.discounts["gid://shopify/DiscountCodeNode/1"] = a_discount(self.taken_first, percentage=0.5)
            self.taken_first = None
        if self._code(wanted["code"]):
            taken = {"code": "TAKEN", "field": ["basicCodeDiscount", "code"], "message": "Code must be unique."}
            return {"codeDiscountNode": None, "userErrors": [taken]}
        return self._write(f"gid://shopify/DiscountCodeNode/{len(self.discounts) + 1}", wanted)

    def _end_code(self, key: str) -> dict[str, Any]:
        self.discounts[key]["endsAt"] = "2026-03-02T09:00:00Z"
        return {"codeDiscountNode": None, "userErrors": []}

    def _topics(self, info: Any, topics: list[str], **paging: Any) -> Any:
        return _connection([each for each in self.subscriptions if each["topic"] in topics])(info, **paging)

    def _send(self, topic: str, wanted: dict[str, Any]) -> dict[str, Any]:
        uri = wanted["uri"]
        if any((each["topic"], each["uri"]) == (topic, uri) for each in self.subscriptions):
            return {"userErrors": [{"field": ["uri"], "message": "Address for this topic has already been taken"}]}
        self.subscriptions.append({"topic": topic, "uri": uri, "format": "JSON", "filter": None, "includeFields": []})
        return {"userErrors": []}

    def _write(self, key: str, wanted: dict[str, Any]) -> dict[str, Any]:
        value = wanted["customerGets"]["value"]
        if value.get("percentage", 0) > 1:
            wrong = {"code": "INVALID", "field": ["customerGets"], "message": "Value must be between 0.0 and 1.0"}
            return {"codeDiscountNode": None, "userErrors": [wrong]}
        self.discounts[key] = {
            **a_discount(wanted["code"], **value),
            "endsAt": wanted.get("endsAt"),
            "title": wanted["title"],
        }
        return {"codeDiscountNode": {"id": key}, "userErrors": []}

    def _discount(self, key: str) -> dict[str, Any]:
        kept = self.discounts[key]
        if kept.get("kind"):
            return {"id": key, "codeDiscount": {"__typename": kept["kind"]}}
        value = kept["value"]
        if "percentage" in value:
            gets: dict[str, Any] = {"__typename": "DiscountPercentage", "percentage": value["percentage"]}
        else:
            amount = {"amount": value["discountAmount"]["amount"], "currencyCode": self.currency}
            gets = {"__typename": "DiscountAmount", **value["discountAmount"], "amount": amount}
        items: dict[str, Any] = {"__typename": "AllDiscountItems", "allItems": True}
        if not kept.get("whole", True):
            items = {"__typename": "DiscountProducts"}
        discount = {
            "__typename": "DiscountCodeBasic",
            "status": "EXPIRED" if kept["endsAt"] and kept["endsAt"] <= "2026-03-02T09:00:00Z" else "ACTIVE",
            "endsAt": kept["endsAt"],
            "codesCount": {"count": len(kept["codes"])},
            "codes": _connection([{"code": code} for code in kept["codes"]]),
            "customerGets": {"items": items, "value": gets},
        }
        return {"id": key, "codeDiscount": discount}


def a_discount(*codes: str, **value: Any) -> dict[str, Any]:
    """A discount as the merchant may have made it."""
    return {"codes": list(codes), "value": value, "endsAt": None}


def _denied(_info: Any) -> None:
    raise graphql.GraphQLError("This app is not approved to see the field.", extensions={"code": "ACCESS_DENIED"})


def _answered(document: Any, status: int = 200) -> HttpResponse:
    return HttpResponse(status, {}, document if isinstance(document, bytes) else json.dumps(document).encode())


def _connection(nodes: list[Any]) -> Any:
    def page(_info: Any, first: int, after: str | None = None, **_more: Any) -> dict[str, Any]:
        start = int(after or 0)
        end = start + first
        return {"nodes": nodes[start:end], "pageInfo": {"hasNextPage": end < len(nodes), "endCursor": str(end)}}

    return page


def _listed(nodes: list[Any]) -> Any:
    return lambda _info, first: nodes[:first]


def _bag(money_set: Mapping[str, Any]) -> dict[str, Any]:
    """Shopify's MoneyBag: amounts of the API drop a last zero."""
    amount = money_set["shop_money"]["amount"]
    shorter = amount[:-1] if "." in amount and amount.endswith("0") else amount
    return {"shopMoney": {"amount": shorter, "currencyCode": money_set["shop_money"]["currency_code"]}}


def _line(line: Mapping[str, Any], price: str) -> dict[str, Any]:
    return {
        "id": f"gid://shopify/{'LineItem' if 'quantity' in line else 'ShippingLine'}/{line['id']}",
        "title": line["title"],
        "quantity": line.get("quantity"),
        "currentQuantity": line.get("current_quantity"),
        "isGiftCard": line.get("gift_card"),
        "product": {"legacyResourceId": str(line["product_id"])} if line.get("product_id") else None,
        price: _bag(line["price_set"]),
        "discountAllocations": [
            {"allocatedAmountSet": _bag(each["amount_set"])} for each in line["discount_allocations"]
        ],
        "taxLines": [{"priceSet": _bag(each["price_set"])} for each in line["tax_lines"]],
    }


def _payment(payment: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": payment["admin_graphql_api_id"],
        "kind": payment["kind"].upper(),
        "status": payment["status"].upper(),
        "createdAt": payment["created_at"],
        "processedAt": payment["processed_at"],
        "amountSet": _bag(payment.get("amount_set") or money(payment["amount"], payment["currency"])),
    }


def later(order: dict[str, Any], *, hours: int, **changes: Any) -> dict[str, Any]:
    """The next version of an order."""
    at = datetime.fromisoformat(order["updated_at"]) + timedelta(hours=hours)
    return {**copy.deepcopy(order), "updated_at": at.isoformat(), **changes}
