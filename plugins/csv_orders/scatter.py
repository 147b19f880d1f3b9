"""Finds the things whose rows do not stand together, and keeps those rows until the file was read.

Most files keep an order's rows together; such an order is complete where another one begins. So a first pass writes
down which thing each run of rows is about, and a second pass hands on at once what has one run; rows of things with
several runs wait here. All of it is in a temporary database on disk: memory does not grow with the file.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from typing import Self

from plugins.csv_orders.records import Fault, Record

_TABLES = """
CREATE TABLE run (thing TEXT NOT NULL);
CREATE TABLE scattered (thing TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE kept (thing TEXT, line INTEGER, raw BLOB, cells TEXT, problem TEXT, remedy TEXT, PRIMARY KEY (thing, line))
    WITHOUT ROWID;
BEGIN;
"""
_BETWEEN_CELLS = "\0"  # a record that has one is refused, and its guessed cells have none


class Scatter:
    """What is known of things with several runs. Made by `open`."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._any = False

    @classmethod
    @contextmanager
    def open(cls) -> Iterator[Self]:
        """Open one that is gone, with its file, at the end of the block."""
        # An empty name is a database of SQLite's own making on disk, deleted when it is closed.
        with closing(sqlite3.connect("", isolation_level=None, check_same_thread=False)) as database:
            database.executescript(_TABLES)
            yield cls(database)

    def note_runs(self, things: Iterable[str]) -> None:
        """Take the thing of each run, in the file's order."""
        self._database.executemany("INSERT INTO run VALUES (?)", ((thing,) for thing in things))
        found = self._database.execute("INSERT INTO scattered SELECT thing FROM run GROUP BY thing HAVING count(*) > 1")
        self._any = found.rowcount > 0
        self._database.execute("DELETE FROM run")

    def __contains__(self, thing: str) -> bool:
        """Tell whether `thing` has several runs."""
        if not self._any:
            return False
        return self._database.execute("SELECT 1 FROM scattered WHERE thing = ?", (thing,)).fetchone() is not None

    def keep(self, thing: str, records: Iterable[Record]) -> None:
        """Put away `records` of `thing`."""
        rows = ((thing, r.line, r.raw, _BETWEEN_CELLS.join(r.cells), *(r.fault or (None, None))[:2]) for r in records)
        self._database.executemany("INSERT INTO kept VALUES (?, ?, ?, ?, ?, ?)", rows)

    def kept(self) -> Iterator[tuple[str, Record]]:
        """Yield everything that was put away: the rows of each thing together, in the file's order."""
        query = "SELECT thing, line, raw, cells, problem, remedy FROM kept ORDER BY thing, line"
        for thing, line, raw, cells, problem, remedy in self._database.execute(query):
            fault = Fault(problem, remedy) if problem is not None else None
            yield thing, Record(line, raw, cells.split(_BETWEEN_CELLS), fault)
