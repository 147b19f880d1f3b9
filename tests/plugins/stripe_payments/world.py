"""An account with something in it: purchases, a subscription, refunds, disputes, each with its events."""

from typing import Any

from tests.plugins.stripe_payments.account import FakeStripe
from tests.plugins.stripe_payments.objects import (
    DAY,
    a_dispute,
    a_refund,
    a_session,
    an_invoice,
    example,
    seconds,
)

CLICK = "gw-click-1"


class Account(FakeStripe):
    """What happens at an account, told by its events."""

    def with_code(self) -> "Account":
        self.put("coupons", example("coupon", id="TEN", percent_off=10, duration="once", redeem_by=None))
        promotion = {"type": "coupon", "coupon": "TEN"}
        self.put("promotion_codes", example("promotion_code", id="promo_anna", code="ANNA10", promotion=promotion))
        return self

    def buy(self, number: str = "1", *, at: int = seconds(), **changes: Any) -> dict[str, Any]:
        """A purchase through Checkout, paid by card."""
        session = a_session(f"cs_live_{number}", at=at, client_reference_id=CLICK, **changes)
        charge = f"ch_{number}"
        paid = {"payment_intent": f"pi_{number}", "created": at + 60, "amount": 9_068, "currency": "eur"}
        self.put("charges", example("charge", id=charge, **paid))
        self.put(
            "payment_intents",
            example("payment_intent", id=f"pi_{number}", latest_charge=charge, status="succeeded", metadata={}),
        )
        self.put("checkout/sessions", session)
        self.tell("checkout.session.completed", session, at=at + 61)
        return session

    def subscribe_customer(self, number: str = "1", *, at: int = seconds()) -> dict[str, Any]:
        """A subscription that began in a session, with its first invoice."""
        invoice = self.bill(number, at=at)
        session = a_session(
            f"cs_live_sub{number}",
            at=at - 30,
            mode="subscription",
            payment_intent=None,
            subscription=f"sub_{number}",
            invoice=invoice["id"],
            client_reference_id=CLICK,
        )
        self.put("checkout/sessions", session)
        self.tell("checkout.session.completed", session, at=at + 6)
        return invoice

    def bill(self, number: str = "1", *, at: int = seconds(), invoice_id: str = "", **changes: Any) -> dict[str, Any]:
        """A paid invoice of a subscription."""
        invoice_id = invoice_id or f"in_{number}"
        if f"sub_{number}" not in self.folders["subscriptions"]:
            self.put("subscriptions", example("subscription", id=f"sub_{number}", trial_end=None, metadata={}))
        details = {"subscription": f"sub_{number}", "metadata": {}}
        parent = {"type": "subscription_details", "subscription_details": details}
        invoice = self.put("invoices", an_invoice(invoice_id, at=at, parent=parent, **changes))
        payment = {"type": "payment_intent", "payment_intent": f"pi_{invoice_id}"}
        self.put(
            "invoice_payments",
            example("invoice_payment", id=f"inpay_{invoice_id}", invoice=invoice_id, payment=payment, created=at),
        )
        self.put("charges", example("charge", id=f"ch_{invoice_id}", payment_intent=f"pi_{invoice_id}", created=at))
        self.tell("invoice.paid", invoice, at=at + 5)
        return invoice

    def refund(self, of: str, refund_id: str, amount: int, *, at: int = seconds() + DAY) -> dict[str, Any]:
        """A refund of the payment `of`, told twice: by itself and by its charge."""
        refund = a_refund(refund_id, amount, at=at, payment_intent=f"pi_{of}", charge=f"ch_{of}")
        self.put("refunds", refund)
        charge = self.folders["charges"][f"ch_{of}"]
        charge["amount_refunded"] += amount
        self.tell("refund.created", refund, at=at)
        self.tell("charge.refunded", charge, at=at + 1)
        return refund

    def dispute(self, of: str, dispute_id: str, status: str, *, at: int = seconds() + 8 * DAY) -> dict[str, Any]:
        dispute = a_dispute(dispute_id, status, at=at, payment_intent=f"pi_{of}", charge=f"ch_{of}")
        self.put("disputes", dispute)
        self.tell("charge.dispute.created", dispute, at=at)
        return dispute
