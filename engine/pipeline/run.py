"""Takes deliveries in and brings every order they touch to what it owes, a batch at a time.

A batch is one transaction. When a plugin fails for a batch it is asked order by order; an order that fails alone is
recorded, parked as blocked with the reason, and held, while the others go in. It never becomes zero, and it can be
retried.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from sqlalchemy import bindparam, select, update

from engine.attribution.rules import DecisionDraft
from engine.attribution.tables import Decision
from engine.intake.queries import OrderRecord, order_ids, orders_of_customers
from engine.intake.rules import CustomerHasher, Source, check_delivery, fact_of
from engine.intake.service import CheckedDelivery, Recorded, notice, record
from engine.intake.tables import ShopOrder
from engine.kernel.bulk import insert_rows
from engine.kernel.crypto import Keyring
from engine.kernel.database import Database, UnitOfWork
from engine.kernel.errors import GoodwordError, InputError
from engine.kernel.ids import new_id
from engine.kernel.tables import table_of
from engine.pipeline.book import months_touched, order_bookings, write
from engine.pipeline.customers import first_of, store_firsts, store_links, wider
from engine.pipeline.decide import Decided, decide
from engine.pipeline.owe import owed_by, standings
from engine.pipeline.periods import mark
from engine.pipeline.pointers import Firsts
from engine.pipeline.terms import TermsShelf
from engine.pipeline.touches import store_touches
from engine.pipeline.turns import Turns
from engine.pipeline.workset import Workset, load
from engine.plugin_api import AttributionCase, Delivery, Verdict
from engine.plugin_host.answers import ask_due, ask_verdicts
from engine.plugin_host.registry import PluginHost
from engine.rewards.rules import TakenBack
from engine.rewards.service import hold_orders, release_months

_ORDER = table_of(ShopOrder)
_DECISION = table_of(Decision)
N = TypeVar("N")
C = TypeVar("C")
A = TypeVar("A")
BATCH = 500
"""Deliveries in one transaction: large enough to be fast, small enough that others get their turn."""


class _RehearsedError(Exception):
    """Takes back everything that a rehearsal did."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A delivery that was not taken in: which one, where it began in its file, and why.

    `contradicts`: its key was used before for other content.
    """

    key: str
    line: int | None
    problem: str
    contradicts: bool = False


@dataclass(slots=True)
class Ingested:
    """What taking in some deliveries did."""

    new: int = 0
    repeated: int = 0
    older: int = 0
    orders: int = 0
    booked: int = 0
    blocked: int = 0
    refused: list[Refusal] = field(default_factory=list)

    def add(self, other: "Ingested") -> None:
        """Count what another batch did, too."""
        self.new += other.new
        self.repeated += other.repeated
        self.older += other.older
        self.orders += other.orders
        self.booked += other.booked
        self.blocked += other.blocked
        self.refused += other.refused


@dataclass(frozen=True, slots=True)
class Processed:
    """What became of some orders: how many rows were booked, and which orders are blocked."""

    booked: int = 0
    blocked: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The engine's main road. Make one per process; it keeps nothing but terms that were made ready."""

    database: Database
    keyring: Keyring
    shelf: TermsShelf

    @classmethod
    def of(cls, database: Database, host: PluginHost, *, keyring: Keyring) -> "Pipeline":
        """Return a pipeline over `database` with the plugins of `host`."""
        return cls(database, keyring, TermsShelf(host))

    def ingest(self, brand_id: UUID, source: Source, *, deliveries: Sequence[Delivery]) -> Ingested:
        """Take in one batch of deliveries (about `BATCH` of them) and book what they change."""
        checked, refused = self._check(brand_id, source, deliveries)
        done = self.take_in(brand_id, source, deliveries=checked)
        done.refused = refused + done.refused
        return done

    def rehearse(self, brand_id: UUID, source: Source, *, deliveries: Sequence[Delivery]) -> Ingested:
        """Return what `ingest` would do now, and do nothing."""
        checked, refused = self._check(brand_id, source, deliveries)
        if not checked:
            return Ingested(refused=refused)
        done = Ingested()

        def work(unit: UnitOfWork) -> None:
            done.add(self._batch(unit, brand_id, source, deliveries=checked))
            raise _RehearsedError

        with suppress(_RehearsedError):
            self.database.run(work)
        done.refused = refused + done.refused
        return done

    def take_in(self, brand_id: UUID, source: Source, *, deliveries: Sequence[CheckedDelivery]) -> Ingested:
        """Take in deliveries that were checked before; also what rebuild repeats."""
        if not deliveries:
            return Ingested()
        return self.database.run(lambda unit: self._batch(unit, brand_id, source, deliveries=deliveries))

    def retry(self, brand_id: UUID, ids: Collection[UUID]) -> int:
        """Try blocked orders again, and blocked months too; return how many orders are still blocked."""
        still = sum(not self._retried(brand_id, order_id) for order_id in ids)
        self.database.run(lambda unit: release_months(unit, brand_id))
        return still

    def _retried(self, brand_id: UUID, order_id: UUID) -> bool:
        done = self.database.run(lambda unit: self.process(unit, brand_id, {order_id}))
        return order_id not in done.blocked

    def process(
        self,
        unit: UnitOfWork,
        brand_id: UUID,
        ids: Collection[UUID],
        *,
        customers: Collection[str] = (),
        turns: Turns | None = None,
        fresh: Mapping[UUID, OrderRecord] | None = None,
    ) -> Processed:
        """Bring orders to what they owe, and whatever they drag along; those that cannot be worked out are parked.

        `customers` are those all of whose orders must be looked at, `turns` what was waited for already, `fresh` orders
        that this transaction wrote first.
        """
        turns, click_key = turns or Turns(unit, brand_id), self.keyring.key("click")
        wanted, whole = set(ids), frozenset(customers)
        if whole:
            wanted.update(orders_of_customers(unit, brand_id, whole))
        while wanted or whole:
            work = load(unit, brand_id, wanted, customers=whole, fresh=fresh, click_key=click_key)
            if not turns.await_orders(work.orders.values()):
                continue
            firsts = first_of(work)
            decided = decide(work, _patiently(self._ask_model), firsts=firsts)
            more = wider(work, firsts, links=decided.links, whole=whole)
            if not more:
                return self._book(unit, brand_id, work, decided=decided, firsts=firsts)
            whole |= more.customers
            wanted |= more.orders
            wanted.update(orders_of_customers(unit, brand_id, more.customers) if more.customers else ())
        return Processed()

    def _check(
        self, brand_id: UUID, source: Source, deliveries: Iterable[Delivery]
    ) -> tuple[list[CheckedDelivery], list[Refusal]]:
        hasher = CustomerHasher(self.keyring, brand_id, source)
        checked, refused = [], []
        for each in deliveries:
            try:
                check_delivery(each)
                facts = tuple(fact_of(event, hasher) for event in each.events)
            except InputError as error:
                refused.append(Refusal(str(each.key), each.line, str(error)))
            else:
                checked.append(CheckedDelivery(each.key, each.body, facts, each.line))
        return checked, refused

    def _batch(
        self, unit: UnitOfWork, brand_id: UUID, source: Source, *, deliveries: Sequence[CheckedDelivery]
    ) -> Ingested:
        turns = Turns(unit, brand_id)
        turns.await_facts(source, (fact for delivery in deliveries for fact in delivery.facts))
        recorded, ids = _record(unit, brand_id, source, deliveries=deliveries)
        left = recorded.left_customers
        done = self.process(unit, brand_id, ids, customers=left, turns=turns, fresh=recorded.fresh)
        return _counts(recorded, orders=len(ids), done=done)

    def _ask_model(self, name: str, cases: Sequence[AttributionCase]) -> Sequence[Verdict]:
        return ask_verdicts(self.shelf.host.attribution_model(name), cases)

    def _book(self, unit: UnitOfWork, brand_id: UUID, work: Workset, *, decided: Decided, firsts: Firsts) -> Processed:
        taken = standings(work)
        first_ids = {first.order_id for first in firsts.values() if first}
        dues = owed_by(
            work, decided.decisions, taken=taken, firsts=first_ids, shelf=self.shelf, ask=_patiently(ask_due)
        )
        failed = {**decided.failed, **dues.failed}
        bookings = order_bookings(work.heads, dues.owed, failed=failed)
        booked = write(unit, brand_id, bookings, command="accrue")
        mark(unit, brand_id, months_touched(bookings))
        store_touches(unit, brand_id, work.new_touches)
        _store_decisions(unit, brand_id, work, decisions=decided.decisions)
        store_firsts(unit, brand_id, work.firsts, firsts=firsts)
        store_links(unit, brand_id, work.links, links=decided.links)
        _unblock(unit, work, but=failed)
        _park(unit, brand_id, failed)
        _tell_oddities(unit, brand_id, taken=taken)
        return Processed(booked, frozenset(failed))


