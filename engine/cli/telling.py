"""Tells an explanation in lines of plain text. Every amount is written out; an arrow stands where one is rounded."""

from collections.abc import Iterator
from datetime import datetime
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from engine.insights.candidates import CandidateStory
from engine.insights.claims import ClaimStory
from engine.insights.explain import DecisionStory, Explanation, OrderStory
from engine.insights.said import exactly, money, percent
from engine.insights.scopes import LineStory, ScopeStory
from engine.insights.why import Booking, Step
from engine.kernel.money import PPM, Currency, Money, Rate

_SECTION = "\n{}"
_ROUNDED = ", half-even"


def tell(found: Explanation) -> Iterator[str]:
    """Yield the lines of an explanation: the sentences, then what they follow from."""
    for said in found.sentences:
        yield said.in_english(found.zone)
    if found.order is not None:
        yield from _order(found.order, found.zone)
    if found.decision is not None:
        yield from _decision(found.decision, found.zone)
    asked = found.asked.row.id if found.asked else None
    for scope in found.scopes:
        yield from _scope(scope)
        yield from _rows(scope, found.zone, asked=str(asked))
    if found.order is not None and found.order.claims:
        yield _SECTION.format("Taken back")
        yield from (_claim(claim, found.zone) for claim in found.order.claims)


def _order(order: OrderStory, zone: ZoneInfo) -> Iterator[str]:
    yield _SECTION.format(f"Order {order.number} of {order.connector}/{order.account} ({order.id})")
    paid = f"paid {_moment(order.paid_at, zone)}" if order.paid_at else "not paid in full"
    charged = _money(order.charged_minor, order.currency)
    yield f"  placed {_moment(order.placed_at, zone)}, {paid}; the customer was charged {charged} in all"
    if order.cancelled_at:
        yield f"  cancelled {_moment(order.cancelled_at, zone)}"
    for line in order.lines:
        yield f"  line {line['id']}: {_line(line, order.currency)}"
    if order.shipping_minor:
        yield f"  shipping: {_money(order.shipping_minor, order.currency)}"
    yield f"  codes: {', '.join(order.codes) or 'none'}"
    if order.first_seen_at:
        yield f"  the shop first saw the visitor {_moment(order.first_seen_at, zone)}"
    match order.first_order:
        case True:
            yield "  the customer's first order with the brand"
        case False:
            yield "  not the customer's first order with the brand"
        case None:
            yield "  the shop does not say who bought: no first order, no customer link"
    if order.blocked_reason:
        yield f"  blocked: {order.blocked_reason}"
        yield f"  Try again with: goodword orders retry {order.id}"


def _line(line: Any, currency: str) -> str:
    parts = [_money(line["net"], currency)]
    parts += [f"{line['quantity']} pieces"] if line.get("quantity", 1) != 1 else []
    parts += [f"plus tax {_money(line['tax'], currency)}"] if line.get("tax") else []
    parts += [f"product {line['product']}"] if line.get("product") else []
    parts += [f"in {', '.join(line['collections'])}"] if line.get("collections") else []
    parts += ["gift card"] if line.get("gift_card") else []
    return ", ".join(parts)


def _decision(decision: DecisionStory, zone: ZoneInfo) -> Iterator[str]:
    yield _SECTION.format("Who is credited")
    again = f", decision {decision.seq} about this order" if decision.seq > 1 else ""
    yield f"  {decision.outcome} by rule {decision.rule}: {decision.reason}"
    yield f"  decided {_moment(decision.decided_at, zone)}{again}"
    if decision.policy is not None:
        policy = decision.policy
        signals = ", then ".join(policy["signals"])
        days = policy["customer_link_days"]
        link = "off" if days is None else "for life" if days == 0 else f"for {days} days"
        yield f"  program {decision.program}, terms version {decision.terms_version}"
        yield (
            f"  policy: model {policy['model']}; signals {signals}; customer link {link}; "
            f"self-purchase {policy['self_purchase']}"
        )
        if policy["new_customers_only"]:
            yield "  only a customer's first order is credited"
    for one in decision.candidates:
        yield from _candidate(one, zone)
    if not decision.candidates:
        yield "  - no candidates"


def _candidate(one: CandidateStory, zone: ZoneInfo) -> Iterator[str]:
    whose = f" of {one.ambassador}" if one.ambassador else ""
    code = f" {one.code}" if one.code else ""
    yield f"  - {one.signal}{code}{whose}: {one.standing}; it {one.reason}"
    if one.click is not None:
        click = one.click
        said = [click.sentence(name=one.ambassador or "somebody"), click.window()]
        yield f"    {' '.join(each.in_english(zone) for each in said if each)}"
        yield f"    click {click.id} on {click.path or click.target}, {_moment(click.at, zone)}"
        for flag in click.flags:
            yield f"    odd ({flag.reason}), and changes nothing: {flag.detail}"


