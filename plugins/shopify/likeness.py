"""An order of the Admin API in the likeness of a webhook's, so that both are read by the same lines of code.

Only what is read is carried over, in the shop's money. Beyond a webhook it has the order's payments (`transactions`)
and its first total, and in each refund its time of change and whether prices include tax.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

Node = Mapping[str, Any]


def order_record(
    node: Node, *, lines: Iterable[Node], payments: Iterable[Node], refunds: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the order as a webhook would have it."""
    customer = node["customer"]
    return {
        "id": int(node["legacyResourceId"]),
        "created_at": node["createdAt"],
        "processed_at": node["processedAt"],
        "updated_at": node["updatedAt"],
        "cancelled_at": node["cancelledAt"],
        "test": node["test"],
        "currency": node["currencyCode"],
        "taxes_included": node["taxesIncluded"],
        "financial_status": (node["displayFinancialStatus"] or "").lower(),
        "email": node["email"],
        "customer": {"id": int(customer["legacyResourceId"])} if customer else None,
        "landing_site": node["landingPageUrl"],
        "note_attributes": [{"name": each["key"], "value": each["value"]} for each in node["customAttributes"]],
        "discount_codes": [{"code": code} for code in node["discountCodes"]],
        "total_price_set": _money(node["totalPriceSet"]),
        "original_total_price_set": _money(node["originalTotalPriceSet"]),
        "total_tip_received_set": _money(node["totalTipReceivedSet"]),
        "shipping_lines": [_priced(each, "originalPriceSet") for each in node["shippingLines"]["nodes"]],
        "line_items": [_line(each) for each in lines],
        "transactions": [_payment(each) for each in payments],
        "refunds": list(refunds),
    }


def refund_record(node: Node, *, order: Node) -> dict[str, Any]:
    """Return the refund as a webhook would have it, completed by what its order knows."""
    return {
        "id": int(node["legacyResourceId"]),
        "order_id": int(order["legacyResourceId"]),
        "created_at": node["createdAt"] or node["processedAt"],
        "processed_at": node["processedAt"],
        "updated_at": node["updatedAt"],
        "currency": order["currencyCode"],
        "taxes_included": order["taxesIncluded"],
        "refund_line_items": [
            {
                "line_item_id": _number(each["lineItem"]["id"]),
                "quantity": each["quantity"],
                "subtotal_set": _money(each["subtotalSet"]),
                "total_tax_set": _money(each["totalTaxSet"]),
            }
            for each in node["refundLineItems"]["nodes"]
        ],
        "refund_shipping_lines": [
            {"subtotal_amount_set": _money(each["subtotalAmountSet"]), "tax_amount_set": _money(each["taxAmountSet"])}
            for each in node["refundShippingLines"]["nodes"]
        ],
        "total_duties_set": _total((each["amountSet"] for each in node["duties"] or ()), node=order),
        "transactions": [_payment(each) for each in node["transactions"]["nodes"]],
    }


def _line(node: Node) -> dict[str, Any]:
    return {
        "id": _number(node["id"]),
        "title": node["title"],
        "quantity": node["quantity"],
        "current_quantity": node["currentQuantity"],
        "gift_card": node["isGiftCard"],
        "product_id": int(node["product"]["legacyResourceId"]) if node["product"] else None,
        **_priced(node, "originalUnitPriceSet"),
    }


def _priced(node: Node, price: str) -> dict[str, Any]:
    return {
        "price_set": _money(node[price]),
        "discount_allocations": [
            {"amount_set": _money(each["allocatedAmountSet"])} for each in node["discountAllocations"]
        ],
        "tax_lines": [{"price_set": _money(each["priceSet"])} for each in node["taxLines"]],
    }


def _payment(node: Node) -> dict[str, Any]:
    return {
        "id": _number(node["id"]),
        "kind": node["kind"].lower(),
        "status": "pending" if node["status"] == "AWAITING_RESPONSE" else node["status"].lower(),
        "created_at": node["createdAt"],
        "processed_at": node["processedAt"],
        "amount_set": _money(node["amountSet"]),
    }


def _money(node: Node) -> dict[str, Any]:
    money = node["shopMoney"]
    return {"shop_money": {"amount": str(money["amount"]), "currency_code": money["currencyCode"]}}


def _total(bags: Iterable[Node], *, node: Node) -> dict[str, Any]:
    amount = sum((Decimal(bag["shopMoney"]["amount"]) for bag in bags), start=Decimal(0))
    return {"shop_money": {"amount": f"{amount:f}", "currency_code": node["currencyCode"]}}


def _number(gid: str) -> int:
    return int(gid.rpartition("/")[2])
