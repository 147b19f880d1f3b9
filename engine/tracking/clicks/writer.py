"""Writes the clicks of all processes that take them: whatever has come together, in one transaction.

A durable commit costs the same for one row as for a hundred, and SQLite has one writer: so one writes for all. It asks
nobody for a turn, answers each batch once it is on disk, and has no other work. Usually it is a process of its own,
which `goodword serve` starts; a server that was started otherwise has one in a thread.
"""

import os
import selectors
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

import structlog

from engine.kernel.database import Database
from engine.tracking.clicks.store import ClickStore
from engine.tracking.clicks.wire import (
    LARGEST,
    PIECE,
    Answer,
    Batch,
    Loss,
    NewClick,
    Pieces,
    answer_message,
    batch_in,
    listening,
)

_PATIENCE_S: Final = 2.0
_KEPT: Final = Answer(None)

_log = structlog.get_logger(__name__)

Sent = tuple["_Sender", Batch]


class _Sender:
    """A process that sends batches."""

    def __init__(self, line: socket.socket) -> None:
        self.line, self._pieces = line, Pieces()
        line.settimeout(0)

    def batches(self) -> list[Batch] | None:
        """Return what it has sent, None where it has gone."""
        try:
            piece = self.line.recv(PIECE)
        except BlockingIOError:
            return []
        except OSError:
            return None
        return [batch_in(message) for message in self._pieces.messages(piece)] if piece else None

    def answer(self, answer: Answer) -> None:
        """Tell it what became of a batch. One that takes no answer is cut off: it sends again what it was not told."""
        try:
            self.line.sendall(answer_message(answer))
        except OSError:
            with suppress(OSError):
                self.line.shutdown(socket.SHUT_RDWR)


class ClickWriter:
    """Writes what comes over `listener`, until `ends` (the number of an open file) is at its end."""

    def __init__(self, database: Database, listener: socket.socket, *, ends: int) -> None:
        self.store = ClickStore(database)
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ)
        self._selector.register(ends, selectors.EVENT_READ)
        self.address: str = listener.getsockname()
        self._listener, self._ends = listener, ends
        self._ended = False

    def run(self) -> None:
        """Write until the end, and what came before it to the last."""
        try:
            self.store.open()
        except self.store.outages as error:
            _log.warning("clicks_cannot_be_kept_yet", problem=str(error))
        while not self._ended:
            self._take(self._come(None))
        while self._selector.select(0):
            self._take(self._come(0))
        for key in list(self._selector.get_map().values()):
            if isinstance(key.data, _Sender):
                key.data.line.close()
        self._selector.close()
        self.store.close()

    def _come(self, timeout: float | None) -> list[Sent]:
        """Wait until something comes, and return the batches that are there."""
        came: list[Sent] = []
        for key, _ in self._selector.select(timeout):
            if isinstance(key.data, _Sender):
                came += self._received(key.data)
            elif key.fileobj is self._listener:
                line, _ = self._listener.accept()
                self._selector.register(line, selectors.EVENT_READ, _Sender(line))
            elif not os.read(self._ends, 1):
                self._ended = True
                self._selector.unregister(self._ends)
        return came

    def _received(self, sender: _Sender) -> list[Sent]:
        batches = sender.batches()
        if batches is None:
            self._selector.unregister(sender.line)
            sender.line.close()
            return []
        return [(sender, batch) for batch in batches]

    def _take(self, came: Sequence[Sent]) -> None:
        """Write batches in as few transactions as may be, and answer them.

        Where the database is at fault, all are refused, and who waits behind them: to try again would cost everybody
        the same wait once more.
        """
        for together in _together(came):
            try:
                answers = self._written([batch for _, batch in together])
            except self.store.outages as error:
                refused = Answer(_told(error))
                for sender, _ in (*came[came.index(together[0]) :], *self._come(0)):
                    sender.answer(refused)
                return
            for (sender, _), answer in zip(together, answers, strict=True):
                sender.answer(answer)

    def _written(self, batches: Sequence[Batch]) -> list[Answer]:
        """Write batches, and return what became of each.

        Raises:
            Exception: one of the store's outages; nothing was kept.
        """
        not_after = min(batch.not_after for batch in batches)
        clicks = [click for batch in batches for click in batch.clicks]
        losses = [loss for batch in batches for loss in batch.losses]
        try:
            self.store.write(clicks, losses, not_after=not_after)
        except self.store.outages:
            raise
        except Exception:  # noqa: BLE001 - one of them is bad: the others are kept, and the writer lives on
            self._write_losses(losses, not_after=not_after)
            return [Answer(None, self._bad(batch.clicks, not_after=not_after)) for batch in batches]
        return [_KEPT] * len(batches)

    def _bad(self, clicks: Sequence[NewClick], *, not_after: float) -> list[tuple[int, str]]:
        """Write clicks, half by half where one of them is bad, and return which were not kept: places, with reasons."""
        try:
            self.store.write(clicks, (), not_after=not_after)
        except Exception as error:  # noqa: BLE001 - as above
            if len(clicks) < 2 or isinstance(error, self.store.outages):
                return [(place, _told(error)) for place in range(len(clicks))]
            middle = len(clicks) // 2
            after = self._bad(clicks[:middle], not_after=not_after)
            return after + [
                (middle + place, reason) for place, reason in self._bad(clicks[middle:], not_after=not_after)
            ]
        return []

    def _write_losses(self, losses: Sequence[Loss], *, not_after: float) -> None:
        for loss in losses:
            try:
                self.store.write((), [loss], not_after=not_after)
            except self.store.outages:
                raise
            except Exception as error:  # noqa: BLE001 - of a brand that is gone
                _log.error("loss_not_kept", problem=str(error), lost=loss.lost)


@contextmanager
def writing(database: Database) -> Iterator[ClickWriter]:
    """Write clicks in a thread of this process while the block runs."""
    with listening() as listener:
        ends, end = os.pipe()
        writer = ClickWriter(database, listener, ends=ends)
        thread = threading.Thread(target=writer.run, name="click-writer", daemon=True)
        thread.start()
        try:
            yield writer
        finally:
            os.close(end)
            thread.join(timeout=2 * _PATIENCE_S)
            os.close(ends)


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300].encode("utf-8", "replace").decode()


def _together(came: Sequence[Sent]) -> Iterator[list[Sent]]:
    """Give batches in groups that fit into one transaction each."""
    group: list[Sent] = []
    number = 0
    for sent in came:
        number += len(sent[1].clicks)
        if group and number > LARGEST:
            yield group
            group, number = [], len(sent[1].clicks)
        group.append(sent)
    if group:
        yield group
