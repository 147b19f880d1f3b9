"""Replays a brand's records into an empty temporary database, and compares what comes out.

Facts are taken in by the pipeline itself, with the clock where it stood; maturity runs and payouts come in between,
at their instants. What is compared does not depend on how deliveries were batched.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from uuid import UUID

from sqlalchemy import event, func, select
from sqlalchemy.engine.interfaces import DBAPIConnection

from engine.kernel.canonical import content_hash
from engine.kernel.clock import VirtualClock, month_end
from engine.kernel.crypto import Keyring
from engine.kernel.database import Database, UnitOfWork, open_database
from engine.kernel.migrate import upgrade
from engine.kernel.tables import table_of
from engine.payouts.tables import PayoutState
from engine.pipeline.maturity import mature
from engine.pipeline.run import Pipeline
from engine.plugin_host.registry import PluginHost
from engine.programs.queries import programs_of
from engine.rebuild.compare import Difference, compare
from engine.rebuild.copies import copy_decisions
from engine.rebuild.moments import Arrival, Maturity, Moment, PayoutStep, last_instant, moments
from engine.rebuild.repaid import draw_again, go_on
from engine.rewards.tables import RewardScope, ScopeState

MOST: Final = 20
"""How many differences are kept to be shown; all are counted."""

PAYOUTS_AT_ONCE: Final = 50
_SCOPE: Final = table_of(RewardScope)
Progress = Callable[[int], None]
"""Is told how many more facts were replayed."""


@dataclass(slots=True)
class Rebuilt:
    """What was replayed and compared, by kind, and what differs: how many things, and the first `MOST` of them."""

    replayed: Counter[str] = field(default_factory=Counter)
    compared: Counter[str] = field(default_factory=Counter)
    differences: int = 0
    shown: list[Difference] = field(default_factory=list)

    @property
    def same(self) -> bool:
        """Whether replaying confirms the records."""
        return not self.differences

    def note(self, differences: Sequence[Difference]) -> None:
        """Count differences, and keep the first of them."""
        self.differences += len(differences)
        self.shown += differences[: MOST - len(self.shown)]


@dataclass(frozen=True, slots=True)
class _Replay:
    """Where the records are read and the books are made again."""

    records: UnitOfWork
    brand_id: UUID
    clock: VirtualClock
    pipeline: Pipeline
    result: Rebuilt

    @property
    def books(self) -> Database:
        """The temporary database."""
        return self.pipeline.database


def rebuild(
    source: Database, host: PluginHost, *, brand_id: UUID, keyring: Keyring, progress: Progress | None = None
) -> Rebuilt:
    """Replay the records of a brand into an empty SQLite database and compare the books with those of `source`.

    Reads one state of `source` and writes nothing to it. Memory does not grow with the records; the temporary database
    takes about as much room as they do.
    """
    clock, result = VirtualClock(datetime.fromtimestamp(0, UTC)), Rebuilt()
    with source.reading() as records, _empty_database(clock) as books:
        pipeline = Pipeline.of(books, host, keyring=keyring)
        replay = _Replay(records, brand_id, clock, pipeline, result)
        copy_decisions(records, books, brand_id=brand_id)
        for alike in moments(records, brand_id):
            _repeat(replay, alike)
            if progress is not None and isinstance(alike[0].act, Arrival):
                progress(sum(len(_facts(moment)) for moment in alike))
        _catch_up(replay)
        with books.reading() as rebuilt:
            for each in compare(records, rebuilt, brand_id=brand_id):
                result.compared[each.what] += 1
                result.note(each.differences)
    return result


def _repeat(replay: _Replay, alike: Sequence[Moment]) -> None:
    """Do again what was done at one instant."""
    replay.clock.set(alike[0].at)
    match alike[0].act:
        case Arrival():
            _take_in(replay, alike)
        case Maturity():
            mature(replay.pipeline, replay.brand_id)
            replay.result.replayed["maturity_runs"] += len(alike)
        case PayoutStep(to=to):
            steps = [moment.act.payout for moment in alike if isinstance(moment.act, PayoutStep)]
            for start in range(0, len(steps), PAYOUTS_AT_ONCE):
                _pay(replay, steps[start : start + PAYOUTS_AT_ONCE], to)


def _take_in(replay: _Replay, alike: Sequence[Moment]) -> None:
    acts = [moment.act for moment in alike if isinstance(moment.act, Arrival)]
    source, deliveries = acts[0].source, [act.delivery for act in acts]
    replay.pipeline.take_in(replay.brand_id, source, deliveries=deliveries)
    replay.result.replayed["deliveries"] += len(deliveries)
    for fact in (fact for delivery in deliveries for fact in delivery.facts):
        replay.result.replayed["facts"] += 1
        digest = content_hash(fact.payload)
        if digest != fact.content_hash:
            name = f"{fact.kind} {source.connector}/{source.account} {fact.external_id}"
            replay.result.note([Difference("facts", name, "its content", fact.content_hash[:12], digest[:12])])


def _pay(replay: _Replay, payouts: Sequence[object], to: PayoutState) -> None:
    brand_id, at = replay.brand_id, replay.clock.now()
    if to is PayoutState.DRAFT:
        replay.result.replayed["payouts"] += len(payouts)
        replay.books.run(lambda unit: draw_again(replay.records, unit, brand_id=brand_id, payouts=payouts))
    else:
        replay.books.run(lambda unit: go_on(unit, brand_id, payouts=payouts, to=to, at=at))


def _facts(moment: Moment) -> Sequence[object]:
    return moment.act.delivery.facts if isinstance(moment.act, Arrival) else ()


def _catch_up(replay: _Replay) -> None:
    """Let the replay mature as far as the records did.

    A maturity run that was cut off left no row of its own. Where nothing in the records waits for the next run,
    nothing may wait here.
    """
    at = last_instant(replay.records, replay.brand_id)
    if at is not None and not _waits(replay.records, replay.brand_id, at=at):
        replay.clock.set(at)
        mature(replay.pipeline, replay.brand_id)


def _waits(records: UnitOfWork, brand_id: UUID, *, at: datetime) -> bool:
    """Tell whether a maturity run at `at` would find something to do."""
    free = (_SCOPE.c.brand_id == brand_id, _SCOPE.c.hold_reason.is_(None))
    due = select(func.count()).where(
        *free, _SCOPE.c.state == ScopeState.PENDING.value, _SCOPE.c.due_at <= at, _SCOPE.c.dirty.is_(False)
    )
    if records.execute(due).scalar_one():
        return True
    zones = {program.id: program.zone for program in programs_of(records, brand_id)}
    dirty = select(_SCOPE.c.program_id, _SCOPE.c.subject).where(*free, _SCOPE.c.dirty).distinct()
    return any(month_end(month, zones[program_id]) <= at for program_id, month in records.execute(dirty))


@contextmanager
def _empty_database(clock: VirtualClock) -> Iterator[Database]:
    """Make a migrated SQLite database that is gone afterwards; it need not survive a power cut."""
    with TemporaryDirectory(prefix="goodword-rebuild-") as folder:
        url = f"sqlite:///{Path(folder) / 'books.db'}"
        upgrade(url)
        database = open_database(url, clock=clock)

        @event.listens_for(database.engine, "connect")
        def _hurry(connection: DBAPIConnection, _record: object) -> None:
            connection.cursor().execute("PRAGMA synchronous=OFF")

        try:
            yield database
        finally:
            database.close()
