"""Where the fields stand in one file: the mapping laid over its header."""

from collections import Counter
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from engine.plugin_api import Currency, InputError
from plugins.csv_orders.records import MAX_LINE_BYTES, Record, Shape, split
from plugins.csv_orders.settings import FIELDS, CsvOrdersSettings

ABSENT = -1
"""The place of a field without a column. Cells get an empty one behind the last, so it reads as empty."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One file's header, with the place of each field in a record."""

    header: bytes
    shape: Shape
    columns: dict[str, str]
    zone: ZoneInfo | None
    currency: Currency | None
    record: int
    order_id: int
    line_id: int
    placed_at: int
    updated_at: int
    paid_at: int
    cancelled_at: int
    amount: int
    quantity: int
    product: int
    collections: int
    gift_card: int
    tax: int
    shipping: int
    charged: int
    code: int
    click: int
    customer_email: int
    customer_id: int
    currency_column: int
    refund_id: int
    refunded_at: int
    state: int

    def is_refund(self, record: Record) -> bool:
        """Tell whether the record is about a refund; what is neither order nor refund counts as an order, refused."""
        return self._cell(record, self.record).lower() == "refund"

    def thing_of(self, record: Record) -> str:
        """Return what the record is about, such as `order:1001`; records of one thing belong together."""
        if self.is_refund(record):
            return f"refund:{self._cell(record, self.refund_id)[:250]}"
        return f"order:{self._cell(record, self.order_id)[:250]}"

    def _cell(self, record: Record, place: int) -> str:
        return record.cells[place].strip() if 0 <= place < len(record.cells) else ""


def layout_of(header: bytes, settings: CsvOrdersSettings, *, name: str) -> Layout:
    """Lay the mapping over the header line of file `name`.

    Raises:
        InputError: the header cannot be read, or it and the mapping do not name the same columns.
    """
    names = [cell.strip() for cell in _header_cells(header, settings.delimiter, name)]
    declared = [*settings.columns.values(), *settings.ignored_columns]
    _check_names(names, declared, name)
    places = {field: names.index(settings.columns[field]) if field in settings.columns else ABSENT for field in FIELDS}
    currency_column = places.pop("currency")
    return Layout(
        header=header,
        shape=Shape(settings.delimiter, len(names), tuple(names.index(name) for name in settings.columns.values())),
        columns={str(field): column for field, column in settings.columns.items()},
        zone=ZoneInfo(settings.time_zone) if settings.time_zone else None,
        currency=Currency(settings.currency) if settings.currency else None,
        currency_column=currency_column,
        **places,
    )


def _header_cells(header: bytes, delimiter: str, name: str) -> list[str]:
    again = "Export it again as CSV UTF-8."
    if not header:
        raise InputError(f"{name}, line 1: the file is empty or starts with an empty line.", remedy="Give it a header.")
    if len(header) > MAX_LINE_BYTES:
        raise InputError(f"{name}, line 1: the line is longer than {MAX_LINE_BYTES:,} bytes.", remedy=again)
    if header.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in header:
        raise InputError(f"{name}, line 1: the file is not UTF-8 text, it looks like UTF-16.", remedy=again)
    if b"\r" in header:
        raise InputError(f"{name}, line 1: the lines end in CR alone.", remedy="Export it again with LF or CRLF.")
    try:
        return split(header, delimiter)
    except UnicodeDecodeError:
        raise InputError(f"{name}, line 1: the file is not UTF-8 text.", remedy=again) from None
    except ValueError as error:
        raise InputError(f"{name}, line 1: the header's quotes do not work out ({error}).", remedy=again) from None


def _check_names(names: list[str], declared: list[str], name: str) -> None:
    if twice := [column for column, count in Counter(names).items() if count > 1]:
        raise InputError(f"{name}, line 1: column {_list(twice)} is there twice.", remedy="Give each column a name.")
    if unknown := [column for column in names if column not in declared]:
        raise InputError(
            f"{name}, line 1: the mapping does not declare column {_list(unknown)}.",
            remedy="Declare it in columns, or in ignored_columns.",
        )
    if missing := [column for column in declared if column not in names]:
        raise InputError(
            f"{name}, line 1: column {_list(missing)} of the mapping is not in the file.",
            remedy="Look at the delimiter, or take it out of the mapping.",
        )


def _list(columns: list[str]) -> str:
    shown = ", ".join(repr(column[:80]) for column in columns[:10])
    return f"{shown} and {len(columns) - 10} more" if len(columns) > 10 else shown
