"""Explains an order or a commission from beginning to end: facts, candidates, rule, terms, rates, rounding, bookings.

What was decided and booked is read from the records. Bases and rates are worked out again by the very functions that
priced the order, so that they show what holds now.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select, tuple_

from engine.attribution.tables import Decision, Outcome
from engine.insights.candidates import CandidateStory, candidate_stories
from engine.insights.claims import ClaimStory, claims_of
from engine.insights.clicked import click_stories
from engine.insights.said import Said
from engine.insights.scopes import ScopeStory, month_scopes, order_scopes
from engine.insights.why import Why, why_of
from engine.intake.queries import OrderRecord
from engine.intake.rules import instant
from engine.intake.tables import ShopOrder
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import InputError, NotFoundError
from engine.kernel.ids import parse_id
from engine.kernel.tables import table_of
from engine.pipeline.workset import Workset, load
from engine.rewards.tables import Commission

_ORDER: Final = table_of(ShopOrder)
_DECISION: Final = table_of(Decision)
_COMMISSION: Final = table_of(Commission)


@dataclass(frozen=True, slots=True)
class OrderStory:
    """An order as it stands. `first_order`: the customer's first with the brand; None where nobody knows who bought."""

    id: UUID
    connector: str
    account: str
    number: str
    placed_at: datetime
    paid_at: datetime | None
    cancelled_at: datetime | None
    currency: str
    charged_minor: int
    shipping_minor: int
    lines: tuple[Mapping[str, Any], ...]
    codes: tuple[str, ...]
    first_seen_at: datetime | None
    first_order: bool | None
    blocked_reason: str | None
    claims: tuple[ClaimStory, ...]


