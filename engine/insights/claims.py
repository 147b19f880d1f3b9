"""What refunds and chargebacks take back of an order, each by itself, as `rewards.rules.taken_back` counts them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from typing import Any, Final

from engine.intake.queries import Claim, OrderRecord
from engine.intake.rules import instant
from engine.kernel.money import Currency, Money

_DELETED: Final = "counts for nothing: the shop deleted it, since its list of the order's refunds no longer has it"


@dataclass(frozen=True, slots=True)
class ClaimStory:
    """A refund or chargeback: what it says, and in a clause what it takes back."""

    kind: str
    external_id: str
    at: datetime | None
    currency: str
    amount_minor: int
    lines: Mapping[str, int]
    state: str
    effect: str


def claims_of(order: OrderRecord) -> tuple[ClaimStory, ...]:
    """Return the claims on an order, refunds first."""
    standing = order.standing_refunds
    told = [_story("refund", claim, "refunded_at", order.payload) for claim in order.refunds]
    told = [
        story if claim in standing else replace(story, effect=_DELETED)
        for story, claim in zip(told, order.refunds, strict=True)
    ]
    return (*told, *(_story("chargeback", claim, "opened_at", order.payload) for claim in order.chargebacks))


def _story(kind: str, claim: Claim, at: str, order: Mapping[str, Any]) -> ClaimStory:
    said = claim.payload
    return ClaimStory(
        kind=kind,
        external_id=claim.external_id,
        at=instant(said, at),
        currency=said["currency"],
        amount_minor=said["amount"],
        lines=said.get("lines", {}),
        state=said["state"],
        effect=_effect(kind, said, order),
    )


def _effect(kind: str, claim: Mapping[str, Any], order: Mapping[str, Any]) -> str:
    state = claim["state"]
    if state in {"failed", "cancelled", "won"}:
        return f"counts for nothing, since it is {state}"
    if kind == "chargeback" and state == "open":
        return "takes nothing back while it is open; the commission is held"
    if claim["currency"] != order["currency"]:
        return "is in another currency than the order; the commission is held until somebody looks at it"
    if "lines" in claim:
        return "takes back " + ", ".join(_of_line(line_id, minor, order) for line_id, minor in claim["lines"].items())
    if not order["charged"]:
        return "takes nothing back: nothing was charged"
    share = Fraction(claim["amount"], order["charged"])
    whole = Money(order["charged"], Currency(order["currency"]))
    amount = Money(claim["amount"], Currency(order["currency"]))
    return f"takes back {amount.decimal()} ÷ {whole.decimal()} = {_percent(share)} of every line"


def _of_line(line_id: str, minor: int, order: Mapping[str, Any]) -> str:
    amount = Money(minor, Currency(order["currency"])).decimal()
    net = next((line["net"] for line in order["lines"] if line["id"] == line_id), None)
    if net is None:
        return f"{amount} of line {line_id}, which the order does not have"
    return f"{amount} of {Money(net, Currency(order['currency'])).decimal()} of line {line_id}"


def _percent(share: Fraction) -> str:
    """Return a share in percent with two decimals, cut off; more than everything counts as everything."""
    if share >= 1:
        return "all"
    hundredths = int(share * 10_000)
    whole, rest = divmod(hundredths, 100)
    exact = Fraction(hundredths, 10_000) == share
    return f"{whole}.{rest:02d}{'' if exact else '…'} %"
