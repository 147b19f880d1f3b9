"""A WooCommerce shop in memory: its payloads, and its REST API as WooCommerce's own source has it.

Signatures are checked by OAuth's rules written down a second time, filters leave out the second that they name, lists
come by pages, a coupon's code is lower-cased, webhooks that are switched off stay so.
"""

import base64
import copy
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from engine.plugin_api import ConfigError, HttpResponse, WebhookRequest
from plugins.woocommerce.settings import WooCommerceSettings

SECRET = "0123456789abcdefWOO"
KEY, KEY_SECRET = "ck_" + "0123456789abcdef" * 2 + "01234567", "cs_" + "fedcba9876543210" * 2 + "76543210"
PLAIN, SECURE = "http://127.0.0.1:8099/shop", "https://woo.example"
T0 = datetime(2026, 3, 2, 10, 0, 5, tzinfo=UTC)


def settings(url: str = SECURE) -> WooCommerceSettings:
    return WooCommerceSettings.model_validate(
        {"url": url, "consumer_key": KEY, "consumer_secret": KEY_SECRET, "secrets": [SECRET]}
    )


def a_line(line_id: int, total: str, tax: str = "0.00", *, quantity: int = 1, product: int = 93) -> dict[str, Any]:
    return {
        "id": line_id,
        "name": "Cap",
        "product_id": product,
        "variation_id": 0,
        "quantity": quantity,
        "tax_class": "",
        "subtotal": "55.00",
        "subtotal_tax": "10.45",
        "total": total,
        "total_tax": tax,
        "taxes": [{"id": 1, "total": tax, "subtotal": tax}],
        "meta_data": [],
        "sku": "CAP-1",
        "price": 24.75,
        "image": {"id": "", "src": ""},
    }


def an_order(order_id: int = 727, **changes: Any) -> dict[str, Any]:
    """An order as webhook and API have it: 49.50 and 18.00 after a coupon, shipping 4.12, 19 % tax on all."""
    order: dict[str, Any] = {
        "id": order_id,
        "parent_id": 0,
        "number": str(order_id),
        "order_key": "wc_order_58d2d042d1d",
        "created_via": "checkout",
        "version": "11.0.0",
        "status": "processing",
        "currency": "EUR",
        "date_created": "2026-03-02T11:00:00",
        "date_created_gmt": "2026-03-02T10:00:00",
        "date_modified": "2026-03-02T11:00:05",
        "date_modified_gmt": "2026-03-02T10:00:05",
        "date_paid": "2026-03-02T11:00:04",
        "date_paid_gmt": "2026-03-02T10:00:04",
        "date_completed": None,
        "date_completed_gmt": None,
        "discount_total": "7.50",
        "discount_tax": "1.43",
        "shipping_total": "4.12",
        "shipping_tax": "0.78",
        "cart_tax": "12.83",
        "total": "85.23",
        "total_tax": "13.61",
        "prices_include_tax": True,
        "customer_id": 0,
        "customer_ip_address": "192.0.2.7",
        "billing": {"first_name": "Ann", "last_name": "Example", "email": "ann@example.org", "phone": ""},
        "shipping": {},
        "payment_method": "stripe",
        "transaction_id": "pi_1",
        "meta_data": [
            {"id": 1, "key": "_wc_order_attribution_source_type", "value": "utm"},
            {"id": 2, "key": "_wc_order_attribution_session_entry", "value": f"{SECURE}/cap/?gw_click={'A' * 32}"},
            {"id": 3, "key": "_wc_order_attribution_session_start_time", "value": "2026-03-02 09:50:11"},
        ],
        "line_items": [a_line(315, "49.50", "9.41", quantity=2), a_line(316, "18.00", "3.42", product=94)],
        "tax_lines": [],
        "shipping_lines": [{"id": 317, "total": "4.12", "total_tax": "0.78", "meta_data": []}],
        "fee_lines": [],
        "coupon_lines": [{"id": 318, "code": "anna10", "discount": "7.50", "discount_tax": "1.43", "meta_data": []}],
        "refunds": [],
    }
    return {**copy.deepcopy(order), **changes}


def a_refund(
    refund_id: int, amount: str, *, lines: Mapping[int, tuple[str, str]] | None = None, at: str = "2026-03-03T10:00:00"
) -> dict[str, Any]:
    """A refund as the API has it one by one; `lines` give the net and tax that each lost."""
    taken = [
        a_line(refund_id * 10 + number, f"-{net}", f"-{tax}", quantity=-1)
        | {"meta_data": [{"id": 1, "key": "_refunded_item_id", "value": str(line_id)}]}
        for number, (line_id, (net, tax)) in enumerate((lines or {}).items())
    ]
    return {
        "id": refund_id,
        "date_created": at,
        "date_created_gmt": at,
        "amount": amount,
        "reason": "",
        "refunded_by": 1,
        "refunded_payment": False,
        "meta_data": [],
        "line_items": taken,
        "shipping_lines": [],
        "tax_lines": [],
        "fee_lines": [],
    }


