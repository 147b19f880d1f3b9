"""Stripe's own example objects with values of ours laid over them, in the newest shape and in those of before."""

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

EXAMPLES: dict[str, Any] = json.loads((Path(__file__).parents[2] / "data" / "stripe" / "objects.json").read_text())
T0 = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
DAY = 86_400


def seconds(at: datetime = T0) -> int:
    return int(at.timestamp())


def example(kind: str, **changes: Any) -> dict[str, Any]:
    """An example object with some of its fields changed; test mode off, unless the example cannot say."""
    found = copy.deepcopy(EXAMPLES[kind])
    if "livemode" in found:
        found["livemode"] = True
    return found | changes


def listed(*things: dict[str, Any], url: str = "/v1/things") -> dict[str, Any]:
    return {"object": "list", "data": list(things), "has_more": False, "url": url}


def an_item(item_id: str, subtotal: int, *, off: int = 0, tax: int = 0, **changes: Any) -> dict[str, Any]:
    """A line of a session, its tax on top."""
    amounts = {"amount_subtotal": subtotal, "amount_discount": off, "amount_tax": tax}
    return example("item", id=item_id, amount_total=subtotal - off + tax, currency="eur", **amounts) | changes


def a_session(session_id: str = "cs_live_1", *, at: int = seconds(), **changes: Any) -> dict[str, Any]:
    """A paid session: cap 60.00, mug 20.00, each less 10 %, 19 % tax on top, shipping 5.00 with tax: 90.68 in all."""
    items = (
        an_item("li_cap", 6_000, off=600, tax=1_026),
        an_item("li_mug", 2_000, off=200, tax=342, quantity=2),
    )
    return (
        example(
            "checkout.session",
            id=session_id,
            mode="payment",
            status="complete",
            payment_status="paid",
            created=at,
            currency="eur",
            currency_conversion=None,
            payment_intent=f"pi_{session_id[8:]}",
            invoice=None,
            client_reference_id=None,
            customer="cus_1",
            customer_details={"email": "Bea@Customer.example", "name": "Bea"},
            discounts=[{"coupon": "TEN", "promotion_code": "promo_anna"}],
            amount_subtotal=8_000,
            amount_total=9_068,
            total_details={"amount_discount": 800, "amount_shipping": 500, "amount_tax": 1_368},
            shipping_cost={"amount_subtotal": 420, "amount_tax": 80, "amount_total": 500, "shipping_rate": None},
            line_items=listed(*items),
        )
        | changes
    )


def an_invoice(invoice_id: str = "in_1", *, at: int = seconds(), **changes: Any) -> dict[str, Any]:
    """A paid invoice of a subscription: 50.00 less 5.00, 19 % tax on top: 53.55."""
    line = example(
        "line_item",
        id="il_plan",
        amount=5_000,
        currency="eur",
        discount_amounts=[{"amount": 500, "discount": "di_1"}],
        taxes=[{"amount": 855, "tax_behavior": "exclusive", "taxable_amount": 4_500}],
        pricing={"type": "price_details", "price_details": {"price": "price_1", "product": "prod_plan"}},
    )
    details = {"subscription": "sub_1", "metadata": {}}
    return (
        example(
            "invoice",
            id=invoice_id,
            status="paid",
            created=at,
            currency="eur",
            billing_reason="subscription_create",
            customer="cus_1",
            customer_email="bea@customer.example",
            subtotal=5_000,
            total=5_355,
            amount_paid=5_355,
            shipping_cost=None,
            status_transitions={"paid_at": at + 5, "finalized_at": at},
            parent={"type": "subscription_details", "subscription_details": details},
            discounts=[],
            lines=listed(line),
        )
        | changes
    )


def old_invoice(**changes: Any) -> dict[str, Any]:
    """The same invoice as API versions before 2025-03-31 have it."""
    invoice = an_invoice(subscription="sub_1", payment_intent="pi_in_1", charge="ch_in_1")
    line = invoice["lines"]["data"][0]
    line["tax_amounts"] = [{"amount": 855, "inclusive": False, "tax_rate": "txr_1", "taxable_amount": 4_500}]
    line["price"] = {"id": "price_1", "object": "price", "product": "prod_plan"}
    for gone in ("taxes", "pricing", "parent", "subtotal"):
        del line[gone]
    del invoice["parent"], invoice["total_taxes"]
    return invoice | {"subscription_details": {"metadata": {}}} | changes


def a_refund(refund_id: str, amount: int, *, at: int = seconds() + DAY, **changes: Any) -> dict[str, Any]:
    given = {"currency": "eur", "payment_intent": "pi_1", "charge": "ch_1"}
    return example("refund", id=refund_id, amount=amount, created=at, **given) | changes


def a_dispute(dispute_id: str, status: str, *, at: int = seconds() + 8 * DAY, **changes: Any) -> dict[str, Any]:
    given = {"amount": 2_000, "currency": "eur", "payment_intent": "pi_1", "charge": "ch_1", "balance_transactions": []}
    return example("dispute", id=dispute_id, status=status, created=at, **given) | changes


def an_event(event_id: str, kind: str, thing: dict[str, Any], *, at: int = seconds(), **changes: Any) -> dict[str, Any]:
    """An event as webhooks and the list of events have it."""
    return example("event", id=event_id, type=kind, created=at, data={"object": thing}) | changes


def written(thing: Any) -> bytes:
    return json.dumps(thing).encode()
