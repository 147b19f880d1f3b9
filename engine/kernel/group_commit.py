"""Group commit: many callers each write one thing, and wait for the one transaction that holds the things of all.

A durable commit costs the same for one row as for a hundred. So one thread writes whatever has come together while the
commit before was on its way; nobody waits for a timer.
"""

import os
import threading
import time
import weakref
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

    `outage`: it is not the item's fault, the next one would fare alike. `in_doubt`: it was being written when patience
    ended, and may yet be kept.
    """

    def __init__(self, reason: str, *, outage: bool, in_doubt: bool = False) -> None:
        self.reason, self.outage, self.in_doubt = reason, outage, in_doubt
        super().__init__(f"This was not written: {reason}")


class GroupCommit(Generic[T]):
    """Gives items of many threads to `write`, in batches, from one thread of its own that starts with the first item.

    `write` gets up to `largest` items in the order in which they came; when it returns they are durable. When it raises
    nothing of that batch was kept. Where the database is at fault (locked, full, gone) the batch is refused, and who
    waits behind it: trying again would cost everybody the same wait once more. Else each half is tried by itself, so
    that one bad item does not take the others with it, and what fails alone is refused with the reason. An item is
    given up `patience_s` seconds after it came; for a sure answer `write` should give up sooner (a short busy timeout).

    While several come at a time, `gather_s` is waited before each batch, so that it holds more of them. `outages` are
    the errors of a database at fault.

    A process that was forked off starts with an empty queue and a thread of its own.
    """

    def __init__(
        self,
        write: Callable[[Sequence[T]], None],
        *,
        largest: int = LARGEST,
        patience_s: float = 10.0,
        gather_s: float = 0.0,
        outages: tuple[type[Exception], ...] = OUTAGES,
    ) -> None:
        self._write, self._largest, self._patience = write, largest, patience_s
        self._gather, self._outages, self._is_busy = gather_s, outages, False
        self._begin()
        os.register_at_fork(after_in_child=_Forget(self))

    def put(self, item: T) -> None:
        """Return once the batch that holds `item` is durable.

        Raises:
            NotWrittenError: it could not be written, or not in time.
        """
        ticket = _Ticket(item, time.monotonic() + self._patience)
        with self._changed:
            if self._closing:
                raise NotWrittenError("the writer was closed.", outage=True)
            self._ensure_writer()
            self._line.append(ticket)
            self._changed.notify()
        if not ticket.settled.acquire(timeout=self._patience):
            self._give_up(ticket)
        if ticket.problem is not None:
            raise NotWrittenError(ticket.problem.reason, outage=ticket.problem.outage)

    def close(self) -> None:
        """Write what waits, take nothing more, and end the thread; waits no longer than the patience allows."""
        with self._changed:
            self._closing = True
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join(timeout=self._patience)

    def _begin(self) -> None:
        self._line: list[_Ticket[T]] = []
        self._changed = threading.Condition(threading.Lock())
        self._thread: threading.Thread | None = None
        self._closing = False

    def _ensure_writer(self) -> None:
        if self._thread is not None:
            return
        thread = threading.Thread(target=self._run, name="group-commit", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the machine allows no more threads, or the interpreter is on its way out
            raise NotWrittenError(f"no thread could be started ({error}).", outage=True) from error
        self._thread = thread

    def _give_up(self, ticket: "_Ticket[T]") -> None:
        with self._changed:
            waiting = ticket in self._line
            if waiting:
                self._line.remove(ticket)
        if waiting:
            raise NotWrittenError(f"it waited {self._patience:g} s and its turn did not come.", outage=True)
        if not ticket.settled.acquire(blocking=False):
            raise NotWrittenError(f"it was not on disk after {self._patience:g} s.", outage=True, in_doubt=True)

    def _run(self) -> None:
        while batch := self._next():
            self._write_or_refuse(batch)

    def _next(self) -> "list[_Ticket[T]]":
        """Return what waits, oldest first, as soon as anything does; nothing once the queue is closed and empty."""
        with self._changed:
            while not self._line and not self._closing:
                self._changed.wait()
        if self._is_busy and self._gather:
            time.sleep(self._gather)
        with self._changed:
            batch = self._line[: self._largest]
            del self._line[: self._largest]
        self._is_busy = len(batch) > 1
        return batch

    def _everybody(self) -> "list[_Ticket[T]]":
        with self._changed:
            waiting, self._line = self._line, []
        return waiting

    def _write_or_refuse(self, batch: "Sequence[_Ticket[T]]") -> None:
        problem = self._problem_with(batch)
        if problem is None or problem.outage or len(batch) == 1:
            for ticket in (*batch, *(self._everybody() if problem and problem.outage else ())):
                ticket.settle(problem)
            return
        middle = len(batch) // 2
        for half in (batch[:middle], batch[middle:]):
            self._retry(half, problem)

    def _retry(self, half: "Sequence[_Ticket[T]]", problem: "_Problem") -> None:
        now = time.monotonic()
        for ticket in half:
            if ticket.until <= now:
                ticket.settle(problem)
        if in_time := [ticket for ticket in half if ticket.until > now]:
            self._write_or_refuse(in_time)

    def _problem_with(self, batch: "Sequence[_Ticket[T]]") -> "_Problem | None":
        try:
            self._write([ticket.item for ticket in batch])
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the callers are told, and the thread lives on
            return _Problem(f"{type(error).__name__}: {error}", outage=isinstance(error, self._outages))
        return None


@dataclass(frozen=True, slots=True)
class _Problem:
    """Why a batch could not be written. `outage`: no part of it can be."""

    reason: str
    outage: bool


class _Ticket(Generic[T]):
    """An item with the instant at which it is given up. `settled` can be acquired once its fate is known."""

    __slots__ = ("item", "problem", "settled", "until")

    def __init__(self, item: T, until: float) -> None:
        self.item, self.until = item, until
        self.problem: _Problem | None = None
        self.settled = threading.Lock()
        self.settled.acquire()

    def settle(self, problem: _Problem | None) -> None:
        self.problem = problem
        self.settled.release()


class _Forget:
    """Empties a group commit in a process that was forked off: threads, locks and what waits stayed in the other."""

    def __init__(self, group: GroupCommit[Any]) -> None:
        self._group = weakref.ref(group)

    def __call__(self) -> None:
        if group := self._group():
            group._begin()  # noqa: SLF001 - its other half
