"""What one scope owes, step by step: base, rates and where they were found, rounding, cap, share, rows, payouts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, func, select

from engine.identity.tables import Ambassador
from engine.insights.clicked import ClickStory
from engine.insights.said import Said
from engine.insights.sentences import Cause, earned, settled
from engine.insights.why import Booking, Step, bookings_of, rated_steps, steps_of
from engine.intake.queries import OrderRecord
from engine.intake.tables import ShopOrder
from engine.kernel.database import UnitOfWork
from engine.kernel.history import as_of
from engine.kernel.money import PPM, Currency, Money
from engine.kernel.tables import table_of
from engine.pipeline.workset import Workset
from engine.plugin_api import Signal
from engine.programs.queries import personal_as_of
from engine.programs.rules import RateTable, resolve_rate
from engine.programs.schemas import BaseRules, TermsDocument
from engine.programs.tables import Program, Terms
from engine.rewards.rules import LineFacts, commissionable_lines, split_over_lines, taken_back
from engine.rewards.tables import Commission, RewardScope

_SCOPE: Final = table_of(RewardScope)
_COMMISSION: Final = table_of(Commission)
_AMBASSADOR: Final = table_of(Ambassador)
_PROGRAM: Final = table_of(Program)
_TERMS: Final = table_of(Terms)
_ORDER: Final = table_of(ShopOrder)
SHOWN_ORDERS: Final = 200


@dataclass(frozen=True, slots=True)
class LineStory:
    """A line that counts: its base before anything was taken back, what is kept of it, its rate and its part.

    `kept` is an exact fraction such as `3/4`; `part_minor` is this line's part of what is owed (largest remainder).
    """

    line_id: str
    base_minor: int
    kept: str
    rate_bps: int | None
    rate_level: str | None
    part_minor: int


@dataclass(frozen=True, slots=True)
class MonthOrder:
    """What one order brought to its month."""

    number: str
    base_minor: int
    accrued_minor: int


@dataclass(frozen=True, slots=True)
class ScopeStory:
    """A scope as it stands. `steps` are those of its newest row; of a month, `orders` are the first `SHOWN_ORDERS`.

    Where the order is shared, `together_minor` is what all who share it are owed by this reward.
    """

    id: UUID
    program: str
    terms_version: int
    ambassador: str
    reward: str
    reward_type: str | None
    subject: str
    currency: str
    booked_minor: int
    base_minor: int
    period: str | None
    lines: tuple[LineStory, ...]
    left_out: tuple[tuple[str, str], ...]
    share_ppm: int
    together_minor: int | None
    steps: tuple[Step, ...]
    cap_minor: int | None
    bookings: tuple[Booking, ...]
    hold_days: int | None
    due_at: datetime
    state: str
    hold_reason: str | None
    dirty: bool
    orders: tuple[MonthOrder, ...]
    orders_in_all: int
    sentence: Said | None

    @property
    def capped(self) -> bool:
        """Whether the cap cut the amount."""
        return self.cap_minor is not None and sum(step.amount_minor for step in self.steps) > self.cap_minor


def order_scopes(
    unit: UnitOfWork,
    brand_id: UUID,
    *,
    work: Workset,
    order: OrderRecord,
    shares: Sequence[Mapping[str, Any]],
    clicks: Mapping[UUID, ClickStory],
) -> tuple[ScopeStory, ...]:
    """Return every scope of an order, also those in which nothing is left.

    `shares` are those of its decision, `clicks` the clicks that they name.
    """
    heads = _heads(unit, brand_id, _SCOPE.c.order_id == order.id)
    by_enrollment = {UUID(share["enrollment"]): share for share in shares}
    return tuple(
        _of_order(unit, head, work, order=order, share=by_enrollment.get(head.enrollment_id), clicks=clicks)
        for head in heads
    )


def month_scopes(unit: UnitOfWork, brand_id: UUID, *, scope_id: UUID) -> tuple[ScopeStory, ...]:
    """Return the one scope of a month."""
    return tuple(_of_month(unit, head) for head in _heads(unit, brand_id, _SCOPE.c.id == scope_id))


def left_out(order: Mapping[str, Any], rules: BaseRules) -> tuple[tuple[str, str], ...]:
    """Return what of an order earns nothing, as (line or part, why), as `rewards.rules.commissionable_lines` counts."""
    found = [(f"line {line['id']}", why) for line in order["lines"] if (why := _why_not(line, rules))]
    if order.get("shipping") and not rules.include_shipping:
        found.append(("shipping", "the terms leave shipping out"))
    if any(line.get("tax") for line in order["lines"]) and not rules.include_tax:
        found.append(("tax", "the terms leave tax out"))
    return tuple(found)


def _heads(unit: UnitOfWork, brand_id: UUID, condition: ColumnElement[bool]) -> Sequence[Any]:
    """Indexes: ix_reward_scope_brand_id_order_id, or the primary key."""
    statement = (
        select(_SCOPE, _PROGRAM.c.name.label("program"), _AMBASSADOR.c.name.label("ambassador"))
        .add_columns(_TERMS.c.version, _TERMS.c.document)
        .join_from(_SCOPE, _PROGRAM, _PROGRAM.c.id == _SCOPE.c.program_id)
        .join(_AMBASSADOR, _AMBASSADOR.c.id == _SCOPE.c.ambassador_id)
        .join(_TERMS, _TERMS.c.id == _SCOPE.c.terms_id)
        .where(_SCOPE.c.brand_id == brand_id, condition)
        .order_by(_SCOPE.c.id)
    )
    rows: Sequence[Any] = unit.execute(statement).all()
    return rows


def _of_order(
    unit: UnitOfWork,
    head: Any,
    work: Workset,
    *,
    order: OrderRecord,
    share: Mapping[str, Any] | None,
    clicks: Mapping[UUID, ClickStory],
) -> ScopeStory:
    document = TermsDocument.model_validate(head.document)
    taken = taken_back(order.payload, refunds=order.standing_refunds, chargebacks=order.chargebacks)
    counted = commissionable_lines(order.payload, document.base)
    parts = split_over_lines(head.booked_minor, counted, taken=taken)
    rates = _rates(head, work, order=order, document=document, share=share)
    lines = tuple(
        LineStory(
            line.line_id,
            line.base_minor,
            str(taken.share_of(line.line_id)),
            *rates(line),
            part_minor=parts[line.line_id],
        )
        for line in counted
    )
    cause = _cause(head, order, share, clicks=clicks)
    out = left_out(order.payload, document.base)
    return _story(unit, head, document, lines=lines, left=out, cause=cause)


def _cause(
    head: Any, order: OrderRecord, share: Mapping[str, Any] | None, *, clicks: Mapping[UUID, ClickStory]
) -> Cause:
    if share is None:
        return Cause(None, None, head.ambassador, order.placed_at)
    click = clicks.get(UUID(share["click"])) if "click" in share else None
    return Cause(Signal(share["signal"]), share.get("code"), head.ambassador, order.placed_at, click)


def _of_month(unit: UnitOfWork, head: Any) -> ScopeStory:
    return _story(unit, head, TermsDocument.model_validate(head.document), lines=(), left=(), cause=None)


def _story(
    unit: UnitOfWork,
    head: Any,
    document: TermsDocument,
    *,
    lines: tuple[LineStory, ...],
    left: tuple[tuple[str, str], ...],
    cause: Cause | None,
) -> ScopeStory:
    bookings = bookings_of(unit, head.brand_id, scope_id=head.id)
    said = _newest_explanation(unit, head)
    orders, count = _month_orders(unit, head) if cause is None else ((), 0)
    story = ScopeStory(
        id=head.id,
        program=head.program,
        terms_version=head.version,
        ambassador=head.ambassador,
        reward=head.reward,
        reward_type=next((reward.type for reward in document.rewards if reward.key == head.reward), None),
        subject=head.subject,
        currency=head.asset,
        booked_minor=head.booked_minor,
        base_minor=head.base_minor,
        period=head.period,
        lines=lines,
        left_out=left,
        share_ppm=said.get("share_ppm", PPM),
        together_minor=said.get("together"),
        steps=steps_of(said),
        cap_minor=said.get("cap"),
        bookings=bookings,
        hold_days=document.hold_days,
        due_at=head.due_at,
        state=head.state,
        hold_reason=head.hold_reason,
        dirty=head.dirty,
        orders=orders,
        orders_in_all=count,
        sentence=None,
    )
    return replace(story, sentence=_sentence(story, cause))


def _sentence(story: ScopeStory, cause: Cause | None) -> Said | None:
    """Return why the scope brings what is booked in it now; None where nothing ever was."""
    currency = Currency(story.currency)
    booked, base = Money(story.booked_minor, currency), Money(story.base_minor, currency)
    if not story.bookings:
        return None
    if cause is None:
        return settled(booked, base=base, month=story.subject)
    if not story.booked_minor:
        gained = sum(max(booking.amount_minor, 0) for booking in story.bookings)
        return Said("Nothing is left of %(amount)s: all of it was taken back.", {"amount": Money(gained, currency)})
    whole = story.share_ppm == PPM and len(story.steps) == 1
    return earned(booked, cause, rated=rated_steps(story.steps, currency) if whole else (), capped=story.capped)


def _rates(
    head: Any, work: Workset, *, order: OrderRecord, document: TermsDocument, share: Mapping[str, Any] | None
) -> Callable[[LineFacts], tuple[int | None, str | None]]:
    """Return what tells a line's rate in basis points and the level at which it was found."""
    person = work.people.get(head.enrollment_id)
    code_id = UUID(share["promo_code"]) if share and "promo_code" in share else None
    personal = personal_as_of(work.rates, order.placed_at, enrollment_id=head.enrollment_id, promo_code_id=code_id)
    group = as_of(person.groups, order.placed_at) if person else None
    table = RateTable.of(document)

    def of_line(line: LineFacts) -> tuple[int | None, str | None]:
        found = resolve_rate(
            line.product,
            line.collections,
            reward=head.reward,
            table=table,
            personal=personal,
            group=group.key if group else None,
        )
        return (found.rate_bps, found.level.value) if found else (None, None)

    return of_line


