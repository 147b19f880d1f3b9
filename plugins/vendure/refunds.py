"""What of a Vendure order was given back beyond what has left the order itself, and what of it is not paid.

A cancelled piece is out of its line and out of the order's total, and its price cannot be asked for any more: Vendure
forgets the discounts of a line without pieces. So lines count as they stand, and of a refund what no line tells.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from typing import Any, Final

from engine.plugin_api import RefundEvent, RefundLine, RefundReason, RefundState, round_half_even
from engine.plugin_api.reading import text_of, time_of
from plugins.vendure.values import minor, signed

_STATES: Final = {
    "Pending": RefundState.PENDING,
    "Settled": RefundState.SUCCEEDED,
    "Failed": RefundState.FAILED,
}


def worth_of(order: Mapping[str, Any]) -> int:
    """Return what lines, shipping and surcharges come to as they stand, with tax.

    Surcharges below zero are left out: they are given back, or were never paid, and that is told as such.
    """
    taken_off = sum(min(0, signed(surcharge["priceWithTax"])) for surcharge in order["surcharges"])
    return minor(order["totalWithTax"]) - taken_off


def refunds_of(order: Mapping[str, Any], *, changed_at: datetime, paid: bool) -> Iterator[RefundEvent]:
    """Yield the refunds with what counts of each, in the order in which they were made; last what is not paid, if any.

    What counts of one depends on how the order stands, so each is as new as the order.
    """
    settled = sum(minor(payment["amount"]) for payment in order["payments"] or () if payment["state"] == "Settled")
    beyond = settled - worth_of(order)
    refunds = _refunds(order)
    told = _told(refunds, order, amount=max(0, beyond))
    lines = {text_of(line["id"]): _Line(*_sums(line)) for line in order["lines"]}
    for refund in refunds:
        counts = refund.total - told.get(refund.refund_id, 0)
        of_lines = () if refund.failed else _of_lines(refund, lines, counts, shipping=minor(order["shippingWithTax"]))
        yield replace(
            _taken(order, refund.refund_id, counts, changed_at=changed_at),
            refunded_at=refund.created_at,
            lines=of_lines,
            state=refund.state,
        )
    if paid and settled and beyond < 0:  # a shop may have states of its own for its payments, and settle none
        unpaid = _taken(order, f"unpaid:{text_of(order['code'])}", -beyond, changed_at=changed_at)
        yield replace(unpaid, reason=RefundReason.NOT_PAID)


def _taken(order: Mapping[str, Any], name: str, amount: int, *, changed_at: datetime) -> RefundEvent:
    return RefundEvent(
        external_id=name,
        order_external_id=text_of(order["code"]),
        updated_at=changed_at,
        refunded_at=changed_at,
        currency=text_of(order["currencyCode"]),
        amount_minor=amount,
    )


@dataclass(frozen=True, slots=True)
class _Refund:
    refund_id: str
    created_at: datetime
    total: int
    state: RefundState
    pieces: tuple[tuple[str, int], ...]

    @property
    def failed(self) -> bool:
        return self.state is RefundState.FAILED


def _refunds(order: Mapping[str, Any]) -> list[_Refund]:
    found = [
        _Refund(
            text_of(refund["id"]),
            time_of(refund["createdAt"]),
            minor(refund["total"]),
            _STATES.get(refund["state"], RefundState.PENDING),
            tuple((text_of(line["orderLineId"]), minor(line["quantity"])) for line in refund["lines"] or ()),
        )
        for payment in order["payments"] or ()
        for refund in payment["refunds"]
    ]
    return sorted(found, key=lambda refund: (refund.created_at, len(refund.refund_id), refund.refund_id))


def _told(refunds: Sequence[_Refund], order: Mapping[str, Any], *, amount: int) -> dict[str, int]:
    """Return how much of each refund the order tells already, of `amount` in all.

    First those which name a line that lost pieces, then the rest, the newest first: they are why it was given back.
    """
    fewer = {
        text_of(line["id"]) for line in order["lines"] if minor(line["quantity"]) < minor(line["orderPlacedQuantity"])
    }
    standing = [refund for refund in reversed(refunds) if not refund.failed]
    naming = [refund for refund in standing if any(line_id in fewer for line_id, _ in refund.pieces)]
    found: dict[str, int] = {}
    for refund in (*naming, *(each for each in standing if each not in naming)):
        found[refund.refund_id] = min(amount, refund.total)
        amount -= found[refund.refund_id]
    return found


def _of_lines(refund: _Refund, lines: Mapping[str, "_Line"], counts: int, *, shipping: int) -> tuple[RefundLine, ...]:
    """Return what `counts` of a refund takes of the lines that it names.

    None where it names none, or is for more than they cost with the shipping: then it counts for the whole order.
    A refund of less than its pieces cost takes that much; one in parts, of several payments, names them with each.
    """
    named = [(line_id, lines[line_id].worth(pieces)) for line_id, pieces in refund.pieces]
    whole = sum((worth for _, worth in named), Fraction(0))
    if not whole or not counts or counts > whole + shipping + len(named):
        return ()
    share = min(Fraction(1), counts / whole)
    return tuple(RefundLine(line_id, lines[line_id].take(worth * share)) for line_id, worth in _by_line(named) if worth)


def _by_line(named: Iterable[tuple[str, Fraction]]) -> Iterable[tuple[str, Fraction]]:
    sums: dict[str, Fraction] = {}
    for line_id, worth in named:
        sums[line_id] = sums.get(line_id, Fraction(0)) + worth
    return sums.items()


def _sums(line: Mapping[str, Any]) -> tuple[int, int, int]:
    return minor(line["proratedLinePrice"]), minor(line["proratedLinePriceWithTax"]), minor(line["quantity"])


@dataclass(slots=True)
class _Line:
    """A line of which one refund after the other takes: all together never more than its net amount."""

    net_minor: int
    gross_minor: int
    quantity: int
    taken_gross: Fraction = Fraction(0)

    def worth(self, pieces: int) -> Fraction:
        """Return what so many pieces cost, with tax."""
        return Fraction(self.gross_minor * min(pieces, self.quantity), self.quantity or 1)

    def take(self, gross: Fraction) -> int:
        """Return the net part of the next `gross`. Where less than a unit a piece is left, it was rounded away."""
        before = self._net()
        self.taken_gross = min(Fraction(self.gross_minor), self.taken_gross + gross)
        if gross and self.gross_minor - self.taken_gross < self.quantity:
            self.taken_gross = Fraction(self.gross_minor)
        return self._net() - before

    def _net(self) -> int:
        return round_half_even(self.net_minor * self.taken_gross / self.gross_minor) if self.gross_minor else 0
