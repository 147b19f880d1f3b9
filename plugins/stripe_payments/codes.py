"""Promo codes as promotion codes, each of a coupon that says what it gives.

Neither can be changed at Stripe but for being active. What a code gives is changed by ending it and making another of
the same name; codes that give the same under the same title share a coupon, whose id is made of both.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from engine.plugin_api import CodeView, FatalError, InputError, MoneyError, ShopCode, parse_currency
from plugins.stripe_payments.amounts import from_stripe, to_stripe
from plugins.stripe_payments.api import Found, StripeApi
from plugins.stripe_payments.reading import inner

if TYPE_CHECKING:  # loading it takes a while, see StripeApi
    from stripe.params import CouponCreateParams, PromotionCodeCreateParams

_CODES: Final = "promotion_codes"
_WHOLE: Final = {"expand": ["data.promotion.coupon", "data.promotion.coupon.currency_options"]}
_LONGEST_NAME: Final = 40
_ONCE: Final = "once"
"""Off one order; of a subscription, off the first invoice. Terms say nothing of later ones."""


def found_code(api: StripeApi, code: str) -> ShopCode | None:
    """Return what the account has under `code`, in whatever case, or None. Of several the one that is active.

    Raises:
        ConfigError, RetriableError, FatalError: as `StripeApi.page`.
    """
    found = _of_name(api, code)
    return _shop_code(found[0]) if found else None


def put_code(api: StripeApi, code: CodeView) -> str:
    """Make the account give `code` its discount and return the promotion code's id. Twice has the effect of once.

    A promotion code has no beginning: it holds from now on.

    Raises:
        FatalError: the code is one with restrictions, which is not ours to end; Stripe takes no such amount, or
            refuses the code, in its words.
        ConfigError, RetriableError: as `StripeApi.post`.
    """
    there, wanted = _of_name(api, code.code), _coupon_form(code)
    right = next((each for each in there if _is_right(each, code)), None)
    for each in there:
        if each["active"] and each is not right:
            _may_end(each, code.code)
            _switch(api, str(each["id"]), active=False)
    if right:
        if not right["active"]:
            _switch(api, str(right["id"]), active=True)
        return str(right["id"])
    before = [str(each["id"]) for each in there]
    return _made(api, code, coupon_id=_coupon(api, code, wanted=wanted, before=before), before=before)


def revoke(api: StripeApi, reference: str) -> None:
    """Make the account no longer take the code; quiet where it is gone.

    Raises:
        ConfigError, RetriableError, FatalError: as `StripeApi.post`.
    """
    if reference.isascii() and reference.replace("_", "").isalnum():
        _switch(api, reference, active=False)


def _made(api: StripeApi, code: CodeView, *, coupon_id: str, before: Sequence[str]) -> str:
    form: PromotionCodeCreateParams = {
        "promotion": {"type": "coupon", "coupon": coupon_id},
        "code": code.code,
        "metadata": {"goodword_key": code.key[:500]},
    }
    if code.expires_at:
        form["expires_at"] = int(code.expires_at.timestamp())
    made = api.post(_CODES, form, key=_key(code, form, before=before))
    if made is None:
        raise FatalError(f"Stripe made no promotion code {code.code}. Push it again.")
    return str(made["id"])


def _coupon(api: StripeApi, code: CodeView, *, wanted: "CouponCreateParams", before: Sequence[str]) -> str:
    """Return the id of the coupon that gives this, made where it is not there."""
    coupon_id = f"gw_{_hash(wanted)[:24]}"
    if api.maybe(f"coupons/{coupon_id}") is None:
        form: CouponCreateParams = {**wanted, "id": coupon_id}
        api.post("coupons", form, key=_key(code, form, before=before))
    return coupon_id


def _coupon_form(code: CodeView) -> "CouponCreateParams":
    """Return what the coupon says. Of amounts the first currency's stands first, the others beside it."""
    form: CouponCreateParams = {"duration": _ONCE, "name": code.title[:_LONGEST_NAME]}
    if code.percent_bps is not None:
        return {**form, "percent_off": code.percent_bps / 100}  # the library's type, written with its two decimals
    amounts = sorted((code.amount_minor or {}).items())
    if not amounts:
        raise FatalError("The terms give no discount that a coupon could hold. Publish terms that do.")
    stripes = [(name.lower(), to_stripe(minor, parse_currency(name))) for name, minor in amounts]
    (currency, amount), *others = stripes
    form |= {"currency": currency, "amount_off": amount}
    return {**form, "currency_options": {name: {"amount_off": other} for name, other in others}} if others else form


