"""Connectors: how orders get in."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol, runtime_checkable

from engine.kernel.errors import RowProblem
from engine.plugin_api.events import CommerceEvent
from engine.plugin_api.settings import PluginSettings


@dataclass(frozen=True, slots=True)
class Delivery:
    """One keyed piece of what a shop sent. The same key twice has the effect of once.

    `body` is what arrived, kept so that it can be read again; `events` is what `parse` makes of it; `line` is where it
    began in a file.
    """

    key: str
    body: bytes
    events: tuple[CommerceEvent, ...]
    line: int | None = None


@runtime_checkable
class Connector(Protocol):
    """Reads what one kind of shop sends. Pure: no session, no clock, no network in `parse`."""

    name: str
    title: str

    def parse(self, body: bytes, *, settings: PluginSettings) -> tuple[CommerceEvent, ...]:
        """Return the events in `body`, in its order; unknown kinds give none.

        Raises:
            InputError: the body cannot be read; it becomes a dead letter, its bytes are kept.
        """
        ...


@runtime_checkable
class FileConnector(Connector, Protocol):
    """A connector that also reads whole files, as `goodword import orders` hands them in."""

    def read_file(self, file: BinaryIO, *, name: str, settings: PluginSettings) -> Iterator[Delivery | RowProblem]:
        """Yield the file's deliveries and, where a row is wrong, its problem; one bad row never costs a good one.

        Memory must not grow with the file. Each delivery's `events` equal `parse(delivery.body)`.

        Raises:
            InputError: the file as a whole cannot be read: an undeclared column, no header, not text.
        """
        ...
