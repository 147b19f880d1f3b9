"""The rows of clicks, written with the least between them and the driver, over a connection that waits for nobody long.

On SQLite a batch is one statement that commits by itself: at each call of the driver the interpreter goes to another
thread, and it is the wait for it to come back that takes the time.
"""

import time
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import URL, PoolProxiedConnection
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from engine.kernel.clock import instant_of
from engine.kernel.database import Database, open_database
from engine.kernel.group_commit import OUTAGES
from engine.kernel.ids import first_id_at
from engine.tracking.clicks.driver import id_taker, target_taker, time_reader, time_taker
from engine.tracking.clicks.repeats import REMEMBERED, Name, Repeats, names_of
from engine.tracking.clicks.tables import ALIKE
from engine.tracking.clicks.visits import Reason
from engine.tracking.clicks.wire import Loss, NewClick

_BUSY_MS: Final = 1_500
"""How long a lock of somebody else is waited for: less than the patience, so that a failed click is surely not kept."""

_REPEAT: Final = Reason.REPEAT.value


_SAID: Final = NewClick._fields[3:10]
_COLUMNS: Final = ("id", *ALIKE, "at", *_SAID, "reason", "counted")
_NEWEST: Final = (
    "SELECT target_id, visitor_key, at FROM click WHERE counted AND visitor_key IS NOT NULL ORDER BY id DESC LIMIT ?"
)
"""Reads what was counted last. Index: pk_click."""
_ONCE: Final = "ON CONFLICT (id) DO NOTHING"
"""What is sent again, since nobody answered, is kept once."""
_LOST: Final = (
    "INSERT INTO click_loss (id, brand_id, lost, lost_from, lost_until, reason) "  # noqa: S608 - words of ours
    f"VALUES (?, ?, ?, ?, ?, ?) {_ONCE}"
)


@lru_cache(maxsize=1_024)
def insert_of(number: int) -> str:
    """Return the statement that inserts so many clicks, in one step of the database."""
    row = f"({', '.join('?' * len(_COLUMNS))})"
    rows = ", ".join([row] * number)
    return f"INSERT INTO click ({', '.join(_COLUMNS)}) VALUES {rows} {_ONCE}"  # noqa: S608 - names of ours


@lru_cache(maxsize=1_024)
def counted_before(number: int, *, dialect: str) -> str:
    """Return the statement that tells which of so many visitors were counted already. Index: ix_click_visitor."""
    rows = ", ".join(f"({place}, ?, ?, ?, ?)" for place in range(number))
    hint = "INDEXED BY ix_click_visitor" if dialect == "sqlite" else ""
    return (
        "WITH wanted (place, brand_id, target_id, visitor_key, since) AS "  # noqa: S608 - numbers and marks only
        f"(VALUES {rows}) SELECT place FROM wanted WHERE EXISTS (SELECT 1 FROM click {hint} "
        "WHERE click.brand_id = wanted.brand_id AND click.visitor_key = wanted.visitor_key "
        "AND click.id >= wanted.since AND click.target_id = wanted.target_id AND click.counted)"
    )


