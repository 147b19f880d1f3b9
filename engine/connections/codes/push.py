"""Puts codes into shops and takes them out again, and looks whether they are still as they were put there.

Shops are talked to with no transaction open. What is asked of a shop twice has the effect of once, so that a push whose
answer was lost is simply done again.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import UUID

import structlog

from engine.connections.codes.queries import (
    codes_by_id,
    drifting,
    ids_after,
    is_any_due,
    least_recently_checked,
    standings_of,
)
from engine.connections.codes.rules import drift_between, hash_of, wanted
from engine.connections.codes.service import (
    PushTask,
    claim,
    give_up,
    note_drift,
    put_off,
    settle,
    want_codes,
)
from engine.connections.opened import OpenConnection, Shops
from engine.connections.queries import ConnectionView, connection_by_id, connections_of, every_connection
from engine.connections.rules import CODES_REFUSED, DRIFT
from engine.connections.service import alarm_key, end_alarm, raise_alarm
from engine.connections.tables import PushState
from engine.jobs.rules import wait_after
from engine.kernel.database import Database, UnitOfWork
from engine.kernel.errors import GoodwordError
from engine.plugin_api import Capability, CodeView, ConfigError, FatalError, RetriableError
from engine.plugin_host.guard import PluginFailedError

ATTEMPTS: Final = 20
"""How often a push is tried; with the pauses between, for most of a day."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CodePusher:
    """Keeps shops in step with promo codes. Make one per process."""

    database: Database
    shops: Shops

    def survey(self, brand_id: UUID) -> int:
        """Look at every promo code of a brand and note what its shops should have; return how many pushes wait.

        For what changes many codes at once: new terms, a shop that was connected, a day that ended.
        """
        with self.database.reading() as unit:
            targets = self.targets(unit, brand_id)
        if not targets:
            return 0
        return sum(
            self.database.run(
                lambda unit, ids=ids: want_codes(unit, brand_id, code_ids=ids, connection_ids=targets)  # type: ignore[misc]
            )
            for ids in self._ids(brand_id)
        )

    def targets(self, unit: UnitOfWork, brand_id: UUID) -> list[UUID]:
        """Return the brand's shops that are on and take codes."""
        return [each.id for each in connections_of(unit, brand_id) if self._takes_codes(each)]

    def push_due(self) -> int:
        """Do what is due in any shop; return how many pushes were tried."""
        with self.database.reading() as unit:
            if not is_any_due(unit):
                return 0
        tasks = self.database.run(claim)
        for task in tasks:
            self._push(task)
        if tasks:
            self.database.run(lambda unit: _end_drift(unit, tasks))
        return len(tasks)

    def look_for_drift(self, connection: ConnectionView, *, limit: int = 500) -> int:
        """Compare codes in a shop with what was put there, those first that were compared longest ago.

        Notes every difference and returns how many of the shop's codes differ, whenever that was seen.

        Raises:
            ConfigError, RetriableError, FatalError, PluginFailedError: the shop could not be asked; what was compared
                so far is kept.
        """
        opened, brand_id = self.shops.open(connection), connection.brand_id
        with self.database.reading() as unit:
            rows = least_recently_checked(unit, brand_id, connection_id=connection.id, limit=limit)
            views = _views_of(unit, brand_id, [row.promo_code_id for row in rows])
        for row in rows:
            view = views.get(row.promo_code_id)
            if view is not None and hash_of(view) == row.pushed_hash:
                drift = drift_between(view, opened.find_code(row.code))
                self.database.run(partial(note_drift, brand_id=brand_id, row_id=row.id, drift=drift))
        return self.database.run(lambda unit: _tell_drift(unit, connection))

    def takers(self) -> list[ConnectionView]:
        """Return the shops of all brands that are on and take codes."""
        with self.database.reading() as unit:
            return [each for each in every_connection(unit) if self._takes_codes(each)]

    def _takes_codes(self, connection: ConnectionView) -> bool:
        known = self.shops.host.connectors.get(connection.connector)
        return connection.is_on and known is not None and Capability.CODES in known.value.capabilities

    def _ids(self, brand_id: UUID) -> Iterator[list[UUID]]:
        last: UUID | None = None
        while True:
            with self.database.reading() as unit:
                ids = ids_after(unit, brand_id, after=last)
            if not ids:
                return
            yield ids
            last = ids[-1]

    def _push(self, task: PushTask) -> None:
        with self.database.reading() as unit:
            connection = connection_by_id(unit, task.brand_id, connection_id=task.connection_id)
            (code,) = codes_by_id(unit, task.brand_id, code_ids=[task.promo_code_id])
            view = _views_of(unit, task.brand_id, [code.id])[code.id]
        if hash_of(view) != task.wanted_hash:
            self.database.run(lambda unit: _wish_again(unit, task))
            return
        if not connection.is_on:
            self._later(task, timedelta(hours=1), "The shop is switched off.")
            return
        try:
            opened = self.shops.open(connection)
            reference = _bring_about(opened, task, view, text=code.code)
        except (RetriableError, PluginFailedError) as error:
            wait = getattr(error, "retry_after_s", None)
            self._later(task, timedelta(seconds=wait) if wait else wait_after(task.attempts), str(error))
        except GoodwordError as error:
            self._failed(task, error)
        else:
            state = PushState.PUSHED if view else PushState.REVOKED
            self.database.run(lambda unit: settle(unit, task, state=state, reference=reference))
            self.database.run(lambda unit: end_alarm(unit, task.brand_id, key=_let_in(task.connection_id)))

    def _later(self, task: PushTask, wait: timedelta, problem: str) -> None:
        if task.attempts >= ATTEMPTS:
            self.database.run(lambda unit: give_up(unit, task, problem=problem))
        else:
            self.database.run(lambda unit: put_off(unit, task, until=unit.now + wait, problem=problem))

    def _failed(self, task: PushTask, error: GoodwordError) -> None:
        _log.warning("code_not_pushed", code=str(task.promo_code_id), problem=str(error))

        def tell(unit: UnitOfWork) -> None:
            give_up(unit, task, problem=str(error))
            if isinstance(error, ConfigError):
                key = _let_in(task.connection_id)
                raise_alarm(
                    unit,
                    task.brand_id,
                    key=key,
                    kind=CODES_REFUSED,
                    text=f"Promo codes cannot be put into the shop: {error}",
                    connection_id=task.connection_id,
                )

        self.database.run(tell)