def _record(
    unit: UnitOfWork, brand_id: UUID, source: Source, *, deliveries: Sequence[CheckedDelivery]
) -> tuple[Recorded, list[UUID]]:
    recorded = record(unit, brand_id, source, deliveries=deliveries)
    if not recorded.touched:
        return recorded, []
    ids = list(recorded.fresh)
    older = recorded.touched - {order.external_id for order in recorded.fresh.values()}
    if older:
        ids += order_ids(unit, brand_id, connector=source.connector, account=source.account, external_ids=older)
    return recorded, ids


def _patiently(ask: Callable[[N, Sequence[C]], Sequence[A]]) -> Callable[[N, Sequence[C]], Sequence[A | GoodwordError]]:
    """Return `ask` such that it never raises: what fails for a batch is asked case by case, the error is the answer."""

    def asked(noun: N, cases: Sequence[C]) -> Sequence[A | GoodwordError]:
        try:
            return ask(noun, cases)
        except GoodwordError as error:
            return [error] if len(cases) == 1 else [each for case in cases for each in asked(noun, [case])]

    return asked


def _counts(recorded: Recorded, *, orders: int, done: Processed) -> Ingested:
    problem = "This was delivered before with the same time of change and another content. Give it a newer updated_at."
    refused = [Refusal(each.key, each.line, problem, contradicts=True) for each in recorded.refused]
    counts = (recorded.new, recorded.repeated, recorded.older)
    return Ingested(*counts, orders=orders, booked=done.booked, blocked=len(done.blocked), refused=refused)