class ClickStore:
    """A connection of its own for clicks."""

    def __init__(self, database: Database) -> None:
        self._url = database.engine.url
        self._database: Database | None = None
        self._fairy: PoolProxiedConnection | None = None
        self._repeats = Repeats()
        dialect = database.engine.dialect
        self._dialect: str = dialect.name
        self._driver: Any = dialect.loaded_dbapi
        self._mark = "?" if dialect.paramstyle == "qmark" else "%s"
        self._ready_id, self._ready_at, self._read_at = id_taker(dialect), time_taker(dialect), time_reader(dialect)
        self._ready_target = target_taker(dialect)

    @property
    def outages(self) -> tuple[type[Exception], ...]:
        """What is raised where the database is at fault."""
        return (*OUTAGES, self._driver.OperationalError, self._driver.InterfaceError)

    def open(self) -> None:
        """Connect, and take up what was counted of late, before the first click asks for it.

        Raises:
            Exception: one of `outages`; the first write tries again.
        """
        self._open()

    def write(self, clicks: Sequence[NewClick], losses: Sequence[Loss], *, not_after: float) -> None:
        """Insert `clicks`, and what was lost before them, in one transaction that is durable when this returns.

        What is there by its id stays as it is.

        Raises:
            Exception: nothing was inserted; one of `outages` where the database is at fault.
        """
        try:
            connection = self._open()
            cursor = connection.cursor()
            rows, counted = self._rows(clicks, known=self._counted_before(cursor, clicks))
            if losses and self._dialect == "sqlite":
                cursor.execute("BEGIN IMMEDIATE")
            for loss in losses:
                self._run(cursor, _LOST, self._loss_row(loss))
            _check_in_time(not_after)
            if clicks:
                self._run(cursor, insert_of(len(clicks)), rows)
            if losses or self._dialect != "sqlite":
                connection.commit()
        except BaseException:
            self.close()
            raise
        self._repeats.remember(counted)

    def close(self) -> None:
        """Close the connection, and roll back what is open; the next write opens another."""
        fairy, self._fairy = self._fairy, None
        if fairy is not None:
            with suppress(*self.outages):
                if self._dialect == "sqlite":  # closed amid a transaction it would hold the lock while a cursor lives
                    fairy.rollback()
                fairy.invalidate()
        if self._database is not None:
            self._database.close()
            self._database = None

    def _open(self) -> Any:
        """Return the driver's own connection: SQLAlchemy around each transaction costs as much as the transaction."""
        if self._fairy is None:
            self._database = open_database(_impatient(self._url))
            self._fairy = self._database.engine.raw_connection()
            if self._dialect == "sqlite":
                self._fairy.cursor().execute(f"PRAGMA busy_timeout={_BUSY_MS}")
            if not self._repeats:
                self._remember_newest(self._fairy.cursor())
        return self._fairy.driver_connection

    def _rows(self, clicks: Sequence[NewClick], *, known: AbstractSet[int]) -> tuple[tuple[Any, ...], dict[Name, int]]:
        """Return the values of all rows in a line, and who is counted by them. Each click runs through here."""
        values: list[Any] = []
        counted: dict[Name, int] = {}
        ready_id, ready_target, ready_at = self._ready_id, self._ready_target, self._ready_at
        for place, click in enumerate(clicks):
            key, reason, at = click.visitor_key, click.reason, click.at
            target = ready_target(click.target)
            if key and reason is None:
                names = names_of(target[-1], key)
                mine = names[0] if click.returning else names[1]
                if place in known or mine in counted or self._is_known(mine, click.since):
                    reason = _REPEAT
                else:
                    counted[names[0]] = counted[names[1]] = at
            values += (ready_id(click.name), *target, ready_at(at), *click[3:10], reason, not reason)
        return tuple(values), counted

    def _counted_before(self, cursor: Any, clicks: Sequence[NewClick]) -> set[int]:
        """Return the places of those who bring the cookie, are not in memory, and were counted before all the same."""
        unsure = [
            place
            for place, click in enumerate(clicks)
            if click.returning and click.visitor_key and click.reason is None and not self._remembers(click)
        ]
        if not unsure:
            return set()
        values: list[Any] = []
        for click in (clicks[place] for place in unsure):
            target = self._ready_target(click.target)
            values += (
                target[0],
                target[-1],
                click.visitor_key,
                self._ready_id(first_id_at(instant_of(click.since)).hex),
            )
        found = self._run(cursor, counted_before(len(unsure), dialect=self._dialect), tuple(values))
        return {unsure[place] for (place,) in found}

    def _remembers(self, click: NewClick) -> bool:
        return self._is_known((self._ready_target(click.target)[-1], click.visitor_key or ""), click.since)

    def _is_known(self, name: Name, since: int) -> bool:
        at = self._repeats.counted_at(name)
        return at is not None and at >= since

    def _remember_newest(self, cursor: Any) -> None:
        """Take up where the process before left off."""
        counted: dict[Name, int] = {}
        for target_id, key, at in reversed(self._run(cursor, _NEWEST, (REMEMBERED,)).fetchall()):
            counted.update(dict.fromkeys(names_of(target_id, key), self._read_at(at)))
        self._repeats.remember(counted)

    def _run(self, cursor: Any, statement: str, values: tuple[Any, ...]) -> Any:
        return cursor.execute(statement if self._mark == "?" else statement.replace("?", self._mark), values)

    def _loss_row(self, loss: Loss) -> tuple[Any, ...]:
        times = (self._ready_at(loss.lost_from), self._ready_at(loss.lost_until))
        return (self._ready_id(loss.id), self._ready_id(loss.brand_id), loss.lost, *times, loss.reason)


def _check_in_time(not_after: float) -> None:
    if time.monotonic() > not_after:
        raise PoolTimeoutError("The database took too long.")


def _impatient(url: URL) -> str:
    """Return the address with limits to how long connecting, a statement and a lock may take."""
    if url.get_backend_name() == "postgresql":
        limits = (
            f"-c statement_timeout={_BUSY_MS} -c lock_timeout={_BUSY_MS} -c idle_in_transaction_session_timeout=8000"
        )
        url = url.update_query_dict({"connect_timeout": "2", "options": limits})
    return url.render_as_string(hide_password=False)