@dataclass(frozen=True, slots=True)
class DecisionStory:
    """Who was credited by which rule. `seq` counts the decisions about the order; this is the last."""

    seq: int
    outcome: str
    rule: str
    reason: str
    decided_at: datetime
    program: str | None
    policy: Mapping[str, Any] | None
    terms_version: int | None
    candidates: tuple[CandidateStory, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything about an order, or about a month's settlement (`order` None); `asked` is the commission asked about.

    `sentences` come first for whoever reads; days are told in `time_zone`.
    """

    sentences: tuple[Said, ...]
    time_zone: str
    order: OrderStory | None
    decision: DecisionStory | None
    scopes: tuple[ScopeStory, ...]
    asked: Why | None

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which days are told."""
        return ZoneInfo(self.time_zone)


def explain(unit: UnitOfWork, brand_id: UUID, *, what: str) -> Explanation:
    """Explain a commission by its id, or an order by our id or the shop's number.

    Raises:
        NotFoundError: the brand has neither.
        InputError: several of the brand's shops have an order with this number; all are named.
    """
    found = parse_id(what)
    if found is not None and _is_commission(unit, brand_id, found):
        return explain_commission(unit, brand_id, commission_id=found)
    return explain_order(unit, brand_id, order_id=order_by_name(unit, brand_id, what=what))


def explain_commission(unit: UnitOfWork, brand_id: UUID, *, commission_id: UUID) -> Explanation:
    """Explain a commission row, with the whole order or month that it belongs to.

    Raises:
        NotFoundError: the brand has no such row.
    """
    why = why_of(unit, brand_id, commission_id=commission_id)
    said = (why.sentence(),)
    if why.row.order_id is None:
        scopes = month_scopes(unit, brand_id, scope_id=UUID(why.record["scope"]))
        return Explanation(said, why.row.time_zone, None, None, scopes, why)
    whole = explain_order(unit, brand_id, order_id=why.row.order_id)
    return Explanation(said, whole.time_zone, whole.order, whole.decision, whole.scopes, why)


def explain_order(unit: UnitOfWork, brand_id: UUID, *, order_id: UUID) -> Explanation:
    """Explain an order: credited or not, priced or blocked.

    Raises:
        NotFoundError: the brand has no such order.
    """
    work = load(unit, brand_id, {order_id})
    order = work.orders.get(order_id)
    if order is None:
        raise NotFoundError("order", order_id)
    decision = _decision(unit, brand_id, order_id)
    shares, candidates = (decision.shares, decision.candidates) if decision else ((), ())
    clicks = click_stories(unit, brand_id, candidates)
    considered = candidate_stories(unit, brand_id, candidates, shares=shares, clicks=clicks)
    scopes = order_scopes(unit, brand_id, work=work, order=order, shares=shares, clicks=clicks)
    story = _order_story(order, work)
    told = _decision_story(decision, work, considered) if decision else None
    zone = next((program.time_zone for program in work.programs if decision and program.id == decision.program_id), "")
    return Explanation(
        _sentences(story, told, scopes),
        zone or _first_zone(work),
        order=story,
        decision=told,
        scopes=scopes,
        asked=None,
    )


def order_by_name(unit: UnitOfWork, brand_id: UUID, *, what: str) -> UUID:
    """Return the id of the order that `what` names: our id, or the shop's number.

    The shop's number is looked up shop by shop, since its index begins with the connector.

    Raises:
        NotFoundError: the brand has no such order.
        InputError: several of the brand's shops have an order with this number.
    """
    order_id = parse_id(what)
    mine = _ORDER.c.brand_id == brand_id
    if order_id and unit.execute(select(_ORDER.c.id).where(mine, _ORDER.c.id == order_id)).first():
        return order_id
    found = []
    for connector, account in _shops(unit, brand_id):
        shop = (mine, _ORDER.c.connector == connector, _ORDER.c.account == account)
        row = unit.execute(select(_ORDER.c.id).where(*shop, _ORDER.c.external_id == what)).first()
        if row is not None:
            found.append((f"{connector}/{account}", row.id))
    if not found:
        raise NotFoundError("order or commission", what)
    if len(found) > 1:
        places = "; ".join(f"{place}: {one}" for place, one in found)
        raise InputError(f"Several shops have an order {what}.", remedy=f"Give the id of one of them: {places}.")
    return UUID(str(found[0][1]))


def _shops(unit: UnitOfWork, brand_id: UUID) -> Iterable[tuple[str, str]]:
    """Yield the connectors and accounts that the brand has orders from, each by one step into the index."""
    shop = (_ORDER.c.connector, _ORDER.c.account)
    statement = select(*shop).where(_ORDER.c.brand_id == brand_id).order_by(*shop).limit(1)
    row = unit.execute(statement).first()
    while row is not None:
        yield row.connector, row.account
        row = unit.execute(statement.where(tuple_(*shop) > (row.connector, row.account))).first()


def _is_commission(unit: UnitOfWork, brand_id: UUID, commission_id: UUID) -> bool:
    named = (_COMMISSION.c.brand_id == brand_id, _COMMISSION.c.id == commission_id)
    return unit.execute(select(_COMMISSION.c.id).where(*named)).first() is not None


def _decision(unit: UnitOfWork, brand_id: UUID, order_id: UUID) -> Any | None:
    """Return the newest decision about an order. Index: uq_decision_brand_id_order_id_seq."""
    found = select(_DECISION).where(_DECISION.c.brand_id == brand_id, _DECISION.c.order_id == order_id)
    return unit.execute(found.order_by(_DECISION.c.seq.desc()).limit(1)).one_or_none()


def _order_story(order: OrderRecord, work: Workset) -> OrderStory:
    payload = order.payload
    first = work.firsts.get(order.customer_key) if order.customer_key else None
    return OrderStory(
        id=order.id,
        connector=order.connector,
        account=order.account,
        number=order.external_id,
        placed_at=order.placed_at,
        paid_at=order.paid_at,
        cancelled_at=instant(payload, "cancelled_at"),
        currency=order.currency,
        charged_minor=payload["charged"],
        shipping_minor=payload.get("shipping", 0),
        lines=tuple(payload["lines"]),
        codes=tuple(payload.get("codes", ())),
        first_seen_at=instant(payload, "first_seen_at"),
        first_order=first is not None and first.order_id == order.id if order.customer_key else None,
        blocked_reason=order.blocked_reason,
        claims=claims_of(order),
    )


def _decision_story(decision: Any, work: Workset, considered: tuple[CandidateStory, ...]) -> DecisionStory:
    program = next((program for program in work.programs if program.id == decision.program_id), None)
    history = work.terms.get(decision.program_id, ())
    terms = next((version for version in history if version.id == decision.terms_id), None)
    return DecisionStory(
        seq=decision.seq,
        outcome=decision.outcome,
        rule=decision.rule,
        reason=decision.reason,
        decided_at=decision.decided_at,
        program=program.name if program else None,
        policy=terms.document.attribution.model_dump(mode="json") if terms else None,
        terms_version=terms.version if terms else None,
        candidates=considered,
    )


def _sentences(order: OrderStory, decision: DecisionStory | None, scopes: Sequence[ScopeStory]) -> tuple[Said, ...]:
    """Return why the order brings what it brings: one sentence for each scope, or one that says why there is none."""
    if order.blocked_reason is not None:
        text = "Order %(number)s is blocked; nothing of it is lost, and nothing is paid: %(reason)s"
        return (Said(text, {"number": order.number, "reason": order.blocked_reason}),)
    told = tuple(scope.sentence for scope in scopes if scope.sentence)
    if told:
        return told
    if decision is not None and decision.outcome != Outcome.CREDITED:
        return (Said("%(reason)s", {"reason": decision.reason}),)
    if order.cancelled_at is not None:
        return (Said("Nothing is owed: the order was cancelled on %(day)s.", {"day": order.cancelled_at}),)
    if order.paid_at is None:
        return (Said("Nothing is owed yet: the order has not been paid in full."),)
    return (Said("Nothing is owed: no reward of the terms applies to anything in this order."),)


def _first_zone(work: Workset) -> str:
    return work.programs[0].time_zone if work.programs else "UTC"
