"""What was paid for a Medusa order, and what of its lines was given back or is still owed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Final

from engine.plugin_api import RefundReason
from engine.plugin_api.reading import Record, text_of, time_of
from plugins.medusa.reading import minor_of, number_in

_OF_A_REFUND: Final = "payment_collection"
_ROUNDING_MINOR: Final = 1
"""A payment provider may round a sum otherwise than we do."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What takes a part of an order back: a refund, or what of it was never paid. `at` is None where nobody knows."""

    external_id: str
    at: datetime | None
    amount_minor: int
    reason: RefundReason = RefundReason.GIVEN_BACK


@dataclass(frozen=True, slots=True)
class Balance:
    """The payments of an order whose lines and shipping come to `charged_minor` as they stand now."""

    order: Record
    exponent: int
    charged_minor: int

    def paid_at(self) -> datetime | None:
        """Return when what was captured first reached what was asked for at the checkout, or what is due if less."""
        asked = [each for each in self.order.get("payment_collections") or () if each.get("status") != "canceled"]
        first = min(asked, key=lambda each: (time_of(each["created_at"]), text_of(each["id"])), default=None)
        due = self.charged_minor - self._at_checkout()
        due = due if first is None else min(due, self._sum([first]))
        if due <= 0:
            return time_of(self.order["created_at"])
        captured = Fraction(0)
        for capture in sorted(moves(self.order, "captures"), key=_when):
            captured += number_in(capture, "amount")
            if minor_of(captured, self.exponent) >= due:
                return time_of(capture["created_at"])
        return None

    def taken(self) -> tuple[Taken, ...]:
        """Return the refunds with what counts of each, and last what is not paid, if anything.

        What remains is what the lines come to, or what was paid less what was given back if that is less. Of refunds
        the first count first: later ones are for what left the lines.
        """
        refunds = sorted(moves(self.order, "refunds"), key=_when)
        beyond_lines = self._sum(moves(self.order, "captures")) + self._at_checkout() - self.charged_minor
        unpaid = -beyond_lines if self.paid_at() and -beyond_lines > _ROUNDING_MINOR else 0
        amounts = [self._sum([each]) for each in refunds]
        left = max(0, sum(amounts) - max(0, beyond_lines) + unpaid)
        found: list[Taken] = []
        for refund, amount in zip(refunds, amounts, strict=True):
            counts = min(left, amount)
            left -= counts
            found.append(Taken(text_of(refund["id"]), time_of(refund["created_at"]), counts))
        if not left:
            return tuple(found)
        return (*found, Taken(f"unpaid:{text_of(self.order['id'])}", None, left, RefundReason.NOT_PAID))

    def _at_checkout(self) -> int:
        """Return what was paid by gift card or store credit, told as credit lines.

        Each version of an order has its own copies of them, so that ids and times tell nothing. The credits of refunds
        and of goodwill say in which version they came; those of the checkout do not.
        """
        return self._sum(each for each in self.order.get("credit_lines") or () if _is_of_checkout(each))

    def _sum(self, things: Iterable[Record]) -> int:
        return minor_of(sum((number_in(each, "amount") for each in things), Fraction(0)), self.exponent)


def moves(order: Record, kind: str) -> list[Record]:
    """Return the `captures` or the `refunds` of all payments."""
    collections = order.get("payment_collections") or ()
    payments = [payment for collection in collections for payment in collection.get("payments") or ()]
    return [each for payment in payments for each in payment.get(kind) or ()]


def _is_of_checkout(credit: Record) -> bool:
    later = (credit.get("metadata") or {}).get("created_in_version")
    return later is None and credit.get("reference") != _OF_A_REFUND


def _when(move: Record) -> tuple[datetime, str]:
    return time_of(move["created_at"]), text_of(move["id"])
