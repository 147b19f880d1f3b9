"""Promo codes as discount codes of the shop: amount off the whole order, for everybody, as often as they like."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from engine.plugin_api import BPS, CodeView, Currency, FatalError, Money, MoneyError, ShopCode, parse_currency
from plugins.shopify.api import AdminApi, refuse_user_errors

_FIND: Final = """
query Find($code: String!) {
  codeDiscountNodeByCode(code: $code) {
    id
    codeDiscount {
      __typename
      ... on DiscountCodeBasic {
        status endsAt
        codesCount { count }
        codes(first: 5) { nodes { code } }
        customerGets {
          items { ... on AllDiscountItems { allItems } }
          value {
            ... on DiscountPercentage { percentage }
            ... on DiscountAmount { appliesOnEachItem amount { amount currencyCode } }
          }
        }
      }
    }
  }
}
"""
_CURRENCY: Final = "query Currency { shop { currencyCode } }"
_STILL_THERE: Final = "query StillThere($id: ID!) { codeDiscountNode(id: $id) { id } }"
_WRITE: Final = """
mutation Write(%(arguments)s$title: String!, $code: String!, $startsAt: DateTime!, $endsAt: DateTime) {
  written: %(verb)sbasicCodeDiscount: {
    title: $title, code: $code, startsAt: $startsAt, endsAt: $endsAt, context: { all: ALL }
    customerGets: { items: { all: true }, value: %(value)s }
  }) { codeDiscountNode { id } userErrors { code field message } }
}
"""
"""The discount's value stands in the text: its percentage is a number of four decimals, which no JSON has to carry."""
_DEACTIVATE: Final = """
mutation Deactivate($id: ID!) { discountCodeDeactivate(id: $id) { userErrors { code field message } } }
"""


def found_code(api: AdminApi, code: str) -> ShopCode | None:
    """Return what the shop has under `code`, or None. Another kind of discount has neither percent nor amount.

    Raises:
        ConfigError, RetriableError, FatalError: as `AdminApi.ask`.
    """
    node = api.ask(_FIND, {"code": code})["codeDiscountNodeByCode"]
    if not node:
        return None
    discount = node["codeDiscount"]
    if discount["__typename"] != "DiscountCodeBasic":
        return ShopCode(node["id"], code, active=True)
    spelled = (each["code"] for each in discount["codes"]["nodes"] if each["code"].casefold() == code.casefold())
    gets = discount["customerGets"]
    whole = gets["items"].get("allItems") is True
    return ShopCode(
        reference=node["id"],
        code=next(spelled, code),
        active=discount["status"] == "ACTIVE",
        percent_bps=_percent(gets["value"]) if whole else None,
        amount_minor=_amount(gets["value"]) if whole else None,
        expires_at=datetime.fromisoformat(discount["endsAt"]) if discount["endsAt"] else None,
    )


def put_code(api: AdminApi, code: CodeView) -> str:
    """Make the shop give `code` its discount and return the discount's id. Twice has the effect of once.

    Raises:
        FatalError: this shop's currency is not among the amounts, the code belongs to another kind of discount or to
            one with several codes, or Shopify refuses the discount.
        ConfigError, RetriableError: as `AdminApi.ask`.
    """
    value = _value(api, code)
    if reference := _ours_to_change(api, code.code):
        return _updated(api, reference, code=code, value=value)
    text = _WRITE % {"arguments": "", "verb": "discountCodeBasicCreate(", "value": value}
    created = api.ask(text, _fields(code))["written"]
    taken = any(error["code"] == "TAKEN" for error in created["userErrors"])  # somebody was faster
    if taken and (reference := _ours_to_change(api, code.code)):
        return _updated(api, reference, code=code, value=value)
    refuse_user_errors(created, doing=f"make the code {code.code}")
    return str(created["codeDiscountNode"]["id"])


def revoke(api: AdminApi, reference: str) -> None:
    """End the discount; quiet where it is gone.

    Raises:
        ConfigError, RetriableError, FatalError: as `AdminApi.ask`.
    """
    if api.ask(_STILL_THERE, {"id": reference})["codeDiscountNode"]:
        answer = api.ask(_DEACTIVATE, {"id": reference})["discountCodeDeactivate"]
        refuse_user_errors(answer, doing="end the discount")


def _updated(api: AdminApi, reference: str, *, code: CodeView, value: str) -> str:
    text = _WRITE % {"arguments": "$id: ID!, ", "verb": "discountCodeBasicUpdate(id: $id, ", "value": value}
    refuse_user_errors(api.ask(text, {"id": reference, **_fields(code)})["written"], doing=f"change {code.code}")
    return reference


def _ours_to_change(api: AdminApi, code: str) -> str | None:
    node = api.ask(_FIND, {"code": code})["codeDiscountNodeByCode"]
    if not node:
        return None
    discount = node["codeDiscount"]
    if discount["__typename"] != "DiscountCodeBasic":
        raise FatalError(f"The shop has {code} as another kind of discount. Take another code, or remove that one.")
    if discount["codesCount"]["count"] != 1:
        raise FatalError(f"The shop has {code} as one of several codes of a discount. Take another code.")
    return str(node["id"])


def _fields(code: CodeView) -> dict[str, Any]:
    return {
        "title": code.title[:255],
        "code": code.code,
        "startsAt": code.starts_at.isoformat(),
        "endsAt": code.expires_at.isoformat() if code.expires_at else None,
    }


def _value(api: AdminApi, code: CodeView) -> str:
    if code.percent_bps is not None:
        return f"{{ percentage: {Decimal(code.percent_bps).scaleb(-4):f} }}"
    currency = parse_currency(api.ask(_CURRENCY)["shop"]["currencyCode"])
    amount = (code.amount_minor or {}).get(currency)
    if amount is None:
        raise FatalError(f"The shop sells in {currency}, and the terms give no discount in it. Publish terms that do.")
    return f'{{ discountAmount: {{ amount: "{Money(amount, currency).decimal():f}", appliesOnEachItem: false }} }}'


def _percent(value: Mapping[str, Any]) -> int | None:
    if "percentage" not in value:
        return None
    bps = Decimal(value["percentage"]) * BPS
    return int(bps) if bps == bps.to_integral_value() else None


def _amount(value: Mapping[str, Any]) -> dict[str, int] | None:
    if "amount" not in value or value["appliesOnEachItem"]:
        return None
    money = value["amount"]
    try:
        currency: Currency = parse_currency(money["currencyCode"])
        return {currency: Money.parse(str(money["amount"]), currency).minor}
    except MoneyError:
        return None
