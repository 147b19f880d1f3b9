"""A Stripe account in memory: the endpoints that the plugin asks, with Stripe's own rules.

Every request is held to the parameters that the `stripe` library declares for it; lists come newest first, by pages,
with the filters that Stripe has; ids become objects only where that is asked for; a key of idempotency gives the first
answer again, and a refusal where the wish is another; active promotion codes of one name exclude each other; coupons
never change; events are kept for 30 days.
"""

import copy
import hmac
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any
from urllib.parse import parse_qsl

import httpx2

from engine.plugin_api import HttpClient, WebhookRequest
from engine.plugin_host.http import HttpPool
from plugins.stripe_payments.settings import ORIGIN, StripeSettings
from tests.plugins.stripe_payments.declared import held_to
from tests.plugins.stripe_payments.objects import DAY, example, listed, seconds

KEY, SECRET = "rk_live_" + "A1b2C3d4" * 4, "whsec_" + "0123456789abcdef" * 2
SETTINGS = StripeSettings.model_validate({"api_key": KEY, "webhook_secrets": [SECRET]})
EVENTS_KEPT = 30 * DAY

_FOLDERS = {
    "checkout/sessions": "cs_live_",
    "invoices": "in_",
    "refunds": "re_",
    "disputes": "dp_",
    "charges": "ch_",
    "payment_intents": "pi_",
    "invoice_payments": "inpay_",
    "events": "evt_",
    "promotion_codes": "promo_",
    "coupons": "",
    "webhook_endpoints": "we_",
    "subscriptions": "sub_",
}
_EXPANDABLE = {
    "payment_intent": "payment_intents",
    "latest_charge": "charges",
    "promotion_code": "promotion_codes",
    "coupon": "coupons",
    "subscription": "subscriptions",
}
_INCLUDABLE = ("line_items", "payments", "currency_options")


class RefusalError(Exception):
    """An answer of 400."""

    def __init__(self, message: str, status: int = 400) -> None:
        self.message, self.status = message, status
        super().__init__(message)


