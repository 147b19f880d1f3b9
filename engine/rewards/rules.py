"""What an order owes: net base, rates, rounding, caps, and what is left to book.

Pure: facts and terms in, amounts out. Rules of DESIGN.md section 3, "Book the difference": reductions are exact
fractions of a line's original base, clamped per line; a rate applies to the net base, rounded once, half-even, then
capped; flat amounts shrink with net ÷ original base. Once all that was charged was given back, nothing is left.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

from engine.kernel.clock import local_date, start_of_day
from engine.kernel.money import BPS, PPM, allocate, round_half_even
from engine.plugin_api import Due, Part, PeriodDue
from engine.programs.schemas import BaseRules

SHIPPING_LINE: Final = ""
"""The line id under which an order's shipping counts: no shop's line has this one, since ids are never empty."""
_NOTHING: Final = Fraction(0)

Exact = Fraction | int
"""A number without rounding; whole ones stay integers, which are ten times as fast and almost all there are."""


class ClaimLike(Protocol):
    """A refund or chargeback: its id and payload."""

    @property
    def external_id(self) -> str:
        """The shop's id."""
        ...

    @property
    def payload(self) -> dict[str, Any]:
        """What is known of it."""
        ...


@dataclass(frozen=True, slots=True)
class LineFacts:
    """One line that counts, with the base a rate applies to before anything was taken back."""

    line_id: str
    base_minor: int
    quantity: int
    product: str | None
    collections: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What of an order was taken back: the share that is kept of each line (1 where not named), and what was odd.

    `hold` says why the order must wait (an open chargeback).
    """

    kept: Mapping[str, Exact]
    kept_elsewhere: Exact
    hold: str | None
    oddities: tuple[tuple[str, str], ...]

    def share_of(self, line_id: str) -> Exact:
        """Return the kept share of a line, from 0 to 1."""
        return self.kept.get(line_id, self.kept_elsewhere)


NOTHING_TAKEN: Final = TakenBack({}, 1, None, ())


def commissionable_lines(order: Mapping[str, Any], rules: BaseRules) -> tuple[LineFacts, ...]:
    """Return the lines that count, with their original base in minor units.

    Line totals after discounts; tax, shipping and gift cards only if `rules` says so; excluded products never.
    """
    lines = [
        LineFacts(
            line["id"],
            line["net"] + (line.get("tax", 0) if rules.include_tax else 0),
            line.get("quantity", 1),
            line.get("product"),
            tuple(line.get("collections", ())),
        )
        for line in order["lines"]
        if _counts(line, rules)
    ]
    if rules.include_shipping and order.get("shipping"):
        lines.append(LineFacts(SHIPPING_LINE, order["shipping"], 1, None, ()))
    return tuple(lines)


def taken_back(
    order: Mapping[str, Any], *, refunds: Sequence[ClaimLike], chargebacks: Sequence[ClaimLike]
) -> TakenBack:
    """Return what refunds and chargebacks leave of `order`.

    A refund of lines takes its part of each line. One of an amount takes its part of what else was charged, of all that
    is left of every line; where nothing was charged only line refunds count. A failed or cancelled refund counts for
    nothing, a lost chargeback like an amount, an open one holds. A claim in another currency than the order's holds
    too: a person must look.
    """
    if not refunds and not chargebacks and "cancelled_at" not in order:
        return NOTHING_TAKEN
    if "cancelled_at" in order:
        return TakenBack({}, 0, None, ())
    counted = _counted_claims(refunds, chargebacks)
    foreign = [claim for claim in counted if claim.payload["currency"] != order["currency"]]
    holds = [f"chargeback {each.external_id} is open" for each in chargebacks if each.payload["state"] == "open"]
    holds += [f"{each.external_id} is in {each.payload['currency']}, not {order['currency']}" for each in foreign]
    back = given_back(order, refunds=refunds, chargebacks=chargebacks)
    elsewhere = back.kept_elsewhere
    nets = {line["id"]: line["net"] for line in order["lines"]}
    kept = {
        line_id: elsewhere * max(_NOTHING, 1 - Fraction(minor, nets[line_id]))
        for line_id, minor in back.of_lines.items()
        if nets.get(line_id)
    }
    return TakenBack(kept, elsewhere, "; ".join(holds)[:300] or None, tuple(_oddities(order, nets, back)))


@dataclass(frozen=True, slots=True)
class GivenBack:
    """What counted claims gave back, in minor units: of which lines' nets, and of `rest` the part `of_all`.

    `rest` is what was charged less what went with lines, or apart from them (for shipping, say); None where nothing was
    charged. `together` are all claims, as the shop told them.
    """

    of_lines: Mapping[str, int]
    of_all: int
    rest: int | None
    together: int

    @property
    def kept_elsewhere(self) -> Fraction:
        """Return the share of a line that claims of an amount leave: none once all that was charged was given back."""
        if self.rest is None:
            return Fraction(1)
        return max(_NOTHING, 1 - Fraction(self.of_all, self.rest)) if self.rest > 0 else _NOTHING


def given_back(
    order: Mapping[str, Any], *, refunds: Sequence[ClaimLike], chargebacks: Sequence[ClaimLike]
) -> GivenBack:
    """Return what claims that count and are in the order's currency gave back.

    With lines went the money that was told with them, or what they were worth if that is more: goods can be taken back
    for less than their price, and some shops tell it without tax.
    """
    counted = [claim.payload for claim in _counted_claims(refunds, chargebacks)]
    ours = [claim for claim in counted if claim["currency"] == order["currency"]]
    of_lines: Counter[str] = Counter()
    for claim in ours:
        of_lines.update(claim.get("lines", {}))
    together = sum(claim["amount"] for claim in ours)
    of_all = sum(claim["amount"] - claim.get("apart", 0) for claim in ours if "lines" not in claim)
    apart = sum(claim.get("apart", 0) for claim in ours if "lines" not in claim)
    with_lines = max(together - of_all - apart, _worth(order, of_lines))
    return GivenBack(of_lines, of_all, order["charged"] - apart - with_lines if order["charged"] else None, together)


def _counted_claims(refunds: Iterable[ClaimLike], chargebacks: Iterable[ClaimLike]) -> list[ClaimLike]:
    counted = [refund for refund in refunds if refund.payload["state"] not in {"failed", "cancelled"}]
    return counted + [chargeback for chargeback in chargebacks if chargeback.payload["state"] == "lost"]


def _worth(order: Mapping[str, Any], of_lines: Mapping[str, int]) -> int:
    """Return what was charged for these parts of lines, with tax, in minor units.

    An order can be charged less than its lines (a fee below zero, a gift card): each then was charged in proportion.
    """
    gross = {line["id"]: line["net"] + line.get("tax", 0) for line in order["lines"]}
    taken = sum(
        (
            Fraction(min(of_lines[line["id"]], line["net"]) * gross[line["id"]], line["net"])
            for line in order["lines"]
            if line["net"] and line["id"] in of_lines
        ),
        _NOTHING,
    )
    whole = max(order["charged"], sum(gross.values()) + order.get("shipping", 0))
    return round_half_even(Fraction(taken * order["charged"], whole)) if taken else 0


@dataclass(frozen=True, slots=True)
class Unrounded:
    """What one of several beneficiaries owes its part to: net base by rate, flat amounts and the cap, by its share."""

    net_of_rate: Mapping[tuple[int, bool], Exact]
    flat: Exact
    cap: Exact | None

    @property
    def uncapped(self) -> Exact:
        """Return the exact amount before the cap."""
        return sum((Fraction(net * rate, BPS) for (rate, _), net in self.net_of_rate.items()), self.flat)

    @property
    def amount(self) -> Exact:
        """Return the exact amount."""
        return self.uncapped if self.cap is None else min(self.uncapped, self.cap)


@dataclass(frozen=True, slots=True)
class Priced:
    """What a scope owes, and how that came about.

    `base_minor` is the net base that counted, `period_base_minor` the part of it that the month's settlement counts and
    `period_accrued_minor` what it accrued before the cap, all for this beneficiary's share. `steps` explain
    `amount_minor` and sum to it before the cap, unless it is a part of `together_minor`, what all who share the order
    are owed. `unrounded` is set where the order is shared.
    """

    amount_minor: int
    base_minor: int
    period_base_minor: int
    period_accrued_minor: int
    steps: tuple[dict[str, Any], ...]
    cap_minor: int | None
    together_minor: int | None = None
    unrounded: Unrounded | None = None


def price(due: Due, lines: Sequence[LineFacts], *, taken: TakenBack, share_ppm: int = PPM) -> Priced:
    """Turn a reward's answer for an order into an amount.

    Each rate is applied to the net base of all its lines and rounded once (a month's lines apart from others, since the
    month takes back what they accrued); flat amounts are summed exactly and rounded once; then the cap, multiplied like
    all flat amounts by the beneficiary's share.
    """
    share: Exact = 1 if share_ppm == PPM else Fraction(share_ppm, PPM)
    by_id = {line.line_id: line for line in lines}
    nets = {line.line_id: line.base_minor * taken.share_of(line.line_id) * share for line in lines}
    net_of_rate: dict[tuple[int, bool], Exact] = {}
    whys: dict[tuple[int, bool], dict[str, None]] = {}
    flat: Exact = 0
    flat_why: list[str] = []
    for part in due.parts:
        chosen = _lines_of(part, by_id)
        net = sum((nets[line.line_id] for line in chosen), 0)
        if part.rate_bps is not None:
            key = (part.rate_bps, part.in_period)
            net_of_rate[key] = net_of_rate.get(key, 0) + net
            whys.setdefault(key, {})[part.why] = None
        if part.flat_minor is not None and net:
            flat += Fraction(part.flat_minor) * net / sum(line.base_minor for line in chosen)
            flat_why.append(part.why)
    steps: list[dict[str, Any]] = [
        {
            "rate_bps": key[0],
            "base": str(net),
            "amount": round_half_even(Fraction(net * key[0], BPS)),
            "why": _said(whys[key]),
        }
        for key, net in net_of_rate.items()
    ]
    accrued = sum(step["amount"] for step, key in zip(steps, net_of_rate, strict=True) if key[1])
    if flat_why:
        steps.append({"flat": str(flat), "amount": round_half_even(flat), "why": _said(flat_why)})
    amount = sum(step["amount"] for step in steps)
    cap = None if due.cap_minor is None else round_half_even(due.cap_minor * share)
    return Priced(
        amount_minor=amount if cap is None else min(amount, cap),
        base_minor=round_half_even(sum((nets[line_id] for line_id in _counted(due, nets)), 0)),
        period_base_minor=round_half_even(sum((net for key, net in net_of_rate.items() if key[1]), 0)),
        period_accrued_minor=accrued,
        steps=tuple(steps),
        cap_minor=cap,
        unrounded=None if share_ppm == PPM else _unrounded(net_of_rate, flat, due, share=share),
    )


def shared_out(parts: Sequence[Priced]) -> list[Priced]:
    """Return what several beneficiaries of one order and reward are owed, so that rounding loses nothing between them.

    What has the same rate is rounded together, as it would be for one; then comes the cap; what they are owed together
    is allocated by largest remainder. With equal rates that is what one alone would be owed. A part is less than one
    and a half minor units away from its exact amount: half a unit by rounding the whole, one by dividing it.
    """
    shares = [part.unrounded for part in parts if part.unrounded is not None]
    if len(shares) < 2 or len(shares) != len(parts):
        return list(parts)
    together = _together(shares)
    amounts = allocate(together, [share.amount for share in shares])
    return [
        replace(part, amount_minor=amount, together_minor=together) for part, amount in zip(parts, amounts, strict=True)
    ]


def _together(shares: Sequence[Unrounded]) -> int:
    """Return what all beneficiaries are owed: rounded once for each rate and for what is flat, then capped."""
    nets: dict[tuple[int, bool], Exact] = {}
    for share in shares:
        for key, net in share.net_of_rate.items():
            nets[key] = nets.get(key, 0) + net
    owed = sum(round_half_even(Fraction(net * rate, BPS)) for (rate, _), net in nets.items())
    owed += round_half_even(sum((share.flat for share in shares), 0))
    caps = [share.cap for share in shares if share.cap is not None]
    if len(caps) < len(shares):
        return owed
    cut = any(share.uncapped > cap for share, cap in zip(shares, caps, strict=True))
    return min(owed, round_half_even(sum((share.amount for share in shares), 0) if cut else sum(caps, 0)))


def _unrounded(net_of_rate: Mapping[tuple[int, bool], Exact], flat: Exact, due: Due, *, share: Exact) -> Unrounded:
    return Unrounded(net_of_rate, flat, None if due.cap_minor is None else due.cap_minor * share)


def price_period(due: PeriodDue, *, accrued_minor: int) -> Priced:
    """Turn a reward's answer for a closed month into what is still to be settled.

    The month's tiers, each rounded once, minus what its orders accrued (`accrued_minor`).
    """
    steps: list[dict[str, Any]] = []
    for step in due.steps:
        amount = round_half_even(Fraction(step.base_minor) * step.rate_bps / BPS)
        steps.append({"rate_bps": step.rate_bps, "base": str(step.base_minor), "amount": amount, "why": step.why})
    owed = sum(step["amount"] for step in steps)
    steps.append({"accrued": -accrued_minor, "amount": -accrued_minor, "why": "what its orders accrued already"})
    base = sum(step.base_minor for step in due.steps)
    return Priced(owed - accrued_minor, base, 0, 0, tuple(steps), None)


def split_over_lines(amount_minor: int, lines: Sequence[LineFacts], *, taken: TakenBack) -> dict[str, int]:
    """Split a commission over the order's lines by net base, without loss: the parts sum to it exactly."""
    weights = [line.base_minor * taken.share_of(line.line_id) for line in lines]
    parts = allocate(amount_minor, weights) if lines else []
    return {line.line_id: part for line, part in zip(lines, parts, strict=True)}


