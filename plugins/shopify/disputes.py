"""A dispute of Shopify Payments to a chargeback event."""

from typing import Final

from engine.plugin_api import ChargebackEvent, ChargebackState
from engine.plugin_api.reading import Record, currency_in, instant, maybe_instant, not_negative, text
from plugins.shopify.reading import ident, maybe_ident, minor

_STATES: Final = {
    "won": ChargebackState.WON,
    "charge_refunded": ChargebackState.WON,  # ended by a refund, which is sent as one
    "lost": ChargebackState.LOST,
    "accepted": ChargebackState.LOST,
}


def chargeback_event(dispute: Record) -> ChargebackEvent | None:
    """Return the dispute, an inquiry of the bank like a chargeback; None where it belongs to no order.

    It has no time of change: it is open from its beginning, whatever is asked meanwhile, until it is final.

    Raises:
        InputError: it cannot be read.
    """
    order_id = maybe_ident(dispute, "order_id")
    if order_id is None:
        return None
    currency = currency_in(dispute, "currency")
    opened_at = instant(dispute, "initiated_at")
    return ChargebackEvent(
        external_id=ident(dispute, "id"),
        order_external_id=order_id,
        updated_at=maybe_instant(dispute, "finalized_on") or opened_at,
        opened_at=opened_at,
        currency=currency,
        amount_minor=not_negative(minor(dispute.get("amount"), currency, field="amount"), field="amount"),
        state=_STATES.get(text(dispute, "status"), ChargebackState.OPEN),
    )
