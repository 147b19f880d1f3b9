"""Group commit: many callers each write one thing, and wait for the one transaction that holds the things of all.

A durable commit costs the same for one row as for a hundred. So one thread writes whatever has come together while the
commit before was on its way; nobody waits for a timer.

Who waits for one batch waits at one lock and hands it on: the first to wake lets the second go, and so on. Woken all
at once, they would fight for the interpreter, and most would wake only to wait again.
"""

import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from engine.kernel.errors import GoodwordError

T = TypeVar("T")

LARGEST: Final = 500
"""How many items one batch holds at most unless told otherwise."""

OUTAGES: Final[tuple[type[Exception], ...]] = (OperationalError, InterfaceError, PoolTimeoutError)
"""What SQLAlchemy raises where the database is at fault, and not what it was given."""


class NotWrittenError(GoodwordError):
    """An item was given up, for `reason`.

    `outage`: it is not the item's fault, the next one would fare alike. One that was not on disk when patience ended
    may yet be kept.
    """

    def __init__(self, reason: str, *, outage: bool) -> None:
        self.reason, self.outage = reason, outage
        super().__init__(f"This was not written: {reason}")


class GroupCommit(Generic[T]):
    """Gives items of many threads to `write`, in batches, from one thread of its own that starts with the first item.

    `write` gets up to `largest` items in the order in which they came; when it returns they are durable. When it raises
    nothing of that batch was kept. Where the database is at fault (locked, full, gone) the batch is refused, and who
    waits behind it: trying again would cost everybody the same wait once more. Else each half is tried by itself, so
    that one bad item does not take the others with it, and what fails alone is refused with the reason. An item is
    given up `patience_s` seconds after it came, or when the first of its batch is, if that was refused once; for a sure
    answer `write` should give up sooner (a short busy timeout).

    A process that was forked off starts with an empty queue and a thread of its own.
    """

    def __init__(
        self,
        write: Callable[[Sequence[T]], None],
        *,
        largest: int = LARGEST,
        patience_s: float = 10.0,
    ) -> None:
        self._write, self._largest, self._patience = write, largest, patience_s
        self._begin()
        os.register_at_fork(after_in_child=_Forget(self))

    @property
    def waiting(self) -> int:
        """How many items wait for their turn."""
        with self._lock:
            return sum(len(batch.items) - len(batch.left) for batch in self._line)

    def put(self, item: T) -> None:
        """Return once the batch that holds `item` is durable.

        Raises:
            NotWrittenError: it could not be written, or not in time.
        """
        with self._lock:
            if self._closing:
                raise NotWrittenError("the writer was closed.", outage=True)
            line = self._line
            batch = line[-1] if line and len(line[-1].items) < self._largest else self._next_batch()
            place = len(batch.items)
            batch.items.append(item)
        if not batch.settled.acquire(timeout=self._patience):
            self._give_up(batch, place)
        batch.settled.release()
        if batch.problems and (problem := batch.problems.get(place)):
            raise NotWrittenError(problem.reason, outage=problem.outage)

    def close(self) -> None:
        """Write what waits, take nothing more, and end the thread; waits no longer than the patience allows."""
        with self._lock:
            self._closing = True
            self._came.notify()
            thread = self._thread
        if thread is not None:
            thread.join(timeout=self._patience)

    def _begin(self) -> None:
        self._line: deque[_Batch[T]] = deque()
        self._lock = threading.Lock()
        self._came = threading.Condition(self._lock)
        self._thread: threading.Thread | None = None
        self._closing = False

    def _next_batch(self) -> "_Batch[T]":
        """Put a new batch at the end of the line, and have the writer know of it."""
        if self._thread is None:
            self._thread = self._started()
        batch: _Batch[T] = _Batch(time.monotonic() + self._patience)
        self._line.append(batch)
        self._came.notify()
        return batch

    def _started(self) -> threading.Thread:
        thread = threading.Thread(target=self._run, name="group-commit", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the machine allows no more threads, or the interpreter is on its way out
            raise NotWrittenError(f"no thread could be started ({error}).", outage=True) from error
        return thread

    def _give_up(self, batch: "_Batch[T]", place: int) -> None:
        """Take an item out of the line, or raise as well where its fate is open; return where it is settled by now."""
        with self._lock:
            waiting = batch in self._line
            if waiting:
                batch.left.add(place)
        if waiting:
            raise NotWrittenError(f"it waited {self._patience:g} s and its turn did not come.", outage=True)
        if not batch.settled.acquire(blocking=False):
            raise NotWrittenError(f"it was not on disk after {self._patience:g} s.", outage=True)

    def _run(self) -> None:
        while batch := self._next():
            if places := [place for place in range(len(batch.items)) if place not in batch.left]:
                self._write_or_refuse(batch, places)
            batch.settled.release()

    def _next(self) -> "_Batch[T] | None":
        """Return the oldest batch as soon as there is one; nothing once the queue is closed and empty."""
        with self._lock:
            while not self._line:
                if self._closing:
                    return None
                self._came.wait()
            return self._line.popleft()

    def _write_or_refuse(self, batch: "_Batch[T]", places: Sequence[int]) -> None:
        problem = self._problem_with([batch.items[place] for place in places])
        if problem is None:
            return
        if problem.outage or len(places) == 1 or time.monotonic() > batch.until:
            batch.problems.update(dict.fromkeys(places, problem))
            if problem.outage:
                self._refuse_everybody(problem)
            return
        middle = len(places) // 2
        for half in (places[:middle], places[middle:]):
            self._write_or_refuse(batch, half)

    def _refuse_everybody(self, problem: "_Problem") -> None:
        with self._lock:
            waiting, self._line = self._line, deque()
        for batch in waiting:
            batch.problems.update(dict.fromkeys(range(len(batch.items)), problem))
            batch.settled.release()

    def _problem_with(self, items: Sequence[T]) -> "_Problem | None":
        try:
            self._write(items)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the callers are told, and the thread lives on
            return _Problem(f"{type(error).__name__}: {error}", outage=isinstance(error, OUTAGES))
        return None


@dataclass(frozen=True, slots=True)
class _Problem:
    """Why a batch could not be written. `outage`: no part of it can be."""

    reason: str
    outage: bool


class _Batch(Generic[T]):
    """Items that go into one transaction, and the instant at which the first is given up.

    `settled` can be acquired once their fate is known; who does lets the next one. `problems` says by place which were
    refused, `left` whose callers had gone before it was their turn.
    """

    __slots__ = ("items", "left", "problems", "settled", "until")

    def __init__(self, until: float) -> None:
        self.items: list[T] = []
        self.left: set[int] = set()
        self.problems: dict[int, _Problem] = {}
        self.until = until
        self.settled = threading.Lock()
        self.settled.acquire()


class _Forget:
    """Empties a group commit in a process that was forked off: threads, locks and what waits stayed in the other."""

    def __init__(self, group: GroupCommit[Any]) -> None:
        self._group = weakref.ref(group)

    def __call__(self) -> None:
        if group := self._group():
            group._begin()  # noqa: SLF001 - its other half
