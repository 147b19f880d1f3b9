"""Bytes to records: one line at a time, bounded, and never further off than the one line that is wrong.

A record is one line, or several where a quoted field spans lines. When its quotes do not work out, only its first line
is refused and reading goes on at the next one, so a stray quote does not swallow the rows after it.
"""

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final, NamedTuple

MAX_LINE_BYTES: Final = 1_000_000
_MAX_LINES: Final = 1_000
_SHOWN_OF_LONG: Final = 10_000
_BOM: Final = b"\xef\xbb\xbf"


class Fault(NamedTuple):
    """What is wrong with a record, with the field of the mapping where one is to blame."""

    problem: str
    remedy: str
    field: str | None = None


class Record(NamedTuple):
    """One record: its first line's number, its bytes without the line end, its cells.

    With a fault the cells are a guess, good enough to tell which order the record was about.
    """

    line: int
    raw: bytes
    cells: Sequence[str]
    fault: Fault | None = None


class _Line(NamedTuple):
    number: int
    raw: bytes
    too_long: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """What a record must look like: how many cells, apart by what, and in which of them a line break cannot be."""

    delimiter: str
    width: int
    plain: tuple[int, ...]


def first_line(file: BinaryIO) -> bytes:
    """Return the header's bytes, without byte order mark and line end."""
    return file.readline(MAX_LINE_BYTES + 1).removeprefix(_BOM).rstrip(b"\r\n")


def split(raw: bytes, delimiter: str) -> list[str]:
    """Return the cells of one line.

    Raises:
        ValueError: not UTF-8, or its quotes do not work out.
    """
    try:
        return next(csv.reader([raw.decode()], delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        raise ValueError(str(error)) from None


class Records:
    """Iterates over the records after the header; blank lines are skipped."""

    def __init__(self, file: BinaryIO, shape: Shape) -> None:
        self._file, self._shape = file, shape
        self._number = 1
        self._again: deque[_Line] = deque()

    def __iter__(self) -> Iterator[Record]:
        delimiter, width = self._shape.delimiter, self._shape.width
        while (line := self._next()) is not None:
            number, raw, too_long = line
            if too_long or b"\0" in raw:
                yield self._refused(line)
            elif b'"' in raw:
                yield self._quoted(line)
            elif raw.strip():
                try:
                    cells = raw.decode().split(delimiter)
                except UnicodeDecodeError:
                    yield self._refused(line)
                    continue
                yield Record(number, raw, cells) if len(cells) == width else self._misfit(line, cells)

    def _next(self) -> _Line | None:
        if self._again:
            return self._again.popleft()
        raw = self._file.readline(MAX_LINE_BYTES + 1)
        if not raw:
            return None
        self._number += 1
        if len(raw) <= MAX_LINE_BYTES or raw.endswith(b"\n"):
            return _Line(self._number, raw.rstrip(b"\r\n"))
        while (more := self._file.readline(MAX_LINE_BYTES)) and not more.endswith(b"\n"):
            pass
        return _Line(self._number, raw[:_SHOWN_OF_LONG], too_long=True)

    def _quoted(self, line: _Line) -> Record:
        taken: list[_Line] = []
        try:
            cells = next(csv.reader(self._feed(line, taken), delimiter=self._shape.delimiter, strict=True))
        except (csv.Error, UnicodeDecodeError) as error:
            self._again.extendleft(reversed(taken))
            return self._refused(line, error)
        if taken and (len(cells) != self._shape.width or any("\n" in cells[index] for index in self._shape.plain)):
            self._again.extendleft(reversed(taken))
            return self._refused(line)
        if len(cells) != self._shape.width:
            return self._misfit(line, cells)
        return Record(line.number, b"\n".join([line.raw, *(one.raw for one in taken)]), cells)

    def _feed(self, line: _Line, taken: list[_Line]) -> Iterator[str]:
        """Hand the line to the csv module, and as many more as it asks for while they are few and sound."""
        yield line.raw.decode() + "\n"
        size = len(line.raw)
        while len(taken) < _MAX_LINES and (more := self._next()) is not None:
            taken.append(more)
            size += len(more.raw)
            if more.too_long or b"\0" in more.raw or size > MAX_LINE_BYTES:
                return
            yield more.raw.decode() + "\n"

    def _refused(self, line: _Line, error: Exception | None = None) -> Record:
        return Record(line.number, line.raw, self._guess(line), _fault_of(line, error))

    def _misfit(self, line: _Line, cells: Sequence[str]) -> Record:
        problem = f"The line has {len(cells)} fields where the header has {self._shape.width}."
        remedy = f"Put a field that contains {_SHOWN[self._shape.delimiter]} in quotes, and leave no field out."
        return Record(line.number, line.raw, cells, Fault(problem, remedy))

    def _guess(self, line: _Line) -> list[str]:
        text = line.raw.decode("utf-8", "replace").replace("\0", "")
        cells = [cell.strip().strip('"') for cell in text.split(self._shape.delimiter)]
        return cells[:-1] if line.too_long else cells


_SHOWN: Final = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a |"}


def _fault_of(line: _Line, error: Exception | None) -> Fault:
    if line.too_long:
        return Fault(f"The line is longer than {MAX_LINE_BYTES:,} bytes.", "Look for a missing line break or quote.")
    if b"\0" in line.raw:
        return Fault("The line contains a NUL byte.", "Export the file again as CSV UTF-8.")
    if isinstance(error, csv.Error) and "field limit" in str(error):
        return Fault("A field is too long to be read.", "Look for a missing quote.")
    try:
        line.raw.decode()
    except UnicodeDecodeError:
        return Fault("The line is not UTF-8 text.", "Export the file again as CSV UTF-8.")
    return Fault(
        "The quotes of this line do not work out.",
        "Close each quoted field, and write a quote inside one twice.",
    )