def _why_not(line: Mapping[str, Any], rules: BaseRules) -> str | None:
    if line.get("gift_card") and not rules.include_gift_cards:
        return "the terms leave gift cards out"
    if line.get("product") in rules.excluded_products:
        return f"the terms leave the product {line['product']} out"
    named = sorted(rules.excluded_collections.intersection(line.get("collections", ())))
    return f"the terms leave the collection {named[0]} out" if named else None


def _newest_explanation(unit: UnitOfWork, head: Any) -> Mapping[str, Any]:
    named = (_COMMISSION.c.brand_id == head.brand_id, _COMMISSION.c.scope_id == head.id)
    statement = select(_COMMISSION.c.explanation).where(*named).order_by(_COMMISSION.c.seq.desc()).limit(1)
    found: Mapping[str, Any] | None = unit.execute(statement).scalar_one_or_none()
    return found or {"steps": []}


def _month_orders(unit: UnitOfWork, head: Any) -> tuple[tuple[MonthOrder, ...], int]:
    """Return what the orders of a month brought to it, and how many they are. Index: ix_reward_scope_month."""
    named = (
        _SCOPE.c.brand_id == head.brand_id,
        _SCOPE.c.enrollment_id == head.enrollment_id,
        _SCOPE.c.reward == head.reward,
        _SCOPE.c.period == head.subject,
        _SCOPE.c.asset == head.asset,
    )
    rows = unit.execute(
        select(_ORDER.c.external_id, _SCOPE.c.period_base_minor, _SCOPE.c.period_accrued_minor)
        .join_from(_SCOPE, _ORDER, _ORDER.c.id == _SCOPE.c.order_id)
        .where(*named)
        .order_by(_ORDER.c.placed_at, _ORDER.c.id)
        .limit(SHOWN_ORDERS)
    )
    count = int(unit.execute(select(func.count()).where(*named)).scalar_one())
    return tuple(MonthOrder(*row) for row in rows), count
