"""Promo codes as coupons: off the whole cart, for everybody, as often as they like."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from engine.plugin_api import CodeView, ConfigError, Currency, FatalError, Money, MoneyError, ShopCode, parse_currency
from plugins.woocommerce.api import RestApi
from plugins.woocommerce.reading import read_time

_COUPONS: Final = "wc/v3/coupons"
_RESTRICTIONS: Final[Mapping[str, Any]] = {
    "individual_use": False,
    "free_shipping": False,
    "product_ids": [],
    "excluded_product_ids": [],
    "product_categories": [],
    "excluded_product_categories": [],
    "exclude_sale_items": False,
    "email_restrictions": [],
}
"""What a coupon of ours does not do; a coupon that does is another kind of discount."""

_LIMITS: Final = ("usage_limit", "usage_limit_per_user", "limit_usage_to_x_items")
_BOUNDS: Final = ("minimum_amount", "maximum_amount")


def missing(api: RestApi) -> list[str]:
    """Return a sentence for what keeps promo codes out of the shop. Asks for no change: the batch written is empty.

    Raises:
        ConfigError, RetriableError, FatalError: as `RestApi.ask`.
    """
    switch = api.ask("GET", "wc/v3/settings/general/woocommerce_enable_coupons")
    if switch and switch["value"] != "yes":
        return ["Coupons are switched off in the shop: WooCommerce → Settings → General → Enable coupons."]
    try:
        api.ask("POST", f"{_COUPONS}/batch", json={})
    except ConfigError:
        return ["The API key may only read: promo codes and webhooks need one with Read/Write."]
    return []


def found_code(api: RestApi, code: str) -> ShopCode | None:
    """Return the coupon that the shop has under `code`, in whatever case, or None.

    Raises:
        ConfigError, RetriableError, FatalError: as `RestApi.ask`.
    """
    coupon = _coupon(api, code)
    if coupon is None:
        return None
    expires_at = read_time(coupon.get("date_expires_gmt"))
    kind = coupon["discount_type"] if _is_plain(coupon) else ""
    return ShopCode(
        reference=str(coupon["id"]),
        code=coupon["code"],
        active=coupon.get("status", "publish") == "publish" and (expires_at is None or expires_at > datetime.now(UTC)),
        percent_bps=_percent(coupon["amount"]) if kind == "percent" else None,
        amount_minor=_amount(coupon["amount"], _currency(api)) if kind == "fixed_cart" else None,
        expires_at=expires_at,
    )


def put_code(api: RestApi, code: CodeView) -> str:
    """Make the shop give `code` its discount and return the coupon's id. Twice has the effect of once.

    A coupon has no beginning: it holds from now on.

    Raises:
        FatalError: this shop's currency is not among the amounts, or WooCommerce refuses the coupon.
        ConfigError, RetriableError: as `RestApi.ask`.
    """
    wanted = {
        **_RESTRICTIONS,
        **dict.fromkeys(_LIMITS, 0),
        **dict.fromkeys(_BOUNDS, "0"),
        **_value(api, code),
        "code": code.code,
        "description": code.title[:500],
        "status": "publish",
        # The field that says GMT is only read; this one takes a zone, and is emptied by an empty text.
        "date_expires": code.expires_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if code.expires_at else "",
        "meta_data": [{"key": "goodword_key", "value": code.key}],
    }
    coupon = _coupon(api, code.code)
    path = f"{_COUPONS}/{int(coupon['id'])}" if coupon else _COUPONS
    written = api.ask("PUT" if coupon else "POST", path, json=wanted)
    if written is None:
        raise FatalError(f"The coupon {code.code} was deleted while it was being changed. Push it again.")
    return str(written["id"])


def revoke(api: RestApi, reference: str) -> None:
    """Take the coupon out of use, and keep it for the shop's reports; quiet where it is gone.

    Raises:
        ConfigError, RetriableError, FatalError: as `RestApi.ask`.
    """
    path = f"{_COUPONS}/{int(reference)}" if reference.isascii() and reference.isdigit() else ""
    drafted = api.ask("PUT", path, json={"status": "draft"}) if path else None
    if drafted and drafted.get("status") != "draft":  # an older WooCommerce, whose coupons have no status to set
        api.ask("DELETE", path, params={"force": "true"})


def _coupon(api: RestApi, code: str) -> Mapping[str, Any] | None:
    """Return the coupon of that name, kept in lower case; a shop without the filter would list others."""
    listed = api.page(_COUPONS, {"code": code.lower()})
    return next((each for each in listed if each["code"].casefold() == code.casefold()), None)


def _is_plain(coupon: Mapping[str, Any]) -> bool:
    """Tell whether a coupon is one of ours by what it restricts. Amounts of no minimum are written 0.00."""
    free = all(coupon.get(name, value) == value for name, value in _RESTRICTIONS.items())
    unlimited = not any(coupon.get(name) for name in _LIMITS)
    return free and unlimited and all(not Decimal(coupon.get(name) or 0) for name in _BOUNDS)


def _value(api: RestApi, code: CodeView) -> dict[str, str]:
    if code.percent_bps is not None:
        return {"discount_type": "percent", "amount": f"{Decimal(code.percent_bps).scaleb(-2):f}"}
    currency = _currency(api)
    amount = (code.amount_minor or {}).get(currency)
    if amount is None:
        raise FatalError(f"The shop sells in {currency}, and the terms give no discount in it. Publish terms that do.")
    return {"discount_type": "fixed_cart", "amount": f"{Money(amount, currency).decimal():f}"}


def _currency(api: RestApi) -> Currency:
    try:
        return parse_currency(api.ask("GET", "wc/v3/data/currencies/current")["code"])
    except MoneyError as error:
        raise FatalError(f"The shop's currency is none that money can be counted in: {error}") from None


def _percent(amount: str) -> int | None:
    bps = Decimal(amount).scaleb(2)
    return int(bps) if bps == bps.to_integral_value() else None


def _amount(amount: str, currency: Currency) -> dict[str, int] | None:
    try:
        return {currency: Money.parse(amount, currency).minor}
    except MoneyError:
        return None