def _park(unit: UnitOfWork, brand_id: UUID, failed: Mapping[UUID, GoodwordError]) -> None:
    by_reason: dict[str, list[UUID]] = {}
    for order_id, error in failed.items():
        by_reason.setdefault(str(error), []).append(order_id)
    for reason, ids in by_reason.items():
        named = (_ORDER.c.brand_id == brand_id, _ORDER.c.id.in_(sorted(ids)))
        unit.execute(update(_ORDER).where(*named).values(blocked_reason=reason[:1000]))
        hold_orders(unit, brand_id, ids, reason=reason)


def _unblock(unit: UnitOfWork, work: Workset, *, but: Collection[UUID]) -> None:
    freed = [
        {"order_id": order.id}
        for order in work.orders.values()
        if order.blocked_reason is not None and order.id not in but
    ]
    if freed:
        unit.execute(update(_ORDER).where(_ORDER.c.id == bindparam("order_id")).values(blocked_reason=None), freed)


def _store_decisions(
    unit: UnitOfWork, brand_id: UUID, work: Workset, *, decisions: Mapping[UUID, DecisionDraft]
) -> None:
    rows = []
    for order_id, draft in decisions.items():
        seq, digest = work.decided.get(order_id, (0, ""))
        written = draft.written()
        if written["content_hash"] != digest:
            row = {"id": new_id(), "brand_id": brand_id, "order_id": order_id, "seq": seq + 1, "decided_at": unit.now}
            rows.append(row | written)
    if rows:
        insert_rows(unit, _DECISION, rows)


def _tell_oddities(unit: UnitOfWork, brand_id: UUID, *, taken: Mapping[UUID, TakenBack]) -> None:
    notices = [
        (f"{kind}:{order_id.hex}", kind, order_id, text)
        for order_id, each in taken.items()
        for kind, text in each.oddities
    ]
    notice(unit, brand_id, notices)


def blocked_orders(unit: UnitOfWork, brand_id: UUID) -> list[UUID]:
    """Return the ids of blocked orders. Index: ix_shop_order_blocked."""
    statement = select(_ORDER.c.id).where(_ORDER.c.brand_id == brand_id, _ORDER.c.blocked_reason.is_not(None))
    return list(unit.execute(statement.order_by(_ORDER.c.id)).scalars())
