"""Closes months: what a month's tiers owe beyond what its orders accrued.

A month is settled once it has ended in the program's time zone, and again whenever a late fact has marked it dirty. It
matures with the last hold of its orders. The sums come from the order scopes, so they cannot drift from them.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, bindparam, false, func, or_, select, update

from engine.kernel.bulk import insert_rows
from engine.kernel.clock import month_of, month_start
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import GoodwordError
from engine.kernel.ids import new_id
from engine.kernel.tables import table_of
from engine.pipeline.book import Booking, Month, make, write
from engine.pipeline.terms import ReadyTerms, TermsShelf, UnusableTermsError, by_program
from engine.pipeline.workset import ScopeKey
from engine.plugin_api import PeriodCase
from engine.plugin_host.answers import ask_due_for_period
from engine.programs.queries import ProgramRow, TermsVersion, programs_of, terms_history
from engine.rewards.rules import price_period
from engine.rewards.service import DIRTY
from engine.rewards.tables import RewardScope, ScopeState, SubjectKind

_SCOPE = table_of(RewardScope)
AT_ONCE = 500


def mark(unit: UnitOfWork, brand_id: UUID, months: Iterable[Month]) -> None:
    """Mark months as dirty; one that is new gets its head, due when its last order is.

    The head is written even where it is dirty already: whoever closes the month at this moment holds its row.
    """
    wanted = {(each.enrollment_id, each.reward, each.month, each.asset): each for each in sorted(months, key=_order)}
    if not wanted:
        return
    known = _month_heads(unit, brand_id, wanted)
    new = [_new_head(brand_id, each) for key, each in wanted.items() if key not in known]
    if new:
        insert_rows(unit, _SCOPE, new)
    again = [{"head_id": known[key]} for key in wanted if key in known]
    if again:
        unit.execute(update(_SCOPE).where(_SCOPE.c.id == bindparam("head_id")).values(dirty=True), again)


def close_months(unit: UnitOfWork, brand_id: UUID, *, shelf: TermsShelf, limit: int = AT_ONCE) -> int:
    """Settle dirty months that have ended; return how many were looked at (0: nothing is left to do).

    A month whose reward type fails is held with the reason, stays dirty, and is tried again when the hold is lifted.
    """
    programs = {program.id: program for program in programs_of(unit, brand_id)}
    terms = by_program(terms_history(unit, brand_id))
    heads = _dirty(unit, brand_id, programs.values(), limit=limit)
    sums = _sums(unit, brand_id, heads)
    bookings = []
    for head in heads:
        try:
            ready = _terms_of_month(head, terms[head.program_id], program=programs[head.program_id], shelf=shelf)
            bookings.append(_settle(head, ready, sums.get((head.enrollment_id, head.reward, head.subject, head.asset))))
        except GoodwordError as error:
            reason = f"blocked: {error}"[:300]
            unit.execute(update(_SCOPE).where(_SCOPE.c.id == head.id).values(hold_reason=reason))
    write(unit, brand_id, bookings, command="settle")
    return len(heads)


def _settle(head: Any, terms: ReadyTerms, sums: tuple[int, int, datetime] | None) -> Booking:
    base, accrued, due = sums or (0, 0, head.due_at)
    reward = next(each for each in terms.rewards if each.key == head.reward)
    (answer,) = ask_due_for_period(reward.type, [PeriodCase(reward.params, head.asset, base)])
    priced = price_period(answer, accrued_minor=accrued)
    columns = {
        "terms_id": terms.id,
        "period": None,
        "booked_minor": priced.amount_minor,
        "base_minor": priced.base_minor,
        "period_base_minor": 0,
        "period_accrued_minor": 0,
        "due_at": due,
        "hold_reason": None,
        "dirty": False,
    }
    names = {
        "enrollment_id": head.enrollment_id,
        "ambassador_id": head.ambassador_id,
        "program_id": head.program_id,
        "reward": head.reward,
        "subject_kind": head.subject_kind,
        "subject": head.subject,
        "order_id": None,
        "asset": head.asset,
    }
    return make(head, names, columns=columns, priced=priced, version=terms.version)


def _terms_of_month(
    head: Any, versions: Sequence[TermsVersion], *, program: ProgramRow, shelf: TermsShelf
) -> ReadyTerms:
    """Return the terms as of the month's start; where those do not settle this reward yet, the first after that do.

    Raises:
        UnusableTermsError: no terms of the month settle the reward by the month.
    """
    start = month_start(head.subject, program.zone)
    holding = [version for version in versions if version.effective_at <= start][-1:]
    for version in holding + [version for version in versions if version.effective_at > start]:
        types = [term.type for term in version.document.rewards if term.key == head.reward]
        if types and shelf.host.reward_type(types[0]).value.settles_periods:
            return shelf.ready(version, program)
    raise UnusableTermsError(program.name, f"those of {head.subject} do not settle {head.reward} by the month.")


def _dirty(unit: UnitOfWork, brand_id: UUID, programs: Iterable[ProgramRow], *, limit: int) -> Sequence[Any]:
    """Return months that must be settled and have ended in their program's time zone. Index: ix_reward_scope_dirty."""
    ended = [
        and_(_SCOPE.c.program_id == program.id, _SCOPE.c.subject < month_of(unit.now, program.zone))
        for program in programs
    ]
    latest = unit.now.strftime("%Y-%m")
    statement = (
        select(_SCOPE)
        .where(
            _SCOPE.c.brand_id == brand_id,
            DIRTY,
            _SCOPE.c.subject <= latest,
            _SCOPE.c.hold_reason.is_(None),
            or_(false(), *ended),
        )
        .order_by(_SCOPE.c.subject, _SCOPE.c.id)
        .limit(limit)
    )
    if unit.dialect == "postgresql":
        statement = statement.with_for_update()
    rows: Sequence[Any] = unit.execute(statement).all()
    return rows


