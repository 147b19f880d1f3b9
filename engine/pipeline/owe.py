"""Works out what a batch of decided orders owes, scope by scope. Pure but for asking the reward types."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from engine.attribution.rules import CreditedShare, DecisionDraft
from engine.attribution.tables import Outcome
from engine.intake.queries import OrderRecord
from engine.kernel.clock import local_date, month_of
from engine.kernel.errors import GoodwordError
from engine.kernel.history import as_of
from engine.ledger.rules import LARGEST
from engine.pipeline.terms import ReadyReward, ReadyTerms, TermsShelf
from engine.pipeline.workset import ScopeKey, Workset
from engine.plugin_api import Due, LineView, OrderCase, OrderView, RewardType
from engine.plugin_host.guard import Registered
from engine.programs.queries import TermsVersion, personal_as_of
from engine.programs.rules import NO_PERSONAL_RATES, PersonalRates, resolve_rate
from engine.rewards.rules import (
    LineFacts,
    Priced,
    TakenBack,
    commissionable_lines,
    due_at,
    price,
    shared_out,
    taken_back,
)

Ask = Callable[[Registered[RewardType], Sequence[OrderCase]], Sequence[Due | GoodwordError]]
"""Asks a reward type through the host's guard; an error in place of an answer blocks an order."""


class TooLargeError(GoodwordError):
    """A reward type asks for more than the books can hold; the order is blocked."""

    def __init__(self, reward: str) -> None:
        super().__init__(f"The reward {reward} owes more for this order than an account can hold. Correct its terms.")


@dataclass(frozen=True, slots=True)
class Owed:
    """What one scope of an order owes, with all that its head needs. `period` is set where a month settles it."""

    priced: Priced
    order_id: UUID
    enrollment_id: UUID
    ambassador_id: UUID
    terms: ReadyTerms
    reward: str
    asset: str
    share_ppm: int
    due_at: datetime
    hold: str | None
    period: str | None

    @property
    def key(self) -> ScopeKey:
        """What names the scope."""
        return self.enrollment_id, self.reward, self.order_id.hex, self.asset


@dataclass(frozen=True, slots=True)
class Dues:
    """What the scopes of a batch owe, and the orders of which that cannot be said, with the reason."""

    owed: Mapping[ScopeKey, Owed]
    failed: Mapping[UUID, GoodwordError]


@dataclass(frozen=True, slots=True)
class _Asked:
    """One question to a reward type, with what is needed to price the answer."""

    order: OrderRecord
    paid_at: datetime
    share: CreditedShare
    terms: ReadyTerms
    reward: ReadyReward
    lines: tuple[LineFacts, ...]
    case: OrderCase


def standings(work: Workset) -> Mapping[UUID, TakenBack]:
    """Return what is left of each order."""
    return {
        order.id: taken_back(order.payload, refunds=order.standing_refunds, chargebacks=order.chargebacks)
        for order in work.orders.values()
    }


def owed_by(
    work: Workset,
    decisions: Mapping[UUID, DecisionDraft],
    *,
    taken: Mapping[UUID, TakenBack],
    firsts: Collection[UUID],
    shelf: TermsShelf,
    ask: Ask,
) -> Dues:
    """Return what every scope of these orders owes; a scope that is not named owes nothing.

    `firsts` are the orders that are their customer's first. An order that is not paid, or credited to nobody, owes
    nothing. One for which a plugin failed, broke its contract, or lacks an amount for the currency is in `failed`, and
    nothing is said of its scopes.
    """
    failed: dict[UUID, GoodwordError] = {}
    days: dict[tuple[date, UUID], datetime] = {}
    owed: dict[ScopeKey, Owed] = {}
    for questions in _by_type(work, decisions, firsts=firsts, shelf=shelf, failed=failed).values():
        answers = ask(questions[0].reward.type, [question.case for question in questions])
        for question, due in zip(questions, answers, strict=True):
            if isinstance(due, GoodwordError):
                failed[question.order.id] = due
            elif due.parts:
                each = _owed(question, due, taken[question.order.id], days=days)
                owed[each.key] = each
                if each.priced.amount_minor > LARGEST:
                    failed[question.order.id] = TooLargeError(question.reward.key)
    _share_out(owed)
    return Dues({key: each for key, each in owed.items() if each.order_id not in failed} if failed else owed, failed)


