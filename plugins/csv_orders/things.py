"""What the rows of one order, or of one refund, come to: an event, or what is wrong with which row."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeVar

from engine.plugin_api import CommerceEvent, Currency
from plugins.csv_orders.cells import CellError, read_currency
from plugins.csv_orders.layout import ABSENT, Layout
from plugins.csv_orders.records import Fault, Record

MAX_ROWS: Final = 2_000
MAX_BYTES: Final = 4_000_000

H = TypeVar("H", bound=NamedTuple)


@dataclass(slots=True)
class Outcome:
    """`event` is None where a row is wrong: half an order would be wrong money.

    `used` are the rows that the event was made of. `repeats` are rows that say again what an earlier one said; they are
    refused alone.
    """

    event: CommerceEvent | None = None
    used: list[Record] = field(default_factory=list)
    faults: list[tuple[Record, Fault]] = field(default_factory=list)
    repeats: list[tuple[Record, Fault]] = field(default_factory=list)


def cells_of(record: Record) -> list[str]:
    """Return the trimmed cells with an empty one behind them, which is what a field without a column reads."""
    return [*map(str.strip, record.cells), ""]


def check_record(cells: Sequence[str], layout: Layout) -> None:
    """Check that the record column says order or refund.

    Raises:
        CellError: it says something else.
    """
    if layout.record == ABSENT or cells[layout.record].lower() in ("order", "refund"):
        return
    problem = f"{cells[layout.record][:40]!r} is neither order nor refund."
    raise CellError(problem, "Write order or refund.", field="record")


def currency_of(cells: Sequence[str], layout: Layout, *, others: Sequence[Record]) -> Currency:
    """Return the currency of a row: the file's, the row's own, else the one that another row of the thing names.

    Raises:
        CellError: none is named, or there is no such currency.
    """
    if layout.currency:
        return layout.currency
    text = cells[layout.currency_column]
    if not text:
        named = (cells_of(record)[layout.currency_column] for record in others if not record.fault)
        text = next(filter(None, named), "")
    if not text:
        raise CellError("No currency is given.", "Write a code such as EUR.", field="currency")
    return read_currency(text, field="currency")


def merge(known: H, told: H, *, first_line: int) -> H:
    """Return what two rows say about the thing as a whole; None is silence.

    Raises:
        CellError: they contradict each other.
    """
    if told == known:
        return known
    for name, before, after in zip(known._fields, known, told, strict=True):
        if before is not None and after is not None and before != after:
            raise CellError(
                f"This is not what line {first_line} or a later one says about the same {known_as(known)}.",
                "Write the same value on each of its lines, or leave it empty after the first.",
                field=name,
            )
    return type(known)(*(after if before is None else before for before, after in zip(known, told, strict=True)))


def known_as(head: NamedTuple) -> str:
    """Return the word for what a head is about: `order` or `refund`."""
    return type(head).__name__.removesuffix("Head").lower()