def _sums(unit: UnitOfWork, brand_id: UUID, heads: Sequence[Any]) -> dict[ScopeKey, tuple[int, int, datetime]]:
    """Add up what the orders of these months brought. Index: ix_reward_scope_month."""
    if not heads:
        return {}
    columns = (_SCOPE.c.enrollment_id, _SCOPE.c.reward, _SCOPE.c.period, _SCOPE.c.asset)
    statement = (
        select(
            *columns,
            func.sum(_SCOPE.c.period_base_minor).label("base"),
            func.sum(_SCOPE.c.period_accrued_minor).label("accrued"),
            func.max(_SCOPE.c.due_at).label("due"),
        )
        .where(
            _SCOPE.c.brand_id == brand_id,
            _SCOPE.c.enrollment_id.in_({head.enrollment_id for head in heads}),
            _SCOPE.c.reward.in_({head.reward for head in heads}),
            _SCOPE.c.period.in_({head.subject for head in heads}),
            _SCOPE.c.period.is_not(None),
        )
        .group_by(*columns)
    )
    return {
        (row.enrollment_id, row.reward, row.period, row.asset): (int(row.base), int(row.accrued), row.due)
        for row in unit.execute(statement)
    }


def _month_heads(unit: UnitOfWork, brand_id: UUID, wanted: Iterable[ScopeKey]) -> dict[ScopeKey, UUID]:
    """Index: uq_reward_scope_brand_id_enrollment_id_reward_subject_asset."""
    keys = list(wanted)
    columns = (_SCOPE.c.enrollment_id, _SCOPE.c.reward, _SCOPE.c.subject, _SCOPE.c.asset)
    statement = select(*columns, _SCOPE.c.id).where(
        _SCOPE.c.brand_id == brand_id,
        _SCOPE.c.enrollment_id.in_({key[0] for key in keys}),
        _SCOPE.c.reward.in_({key[1] for key in keys}),
        _SCOPE.c.subject.in_({key[2] for key in keys}),
    )
    return {(row[0], row[1], row[2], row[3]): row[4] for row in unit.execute(statement)}


def _new_head(brand_id: UUID, month: Month) -> dict[str, Any]:
    zeros = ("seq", "booked_minor", "base_minor", "period_base_minor", "period_accrued_minor")
    return {
        **dict.fromkeys(zeros, 0),
        "id": new_id(),
        "brand_id": brand_id,
        "enrollment_id": month.enrollment_id,
        "ambassador_id": month.ambassador_id,
        "program_id": month.program_id,
        "terms_id": month.terms_id,
        "reward": month.reward,
        "subject_kind": SubjectKind.PERIOD.value,
        "subject": month.month,
        "order_id": None,
        "period": None,
        "asset": month.asset,
        "due_at": month.due_at,
        "state": ScopeState.PENDING.value,
        "hold_reason": None,
        "dirty": True,
    }


def _order(month: Month) -> tuple[str, str, str, str, datetime]:
    return month.enrollment_id.hex, month.reward, month.month, month.asset, month.due_at