def _bring_about(opened: OpenConnection, task: PushTask, view: CodeView | None, *, text: str) -> str | None:
    """Make the shop have what is wished; return its reference."""
    if not opened.can(Capability.CODES):
        raise FatalError("This shop's connector can no longer put codes into it.")
    if view is not None:
        return opened.push_code(view)
    reference = task.reference or _left_by_us(opened, task, text)
    if reference is not None:
        opened.revoke_code(reference)
    return reference


def _left_by_us(opened: OpenConnection, task: PushTask, text: str) -> str | None:
    """Return the reference of a code that was put into the shop by somebody who died before writing that down.

    Where putting it there was never tried, a code of that name is the shop's own.
    """
    found = opened.find_code(text) if task.attempts > 1 else None
    return found.reference if found else None


def _views_of(unit: UnitOfWork, brand_id: UUID, code_ids: list[UUID]) -> dict[UUID, CodeView | None]:
    if not code_ids:
        return {}
    codes = codes_by_id(unit, brand_id, code_ids=code_ids)
    standings = standings_of(unit, brand_id, codes)
    return {code.id: wanted(code, standings[code.id], at=unit.now) for code in codes}


def _wish_again(unit: UnitOfWork, task: PushTask) -> None:
    """The code changed since the wish was written: write the present one, which is due at once."""
    want_codes(unit, task.brand_id, code_ids=[task.promo_code_id], connection_ids=[task.connection_id])


def _tell_drift(unit: UnitOfWork, connection: ConnectionView) -> int:
    brand_id, key = connection.brand_id, alarm_key(DRIFT, connection.id)
    count = drifting(unit, brand_id, connection_id=connection.id)
    if not count:
        end_alarm(unit, brand_id, key=key)
        return 0
    codes = "1 promo code differs" if count == 1 else f"{count} promo codes differ"
    text = f"In {connection.title} {codes} from what was put there. Somebody changed them in the shop."
    raise_alarm(unit, brand_id, key=key, kind=DRIFT, text=text, connection_id=connection.id)
    return count


def _end_drift(unit: UnitOfWork, tasks: Iterable[PushTask]) -> None:
    """End the alarms of shops in which nothing differs any longer, now that ours was put back."""
    for brand_id, connection_id in sorted({(task.brand_id, task.connection_id) for task in tasks}):
        if not drifting(unit, brand_id, connection_id=connection_id):
            end_alarm(unit, brand_id, key=alarm_key(DRIFT, connection_id))


def _let_in(connection_id: UUID) -> str:
    return alarm_key(CODES_REFUSED, connection_id)