@dataclass
class FakeStripe:
    """The account; `now` is its clock. `requests` are the methods, paths and parameters that came;
    `forbidden` are paths that the key has no right to."""

    now: int = field(default_factory=lambda: int(datetime.now(UTC).timestamp()))
    folders: dict[str, dict[str, dict[str, Any]]] = field(default_factory=lambda: {name: {} for name in _FOLDERS})
    requests: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    answered: dict[str, tuple[tuple[str, str], bytes]] = field(default_factory=dict)
    forbidden: set[str] = field(default_factory=set)
    numbers: Any = field(default_factory=lambda: count(1))

    def client(self) -> HttpClient:
        """The host's own client, which leads here."""
        return HttpPool(transport=httpx2.MockTransport(self.answer)).client((ORIGIN,))

    def put(self, folder: str, thing: dict[str, Any]) -> dict[str, Any]:
        self.folders[folder][thing["id"]] = thing
        return thing

    def tell(self, kind: str, thing: dict[str, Any], *, at: int, **changes: Any) -> dict[str, Any]:
        """Keep an event with the thing as it is now, and return it."""
        sent = copy.deepcopy({key: value for key, value in thing.items() if key not in _INCLUDABLE})
        event = example("event", id=f"evt_{next(self.numbers)}", type=kind, created=at, data={"object": sent})
        return self.put("events", event | changes)

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return httpx2.Response(401, json={"error": {"message": "Invalid API Key provided: rk_live_****"}})
        if not re.fullmatch(r"20\d\d-\d\d-\d\d\.[a-z]+", request.headers.get("stripe-version", "")):
            return httpx2.Response(400, json={"error": {"message": "Invalid Stripe API version"}})
        path = request.url.path.removeprefix("/v1/")
        if path in self.forbidden:
            return httpx2.Response(403, json={"error": {"message": "The key has not the required permissions"}})
        raw = request.url.query if request.method == "GET" else request.content
        key, wish = request.headers.get("idempotency-key"), (path, raw.decode())
        if key in self.answered:
            before, body = self.answered[key]
            if before != wish:
                return httpx2.Response(400, json={"error": {"type": "idempotency_error", "message": "Keys differ"}})
            return httpx2.Response(200, content=body)
        try:
            params = nested(parse_qsl(raw.decode(), keep_blank_values=True))
            self.requests.append((request.method, path, params))
            body = json.dumps(self._done(request.method, path, params)).encode()
        except RefusalError as error:
            return httpx2.Response(error.status, json={"error": {"message": error.message}})
        if key:
            self.answered[key] = wish, body
        return httpx2.Response(200, content=body)

    def _done(self, method: str, path: str, params: dict[str, Any]) -> Any:
        if method == "GET" and path == "account":
            return example("account", charges_enabled=True) | {"business_profile": {"name": "Acme"}}
        folder, thing_id, part = place_of(path)
        wrong = held_to(method, folder, one=bool(thing_id), part=part, params=params)
        if wrong:
            raise RefusalError(f"Received unknown parameter: {wrong}")
        if method == "POST":
            return self._written(folder, thing_id, params)
        if part and thing_id:
            return self._page(self._one(folder, thing_id)[part]["data"], params)
        if thing_id:
            return self._shown(self._one(folder, thing_id), params.get("expand", []))
        return self._listed(folder, params)

    def _one(self, folder: str, thing_id: str) -> dict[str, Any]:
        if thing_id not in self.folders[folder] or self.folders[folder][thing_id].get("deleted"):
            raise RefusalError(f"No such thing: '{thing_id}'", 404)
        return self.folders[folder][thing_id]

    def _listed(self, folder: str, params: dict[str, Any]) -> dict[str, Any]:
        things = sorted(self.folders[folder].values(), key=lambda each: -each["created"])
        kept = [each for each in things if self._matches(folder, each, params)]
        page = self._page(kept, params)
        fields = [each.removeprefix("data.") for each in params.get("expand", [])]
        return {**page, "data": [self._shown(each, fields) for each in page["data"]]}

    def _matches(self, folder: str, thing: dict[str, Any], params: dict[str, Any]) -> bool:
        if folder == "events" and thing["created"] < self.now - EVENTS_KEPT:
            return False
        bounds = params.get("created", {})
        tests = {"gte": int.__ge__, "lte": int.__le__, "gt": int.__gt__, "lt": int.__lt__}
        if not all(tests[name](thing["created"], int(bound)) for name, bound in bounds.items()):
            return False
        if "types" in params and thing["type"] not in params["types"]:
            return False
        if "code" in params and thing["code"].casefold() != params["code"].casefold():
            return False
        if "payment" in params and thing["payment"]["payment_intent"] != params["payment"]["payment_intent"]:
            return False
        same = ("status", "payment_intent", "subscription", "charge", "invoice")
        return all(thing.get(name) == params[name] for name in same if name in params)

    def _page(self, things: list[dict[str, Any]], params: dict[str, Any]) -> dict[str, Any]:
        first, limit = 0, int(params.get("limit", 10))
        if not 1 <= limit <= 100:
            raise RefusalError("This value must be between 1 and 100")
        if after := params.get("starting_after"):
            at = [number for number, each in enumerate(things) if each["id"] == after]
            if not at:
                raise RefusalError(f"No such thing: '{after}'")
            first = at[0] + 1
        return {**listed(*things[first : first + limit]), "has_more": first + limit < len(things)}

    def _shown(self, thing: dict[str, Any], fields: list[str]) -> dict[str, Any]:
        """The thing with ids in place of objects, but for what was asked for."""
        shown = copy.deepcopy(thing)
        asked = {each.split(".")[0] for each in fields}
        for name in _INCLUDABLE:
            if name not in asked:
                shown.pop(name, None)
        for name in asked:
            deeper = [each.partition(".")[2] for each in fields if each.split(".")[0] == name and "." in each]
            if name == "discounts" and isinstance(shown.get(name), list):
                shown[name] = [self._shown(each, deeper) for each in shown[name]]
            elif isinstance(shown.get(name), dict) and name not in _INCLUDABLE:
                shown[name] = self._shown(shown[name], deeper)
            elif isinstance(shown.get(name), str):
                if name not in _EXPANDABLE:
                    raise RefusalError(f"This property cannot be expanded ({name}).")
                whole = self.folders[_EXPANDABLE[name]][shown[name]]
                shown[name] = whole if whole.get("deleted") else self._shown(whole, deeper)
            elif name not in shown and name not in _INCLUDABLE:
                raise RefusalError(f"This property cannot be expanded ({name}).")
            elif name == "line_items" and name in shown:
                things = shown[name]["data"]
                shown[name] = {**listed(*things[:10]), "has_more": len(things) > 10}
        return shown

    def _written(self, folder: str, thing_id: str | None, params: dict[str, Any]) -> dict[str, Any]:
        if folder == "coupons":
            return self._coupon(params)
        if folder == "promotion_codes":
            return self._switched(thing_id, params) if thing_id else self._code(params)
        if thing_id:
            thing = self._one(folder, thing_id)
            thing["enabled_events"] = params.get("enabled_events", thing["enabled_events"])
            if "disabled" in params:
                thing["status"] = "disabled" if params["disabled"] == "true" else "enabled"
            return thing
        made = example("webhook_endpoint", id=f"we_{next(self.numbers)}", created=self.now, status="enabled")
        self.put(folder, made | {"url": params["url"], "enabled_events": params["enabled_events"]})
        return {**made, "secret": SECRET}

    def _coupon(self, params: dict[str, Any]) -> dict[str, Any]:
        if params["id"] in self.folders["coupons"] and not self.folders["coupons"][params["id"]].get("deleted"):
            raise RefusalError("Coupon already exists.")
        if ("percent_off" in params) == ("amount_off" in params) or ("amount_off" in params) != ("currency" in params):
            raise RefusalError("You must pass one of percent_off, or amount_off with its currency")
        percent = params.get("percent_off")
        options = {
            name: {"amount_off": int(each["amount_off"])} for name, each in params.get("currency_options", {}).items()
        }
        off = int(params["amount_off"]) if "amount_off" in params else None
        if off is not None:
            options[params["currency"]] = {"amount_off": off}
        made = {
            "id": params["id"], "name": params.get("name"), "duration": params["duration"], "duration_in_months": None,
            "percent_off": float(percent) if percent else None, "amount_off": off, "currency": params.get("currency"),
            "redeem_by": None, "valid": True, "created": self.now, "currency_options": options,
        }  # fmt: skip
        return self.put("coupons", example("coupon") | made)

    def _code(self, params: dict[str, Any]) -> dict[str, Any]:
        code, expires_at = params["code"], params.get("expires_at")
        coupon = self.folders["coupons"].get(params["promotion"]["coupon"])
        if coupon is None or coupon.get("deleted"):
            raise RefusalError("No such coupon")
        if not re.fullmatch(r"[A-Za-z0-9-]+", code):
            raise RefusalError("Promotion codes hold letters, digits and dashes")
        if expires_at and int(expires_at) <= self.now:
            raise RefusalError("expires_at must be in the future")
        self._alone(code)
        made = {
            "id": f"promo_{next(self.numbers)}", "code": code, "active": True, "created": self.now,
            "expires_at": int(expires_at) if expires_at else None, "metadata": params.get("metadata", {}),
            "promotion": {"type": "coupon", "coupon": coupon["id"]},
        }  # fmt: skip
        return self.put("promotion_codes", example("promotion_code") | made)

    def delete_coupon(self, coupon_id: str) -> None:
        """As in the dashboard: its promotion codes end with it."""
        self.folders["coupons"][coupon_id] = {"id": coupon_id, "object": "coupon", "deleted": True}
        for each in self.folders["promotion_codes"].values():
            if each["promotion"]["coupon"] == coupon_id:
                each["active"] = False

    def _switched(self, thing_id: str, params: dict[str, Any]) -> dict[str, Any]:
        found = self._one("promotion_codes", thing_id)
        if params["active"] == "true" and not found["active"]:
            self._alone(found["code"])
        found["active"] = params["active"] == "true"
        return found

    def _alone(self, code: str) -> None:
        there = self.folders["promotion_codes"].values()
        if any(each["active"] and each["code"].casefold() == code.casefold() for each in there):
            raise RefusalError(f"An active promotion code with `code: {code}` already exists.")


