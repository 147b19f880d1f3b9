"""Compares a shop with what we have, and takes in what was missed, through the same keyed path as webhooks.

The shop is asked page by page with no transaction open. Only what is missing or newer goes on to the pipeline, so that
comparing costs what it reads and booking what changed. Where we have two contents with one time of change, the shop's
answer decides: it goes on as the version after them. A run that breaks off keeps what it took in; the next one goes
on from the last that ended well.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from engine.connections.opened import OpenConnection, Shops
from engine.connections.queries import ConnectionView, every_connection
from engine.connections.rules import UNASKED
from engine.connections.service import alarm_key, end_alarm, raise_alarm
from engine.intake.reconciliation.queries import done_until, last_begun, orders_placed, versions_of
from engine.intake.reconciliation.rules import (
    OVERLAP,
    Finding,
    Findings,
    Thing,
    Version,
    compare,
    due_kinds,
    extras,
    last_words,
    settles_tie,
    thing_of,
)
from engine.intake.reconciliation.service import AlreadyRunningError, begin, end
from engine.intake.reconciliation.tables import Reconciliation, ReconciliationKind
from engine.intake.rules import CustomerHasher, FactDraft, Source, check_delivery, fact_of
from engine.intake.tables import FactKind
from engine.kernel.canonical import content_hash
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import GoodwordError, InputError
from engine.pipeline.run import Pipeline
from engine.plugin_api import Capability, Delivery, PulledPage, RetriableError
from engine.plugin_host.guard import Breaker, PluginFailedError

_WAITS: Final = 5
"""How often one page is asked for again when the shop says "later"."""

UNASKED_AFTER: Final = timedelta(hours=3)
"""How long a shop may fail to be asked before somebody is told."""

_LONGEST_WAIT_S: Final = 60
_LOOK_EVERY: Final = timedelta(seconds=30)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reconciled:
    """How a reconciliation ended: what it found, until when it came, and why it broke off, if it did."""

    connection: ConnectionView
    kind: ReconciliationKind
    since: datetime
    until: datetime
    findings: Findings
    booked: int = 0
    blocked: int = 0
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Asks shops. `budget` is how long one run may take before it leaves the rest to the next."""

    pipeline: Pipeline
    shops: Shops
    budget: timedelta = timedelta(minutes=10)
    wait: Callable[[float], None] = field(default=time.sleep, repr=False)

    def reconcile(
        self, connection: ConnectionView, *, kind: ReconciliationKind, since: datetime | None = None
    ) -> Reconciled:
        """Ask the shop of `connection` what changed (from `since` on, if given) and take in what was missed.

        What goes wrong on the way is written down and comes back as `problem`.

        Raises:
            AlreadyRunningError: the same shop is being compared just now.
        """
        brand_id, database = connection.brand_id, self.pipeline.database
        row = database.run(
            lambda unit: begin(
                unit,
                brand_id,
                connection_id=connection.id,
                connected_at=connection.created_at,
                kind=kind,
                since=since,
            )
        )
        run = _Run(self, connection, row)
        problem = run.go()

        def finish(unit: UnitOfWork) -> None:
            end(unit, brand_id, row_id=row.id, findings=run.findings, until=run.came_to, problem=problem)
            if kind is ReconciliationKind.SLIDING:
                _watch(unit, connection, problem)

        database.run(finish)
        _log.info("reconciled", shop=connection.name, kind=kind.value, problem=problem, **run.findings.counts())
        return _reconciled(run, row, problem)

    def pullable(self, connections: Iterable[ConnectionView]) -> list[ConnectionView]:
        """Return the connections that are on and whose connector can ask its shop."""
        known = self.shops.host.connectors
        return [
            each
            for each in connections
            if each.is_on and each.connector in known and Capability.PULL in known[each.connector].value.capabilities
        ]