def written(record: Any) -> bytes:
    return json.dumps(record).encode()


def sent(body: bytes, topic: str, /, *, secret: str = SECRET, **changes: str) -> WebhookRequest:
    """A webhook as WooCommerce sends it."""
    signature = base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()
    named = {
        "source": f"{SECURE}/",
        "topic": topic,
        "resource": topic.partition(".")[0],
        "event": topic.partition(".")[2],
        "signature": signature,
        "id": "2",
        "delivery-id": "9da8a5b8a3cfaa2b1e1d9a43b7bcb0ac",
    } | {name.replace("_", "-"): value for name, value in changes.items()}
    return WebhookRequest({f"x-wc-webhook-{name}": value for name, value in named.items() if value}, body, T0)


@dataclass
class FakeShop:
    """The shop, and the HTTP client that leads to it."""

    url: str = SECURE
    orders: dict[int, dict[str, Any]] = field(default_factory=dict)
    refunds: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    coupons: dict[int, dict[str, Any]] = field(default_factory=dict)
    webhooks: dict[int, dict[str, Any]] = field(default_factory=dict)
    currency: str = "EUR"
    keeps_coupon_status: bool = True
    home: str = ""
    """What it calls itself, and so signs for, where that is not its address."""
    coupons_on: bool = True
    may_write: bool = True
    answers: list[tuple[int, bytes]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    nonces: set[str] = field(default_factory=set)

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
        assert url.startswith(f"{self.url}/wp-json/")
        given = dict(params or {})
        is_index = url == f"{self.url}/wp-json/"  # anybody may read it
        if not is_index and not self._may(method, url, given, headers or {}):
            raise ConfigError("401")
        if method != "GET" and not self.may_write:
            raise ConfigError("401: no write permissions")
        path = url.removeprefix(f"{self.url}/wp-json/")
        self.asked.append(f"{method} {path}")
        if self.answers:
            status, body = self.answers.pop(0)
        else:
            status, found = self._answer(method, path.removeprefix("wc/v3/").split("/"), given, json)
            body = written(found)
        assert status < 300 or status in accept
        return HttpResponse(status, {}, body)

    # --- what happens in the shop

    def place(self, order: dict[str, Any]) -> dict[str, Any]:
        self.orders[order["id"]] = order
        return order

    def take_back(self, order: dict[str, Any], refund: dict[str, Any]) -> None:
        self.refunds.setdefault(order["id"], []).insert(0, refund)
        order["refunds"].insert(0, {"id": refund["id"], "reason": "", "total": f"-{refund['amount']}"})
        order["date_modified_gmt"] = refund["date_created_gmt"]

    # --- the REST API

    def _may(self, method: str, url: str, params: dict[str, str], headers: Mapping[str, str]) -> bool:
        if url.startswith("https:"):
            pair = base64.b64encode(f"{KEY}:{KEY_SECRET}".encode()).decode()
            return dict(headers) == {"authorization": f"Basic {pair}"}
        near = abs(int(params["oauth_timestamp"]) - datetime.now(UTC).timestamp()) < 900
        fresh = params["oauth_nonce"] not in self.nonces and params["oauth_consumer_key"] == KEY
        self.nonces.add(params["oauth_nonce"])
        signed_for = url.replace(self.url, self.home or self.url)
        return fresh and near and not headers and is_signed(method, signed_for, params)

    def _answer(self, method: str, path: list[str], params: dict[str, str], body: Any) -> tuple[int, Any]:
        fixed = {
            "": {"name": "Woo", "home": self.home or self.url, "url": self.url, "namespaces": ["wp/v2", "wc/v3"]},
            "data/currencies/current": {"code": self.currency, "name": "", "symbol": ""},
            "settings/general/woocommerce_enable_coupons": {"value": "yes" if self.coupons_on else "no"},
        }
        match method, path:
            case "GET", _ if "/".join(path) in fixed:
                return 200, fixed["/".join(path)]
            case "GET", ["orders"]:
                return 200, self._orders(params)
            case "GET", ["orders", order_id]:
                return self._one(self.orders, order_id, "shop_order")
            case "GET", ["orders", order_id, "refunds"]:
                return 200, _page(self.refunds.get(int(order_id), []), params)
            case _, ["coupons", *rest]:
                return self._coupon(method, rest, params, body)
            case _, ["webhooks", *rest]:
                return self._webhook(method, rest, params, body)
        return 404, {"code": "rest_no_route", "message": "No route was found.", "data": {"status": 404}}

    def _orders(self, params: dict[str, str]) -> list[dict[str, Any]]:
        if "orderby" not in params:
            return _page(list(self.orders.values()), params)
        assert (params["dates_are_gmt"], params["orderby"], params["order"]) == ("true", "modified", "asc")
        left_out = {int(each) for each in params.get("exclude", "").split(",") if each}
        found = [
            order
            for order in self.orders.values()
            if params["modified_after"] < order["date_modified_gmt"] < params["modified_before"]
            and (order["status"] == "trash") == (params["status"] == "trash")
            and order["id"] not in left_out
        ]
        return _page(sorted(found, key=lambda order: (order["date_modified_gmt"], order["id"])), params)

    def _one(self, things: dict[int, dict[str, Any]], thing_id: str, kind: str) -> tuple[int, Any]:
        if int(thing_id) in things:
            return 200, things[int(thing_id)]
        return 404, {"code": f"woocommerce_rest_{kind}_invalid_id", "message": "Invalid ID.", "data": {"status": 404}}

    def _coupon(self, method: str, rest: list[str], params: dict[str, str], body: Any) -> tuple[int, Any]:
        if method == "GET":
            code = params["code"]  # some databases compare letter by letter
            return 200, [each for each in self.coupons.values() if each["code"] == code and each["status"] == "publish"]
        if rest == ["batch"]:
            assert body == {}
            return 200, []
        if rest and int(rest[0]) not in self.coupons:
            _, said = self._one(self.coupons, rest[0], "shop_coupon")
            return (404 if method == "DELETE" else 400), said
        if method == "DELETE":
            return 200, self.coupons.pop(int(rest[0]))
        coupon_id = int(rest[0]) if rest else len(self.coupons) + 1
        change = {name: value for name, value in body.items() if name != "date_expires_gmt"}
        if "code" in change:
            change["code"] = change["code"].lower()
            live = [each for each in self.coupons.values() if each["status"] == "publish" and each["id"] != coupon_id]
            if any(each["code"] == change["code"] for each in live):
                message = "The coupon code already exists"
                return 400, {"code": "woocommerce_rest_coupon_code_already_exists", "message": message}
        if change.get("discount_type") == "percent" and float(change["amount"]) > 100:
            return 400, {"code": "coupon_invalid_amount", "message": "Invalid discount amount."}
        if not self.keeps_coupon_status:
            change.pop("status", None)
        new = {"id": coupon_id, "status": "publish", "minimum_amount": "0.00", "maximum_amount": "0.00"}
        kept = {**self.coupons.get(coupon_id, new), **change}
        kept["date_expires_gmt"] = (change.get("date_expires") or "").removesuffix("Z") or None
        self.coupons[coupon_id] = kept
        return 200 if rest else 201, kept

    def _webhook(self, method: str, rest: list[str], params: dict[str, str], body: Any) -> tuple[int, Any]:
        if method == "GET":
            return 200, _page(list(self.webhooks.values()), params)
        if rest and int(rest[0]) not in self.webhooks:
            return self._one(self.webhooks, rest[0], "webhook")
        webhook_id = int(rest[0]) if rest else len(self.webhooks) + 1
        self.webhooks[webhook_id] = {**self.webhooks.get(webhook_id, {"id": webhook_id}), **body}
        return 200 if rest else 201, self.webhooks[webhook_id]


def is_signed(method: str, url: str, params: dict[str, str]) -> bool:
    """Judge a signature as WooCommerce does; it is taken out of `params`."""
    signature = params.pop("oauth_signature", "")
    pairs = (f"{quote(name, safe='~')}={quote(params[name], safe='~')}" for name in sorted(params))
    base = f"{method}&{quote(url, safe='~')}&{'%26'.join(quote(pair, safe='~') for pair in pairs)}".encode()
    expected = base64.b64encode(hmac.digest(f"{KEY_SECRET}&".encode(), base, hashlib.sha256)).decode()
    return hmac.compare_digest(signature, expected)


def _page(things: list[Any], params: Mapping[str, str]) -> list[Any]:
    size, page = int(params.get("per_page", "10")), int(params.get("page", "1"))
    assert 1 <= size <= 100
    return things[(page - 1) * size : page * size]
