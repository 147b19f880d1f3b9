"""Promo codes as Vendure's promotions with a coupon code."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from engine.plugin_api import CodeView, FatalError, ShopCode
from plugins.vendure.api import AdminApi
from plugins.vendure.questions import CHECK, CREATE_PROMOTION, PROMOTION, PROMOTIONS, UPDATE_PROMOTION

_PERCENT: Final = "order_percentage_discount"
_FIXED: Final = "order_fixed_discount"


def found_code(api: AdminApi, code: str) -> ShopCode | None:
    """Return the promotion with this coupon code, in whatever case, or None."""
    found = _promotion_of(api, code)
    return _shop_code(found, api) if found else None


def put_code(api: AdminApi, code: CodeView) -> str:
    """Make the shop give `code` its discount; return the promotion's id.

    Raises:
        FatalError: the channel's currency is not among the amounts, or the shop refuses the promotion.
    """
    values = _values(api, code)
    found = _promotion_of(api, code.code)
    if found is None:
        named = {"languageCode": "en", "name": code.title, "description": f"Goodword {code.key}"}
        values |= {"couponCode": code.code, "conditions": [], "translations": [named]}
        answer = api.ask(CREATE_PROMOTION, input=values)["createPromotion"]
    else:
        answer = api.ask(UPDATE_PROMOTION, input=values | {"id": found["id"]})["updatePromotion"]
    return _id_of(answer)


def revoke(api: AdminApi, reference: str) -> None:
    """Switch a promotion off; quiet where it is gone."""
    found = api.ask(PROMOTION, id=reference)["promotion"]
    if found and found["enabled"]:
        _id_of(api.ask(UPDATE_PROMOTION, input={"id": reference, "enabled": False})["updatePromotion"])


def _promotion_of(api: AdminApi, code: str) -> Mapping[str, Any] | None:
    """Return the promotion that the shop would apply for `code`; an enabled one goes before one that is off."""
    found = api.ask(PROMOTIONS, code=code)
    items = (*found["same"]["items"], *found["similar"]["items"])
    same = [item for item in items if str(item["couponCode"] or "").casefold() == code.casefold()]
    return min(same, key=lambda item: (not item["enabled"], str(item["id"])), default=None)


def _values(api: AdminApi, code: CodeView) -> dict[str, Any]:
    return {
        "enabled": True,
        "startsAt": _written(code.starts_at),
        "endsAt": _written(code.expires_at) if code.expires_at else None,
        "actions": [_action(api, code)],
    }


def _action(api: AdminApi, code: CodeView) -> dict[str, Any]:
    if code.percent_bps is not None:
        percent = format((Decimal(code.percent_bps) / 100).normalize(), "f")
        return {"code": _PERCENT, "arguments": [{"name": "discount", "value": percent}]}
    currency = api.ask(CHECK)["activeChannel"]["currencyCode"]
    minor = (code.amount_minor or {}).get(currency)
    if minor is None:
        raise FatalError(f"The terms give the customer no amount in {currency}, the currency of this shop.")
    return {"code": _FIXED, "arguments": [{"name": "discount", "value": str(minor)}]}


def _shop_code(item: Mapping[str, Any], api: AdminApi) -> ShopCode:
    actions = item["actions"]
    percent: int | None = None
    amounts: dict[str, int] | None = None
    if len(actions) == 1:
        number = _argument(actions[0], "discount")
        if actions[0]["code"] == _PERCENT and number is not None:
            percent = int(number * 100) if number * 100 == int(number * 100) else None
        if actions[0]["code"] == _FIXED and number is not None:
            amounts = {api.ask(CHECK)["activeChannel"]["currencyCode"]: int(number)}
    return ShopCode(
        reference=str(item["id"]),
        code=str(item["couponCode"]),
        active=bool(item["enabled"]),
        percent_bps=percent,
        amount_minor=amounts,
        expires_at=datetime.fromisoformat(item["endsAt"]).astimezone(UTC) if item["endsAt"] else None,
    )


def _argument(action: Mapping[str, Any], name: str) -> Decimal | None:
    for argument in action["args"]:
        if argument["name"] == name:
            try:
                return Decimal(str(argument["value"]))
            except InvalidOperation:
                return None
    return None


def _id_of(answer: Mapping[str, Any]) -> str:
    if answer["__typename"] != "Promotion":
        raise FatalError(f"Vendure refused the promotion: {str(answer.get('message', 'no reason given'))[:300]}")
    return str(answer["id"])


def _written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
