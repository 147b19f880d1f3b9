"""Keeps clicks: hands them to the process that writes them, and gives up soon where it keeps none.

The visitor is led on in any case. A click is committed within ten seconds of its `at`, or given up and counted as lost:
whatever is older than thirty seconds is complete. After an outage the next clicks are lost at once instead of waiting
each, until one that is let through every second is kept.

What comes is sent at once, and the writer takes together what came while it wrote: nobody waits for a timer. The writer
is a process of its own, since a thread that writes and an event loop take the interpreter from each other at every call
of the database.
"""

import asyncio
import socket
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import structlog

from engine.kernel.ids import new_id
from engine.tracking.clicks.wire import (
    LARGEST,
    PIECE,
    Answer,
    Loss,
    NewClick,
    Pieces,
    answer_in,
    batch_message,
    text_of,
)

PATIENCE_S: Final = 2.0
"""How long a visitor waits at most for a click to be kept."""

REST_S: Final = 1.0
"""How long no click is tried after an outage."""

LATEST_S: Final = 8.0
"""How old a click may be when its transaction is committed; older ones are rolled back."""

ENOUGH: Final = 8
"""How many clicks are sent before the event loop has come round: the writer works on them while others are taken."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why a click is given up. `outage`: the next one would fare alike. `in_doubt`: it may yet be kept."""

    reason: str
    outage: bool = True
    in_doubt: bool = False


@dataclass(slots=True, eq=False)
class _Batch:
    """Clicks that go together, and by place who waits for each of them: a refusal, or None where it is kept.

    `message` is what was sent of it, if it was: with what was lost before, which is told along with it.
    """

    not_after: float
    timer: asyncio.TimerHandle = field(init=False)
    clicks: list[bytes] = field(default_factory=list)
    futures: list["asyncio.Future[_Refusal | None]"] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    message: bytes = b""

    def settle(self, refusal: _Refusal | None) -> None:
        """Tell all who still wait."""
        self.timer.cancel()
        for future in self.futures:
            if not future.done():
                future.set_result(refusal)