class _Run:
    """One run over one shop."""

    def __init__(self, by: Reconciler, connection: ConnectionView, row: Reconciliation) -> None:
        self.by, self.connection, self.kind = by, connection, ReconciliationKind(row.kind)
        self.since, self.until, self.came_to = row.since, row.until, row.until
        self.findings = Findings()
        self.booked = self.blocked = 0
        self.told: set[str] = set()
        self.source = Source(connection.connector, connection.account)
        pipeline = by.pipeline
        self.hasher = CustomerHasher(pipeline.keyring, connection.brand_id, self.source)

    def go(self) -> str | None:
        """Ask and take in until the end; return what went wrong, or None."""
        stop_at = time.monotonic() + self.by.budget.total_seconds()
        try:
            opened = self.by.shops.open(self.connection)
            for page in self._pages(opened):
                self._take_in(opened, page.deliveries)
                if page.cursor is not None and time.monotonic() > stop_at:
                    return self._leave_the_rest(page.reached)
            self._look_for_extras()
        except GoodwordError as error:
            return str(error)
        return None

    def _pages(self, opened: OpenConnection) -> Iterator[PulledPage]:
        cursor: str | None = None
        while True:
            page = self._page(opened, cursor)
            yield page
            if page.cursor is None:
                return
            cursor = page.cursor

    def _page(self, opened: OpenConnection, cursor: str | None) -> PulledPage:
        """Return a page; where the shop says "later", ask again when it may be asked."""
        for turn in range(_WAITS + 1):
            try:
                return opened.pull(since=self.since, until=self.until, cursor=cursor)
            except RetriableError as error:
                delay = error.retry_after_s if error.retry_after_s is not None else 1 << turn
                if turn == _WAITS or delay > _LONGEST_WAIT_S:
                    raise
                self.by.wait(delay)
        raise AssertionError("unreachable")

    def _take_in(self, opened: OpenConnection, deliveries: Sequence[Delivery]) -> None:
        checked = list(self._checked(opened, deliveries))
        things = {thing_of(draft) for _, drafts in checked for draft in drafts}
        self.told.update(external_id for kind, external_id in things if kind is FactKind.ORDER)
        brand_id = self.connection.brand_id
        with self.by.pipeline.database.reading() as unit:
            known = versions_of(unit, brand_id, self.source, things=things)
        news: list[Delivery] = []
        for whole, drafts in checked:
            settling = {thing_of(draft) for draft in drafts if self._settles(draft, known)}
            found = {thing_of(draft): compare(draft, known.get(thing_of(draft))) for draft in drafts}
            found |= dict.fromkeys(settling, Finding.DIFFERENT)
            moments = last_words(drafts, known, settling=settling)
            delivery = _with_last_word(whole, drafts, moments) if settling else whole
            for thing, finding in found.items():
                self.findings.note(thing, finding)
            if set(found.values()) != {Finding.SAME}:
                news.append(delivery)
        if news:
            done = self.by.pipeline.ingest(brand_id, self.source, deliveries=news)
            self.booked, self.blocked = self.booked + done.booked, self.blocked + done.blocked
            self.findings.refused += [f"{refusal.key}: {refusal.problem}" for refusal in done.refused]

    def _settles(self, draft: FactDraft, known: Mapping[Thing, Version]) -> bool:
        return settles_tie(draft, known.get(thing_of(draft)), asked_at=self.until)

    def _checked(
        self, opened: OpenConnection, deliveries: Iterable[Delivery]
    ) -> Iterator[tuple[Delivery, list[FactDraft]]]:
        for delivery in deliveries:
            try:
                check_delivery(delivery)
                whole = delivery if delivery.events else _read_again(opened, delivery)
                drafts = [fact_of(event, self.hasher) for event in whole.events]
            except (InputError, PluginFailedError) as error:
                self.findings.refused.append(f"{str(delivery.key)[:100]}: {error}")
                continue
            if drafts:
                yield whole, drafts

    def _look_for_extras(self) -> None:
        with self.by.pipeline.database.reading() as unit:
            placed = {"since": self.since, "until": self.until}
            ours = orders_placed(unit, self.connection.brand_id, self.source, **placed)
        self.findings.extra = extras(ours, told=self.told, until=self.until)

    def _leave_the_rest(self, reached: datetime | None) -> str | None:
        """End before the end. A sliding run goes on next time from where this one came, where the shop says so."""
        if self.kind is ReconciliationKind.SLIDING and reached is not None and reached > self.since + OVERLAP:
            self.came_to = reached
            return None
        minutes = int(self.by.budget.total_seconds()) // 60
        return f"Not everything was read within {minutes} minutes; what was read is taken in. Ask for a shorter time."


