"""The connector `csv_orders`: whole files to deliveries, one per order or refund, and deliveries to events."""

import io
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import BinaryIO

from engine.plugin_api import (
    Capability,
    CommerceEvent,
    Delivery,
    InputError,
    OrderEvent,
    PluginError,
    PluginSettings,
    RowProblem,
)
from plugins.csv_orders.cells import CellError, read_id
from plugins.csv_orders.layout import Layout, layout_of
from plugins.csv_orders.orders import read_order
from plugins.csv_orders.records import Fault, Record, Records, first_line
from plugins.csv_orders.refunds import read_refund
from plugins.csv_orders.scatter import Scatter
from plugins.csv_orders.settings import CsvOrdersSettings
from plugins.csv_orders.things import MAX_BYTES, MAX_ROWS, Outcome


class CsvOrders:
    """Reads a CSV file by the mapping in its settings."""

    name = "csv_orders"
    title = "Orders from CSV"
    capabilities = frozenset({Capability.FILES})

    def parse(self, body: bytes, *, topic: str, settings: PluginSettings) -> tuple[CommerceEvent, ...]:
        """Return the events of a delivery's body: a header and the rows of one thing, or of several.

        Raises:
            InputError: it is not such a body, or a row is wrong; the first wrong row is named.
        """
        file = io.BytesIO(body)
        reader = _Reader(layout_of(first_line(file), _mapping(settings), name="delivery"), "delivery")
        things: dict[str, list[Record]] = {}
        for record in Records(file, reader.layout.shape):
            things.setdefault(reader.layout.thing_of(record), []).append(record)
        events: list[CommerceEvent] = []
        for item in (item for thing, records in things.items() for item in reader.deliver(thing, records)):
            if isinstance(item, RowProblem):
                raise InputError(str(item), field=item.field)
            events.extend(item.events)
        return tuple(events)

    def read_file(self, file: BinaryIO, *, name: str, settings: PluginSettings) -> Iterator[Delivery | RowProblem]:
        """Yield a delivery per order and refund, and a problem per wrong row, naming its line and column.

        An order or refund with a wrong row is not delivered; a row that repeats an earlier one is refused alone. Things
        whose rows stand apart in the file come last. The file is read twice; one that cannot be is copied first.

        Raises:
            InputError: the header does not fit the mapping, or the file is not UTF-8 text.
        """
        if not file.seekable():
            return self._read_copy(file, name, settings)
        start = file.tell()
        layout = layout_of(first_line(file), _mapping(settings), name=name)
        return _read(file, start, _Reader(layout, name))

    def _read_copy(self, file: BinaryIO, name: str, settings: PluginSettings) -> Iterator[Delivery | RowProblem]:
        with tempfile.TemporaryFile() as copy:
            shutil.copyfileobj(file, copy)
            copy.seek(0)
            yield from self.read_file(copy, name=name, settings=settings)


def _read(file: BinaryIO, start: int, reader: "_Reader") -> Iterator[Delivery | RowProblem]:
    with Scatter.open() as scatter:
        scatter.note_runs(thing for thing, _ in groupby(Records(file, reader.layout.shape), reader.layout.thing_of))
        file.seek(start)
        first_line(file)
        for thing, run in groupby(Records(file, reader.layout.shape), reader.layout.thing_of):
            if thing in scatter:
                scatter.keep(thing, run)
            else:
                yield from reader.deliver(thing, run)
        for thing, pairs in groupby(scatter.kept(), lambda pair: pair[0]):
            yield from reader.deliver(thing, (record for _, record in pairs))


class _Reader:
    """Turns the rows of one thing into its delivery and problems."""

    def __init__(self, layout: Layout, name: str) -> None:
        self.layout, self._name = layout, name
        self._columns = layout.columns
        self._header = layout.header + b"\n"

    def deliver(self, thing: str, run: Iterable[Record]) -> Iterator[Delivery | RowProblem]:
        """Yield what the rows of `thing` come to."""
        kind, _, key = thing.partition(":")
        if not _usable(key):
            for record in run:  # these belong to nothing: each is judged, and forgotten, by itself
                yield from self._problems(kind, "", self._outcome(kind, [record]))
            return
        records: list[Record] = []
        size = 0
        for record in run:
            size += len(record.raw)
            if len(records) == MAX_ROWS or size > MAX_BYTES:
                yield self._too_many(kind, key, record)
                return
            records.append(record)
        outcome = self._outcome(kind, records)
        if outcome.event is not None:
            yield self._delivery(outcome.event, outcome.used)
        if outcome.faults or outcome.repeats:
            yield from self._problems(kind, key, outcome)

    def _outcome(self, kind: str, records: list[Record]) -> Outcome:
        return (read_refund if kind == "refund" else read_order)(records, self.layout)

    def _delivery(self, event: CommerceEvent, used: list[Record]) -> Delivery:
        kind = "order" if isinstance(event, OrderEvent) else "refund"
        body = b"".join([self._header, *(part for record in used for part in (record.raw, b"\n"))])
        key = f"{kind}:{event.external_id}:{event.updated_at.isoformat()}"
        return Delivery(key, body, (event,), used[0].line)

    def _problems(self, kind: str, key: str, outcome: Outcome) -> Iterator[RowProblem]:
        held_back = f" Until then {kind} {key!r} is not imported." if key else ""
        found = [(record, fault, held_back) for record, fault in outcome.faults]
        found += [(record, fault, "") for record, fault in outcome.repeats]
        for record, fault, more in sorted(found, key=lambda one: one[0].line):
            yield self._problem(record, fault, more)

    def _too_many(self, kind: str, key: str, record: Record) -> RowProblem:
        problem = f"The {kind} has more than {MAX_ROWS:,} rows or {MAX_BYTES:,} bytes."
        fault = Fault(problem, "Look for an id that many rows share.", f"{kind}_id")
        return self._problem(record, fault, f" Until then {kind} {key!r} is not imported.")

    def _problem(self, record: Record, fault: Fault, more: str) -> RowProblem:
        column = self._columns.get(fault.field, fault.field) if fault.field else None
        return RowProblem(self._name, record.line, column, fault.problem, fault.remedy + more)


def _usable(key: str) -> bool:
    try:
        read_id(key, field="id")
    except CellError:
        return False
    return True


def _mapping(settings: PluginSettings) -> CsvOrdersSettings:
    if not isinstance(settings, CsvOrdersSettings):
        raise PluginError("csv_orders was asked without its mapping. Enter its settings first.")
    return settings