def _of_name(api: StripeApi, code: str) -> list[Found]:
    """Return the promotion codes of that name, the active one first, then the newest."""
    listed = [
        each for each in api.listed(_CODES, {"code": code, **_WHOLE}) if each["code"].casefold() == code.casefold()
    ]
    return sorted(listed, key=lambda each: (not _shop_code(each).active, -int(each["created"])))


def _shop_code(found: Found) -> ShopCode:
    """Read a promotion code, in the newer shape or those of before 2025-09-30; with restrictions it gives neither."""
    coupon, ends = _coupon_of(found), found.get("expires_at")
    expires_at = None if ends is None else datetime.fromtimestamp(int(ends), UTC)
    plain = _is_plain(found)
    return ShopCode(
        reference=str(found["id"]),
        code=str(found["code"]),
        active=found["active"] is True
        and coupon.get("valid", True) is True
        and (expires_at is None or expires_at > datetime.now(UTC)),
        percent_bps=_percent(coupon) if plain else None,
        amount_minor=_amounts(coupon) if plain else None,
        expires_at=expires_at,
    )


def _coupon_of(found: Found) -> Mapping[str, Any]:
    return inner(inner(found, "promotion"), "coupon") or inner(found, "coupon")


def _is_plain(found: Found) -> bool:
    """Tell whether a promotion code is for everybody and everything, once an order, as often as they like."""
    coupon, limits = _coupon_of(found), inner(found, "restrictions")
    limited = found.get("customer") or found.get("max_redemptions") or coupon.get("max_redemptions")
    narrow = coupon.get("applies_to") or limits.get("first_time_transaction") or limits.get("minimum_amount")
    return coupon.get("duration") == _ONCE and not (limited or narrow or coupon.get("redeem_by"))


def _is_right(found: Found, code: CodeView) -> bool:
    """Tell whether a promotion code, active or not, gives what is wanted for as long as is wanted."""
    told, coupon = _shop_code(found), _coupon_of(found)
    ends = None if code.expires_at is None else int(code.expires_at.timestamp())
    value = (told.percent_bps, told.amount_minor) == (
        code.percent_bps,
        None if code.percent_bps is not None else dict(code.amount_minor or {}),
    )
    return value and found.get("expires_at") == ends and coupon.get("valid", True) is True


def _may_end(found: Found, code: str) -> None:
    """Refuse to end a promotion code that somebody made for other ends.

    Raises:
        FatalError: it has restrictions, and is none of ours.
    """
    ours = inner(found, "metadata").get("goodword_key")
    if not ours and not _is_plain(found):
        raise FatalError(f"Stripe has {code} with restrictions of its own. Take another code, or switch that one off.")


def _switch(api: StripeApi, reference: str, *, active: bool) -> None:
    api.post(f"{_CODES}/{reference}", {"active": active})


def _percent(coupon: Mapping[str, Any]) -> int | None:
    found = coupon.get("percent_off")
    if found is None:
        return None
    bps = Decimal(found).scaleb(2)
    return int(bps) if bps == bps.to_integral_value() else None


def _amounts(coupon: Mapping[str, Any]) -> dict[str, int] | None:
    if coupon.get("amount_off") is None or not coupon.get("currency"):
        return None
    stripes = {coupon["currency"]: coupon["amount_off"]}
    stripes |= {name: each["amount_off"] for name, each in inner(coupon, "currency_options").items()}
    try:
        currencies = {parse_currency(name): int(amount) for name, amount in stripes.items()}
        return {currency: from_stripe(amount, currency, field="amount_off") for currency, amount in currencies.items()}
    except (MoneyError, InputError):
        return None


def _key(code: CodeView, form: Mapping[str, object], *, before: Sequence[str]) -> str:
    """Return an idempotency key: the same for the same wish in the same place, another once anything is other."""
    return _hash([code.key, dict(form), sorted(before)])


def _hash(content: object) -> str:
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
