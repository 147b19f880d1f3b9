"""What a shop tells: orders, refunds and chargebacks, as a connector hands them in.

Amounts are integers in minor units of the event's currency, times are aware UTC, ids are the shop's own as text. Every
event states when the shop last changed the thing (`updated_at`), so that it can arrive late, twice or out of order.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class RefundState(StrEnum):
    """How far a refund got. It counts unless it failed or was cancelled."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class ChargebackState(StrEnum):
    """Open holds the commission, lost counts as a refund of the amount, won counts for nothing."""

    OPEN = "open"
    LOST = "lost"
    WON = "won"


class RefundReason(StrEnum):
    """Why an order brings less: money was given back, or a part of what the order came to was never paid."""

    GIVEN_BACK = "given_back"
    NOT_PAID = "not_paid"


@dataclass(frozen=True, slots=True)
class Customer:
    """Who bought. Hashed by the core before it is stored; both unknown means no link and never a first order."""

    email: str | None = None
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One line as before anything that is also sent as a refund.

    `net_minor` is the line's total after discounts, without tax. `collections` are the shop's, in no order.
    """

    line_id: str
    net_minor: int
    quantity: int = 1
    tax_minor: int = 0
    product: str | None = None
    collections: tuple[str, ...] = ()
    gift_card: bool = False


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """An order as it stands at `updated_at`.

    `charged_minor` is what the customer was charged in all; amount-only refunds are measured against it. `codes` keep
    the shop's order. `paid_at` is when the order was first fully paid. `clicks` are the click ids (`gw_click`) that
    came back with the order: from the address on which the customer landed, from notes, from a reference.
    `first_seen_at` is when the shop first saw this visitor, where it tells. `refund_ids` is for shops that list an
    order's refunds with the order and tell in no other way that one was deleted: the complete list as of `updated_at`;
    a refund not in it counts only if it changed later than the order. None: the shop gives no such list.
    """

    external_id: str
    updated_at: datetime
    placed_at: datetime
    currency: str
    lines: tuple[OrderLine, ...]
    charged_minor: int
    paid_at: datetime | None = None
    cancelled_at: datetime | None = None
    shipping_minor: int = 0
    codes: tuple[str, ...] = ()
    clicks: tuple[str, ...] = ()
    customer: Customer = Customer()
    first_seen_at: datetime | None = None
    refund_ids: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class RefundLine:
    """How much of one line's `net_minor` was given back."""

    line_id: str
    net_minor: int


@dataclass(frozen=True, slots=True)
class RefundEvent:
    """A refund as it stands at `updated_at`: of lines where `lines` is not empty, else of an amount.

    `amount_minor` is all that was given back, with tax and shipping, also where lines are named: once all refunds
    together reach what the order was charged, nothing is left of it. `apart_minor` is the part of a refund without
    lines that takes nothing of any line, since it was for shipping, fees or duties. `reason` changes no amount; people
    are told of it.
    """

    external_id: str
    order_external_id: str
    updated_at: datetime
    refunded_at: datetime
    currency: str
    amount_minor: int
    lines: tuple[RefundLine, ...] = ()
    state: RefundState = RefundState.SUCCEEDED
    apart_minor: int = 0
    reason: RefundReason = RefundReason.GIVEN_BACK


@dataclass(frozen=True, slots=True)
class ChargebackEvent:
    """A chargeback of `amount_minor` as it stands at `updated_at`."""

    external_id: str
    order_external_id: str
    updated_at: datetime
    opened_at: datetime
    currency: str
    amount_minor: int
    state: ChargebackState


CommerceEvent = OrderEvent | RefundEvent | ChargebackEvent
