"""The types of Stripe's events that concern us, by what they point at."""

from typing import Final

SESSION: Final = frozenset(
    {
        "checkout.session.completed",
        "checkout.session.async_payment_succeeded",
        "checkout.session.async_payment_failed",
    }
)
INVOICE: Final = frozenset({"invoice.paid"})
CAPTURED: Final = frozenset({"charge.captured"})
REFUNDED: Final = frozenset({"charge.refunded"})
REFUND: Final = frozenset({"refund.created", "refund.updated", "refund.failed", "charge.refund.updated"})
DISPUTE: Final = frozenset(
    {
        "charge.dispute.created",
        "charge.dispute.updated",
        "charge.dispute.closed",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.funds_reinstated",
    }
)

WANTED: Final = tuple(sorted(SESSION | INVOICE | CAPTURED | REFUNDED | REFUND | DISPUTE))
"""The types that are asked for, at most 20, as many as a list of events can be filtered by."""

SETTLED: Final = frozenset({"checkout.session.async_payment_succeeded"}) | CAPTURED
"""Events that say when an order was paid whose payment took longer than its checkout."""

UNREADABLE: Final = "unreadable"
"""The topic of a signed body that is no event: reading it says what is wrong."""

READ: Final = frozenset({*WANTED, UNREADABLE})