def _scope(scope: ScopeStory) -> Iterator[str]:
    currency = scope.currency
    kind = f" ({scope.reward_type})" if scope.reward_type else ""
    about = f", month {scope.subject}" if not scope.lines and scope.orders_in_all else ""
    yield _SECTION.format(f"{scope.reward}{kind} to {scope.ambassador}{about}")
    yield f"  program {scope.program}, terms version {scope.terms_version}"
    for line in scope.lines:
        yield f"  line {line.line_id}: {_counted(line, currency)}"
    for what, why in scope.left_out:
        yield f"  {what} does not count: {why}"
    if scope.share_ppm != PPM:
        yield f"  share of this ambassador: {percent(scope.share_ppm)} of the base, of flat amounts and of the cap"
    yield f"  base: {_money(scope.base_minor, currency)}"
    for order in scope.orders:
        base, accrued = _money(order.base_minor, currency), _money(order.accrued_minor, currency)
        yield f"  order {order.number} brought {base} to the month and accrued {accrued}"
    if scope.orders_in_all > len(scope.orders):
        yield f"  … and {scope.orders_in_all - len(scope.orders):,} orders more"
    yield from _amount(scope)
    if len(scope.lines) > 1 and scope.booked_minor:
        parts = ", ".join(f"{_money(line.part_minor, currency)} for line {line.line_id}" for line in scope.lines)
        yield f"  of which {parts} (largest remainder)"
    if scope.period:
        yield f"  the tiers of {scope.period} are settled when that month has closed"


def _amount(scope: ScopeStory) -> Iterator[str]:
    """Yield the steps to what is owed, with what cut or divided it."""
    currency = scope.currency
    for step in scope.steps:
        yield f"  {_step(step, currency)}"
    if scope.cap_minor is not None:
        cut = "cuts it" if scope.capped else "is not reached"
        yield f"  the most that one order can bring: {_money(scope.cap_minor, currency)}; it {cut}"
    if scope.together_minor is not None:
        together = _money(scope.together_minor, currency)
        yield f"  all who share the order are owed {together} together, divided by largest remainder"
    yield f"  owed now: {_money(scope.booked_minor, currency)}"


def _rows(scope: ScopeStory, zone: ZoneInfo, *, asked: str) -> Iterator[str]:
    for number, row in enumerate(scope.bookings, start=1):
        mark = " (the one asked about)" if str(row.id) == asked else ""
        yield f"  row {number}: {_row(row, scope.currency, zone)}{mark}"
    if not scope.bookings:
        yield "  nothing was ever booked"
    hold = f"; held: {scope.hold_reason}" if scope.hold_reason else ""
    dirty = "; the month is still to be settled" if scope.dirty else ""
    days = f", {scope.hold_days} days' hold" if scope.hold_days else ""
    yield f"  due {_moment(scope.due_at, zone)}{days}; {scope.state}{hold}{dirty}"


def _row(row: Booking, currency: str, zone: ZoneInfo) -> str:
    payout = f"; payout {row.payout} is {row.payout_state}" if row.payout else "; in no payout"
    booked = f"{row.reason} of {_money(row.amount_minor, currency)}, booked {_moment(row.booked_at, zone)}"
    return f"{booked}, ledger transaction {row.ledger_transaction}{payout}; commission {row.id}"


def _counted(line: LineStory, currency: str) -> str:
    base = f"counts with {_money(line.base_minor, currency)}"
    kept = Fraction(line.kept)
    net = f", of which {line.kept} is left: {exactly(line.base_minor * kept, currency)}" if kept != 1 else ""
    if line.rate_bps is None:
        return f"{base}{net}"
    level = (line.rate_level or "").replace("_", " and ")
    return f"{base}{net}; rate {Rate(line.rate_bps)}, found at level {level}"


def _step(step: Step, currency: str) -> str:
    amount = _money(step.amount_minor, currency)
    if step.exact is None:
        return f"{step.why}: {amount}"
    exact = exactly(step.exact, currency)
    rounded = "" if step.exact == step.amount_minor else f" → {amount}{_ROUNDED}"
    if step.rate_bps is None or step.base is None:
        return f"{step.why}: {exact}{rounded}"
    why = f"  [{step.why}]" if step.why else ""
    return f"{Rate(step.rate_bps)} of {exactly(step.base, currency)} = {exact}{rounded or ' ' + currency}{why}"


def _claim(claim: ClaimStory, zone: ZoneInfo) -> str:
    at = f" of {_moment(claim.at, zone)}" if claim.at else ""
    amount = _money(claim.amount_minor, claim.currency)
    state = "" if claim.kind == "not paid" else f", {claim.state}"
    return f"  {claim.kind} {claim.external_id}{at}: {amount}{state}; it {claim.effect}"


def _money(minor: int, currency: str) -> str:
    return money(Money(minor, Currency(currency)))


def _moment(instant: datetime, zone: ZoneInfo) -> str:
    return f"{instant.astimezone(zone):%Y-%m-%d %H:%M}"
