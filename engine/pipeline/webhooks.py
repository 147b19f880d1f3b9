"""Reads the inbox: what shops sent is completed, parsed and handed to the pipeline, a batch per shop.

One webhook never holds up another: what cannot be read is laid aside as dead with its reason, what may work later waits
by itself. A connector that breaks on everything, or that is gone, leaves its webhooks waiting. Everything may be done
twice: a webhook that was taken in by somebody who died before saying so is a repeated delivery.
"""

import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from engine.connections.opened import OpenConnection, Shops
from engine.connections.queries import ConnectionView, every_connection
from engine.connections.rules import READING
from engine.connections.service import alarm_key, end_alarm, raise_alarm
from engine.intake.rules import Source
from engine.intake.webhooks.rules import ATTEMPTS, DOWN, KILLED, LEASE, LOCKED_OUT_WAIT, MANY, Reason, wait_after
from engine.intake.webhooks.service import ClaimedWebhook, Settled, claim, is_any_due, settle
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import GoodwordError, InputError
from engine.pipeline.run import Ingested, Pipeline
from engine.plugin_api import Capability, CommerceEvent, ConfigError, Delivery, FatalError, RetriableError
from engine.plugin_host.guard import Breaker, PluginFailedError

BATCH: Final = 200
"""Webhooks claimed at once: few enough to be read within the lease, also where each must be completed."""

_OUT_OF_REACH: Final = "The database was out of reach."
_CONTRADICTS: Final = (
    "The shop sent something else under this id before, and the first holds. If this is the truth, let the shop send it"
    " again, as a new event."
)
_OUTAGES: Final = (OperationalError, InterfaceError, PoolTimeoutError)
_log = structlog.get_logger(__name__)

_Ready = tuple[ClaimedWebhook, Delivery]


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What reading a webhook would do: what it says, and what that would change; or why it cannot be read."""

    events: tuple[CommerceEvent, ...] = ()
    done: Ingested | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class _Wait:
    """The rest of a shop's webhooks wait, too: what is wrong is wrong with all of them."""

    problem: str
    wait: timedelta
    alarm: bool = True


@dataclass(frozen=True, slots=True)
class _Stumble:
    """A webhook on which the shop failed, and may fail on no other."""

    webhook: ClaimedWebhook
    problem: str