class ClickKeeper:
    """Keeps the clicks of one process and event loop, through the writer at `address`.

    `lost` counts those that were given up since it was made.
    """

    def __init__(self, address: str, *, patience_s: float = PATIENCE_S, rest_s: float = REST_S) -> None:
        self.lost = 0
        self._address, self._patience, self._rest = address, patience_s, rest_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._line: deque[_Batch] = deque()
        self._sent: deque[_Batch] = deque()
        self._socket: socket.socket | None = None
        self._pieces, self._unsent = Pieces(), b""
        self._losses: dict[str, Loss] = {}
        self._down = False
        self._again_at = 0.0

    async def keep(self, click: NewClick) -> bool:
        """Return once `click` is on disk, or False when it is given up for sure."""
        if self._down and not self._may_try():
            self._lose(click, "the database takes no clicks")
            return False
        try:
            text = text_of(click)
        except TypeError as error:
            self._lose(click, str(error))
            return False
        refusal = await self._soon(text, self._loop or self._running())
        if refusal is None or not refusal.outage:
            self._go_on()
        if refusal is None:
            return True
        if refusal.outage:
            self._rest_a_while(refusal.reason)
        else:
            _log.error("click_not_kept", problem=refusal.reason)
        self._lose(click, refusal.reason)
        return refusal.in_doubt

    def close(self) -> None:
        """Have written what waits, and how many clicks were lost; waits no longer than the patience allows."""
        clicks = [click for batch in self._line for click in batch.clicks]
        if clicks or self._losses:
            last = batch_message(clicks, list(self._losses.values()), not_after=time.monotonic() + LATEST_S)
            with suppress(OSError), socket.socket(socket.AF_UNIX) as line:
                line.settimeout(self._patience)
                line.connect(self._address)
                line.sendall(last)
                line.recv(1)
        if self._socket is not None:
            self._hang_up(self._socket)

    def _running(self) -> asyncio.AbstractEventLoop:
        """Return the event loop, asked for once: each time is a call of the system."""
        self._loop = self._loop or asyncio.get_running_loop()
        return self._loop

    def _soon(self, click: bytes, loop: asyncio.AbstractEventLoop) -> "asyncio.Future[_Refusal | None]":
        """Put a click in line; it is sent with what comes in the same turn of the event loop."""
        batch = self._line[-1] if self._line else None
        if batch is None or len(batch.clicks) == LARGEST:
            batch = self._begin(loop)
        future: asyncio.Future[_Refusal | None] = loop.create_future()
        batch.clicks.append(click)
        batch.futures.append(future)
        if len(batch.clicks) == ENOUGH:
            self._send()
        return future

    def _begin(self, loop: asyncio.AbstractEventLoop) -> _Batch:
        if not self._line:
            loop.call_soon(self._send)
        batch = _Batch(time.monotonic() + LATEST_S)
        batch.timer = loop.call_later(self._patience, self._expire, batch)
        self._line.append(batch)
        return batch

    def _send(self) -> None:
        """Send what is in line; connect first where that is to be done."""
        if self._line and self._socket is None:
            self._connect()
        while self._line and self._socket is not None:
            batch = self._line.popleft()
            if not batch.message:
                batch.losses, self._losses = list(self._losses.values()), {}
                batch.message = batch_message(batch.clicks, batch.losses, not_after=batch.not_after)
            self._sent.append(batch)
            self._write(self._socket, batch.message)

    def _connect(self) -> None:
        line = socket.socket(socket.AF_UNIX)
        line.settimeout(0)
        try:
            line.connect(self._address)
        except OSError as error:
            line.close()
            self._refuse(f"the writer cannot be reached ({error})")
        else:
            self._socket, self._pieces, self._unsent = line, Pieces(), b""
            self._running().add_reader(line, self._read, line)

    def _write(self, line: socket.socket, message: bytes) -> None:
        """Send a message now, and not when the event loop has come round; or what the line takes of it."""
        if not self._unsent:
            with suppress(OSError):  # what the line says when it is read tells more
                message = message[line.send(message) :]
            if message:
                self._running().add_writer(line, self._write_on, line)
        self._unsent += message

    def _write_on(self, line: socket.socket) -> None:
        with suppress(OSError):
            self._unsent = self._unsent[line.send(self._unsent) :]
        if not self._unsent:
            self._running().remove_writer(line)

    def _read(self, line: socket.socket) -> None:
        """Take answers, which come in the order of the batches, and let those go who waited."""
        try:
            piece = line.recv(PIECE)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        if not piece:
            self._begin_anew(line)
        for message in self._pieces.messages(piece):
            answer, batch = answer_in(message), self._sent.popleft()
            if answer.outage is None:
                self._settle(batch, answer)
            else:
                self._remember(batch.losses)
                batch.settle(_Refusal(answer.outage))

    def _begin_anew(self, line: socket.socket) -> None:
        """Connect anew where something waits, and send again what was on its way: what is kept is not kept twice."""
        self._hang_up(line)
        now = time.monotonic()
        self._line.extendleft(batch for batch in reversed(self._sent) if now < batch.not_after)
        self._sent.clear()
        self._send()

    def _hang_up(self, line: socket.socket) -> None:
        self._running().remove_reader(line)
        self._running().remove_writer(line)
        line.close()
        self._socket = None

    def _expire(self, batch: _Batch) -> None:
        """Give up a batch that waited too long: in doubt where it was sent, else it will not be."""
        if batch.message:
            batch.settle(_Refusal(f"it was not on disk after {self._patience:g} s", in_doubt=True))
        else:
            self._line.remove(batch)
            batch.settle(_Refusal(f"it waited {self._patience:g} s and its turn did not come"))

    def _settle(self, batch: _Batch, answer: Answer) -> None:
        for place, reason in answer.bad:
            if not (future := batch.futures[place]).done():
                future.set_result(_Refusal(reason, outage=False))
        batch.settle(None)

    def _refuse(self, reason: str) -> None:
        """Give up all who wait: they would wait long for the same."""
        waiting, self._line = self._line, deque()
        for batch in waiting:
            self._remember(batch.losses)
            batch.settle(_Refusal(reason, in_doubt=bool(batch.message)))

    def _may_try(self) -> bool:
        now = time.monotonic()
        if now < self._again_at:
            return False
        self._again_at = now + self._rest + PATIENCE_S
        return True

    def _go_on(self) -> None:
        if self._down:
            self._down = False
            _log.warning("clicks_kept_again", lost=self.lost)

    def _rest_a_while(self, reason: str) -> None:
        if not self._down:
            _log.warning("clicks_are_lost", problem=reason)
        self._down, self._again_at = True, time.monotonic() + self._rest

    def _lose(self, click: NewClick, reason: str) -> None:
        self.lost += 1
        self._remember([Loss(new_id().hex, click.target.split()[0], 1, click.at, click.at, reason[:300])])

    def _remember(self, losses: list[Loss]) -> None:
        for loss in losses:
            known = self._losses.setdefault(loss.brand_id, loss)
            if known is not loss:
                known.lost += loss.lost
                known.lost_until = max(known.lost_until, loss.lost_until)
                if loss.lost_from < known.lost_from:
                    known.lost_from, known.reason = loss.lost_from, loss.reason
