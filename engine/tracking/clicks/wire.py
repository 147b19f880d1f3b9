"""What goes between a process that takes clicks and the one that writes them: JSON texts, each after its length.

Both ends are ours, on one machine and of one version.
"""

import socket
import struct
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import orjson

LARGEST: Final = 500
"""How many clicks go in one batch at most, and into one transaction."""

PIECE: Final = 64 * 1024
"""How many bytes are taken at a time: for more, memory would be asked of the system each time, and given back."""

_LENGTH: Final = struct.Struct(">I")
_BACKLOG: Final = 128


class NewClick(NamedTuple):
    """A click as it goes into the table.

    `name` is its id in hexadecimal digits, `target` what it has in common with others (`targets.ClickTarget.row`).
    Instants are microseconds since 1970 in UTC. It counts unless it has a `reason`, or its visitor was counted on the
    same target since `since`: one who is `returning` (brought the cookie) by the visitor key, anybody else by its
    network.
    """

    name: str
    target: str
    at: int
    verified: bool
    visitor_key: str | None
    address: str | None
    user_agent: str | None
    referrer: str | None
    sub_id: str | None
    signals: str
    reason: str | None
    returning: bool
    since: int


@dataclass(slots=True)
class Loss:
    """How many clicks of a brand were lost in a row, from when to when, and why the first one was.

    Ids are hexadecimal digits, instants microseconds since 1970 in UTC.
    """

    id: str
    brand_id: str
    lost: int
    lost_from: int
    lost_until: int
    reason: str


class Batch(NamedTuple):
    """Clicks to be written in one transaction, with what was lost before them.

    `not_after`: the instant of the machine's monotonic clock from which on they are given up.
    """

    not_after: float
    clicks: Sequence[NewClick]
    losses: Sequence[Loss]


class Answer(NamedTuple):
    """What became of a batch. `outage` says why nothing of it was kept; `bad` which clicks were not (place, reason)."""

    outage: str | None
    bad: Sequence[tuple[int, str]] = ()


class Pieces:
    """Puts messages together from the pieces in which they come."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = b""

    def messages(self, piece: bytes) -> Iterator[bytes]:
        """Take a piece, and give the messages that are whole by now."""
        held = self._left + piece
        start = 0
        while len(held) >= start + _LENGTH.size:
            end = start + _LENGTH.size + _LENGTH.unpack_from(held, start)[0]
            if len(held) < end:
                break
            yield held[start + _LENGTH.size : end]
            start = end
        self._left = held[start:]


def text_of(click: NewClick) -> bytes:
    """Return a click as it goes into a batch.

    Raises:
        TypeError: a text in it cannot be written as UTF-8.
    """
    return orjson.dumps(tuple(click))


def batch_message(clicks: Sequence[bytes], losses: Sequence[Loss], *, not_after: float) -> bytes:
    """Return the message that holds a batch: clicks as `text_of` wrote them."""
    return _message((not_after, [orjson.Fragment(click) for click in clicks], losses))


def answer_message(answer: Answer) -> bytes:
    """Return the message that holds an answer."""
    return _message(tuple(answer))


def batch_in(message: bytes) -> Batch:
    """Return the batch that a message holds."""
    not_after, clicks, losses = orjson.loads(message)
    return Batch(not_after, list(map(NewClick._make, clicks)), [Loss(**values) for values in losses])


def answer_in(message: bytes) -> Answer:
    """Return the answer that a message holds."""
    return Answer(*orjson.loads(message))


@contextmanager
def listening() -> Iterator[socket.socket]:
    """Listen, while the block runs, where only this user may connect."""
    with tempfile.TemporaryDirectory(prefix="goodword-") as folder, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(Path(folder) / "clicks"))
        listener.listen(_BACKLOG)
        yield listener


def _message(content: object) -> bytes:
    text = orjson.dumps(content)
    return _LENGTH.pack(len(text)) + text