@dataclass(slots=True)
class ReconcilePoller:
    """Reconciles every shop when its time has come; a poller of the worker, since a run may take minutes.

    Sliding every 15 minutes, nightly and weekly once in each day and week (UTC). Which is due is read from the runs
    themselves, so that several workers share them and a restart repeats nothing.
    """

    by: Reconciler
    _next_look: datetime | None = None

    def poll(self) -> int:
        """Run what is due; return how many runs there were."""
        pipeline = self.by.pipeline
        now = pipeline.database.clock.now()
        if self._next_look is not None and now < self._next_look:
            return 0
        self._next_look = now + _LOOK_EVERY
        with pipeline.database.reading() as unit:
            shops = self.by.pullable(every_connection(unit))
            due = [(shop, kind) for shop in shops for kind in due_kinds(_begun(unit, shop), now=now)]
        return sum(self._run(shop, kind) for shop, kind in due)

    def _run(self, shop: ConnectionView, kind: ReconciliationKind) -> int:
        try:
            self.by.reconcile(shop, kind=kind)
        except AlreadyRunningError:
            return 0
        return 1


def _read_again(opened: OpenConnection, delivery: Delivery) -> Delivery:
    """Return `delivery` with the events in its body, of which the connector told none.

    A connector that cannot read one order hands it over without events, so that the rest of the page comes; why it
    cannot be read, parsing says. What breaks it is one order's failure and does not count against the connector.

    Raises:
        InputError, PluginFailedError: as `ask_parse`.
    """
    alone = opened.with_breaker(Breaker())
    return replace(delivery, events=alone.parse(delivery.body, topic=delivery.topic))


def _watch(unit: UnitOfWork, connection: ConnectionView, problem: str | None) -> None:
    """Raise an alarm where a shop could not be asked for long, end it where it could."""
    key = alarm_key(UNASKED, connection.id)
    if problem is None:
        end_alarm(unit, connection.brand_id, key=key)
        return
    since = done_until(unit, connection.brand_id, connection_id=connection.id) or connection.created_at
    if unit.now - since < UNASKED_AFTER:
        return
    text = f"{connection.title} ({connection.name}) could not be asked since {since:%Y-%m-%d %H:%M} UTC: {problem}"
    raise_alarm(unit, connection.brand_id, key=key, kind=UNASKED, text=text, connection_id=connection.id)


def _with_last_word(delivery: Delivery, drafts: Sequence[FactDraft], moments: Sequence[datetime]) -> Delivery:
    """Return `delivery` with its events at these times of change.

    It has a key of its own: the same may have come before, when it was one of two and not the last word.
    """
    events = tuple(
        replace(event, updated_at=event.updated_at + (moment - draft.version_at))
        for event, draft, moment in zip(delivery.events, drafts, moments, strict=True)
    )
    said = content_hash([[at.isoformat(), draft.content_hash] for draft, at in zip(drafts, moments, strict=True)])
    return replace(delivery, key=f"{delivery.key[:200]}:settled:{said}", events=events)


def _begun(unit: UnitOfWork, shop: ConnectionView) -> Mapping[ReconciliationKind, datetime]:
    return last_begun(unit, shop.brand_id, connection_id=shop.id)


def _reconciled(run: _Run, row: Reconciliation, problem: str | None) -> Reconciled:
    return Reconciled(
        run.connection,
        run.kind,
        row.since,
        run.came_to,
        run.findings,
        run.booked,
        run.blocked,
        problem,
    )
