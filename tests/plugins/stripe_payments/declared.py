"""The parameters that the `stripe` library declares for each request, checked by pydantic."""

import sys
import typing
from functools import cache
from typing import Any

import pydantic
import stripe
import stripe._request_options as options
from stripe import params as declared
from stripe.params import checkout


@cache
def _adapters() -> dict[tuple[str, str, str], type]:
    return {
        ("GET", "checkout/sessions", "all"): checkout.SessionListParams,
        ("GET", "checkout/sessions", "one"): checkout.SessionRetrieveParams,
        ("GET", "checkout/sessions", "line_items"): checkout.SessionListLineItemsParams,
        ("GET", "invoices", "all"): declared.InvoiceListParams,
        ("GET", "invoices", "one"): declared.InvoiceRetrieveParams,
        ("GET", "invoices", "lines"): declared.InvoiceListLinesParams,
        ("GET", "invoice_payments", "all"): declared.InvoicePaymentListParams,
        ("GET", "refunds", "all"): declared.RefundListParams,
        ("GET", "refunds", "one"): declared.RefundRetrieveParams,
        ("GET", "disputes", "all"): declared.DisputeListParams,
        ("GET", "disputes", "one"): declared.DisputeRetrieveParams,
        ("GET", "charges", "one"): declared.ChargeRetrieveParams,
        ("GET", "charges", "all"): declared.ChargeListParams,
        ("GET", "events", "all"): declared.EventListParams,
        ("GET", "payment_intents", "all"): declared.PaymentIntentListParams,
        ("GET", "subscriptions", "all"): declared.SubscriptionListParams,
        ("GET", "coupons", "one"): declared.CouponRetrieveParams,
        ("GET", "coupons", "all"): declared.CouponListParams,
        ("GET", "promotion_codes", "all"): declared.PromotionCodeListParams,
        ("GET", "promotion_codes", "one"): declared.PromotionCodeRetrieveParams,
        ("GET", "webhook_endpoints", "all"): declared.WebhookEndpointListParams,
        ("POST", "coupons", "all"): declared.CouponCreateParams,
        ("POST", "promotion_codes", "all"): declared.PromotionCodeCreateParams,
        ("POST", "promotion_codes", "one"): declared.PromotionCodeUpdateParams,
        ("POST", "webhook_endpoints", "all"): declared.WebhookEndpointCreateParams,
        ("POST", "webhook_endpoints", "one"): declared.WebhookEndpointUpdateParams,
    }


@cache
def _adapter(kind: type) -> pydantic.TypeAdapter[Any]:
    kind.__pydantic_config__ = pydantic.ConfigDict(extra="forbid", arbitrary_types_allowed=True)  # type: ignore[attr-defined]
    adapter: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(kind)
    names = {**vars(typing), **vars(stripe), **vars(options), "StripeContext": Any, "UntypedStripeObject": Any}
    adapter.rebuild(force=True, _types_namespace={**names, **vars(sys.modules[kind.__module__])})
    return adapter


def held_to(method: str, folder: str, *, one: bool, part: str, params: dict[str, Any]) -> str | None:
    """Return what is wrong with the parameters of a request, or None."""
    kind = _adapters().get((method, folder, part or ("one" if one else "all")))
    if kind is None:
        return f"{method} {folder} is not asked"
    try:
        _adapter(kind).validate_python(params)
    except pydantic.ValidationError as error:
        return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['type']}" for each in error.errors()[:3])
    return None