class WebhookReader:
    """Reads webhooks; any number of them, in any number of processes, share an inbox. `poll` is for one thread."""

    def __init__(self, pipeline: Pipeline, shops: Shops) -> None:
        self._pipeline, self._shops, self._database = pipeline, shops, pipeline.database
        self._broken: dict[UUID, set[UUID]] = {}
        self._answered: dict[UUID, datetime] = {}
        self._in_hand: Sequence[ClaimedWebhook] = ()

    def poll(self) -> int:
        """Read one batch of what is due and return how many webhooks that were; 0 where nothing is."""
        self._give_back()
        with self._database.reading() as unit:
            if not is_any_due(unit):
                return 0
        return self._read(self._database.run(partial(claim, limit=BATCH)))

    def read(self, ids: Collection[UUID]) -> int:
        """Read those of `ids` that are due, now; return how many that were."""
        read, wanted = 0, sorted(ids, key=lambda each: each.int)
        for start in range(0, len(wanted), BATCH):
            chosen = wanted[start : start + BATCH]
            read += self._read(self._database.run(partial(claim, limit=BATCH, ids=chosen)))
        return read

    def rehearse(self, view: ConnectionView, *, key: str, topic: str, body: bytes) -> Rehearsal:
        """Return what reading a webhook would do now. Asks the shop where the connector must; writes nothing."""
        try:
            shop = self._shops.open(view).with_breaker(Breaker())
            whole = shop.complete(body, topic=topic)
            events = shop.parse(whole, topic=topic)
            done = self._pipeline.rehearse(
                view.brand_id, _source(view), deliveries=[Delivery(key, whole, events, topic=topic)]
            )
        except GoodwordError as error:
            return Rehearsal(problem=str(error))
        return Rehearsal(events, done, done.refused[0].problem if done.refused else None)

    def _give_back(self) -> None:
        """Give back what an outage left in our hands: nobody died of it, as would seem once its lease is over."""
        if left := [self._later(each, _OUT_OF_REACH, timedelta(0)) for each in self._in_hand]:
            self._database.run(partial(settle, outcomes=left))
        self._in_hand = ()

    def _read(self, claimed: Sequence[ClaimedWebhook]) -> int:
        self._in_hand = claimed
        with self._database.reading() as unit:
            views = {view.id: view for view in every_connection(unit, ids={each.connection_id for each in claimed})}
        by_shop = sorted(claimed, key=lambda each: (each.connection_id.int, each.id.int))
        for connection_id, theirs in groupby(by_shop, key=lambda each: each.connection_id):
            self._read_shop(views[connection_id], list(theirs))
        self._in_hand = ()
        return len(claimed)

    def _read_shop(self, view: ConnectionView, webhooks: Sequence[ClaimedWebhook]) -> None:
        try:
            shop = self._shops.open(view)
        except GoodwordError as error:
            trouble: _Wait | None = _Wait(str(error), LOCKED_OUT_WAIT)
            outcomes = [self._later(each, str(error), LOCKED_OUT_WAIT) for each in webhooks]
        else:
            ready, outcomes, trouble = self._prepare_all(shop, webhooks)
            outcomes += self._take_in(view, ready)
        self._database.run(partial(self._settle, view=view, outcomes=outcomes, trouble=trouble))

    def _prepare_all(
        self, shop: OpenConnection, webhooks: Sequence[ClaimedWebhook]
    ) -> tuple[list[_Ready], list[Settled], _Wait | None]:
        """Return what can be taken in, what becomes of the others, and what all of the shop wait for, if anything."""
        ready: list[_Ready] = []
        outcomes: list[Settled] = []
        stumbles: list[_Stumble] = []
        trouble: _Wait | None = None
        in_a_row = 0
        until = time.monotonic() + LEASE.total_seconds() / 2
        for webhook in webhooks:
            if trouble is None and time.monotonic() > until:
                trouble = _Wait("Its turn did not come.", timedelta(0), alarm=False)
            if webhook.killed:
                outcomes.append(Settled(webhook, KILLED, Reason.READER))
                continue
            match trouble or self._prepare(shop, webhook):
                case Delivery() as delivery:
                    ready.append((webhook, delivery))
                    in_a_row = 0
                case _Wait() as trouble:
                    outcomes.append(self._later(webhook, trouble.problem, trouble.wait))
                case _Stumble() as stumble:
                    stumbles.append(stumble)
                    in_a_row += 1
                    trouble = _down(stumbles) if in_a_row >= DOWN else None
                case Settled() as outcome:
                    outcomes.append(outcome)
        if stumbles and trouble is None and not self._is_up(shop, stumbles[-1]):
            trouble = _down(stumbles)
        outcomes += [self._stumbled(each, alone=self._is_up(shop, each)) for each in stumbles]
        return ready, outcomes, trouble

    def _prepare(self, shop: OpenConnection, webhook: ClaimedWebhook) -> Delivery | Settled | _Wait | _Stumble:
        """Return the delivery that `webhook` is, what becomes of it instead, or what all of this shop must wait for."""
        try:
            return self._delivery(shop, webhook)
        except InputError as error:
            return Settled(webhook, str(error), Reason.UNREADABLE)
        except FatalError as error:
            return Settled(webhook, str(error), Reason.NOT_THERE)
        except RetriableError as error:
            if error.retry_after_s is None:
                return _Stumble(webhook, str(error))
            wait = max(timedelta(seconds=error.retry_after_s), wait_after(webhook.attempts))
            return _Wait(str(error), wait, alarm=webhook.attempts > ATTEMPTS)
        except ConfigError as error:
            return _Wait(str(error), LOCKED_OUT_WAIT)
        except PluginFailedError as error:
            return self._broke(shop, webhook, error)
        except GoodwordError as error:
            return Settled(webhook, str(error), Reason.UNREADABLE)

    def _delivery(self, shop: OpenConnection, webhook: ClaimedWebhook) -> Delivery | _Wait:
        alone = shop.with_breaker(Breaker())  # one that breaks the connector must not switch it off for the others
        if not shop.view.is_on and shop.can(Capability.COMPLETION):
            return _Wait("The shop is switched off, and this must be asked of it.", LOCKED_OUT_WAIT, alarm=False)
        whole = alone.complete(webhook.body, topic=webhook.topic)
        events = alone.parse(whole, topic=webhook.topic)
        self._broken.pop(webhook.connection_id, None)
        self._answered[webhook.connection_id] = self._database.clock.now()
        return Delivery(webhook.key, whole, events, topic=webhook.topic)

    def _broke(self, shop: OpenConnection, webhook: ClaimedWebhook, error: PluginFailedError) -> Settled:
        """Return what becomes of a webhook on which the connector broke: it waits, and dies alone, never with all."""
        broken = self._broken.setdefault(webhook.connection_id, set())
        if len(broken) < MANY:
            broken.add(webhook.id)
        if len(broken) < MANY and webhook.attempts >= ATTEMPTS:
            return Settled(webhook, str(error), Reason.CONNECTOR)
        return self._later(webhook, str(error), wait_after(webhook.attempts))

    def _is_up(self, shop: OpenConnection, stumble: _Stumble) -> bool:
        """Tell whether the shop answered about another webhook since it last failed on this one."""
        answered = self._answered.get(shop.view.id)
        rested = wait_after(stumble.webhook.attempts - 1)
        return answered is not None and answered > self._database.clock.now() - rested

    def _stumbled(self, stumble: _Stumble, *, alone: bool) -> Settled:
        """Return what becomes of a webhook on which the shop failed: it waits, and dies alone, never with all."""
        webhook = stumble.webhook
        if alone and webhook.attempts >= ATTEMPTS:
            return Settled(webhook, stumble.problem, Reason.SHOP)
        return self._later(webhook, stumble.problem, wait_after(webhook.attempts))

    def _take_in(self, view: ConnectionView, ready: Sequence[_Ready]) -> Iterator[Settled]:
        for batch in _without_twins(ready):
            yield from self._ingest(view, batch)

    def _ingest(self, view: ConnectionView, batch: Sequence[_Ready]) -> Iterable[Settled]:
        try:
            done = self._pipeline.ingest(view.brand_id, _source(view), deliveries=[delivery for _, delivery in batch])
        except _OUTAGES:
            raise
        except Exception as error:  # noqa: BLE001 - whatever one of them does, the others go in
            if len(batch) > 1:
                return [outcome for each in batch for outcome in self._ingest(view, [each])]
            return [self._failed(batch[0][0], error)]
        refused = {each.key: each for each in done.refused}
        outcomes = []
        for webhook, delivery in batch:
            refusal = refused.get(delivery.key)
            if refusal and refusal.contradicts:
                outcomes.append(Settled(webhook, _CONTRADICTS, Reason.CONTRADICTION))
            else:
                outcomes.append(Settled(webhook, refusal.problem, Reason.REFUSED) if refusal else Settled(webhook))
        return outcomes

    def _failed(self, webhook: ClaimedWebhook, error: Exception) -> Settled:
        problem = f"{type(error).__name__}: {error}"
        _log.error("webhook_failed", id=str(webhook.id), attempt=webhook.attempts, problem=problem)
        if webhook.attempts >= ATTEMPTS:
            return Settled(webhook, problem, Reason.ENGINE)
        return self._later(webhook, problem, wait_after(webhook.attempts))

    def _later(self, webhook: ClaimedWebhook, problem: str, wait: timedelta) -> Settled:
        return Settled(webhook, problem, run_at=self._database.clock.now() + wait)

    def _settle(
        self, unit: UnitOfWork, view: ConnectionView, outcomes: Sequence[Settled], trouble: _Wait | None
    ) -> None:
        settle(unit, outcomes)
        key = alarm_key(READING, view.id)
        broken = len(self._broken.get(view.id, ())) >= MANY
        if trouble is None and not broken:
            end_alarm(unit, view.brand_id, key=key)
        elif broken or (trouble and trouble.alarm):
            said = trouble.problem if trouble else next(each.problem for each in outcomes if each.problem)
            text = f"Webhooks of {view.title} ({view.name}) wait: {said}"
            raise_alarm(unit, view.brand_id, key=key, kind=READING, text=text, connection_id=view.id)


def _down(stumbles: Sequence[_Stumble]) -> _Wait:
    """Return what all of a shop wait for that failed on each of `stumbles`."""
    most = max(each.webhook.attempts for each in stumbles)
    return _Wait(stumbles[-1].problem, wait_after(most), alarm=most > ATTEMPTS)


def _without_twins(ready: Sequence[_Ready]) -> Iterator[list[_Ready]]:
    """Yield batches in which no key is twice: which of two was refused is told by the key."""
    left = list(ready)
    while left:
        first = {each[1].key: each for each in reversed(left)}
        yield list(first.values())
        left = [each for each in left if first[each[1].key] is not each]


def _source(view: ConnectionView) -> Source:
    return Source(view.connector, view.account)
