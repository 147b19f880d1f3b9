"""Everything a batch of orders needs, read once: one keyed read for each kind of row, never the history."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select

from engine.attribution.tables import CustomerLink, Decision
from engine.enrollment.queries import EnrollmentHistory, histories
from engine.intake.queries import FirstOrder, OrderRecord, first_orders, orders
from engine.kernel.database import UnitOfWork
from engine.kernel.history import as_of
from engine.kernel.keyed import among
from engine.kernel.tables import table_of
from engine.pipeline.terms import by_program
from engine.pipeline.touches import Gathered, OrderTouches, gather, kept_touches
from engine.plugin_api import Signal
from engine.programs.queries import (
    PersonalRateHistory,
    ProgramRow,
    TermsVersion,
    personal_rates,
    programs_of,
    terms_history,
)
from engine.rewards.tables import RewardScope
from engine.tracking.clicks.queries import ClickRow
from engine.tracking.codes.queries import CodeRow, codes_by_key
from engine.tracking.codes.rules import lookup_key

_SCOPE = table_of(RewardScope)
_DECISION = table_of(Decision)
_LINK = table_of(CustomerLink)

LinkKey = tuple[UUID, str]
"""Program and customer."""

ScopeKey = tuple[UUID, str, str, str]
"""Enrollment, reward, subject, asset: what makes a scope."""


@dataclass(frozen=True, slots=True)
class Link:
    """The ambassador of a program's customer, by the order that made the link."""

    enrollment_id: UUID
    order_id: UUID
    place: tuple[datetime, str, str]


@dataclass(frozen=True, slots=True)
class Workset:
    """A batch of orders with all that decides about them. `decided` holds the newest (seq, hash) of each order."""

    orders: Mapping[UUID, OrderRecord]
    programs: tuple[ProgramRow, ...]
    terms: Mapping[UUID, tuple[TermsVersion, ...]]
    codes: Mapping[str, CodeRow]
    people: Mapping[UUID, EnrollmentHistory]
    rates: PersonalRateHistory
    heads: Mapping[ScopeKey, Any]
    decided: Mapping[UUID, tuple[int, str]]
    firsts: Mapping[str, FirstOrder]
    links: Mapping[LinkKey, Link]
    touches: Mapping[UUID, OrderTouches]
    new_touches: tuple[tuple[OrderRecord, ClickRow], ...]

    @property
    def customer_keys(self) -> set[str]:
        """The customers of these orders."""
        return {order.customer_key for order in self.orders.values() if order.customer_key}

    def terms_at(self, program: ProgramRow, at: datetime) -> TermsVersion | None:
        """Return the terms under which `program` judges an order placed at `at`; None where it credits nothing."""
        if program.closed_at is not None and at >= program.closed_at:
            return None
        return as_of(self.terms.get(program.id, ()), at)


def load(
    unit: UnitOfWork,
    brand_id: UUID,
    order_ids: Collection[UUID],
    *,
    customers: Collection[str] = (),
    fresh: Mapping[UUID, OrderRecord] | None = None,
    click_key: bytes | None = None,
) -> Workset:
    """Read the workset of these orders; `customers` are more whose first order and links are wanted.

    `fresh` are orders that this transaction wrote first: nothing was decided or booked for them yet. `click_key` is the
    key that click ids are signed with; without it the touches are those that were kept, enough for explaining.
    """
    records = orders(unit, brand_id, order_ids, fresh=fresh)
    older = [order_id for order_id in records if not fresh or order_id not in fresh]
    keys = {key for order in records.values() for text in order.payload.get("codes", ()) if (key := lookup_key(text))}
    codes = {code.code_key: code for code in codes_by_key(unit, brand_id, keys=keys)}
    customers = {order.customer_key for order in records.values() if order.customer_key}.union(customers)
    if click_key is None:
        touches = Gathered(kept_touches(unit, brand_id, records.values()))
    else:
        touches = gather(unit, brand_id, records.values(), key=click_key)
    terms = by_program(terms_history(unit, brand_id))
    links = _links(unit, brand_id, list(terms), customers=customers) if _any_links(terms) else {}
    owners = {owner.enrollment_id for code in codes.values() for owner in code.owners if owner.enrollment_id}
    owners |= {link.enrollment_id for link in links.values()}
    owners |= {click.enrollment_id for each in touches.of.values() for click in each.clicks}
    return Workset(
        orders=records,
        programs=programs_of(unit, brand_id),
        terms=terms,
        codes=codes,
        people=histories(unit, brand_id, enrollment_ids=owners),
        rates=personal_rates(
            unit, brand_id, enrollment_ids=owners, promo_code_ids=[code.id for code in codes.values()]
        ),
        heads={scope_key(row): row for row in unit.execute(_heads(unit, brand_id, older))} if older else {},
        decided=_decided(unit, brand_id, older) if older else {},
        firsts=first_orders(unit, brand_id, customers) if customers else {},
        links=links,
        touches=touches.of,
        new_touches=touches.new,
    )


def scope_key(row: Any) -> ScopeKey:
    """Return what names the scope of a head row."""
    return row.enrollment_id, row.reward, row.subject, row.asset


def _heads(unit: UnitOfWork, brand_id: UUID, order_ids: Collection[UUID]) -> Select[Any]:
    """Index: ix_reward_scope_brand_id_order_id."""
    theirs = among(unit, _SCOPE.c.order_id, order_ids)
    return select(_SCOPE).where(_SCOPE.c.brand_id == brand_id, theirs)


def _decided(unit: UnitOfWork, brand_id: UUID, order_ids: Collection[UUID]) -> dict[UUID, tuple[int, str]]:
    """Index: uq_decision_brand_id_order_id_seq."""
    statement = (
        select(_DECISION.c.order_id, _DECISION.c.seq, _DECISION.c.content_hash)
        .where(_DECISION.c.brand_id == brand_id, among(unit, _DECISION.c.order_id, order_ids))
        .order_by(_DECISION.c.seq)
    )
    return {order_id: (seq, digest) for order_id, seq, digest in unit.execute(statement)}


def _links(
    unit: UnitOfWork, brand_id: UUID, programs: Collection[UUID], *, customers: Collection[str]
) -> dict[tuple[UUID, str], Link]:
    """Read the links of these customers. Index: uq_customer_link_brand_id_program_id_customer_key."""
    statement = select(_LINK).where(
        _LINK.c.brand_id == brand_id,
        among(unit, _LINK.c.program_id, programs),
        among(unit, _LINK.c.customer_key, sorted(customers)),
    )
    return {
        (row.program_id, row.customer_key): Link(
            row.enrollment_id, row.order_id, (row.placed_at, row.connector, row.external_id)
        )
        for row in unit.execute(statement)
    }


def _any_links(terms: Mapping[UUID, tuple[TermsVersion, ...]]) -> bool:
    return any(
        Signal.CUSTOMER_LINK in version.document.attribution.signals
        for versions in terms.values()
        for version in versions
    )