def due_at(paid_at: datetime, *, hold_days: int, zone: ZoneInfo) -> datetime:
    """Return when a commission is due: the start of the local day after the paid date plus the hold days."""
    return start_of_day(local_date(paid_at, zone) + timedelta(days=hold_days + 1), zone)


def _oddities(order: Mapping[str, Any], nets: Mapping[str, int], back: GivenBack) -> Iterator[tuple[str, str]]:
    """Say what was accepted and clamped, so that intake can notice it."""
    if unknown := sorted(set(back.of_lines) - set(nets)):
        yield "unknown-line", f"A refund names line {', '.join(unknown)[:200]}, which the order does not have."
    lines_exceeded = any(minor > nets.get(line_id, minor) for line_id, minor in back.of_lines.items())
    together = max(back.together, back.of_all + sum(back.of_lines.values()))
    all_exceeded = together > order["charged"] and (order["charged"] > 0 or back.of_all > 0)
    if lines_exceeded or all_exceeded:
        yield "excess", "More was refunded than the order came to; it counts as all of it."


def _counts(line: Mapping[str, Any], rules: BaseRules) -> bool:
    if line.get("gift_card") and not rules.include_gift_cards:
        return False
    if line.get("product") in rules.excluded_products:
        return False
    return rules.excluded_collections.isdisjoint(line.get("collections", ()))


def _lines_of(part: Part, by_id: Mapping[str, LineFacts]) -> list[LineFacts]:
    if part.line_ids is None:
        return list(by_id.values())
    return [by_id[line_id] for line_id in dict.fromkeys(part.line_ids)]


def _said(whys: Iterable[str]) -> str:
    """Join what a plugin says about an amount; a database refuses some characters that are not printable."""
    text = "; ".join(filter(None, whys))
    return text if text.isprintable() else "".join(each for each in text if each.isprintable())


def _counted(due: Due, line_ids: Iterable[str]) -> Iterable[str]:
    """Return the lines that any part of `due` counts, each once."""
    if any(part.line_ids is None for part in due.parts):
        return line_ids
    return dict.fromkeys(line_id for part in due.parts for line_id in part.line_ids or ())
