"""Stripe's refunds and disputes to events.

Neither has a time of change. A refund's states only go one way, so they are told apart by seconds behind its beginning;
a dispute names when money was taken and given back. Every way to learn of one then says the same, in any order.
"""

from datetime import timedelta
from typing import Final

from engine.plugin_api import ChargebackEvent, ChargebackState, RefundEvent, RefundState
from engine.plugin_api.reading import Record, currency_in, not_negative, refuse, text
from plugins.stripe_payments.reading import ident, instant, minor, records

_REFUNDS: Final = {
    "pending": (RefundState.PENDING, 0),
    "requires_action": (RefundState.PENDING, 0),
    "succeeded": (RefundState.SUCCEEDED, 1),
    "failed": (RefundState.FAILED, 2),
    "canceled": (RefundState.CANCELLED, 2),
}
"""How far a refund got, and its place among its states: one that succeeded may fail still, at the customer's bank."""

_LOST: Final = frozenset({"lost", "appeal_needs_response", "appeal_under_review"})
_WON: Final = frozenset({"won", "warning_closed", "prevented", "charge_refunded"})
"""Over without a loss: won, an inquiry that came to nothing, or ended by a refund, which is sent as one."""


def refund_event(refund: Record, order_id: str) -> RefundEvent:
    """Return the refund, of an amount with tax and shipping in it: Stripe knows of no lines.

    Raises:
        InputError: it cannot be read.
    """
    currency, made_at = currency_in(refund, "currency"), instant(refund, "created")
    known = _REFUNDS.get(text(refund, "status") or "succeeded")  # old ones have no status
    if known is None:
        refuse("is no state of a refund", "status")
    state, place = known
    return RefundEvent(
        external_id=ident(refund, "id"),
        order_external_id=order_id,
        updated_at=made_at + timedelta(seconds=place),
        refunded_at=made_at,
        currency=currency,
        amount_minor=not_negative(minor(refund, "amount", currency=currency), field="amount"),
        state=state,
    )


def chargeback_event(dispute: Record, order_id: str) -> ChargebackEvent:
    """Return the dispute, an inquiry of the bank like a chargeback. During an appeal it stays lost, until it is won.

    Raises:
        InputError: it cannot be read.
    """
    currency, opened_at = currency_in(dispute, "currency"), instant(dispute, "created")
    status = text(dispute, "status")
    state, place = ChargebackState.OPEN, 0
    if status in _LOST:
        state, place = ChargebackState.LOST, 1
    elif status in _WON:
        state, place = ChargebackState.WON, 2
    moved = [instant(each, "created") for each in records(dispute, "balance_transactions")]
    return ChargebackEvent(
        external_id=ident(dispute, "id"),
        order_external_id=order_id,
        updated_at=max((opened_at, *moved)) + timedelta(seconds=place),
        opened_at=opened_at,
        currency=currency,
        amount_minor=not_negative(minor(dispute, "amount", currency=currency), field="amount"),
        state=state,
    )
