"""Reads the purchase log: one purchase per line, ordered by customer in the file and by day in what is returned."""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from importlib.resources import as_file, files
from operator import attrgetter
from pathlib import Path
from sys import intern
from typing import Final

from engine.kernel.errors import InputError, MoneyError
from engine.kernel.money import Money, parse_currency

YEARS_LATER: Final = 28
"""After 28 years the weekdays are the same, and so are the leap years."""

CURRENCY: Final = parse_currency("USD")
_GZIP: Final = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Purchase:
    """One line of the log: its number in the file, who bought, when (28 years later), how many CDs, for how much."""

    line: int
    customer: str
    day: date
    items: int
    paid_minor: int


def bundled(name: str) -> list[Purchase]:
    """Return the purchases of a log that is shipped with Goodword: `sample` or `full`, by day and line."""
    shipped = {"sample": "cdnow-sample.txt.gz", "full": "cdnow-master.txt.gz"}[name]
    with as_file(files("engine.demo") / "data" / shipped) as path:
        return read_log(path)


def read_log(path: Path) -> list[Purchase]:
    """Return the purchases of a log in either form of CDNOW's, plain or gzipped, by day and line.

    Raises:
        InputError: a line is none of the log's; the line is named.
    """
    raw = path.read_bytes()
    content = gzip.decompress(raw) if raw.startswith(_GZIP) else raw
    found = list(_purchases(content, path.name))
    if not found:
        raise InputError(f"{path.name} holds no purchase.", remedy="Give a log such as the one in engine/demo/data.")
    return sorted(found, key=attrgetter("day", "line"))


def _purchases(content: bytes, name: str) -> Iterator[Purchase]:
    for number, line in enumerate(content.decode("ascii", "replace").splitlines(), start=1):
        cells = line.split()
        if not cells or cells[0] == "customer_id":
            continue
        try:
            (customer, *_, day, items, dollars) = cells
            then = date(int(day[:4]) + YEARS_LATER, int(day[4:6]), int(day[6:]))
            paid = Money.parse(dollars, CURRENCY).minor
            yield Purchase(number, intern(customer), then, max(1, int(items)), paid)
        except (ValueError, MoneyError) as error:
            raise _unreadable(name, number, error) from None


def _unreadable(name: str, number: int, error: Exception) -> InputError:
    remedy = "Write: customer, day as yyyymmdd, number of items, dollars."
    return InputError(f"{name}, line {number}: this is no purchase ({error}).", remedy=remedy)
