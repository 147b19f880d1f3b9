"""Promo codes as Medusa's promotions: off the whole order, for everybody."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from engine.plugin_api import CodeView, Currency, FatalError, Money, MoneyError, ShopCode, exponent_of, parse_currency
from engine.plugin_api.reading import Record, time_of
from plugins.medusa.api import AdminApi
from plugins.medusa.reading import number_in

_PER_PAGE: Final = 50
_MOST_PAGES: Final = 20


def found_code(api: AdminApi, code: str) -> ShopCode | None:
    """Return the promotion with this code, in whatever case, or None."""
    found = _promotion_of(api, code)
    return _shop_code(found) if found else None


def put_code(api: AdminApi, code: CodeView) -> str:
    """Make the shop give `code` its discount; return the promotion's id.

    A promotion has no dates of its own: one with an end gets a campaign, any other holds from now on.

    Raises:
        FatalError: the store's currency is not among the amounts, or the shop refuses the promotion.
    """
    wanted: dict[str, Any] = {"status": "active", "is_automatic": False, **_discount(api, code)}
    found = _promotion_of(api, code.code)
    if found is None:
        new = {"code": code.code, "type": "standard", **wanted}
        if code.expires_at is not None:
            new["campaign_id"] = _campaign(api, code)
        return _id_of(api.maybe("POST", "promotions", json=new), "promotion")
    if code.expires_at is not None:
        wanted["campaign_id"] = _campaign(api, code)
    elif found.get("campaign"):
        wanted["campaign_id"] = None
    return _id_of(api.maybe("POST", f"promotions/{_segment(found['id'])}", json=wanted), "promotion")


def revoke(api: AdminApi, reference: str) -> None:
    """Switch a promotion off, and keep it for the shop's reports; quiet where it is gone."""
    if reference.isascii() and reference.replace("_", "").isalnum():
        api.maybe("POST", f"promotions/{reference}", json={"status": "inactive"})


def _promotion_of(api: AdminApi, code: str) -> Record | None:
    """Return the promotion of that code. Medusa tells upper case from lower: the same spelling goes first."""
    found: Record | None = next(iter(api.get("promotions", {"code": code, "limit": "1"})["promotions"]), None)
    if found is not None:
        return found
    same = [each for each in _searched(api, code) if str(each["code"]).casefold() == code.casefold()]
    return min(same, key=lambda each: (each.get("status") != "active", each["id"]), default=None)


def _searched(api: AdminApi, words: str) -> Iterator[Record]:
    for page in range(_MOST_PAGES):
        params = {"q": words, "limit": str(_PER_PAGE), "offset": str(page * _PER_PAGE)}
        found = api.get("promotions", params)["promotions"]
        yield from found
        if len(found) < _PER_PAGE:
            return


def _campaign(api: AdminApi, code: CodeView) -> str:
    """Make the campaign that bounds `code` in time, or bring it to what `code` says; return its id."""
    name = f"goodword-{code.key}"
    dates = {"starts_at": _written(code.starts_at), "ends_at": _written(code.expires_at) if code.expires_at else None}
    there = api.get("campaigns", {"campaign_identifier": name, "limit": "1"})["campaigns"]
    found = next((each for each in there if each["campaign_identifier"] == name), None)
    if found is None:
        new = {"name": code.title[:200], "campaign_identifier": name, **dates}
        return _id_of(api.maybe("POST", "campaigns", json=new), "campaign")
    return _id_of(api.maybe("POST", f"campaigns/{_segment(found['id'])}", json=dates), "campaign")


def _discount(api: AdminApi, code: CodeView) -> dict[str, Any]:
    """Return what the code takes off. A promotion with a currency is for carts in it alone; a percentage is for all.

    A fixed amount has taxes in it where the shop's prices in that currency have: the customer saves what was promised.
    """
    method: dict[str, Any] = {"target_type": "order"}
    if code.percent_bps is not None:
        percent = _json_number(Decimal(code.percent_bps).scaleb(-2))
        return {"application_method": method | {"type": "percentage", "value": percent, "currency_code": None}}
    currency = store_currency(api)
    minor = (code.amount_minor or {}).get(currency)
    if minor is None:
        raise FatalError(f"The terms give the customer no amount in {currency}, the currency of this shop.")
    amount = _json_number(Money(minor, currency).decimal())
    method |= {"type": "fixed", "value": amount, "currency_code": currency.lower()}
    return {"is_tax_inclusive": _prices_have_taxes(api, currency), "application_method": method}


def _prices_have_taxes(api: AdminApi, currency: Currency) -> bool:
    params = {"attribute": "currency_code", "value": currency.lower(), "limit": "1"}
    found = api.get("price-preferences", params)["price_preferences"]
    return any(each["is_tax_inclusive"] is True for each in found)


def _json_number(value: Decimal) -> int | float:
    """Return a number that JSON can carry; two or three decimals come out as they went in."""
    return int(value) if value == value.to_integral_value() else float(value)


def store_of(api: AdminApi) -> Record:
    """Return the store."""
    found: Record = api.get("stores", {"limit": "1", "fields": "id,name,*supported_currencies"})["stores"][0]
    return found


def store_currency(api: AdminApi) -> Currency:
    """Return the store's default currency.

    Raises:
        FatalError: it is none that money can be counted in.
    """
    supported = store_of(api)["supported_currencies"]
    code = next((each["currency_code"] for each in supported if each.get("is_default")), supported[0]["currency_code"])
    try:
        return parse_currency(code.upper())
    except MoneyError as error:
        raise FatalError(f"The shop's currency is none that money can be counted in: {error}") from None


def _shop_code(found: Record) -> ShopCode:
    campaign = found.get("campaign") or {}
    ends_at = time_of(campaign["ends_at"]) if campaign.get("ends_at") else None
    method: Record = (found.get("application_method") or {}) if _is_plain(found) else {}
    running = found.get("status", "active") == "active" and (ends_at is None or ends_at > datetime.now(UTC))
    return ShopCode(
        reference=str(found["id"]),
        code=str(found["code"]),
        active=running,
        percent_bps=_whole(number_in(method, "value") * 100) if method.get("type") == "percentage" else None,
        amount_minor=_amount(method) if method.get("type") == "fixed" else None,
        expires_at=ends_at,
    )


def _is_plain(found: Record) -> bool:
    """Tell whether a promotion is one of ours by what it gives and to whom."""
    method = found.get("application_method") or {}
    ruled = found.get("rules") or method.get("target_rules") or method.get("buy_rules") or found.get("limit")
    return found.get("type") == "standard" and method.get("target_type") == "order" and not ruled


def _amount(method: Record) -> Mapping[str, int] | None:
    try:
        currency = parse_currency(str(method.get("currency_code", "")).upper())
    except MoneyError:
        return None
    minor = _whole(number_in(method, "value") * 10 ** exponent_of(currency))
    return None if minor is None else {currency: minor}


def _whole(number: Fraction) -> int | None:
    return number.numerator if number.denominator == 1 else None


def _id_of(answer: Mapping[str, Any] | None, kind: str) -> str:
    if answer is None:
        raise FatalError(f"The {kind} was deleted while it was being changed. Push the code again.")
    return str(answer[kind]["id"])


def _segment(reference: object) -> str:
    """Return an id of the shop's as part of an address.

    Raises:
        ValueError: it could lead elsewhere.
    """
    text = str(reference)
    if not text.isascii() or not text.replace("_", "").isalnum():
        raise ValueError("an id has odd characters")
    return text


def _written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