def _share_out(owed: dict[ScopeKey, Owed]) -> None:
    """Round together what several beneficiaries are owed for one order; where a month settles it, it is made up for."""
    shared: dict[tuple[UUID, str, str], list[Owed]] = {}
    for each in owed.values():
        if each.priced.unrounded is not None and each.period is None:
            shared.setdefault((each.order_id, each.reward, each.asset), []).append(each)
    for theirs in shared.values():
        for each, priced in zip(theirs, shared_out([one.priced for one in theirs]), strict=True):
            owed[each.key] = replace(each, priced=priced)


def _by_type(
    work: Workset,
    decisions: Mapping[UUID, DecisionDraft],
    *,
    firsts: Collection[UUID],
    shelf: TermsShelf,
    failed: dict[UUID, GoodwordError],
) -> dict[str, list[_Asked]]:
    """Return the questions for each reward type; an order whose terms cannot be applied is put into `failed`."""
    found: dict[str, list[_Asked]] = {}
    for order in work.orders.values():
        draft = decisions.get(order.id)
        if order.paid_at is None or draft is None or draft.outcome is not Outcome.CREDITED:
            continue
        try:
            asked = _questions(order, draft, work, shelf=shelf, first=order.id in firsts, paid_at=order.paid_at)
        except GoodwordError as error:
            failed[order.id] = error
            continue
        for question in asked:
            found.setdefault(question.reward.type.value.name, []).append(question)
    return found


def _questions(
    order: OrderRecord, draft: DecisionDraft, work: Workset, *, shelf: TermsShelf, first: bool, paid_at: datetime
) -> list[_Asked]:
    terms = _terms_of(draft, work, shelf)
    lines = commissionable_lines(order.payload, terms.document.base)
    found = []
    for share in draft.shares:
        person = work.people[share.enrollment_id]
        personal = personal_as_of(
            work.rates, order.placed_at, enrollment_id=person.id, promo_code_id=share.pointer.promo_code_id
        )
        group = as_of(person.groups, order.placed_at)
        for reward in terms.rewards:
            views = _views(lines, reward.key, terms, personal=personal, group=group.key if group else None)
            case = OrderCase(reward.params, OrderView(order.currency, order.placed_at, views, first))
            found.append(_Asked(order, paid_at, share, terms, reward, lines, case))
    return found


def _views(
    lines: Sequence[LineFacts],
    reward: str,
    terms: ReadyTerms,
    *,
    personal: PersonalRates = NO_PERSONAL_RATES,
    group: str | None = None,
) -> tuple[LineView, ...]:
    views = []
    for line in lines:
        rate = resolve_rate(
            line.product, line.collections, reward=reward, table=terms.rates, personal=personal, group=group
        )
        views.append(
            LineView(
                line.line_id,
                line.quantity,
                line.base_minor,
                line.product,
                line.collections,
                rate.rate_bps if rate else None,
                rate.level.value if rate else None,
            )
        )
    return tuple(views)


def _terms_of(draft: DecisionDraft, work: Workset, shelf: TermsShelf) -> ReadyTerms:
    program = next(program for program in work.programs if program.id == draft.program_id)
    version: TermsVersion = next(each for each in work.terms[program.id] if each.id == draft.terms_id)
    return shelf.ready(version, program)


def _owed(asked: _Asked, due: Due, taken: TakenBack, *, days: dict[tuple[date, UUID], datetime]) -> Owed:
    order, terms = asked.order, asked.terms
    day = (local_date(asked.paid_at, terms.zone), terms.id)
    if day not in days:
        days[day] = due_at(asked.paid_at, hold_days=terms.document.hold_days, zone=terms.zone)
    settles = asked.reward.type.value.settles_periods
    return Owed(
        priced=price(due, asked.lines, taken=taken, share_ppm=asked.share.ppm),
        order_id=order.id,
        enrollment_id=asked.share.enrollment_id,
        ambassador_id=asked.share.ambassador_id,
        terms=terms,
        reward=asked.reward.key,
        asset=order.currency,
        share_ppm=asked.share.ppm,
        due_at=days[day],
        hold=taken.hold,
        period=month_of(order.placed_at, terms.zone) if settles else None,
    )