def place_of(path: str) -> tuple[str, str | None, str]:
    """Folder, id and part of an address."""
    folder = next((name for name in _FOLDERS if path == name or path.startswith(f"{name}/")), None)
    if folder is None:
        raise RefusalError(f"Unrecognized request URL ({path})", 404)
    thing_id, _, part = path[len(folder) + 1 :].partition("/")
    return folder, thing_id or None, part


def nested(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Parameters as Stripe reads them: `a[b]` is an object, `a[0]` a list."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        head, *inside = re.findall(r"[^\[\]]+", name)
        spot: dict[str, Any] = found
        for key, following in zip([head, *inside], inside, strict=False):
            spot = spot.setdefault(key, {})
            assert following
        spot[[head, *inside][-1]] = value
    return _lists(found)


def _lists(found: Any) -> Any:
    if not isinstance(found, dict):
        return found
    inside = {key: _lists(value) for key, value in found.items()}
    if inside and all(key.isdigit() for key in inside):
        return [inside[key] for key in sorted(inside, key=int)]
    return inside


def sent(body: bytes, *, at: datetime, secret: str = SECRET) -> WebhookRequest:
    """The webhook that carries `body`, signed as Stripe signs; tests hold it to the library."""
    stamp = seconds(at)
    signature = hmac.new(secret.encode(), b"%d.%s" % (stamp, body), "sha256").hexdigest()
    header = f"t={stamp},v1={signature}"
    return WebhookRequest({"stripe-signature": header, "content-type": "application/json"}, body, at)
