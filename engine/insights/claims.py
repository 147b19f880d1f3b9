"""What refunds and chargebacks take back of an order, each by itself, as `rewards.rules.taken_back` counts them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from typing import Any, Final

from engine.intake.queries import Claim, OrderRecord
from engine.intake.rules import instant
from engine.kernel.money import Currency, Money
from engine.plugin_api import RefundReason
from engine.rewards.rules import GivenBack, given_back

_DELETED: Final = "counts for nothing: the shop deleted it, since its list of the order's refunds no longer has it"


@dataclass(frozen=True, slots=True)
class ClaimStory:
    """A refund, what was never paid, or a chargeback: what it says, and in a clause what it takes back."""

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
    back = given_back(order.payload, refunds=standing, chargebacks=order.chargebacks)
    told = [_story(_kind_of(claim), claim, order.payload, back=back) for claim in order.refunds]
    told = [
        story if claim in standing else replace(story, effect=_DELETED)
        for story, claim in zip(told, order.refunds, strict=True)
    ]
    return (*told, *(_story("chargeback", claim, order.payload, back=back) for claim in order.chargebacks))


def _story(kind: str, claim: Claim, order: Mapping[str, Any], *, back: GivenBack) -> ClaimStory:
    said = claim.payload
    return ClaimStory(
        kind=kind,
        external_id=claim.external_id,
        at=instant(said, "opened_at" if kind == "chargeback" else "refunded_at"),
        currency=said["currency"],
        amount_minor=said["amount"],
        lines=said.get("lines", {}),
        state=said["state"],
        effect=_effect(kind, said, order, back=back),
    )


def _kind_of(refund: Claim) -> str:
    return "not paid" if refund.payload.get("reason") == RefundReason.NOT_PAID else "refund"


def _effect(kind: str, claim: Mapping[str, Any], order: Mapping[str, Any], *, back: GivenBack) -> str:
    state = claim["state"]
    if state in {"failed", "cancelled", "won"}:
        return f"counts for nothing, since it is {state}"
    if kind == "chargeback" and state == "open":
        return "takes nothing back while it is open; the commission is held"
    if claim["currency"] != order["currency"]:
        return "is in another currency than the order; the commission is held until somebody looks at it"
    if "lines" in claim:
        taken = ", ".join(_of_line(line_id, minor, order) for line_id, minor in claim["lines"].items())
        return f"takes back {taken}{_and_all(order, back)}"
    if back.rest is None:
        return "takes nothing back: nothing was charged"
    return _of_all(claim, order, rest=back.rest)


def _of_all(claim: Mapping[str, Any], order: Mapping[str, Any], *, rest: int) -> str:
    """Say what a claim of an amount takes of `rest`, what was charged less what went with lines or for shipping."""
    currency = Currency(order["currency"])
    apart = claim.get("apart", 0)
    aside = f"{Money(apart, currency).decimal()} for shipping, fees or duties" if apart else ""
    minor = claim["amount"] - apart
    if not minor and apart:
        return f"takes back nothing of the lines: {aside}"
    if rest <= 0:
        return "takes back all that is left: everything that was charged was given back"
    amount, whole = Money(minor, currency), Money(rest, currency)
    lines = "every line" if rest == order["charged"] else "what else was charged, and so of what is left of every line"
    share = f"takes back {amount.decimal()} ÷ {whole.decimal()} = {_percent(Fraction(minor, rest))} of {lines}"
    return f"{share}; besides {aside}" if aside else share


def _and_all(order: Mapping[str, Any], back: GivenBack) -> str:
    """Say so where a refund of lines leaves nothing of other lines either."""
    whole = all(back.of_lines.get(line["id"], 0) >= line["net"] for line in order["lines"])
    if whole or back.rest is None or back.rest > 0:
        return ""
    return "; everything that was charged was given back, so that nothing is left of any line"


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
