"""What `FakeShop` knows of its orders, and how it writes them down."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from engine.plugin_api import exponent_of, parse_currency


@dataclass(frozen=True, slots=True)
class Item:
    """A line of an order: what it costs in all, after discounts and without tax, in minor units."""

    product: str
    net_minor: int
    quantity: int = 1
    tax_minor: int = 0


@dataclass(frozen=True, slots=True)
class FakeRefund:
    """Money given back: of lines where `lines` (line id to minor units) holds any, else of the order as a whole."""

    refund_id: str
    created_at: datetime
    amount_minor: int
    lines: Mapping[str, int]


@dataclass(slots=True)
class FakeOrder:
    """An order as it stands."""

    order_id: str
    placed_at: datetime
    updated_at: datetime
    currency: str
    items: tuple[Item, ...]
    codes: tuple[str, ...]
    email: str | None
    landing_page: str
    shipping_minor: int = 0
    paid_at: datetime | None = None
    cancelled_at: datetime | None = None
    refunds: list[FakeRefund] = field(default_factory=list)

    @property
    def total_minor(self) -> int:
        """What the customer is charged."""
        return sum(item.net_minor + item.tax_minor for item in self.items) + self.shipping_minor

    @property
    def refunded_minor(self) -> int:
        """What was given back so far."""
        return sum(refund.amount_minor for refund in self.refunds)

    def document(self) -> dict[str, Any]:
        """Return the order as the shop writes it: amounts as decimal text, times in UTC with a Z."""
        return {
            "id": self.order_id,
            "updated_at": written(self.updated_at),
            "placed_at": written(self.placed_at),
            "paid_at": written(self.paid_at) if self.paid_at else None,
            "cancelled_at": written(self.cancelled_at) if self.cancelled_at else None,
            "currency": self.currency,
            "total": self._amount(self.total_minor),
            "shipping": self._amount(self.shipping_minor),
            "lines": [self._line(number, item) for number, item in enumerate(self.items, 1)],
            "codes": list(self.codes),
            "landing_page": self.landing_page,
            "customer": {"email": self.email} if self.email else None,
            "refunds": [self._refund(refund) for refund in self.refunds],
        }

    def _line(self, number: int, item: Item) -> dict[str, Any]:
        return {
            "id": str(number),
            "product": item.product,
            "quantity": item.quantity,
            "total": self._amount(item.net_minor),
            "tax": self._amount(item.tax_minor),
        }

    def _refund(self, refund: FakeRefund) -> dict[str, Any]:
        lines = [{"line_id": line_id, "total": self._amount(minor)} for line_id, minor in refund.lines.items()]
        return {
            "id": refund.refund_id,
            "created_at": written(refund.created_at),
            "amount": self._amount(refund.amount_minor),
            "lines": lines,
        }

    def _amount(self, minor: int) -> str:
        return f"{Decimal(minor).scaleb(-exponent_of(parse_currency(self.currency))):f}"


def written(instant: datetime) -> str:
    """Return an instant as the shop writes it."""
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
