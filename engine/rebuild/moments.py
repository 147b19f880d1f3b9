"""Reads what was recorded, in the order in which it was recorded: deliveries, maturity runs, steps of payouts.

Of what was recorded at one instant, ids tell what came first: they are UUIDv7. Reading streams.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from itertools import groupby, islice
from operator import attrgetter
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, func, select

from engine.intake.rules import FactDraft, Source
from engine.intake.service import CheckedDelivery
from engine.intake.tables import CommerceFact, Delivery, FactKind
from engine.kernel.database import UnitOfWork
from engine.kernel.tables import table_of
from engine.ledger.journal import TRANSACTION, stream
from engine.payouts.queries import PAYOUT
from engine.payouts.tables import PayoutState
from engine.pipeline.run import BATCH
from engine.rewards.tables import MaturityRun

_FACT: Final = table_of(CommerceFact)
_DELIVERY: Final = table_of(Delivery)
_RUN: Final = table_of(MaturityRun)
_LAST: Final = UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A delivery with the facts that were kept of it."""

    source: Source
    delivery: CheckedDelivery


@dataclass(frozen=True, slots=True)
class Maturity:
    """Months were closed and what was due approved."""


@dataclass(frozen=True, slots=True)
class PayoutStep:
    """A payout came to be (`draft`, submitted at once where it was submitted at all), or went on to a state."""

    to: PayoutState
    payout: Any


@dataclass(frozen=True, slots=True)
class Moment:
    """What was recorded when. Moments sort by `place`."""

    at: datetime
    id: UUID
    act: Arrival | Maturity | PayoutStep

    @property
    def place(self) -> tuple[datetime, UUID]:
        """Where it stands among others."""
        return self.at, self.id

    @property
    def alike(self) -> tuple[datetime, object]:
        """What neighbours must have in common to be done in one go."""
        match self.act:
            case Arrival(source=source):
                return self.at, source
            case PayoutStep(to=to):
                return self.at, to
        return self.at, None


def moments(records: UnitOfWork, brand_id: UUID) -> Iterator[Sequence[Moment]]:
    """Yield everything that was recorded of a brand, neighbours of one kind together, `BATCH` at most."""
    ordered = merge(_arrivals(records, brand_id), _runs(records, brand_id), *_steps(records, brand_id), key=_place)
    for _, group in groupby(ordered, key=attrgetter("alike")):
        while some := list(islice(group, BATCH)):
            yield some


def count_facts(records: UnitOfWork, brand_id: UUID) -> int:
    """Return how many facts there are to replay."""
    counted = select(func.count()).select_from(_FACT).where(_FACT.c.brand_id == brand_id)
    return int(records.execute(counted).scalar_one())


def last_instant(records: UnitOfWork, brand_id: UUID) -> datetime | None:
    """Return when something was last recorded or booked, None where nothing was."""
    columns = (
        (_FACT.c.recorded_at, _FACT.c.brand_id),
        (_RUN.c.as_of, _RUN.c.brand_id),
        (TRANSACTION.c.posted_at, TRANSACTION.c.brand_id),
    )
    found = [
        records.execute(select(func.max(instant)).where(owner == brand_id)).scalar_one() for instant, owner in columns
    ]
    return max((instant for instant in found if instant is not None), default=None)


_place = attrgetter("place")


def _arrivals(records: UnitOfWork, brand_id: UUID) -> Iterator[Moment]:
    names = ("delivery_id", "connector", "account", "kind", "external_id", "version_at", "content_hash", "payload")
    statement = (
        select(_FACT.c.recorded_at, _DELIVERY.c.delivery_key, *(_FACT.c[name] for name in names))
        .join(_DELIVERY, _DELIVERY.c.id == _FACT.c.delivery_id)
        .where(_FACT.c.brand_id == brand_id)
        .order_by(_FACT.c.recorded_at, _FACT.c.delivery_id, _FACT.c.id)
    )
    for delivery_id, rows in groupby(stream(records, statement), key=attrgetter("delivery_id")):
        facts = list(rows)
        first = facts[0]
        delivery = CheckedDelivery(first.delivery_key, b"", tuple(_draft(row) for row in facts))
        yield Moment(first.recorded_at, delivery_id, Arrival(Source(first.connector, first.account), delivery))


def _draft(row: Any) -> FactDraft:
    kind = FactKind(row.kind)
    order = row.external_id if kind is FactKind.ORDER else row.payload["order"]
    return FactDraft(kind, row.external_id, order, row.version_at, row.content_hash, row.payload)


def _runs(records: UnitOfWork, brand_id: UUID) -> Iterator[Moment]:
    statement = select(_RUN.c.as_of, _RUN.c.id).where(_RUN.c.brand_id == brand_id).order_by(_RUN.c.as_of, _RUN.c.id)
    return (Moment(at, run_id, Maturity()) for at, run_id in stream(records, statement))


def _steps(records: UnitOfWork, brand_id: UUID) -> tuple[Iterator[Moment], ...]:
    """Return the streams of payout steps, those of one payout in their order.

    That something was paid changes nothing for later payouts, so it may come last in its instant, together with others.
    What failed or came back frees rows for the next payout and keeps its place.
    """
    created, finished, returned = PAYOUT.c.created_at, PAYOUT.c.finished_at, PAYOUT.c.returned_at
    drafted = _step(records, brand_id, created, states=tuple(PayoutState), to=PayoutState.DRAFT)
    paid = _step(records, brand_id, finished, states=(PayoutState.PAID,), to=PayoutState.PAID)
    return (
        drafted,
        (Moment(moment.at, _LAST, moment.act) for moment in paid),
        _step(records, brand_id, finished, states=(PayoutState.FAILED,), to=PayoutState.FAILED),
        _step(records, brand_id, finished, states=(PayoutState.RETURNED,), to=PayoutState.PAID),
        _step(records, brand_id, returned, states=(PayoutState.RETURNED,), to=PayoutState.RETURNED),
    )


def _step(
    records: UnitOfWork,
    brand_id: UUID,
    instant: ColumnElement[datetime],
    *,
    states: Sequence[PayoutState],
    to: PayoutState,
) -> Iterator[Moment]:
    statement = (
        select(PAYOUT, instant.label("instant"))
        .where(PAYOUT.c.brand_id == brand_id, PAYOUT.c.state.in_(states), instant.is_not(None))
        .order_by(instant, PAYOUT.c.id)
    )
    return (Moment(row.instant, row.id, PayoutStep(to, row)) for row in stream(records, statement))
