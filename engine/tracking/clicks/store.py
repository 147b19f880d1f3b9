"""The rows of clicks, written with the least between them and the driver, over a connection that waits for nobody long.

On SQLite a batch is one statement that commits by itself: at each call of the driver the interpreter goes to another
thread, and it is the wait for it to come back that takes the time.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import URL, Column, Engine, PoolProxiedConnection
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from engine.kernel.database import Database, open_database
from engine.kernel.group_commit import OUTAGES
from engine.kernel.ids import first_id_at, new_id
from engine.kernel.tables import table_of
from engine.tracking.clicks.repeats import REMEMBERED, Repeats, network_of
from engine.tracking.clicks.tables import Click
from engine.tracking.clicks.visits import Reason

_BUSY_MS: Final = 1_500
"""How long a lock of somebody else is waited for: less than the patience, so that a failed click is surely not kept."""

_CLICK: Final = table_of(Click)


class NewClick(NamedTuple):
    """A click as it goes into the table.

    It counts unless it has a `reason`, or its visitor was counted on the same target since `since`: one who is
    `returning` (brought the cookie) by the visitor key, anybody else by its network.
    """

    id: UUID
    brand_id: UUID
    program_id: UUID
    enrollment_id: UUID
    target: str
    target_id: UUID
    at: datetime
    verified: bool
    visitor_key: str | None
    address: str | None
    user_agent: str | None
    referrer: str | None
    sub_id: str | None
    signals: str
    reason: str | None
    returning: bool
    since: datetime


@dataclass(slots=True)
class Loss:
    """How many clicks of a brand were lost in a row, from when to when, and why the last one was."""

    lost: int
    lost_from: datetime
    lost_until: datetime
    reason: str


_COLUMNS: Final = (*NewClick._fields[:15], "counted")
_NEWEST: Final = (
    "SELECT target_id, visitor_key, at FROM click WHERE counted AND visitor_key IS NOT NULL ORDER BY id DESC LIMIT ?"
)
"""Reads what was counted last. Index: pk_click."""
_LOST: Final = "INSERT INTO click_loss (id, brand_id, lost, lost_from, lost_until, reason) VALUES (?, ?, ?, ?, ?, ?)"


@lru_cache(maxsize=1_024)
def insert_of(number: int) -> str:
    """Return the statement that inserts so many clicks, in one step of the database."""
    row = f"({', '.join('?' * len(_COLUMNS))})"
    return f"INSERT INTO click ({', '.join(_COLUMNS)}) VALUES {', '.join([row] * number)}"  # noqa: S608 - names of ours


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
        self._engine, self._url = database.engine, database.engine.url
        self._database: Database | None = None
        self._fairy: PoolProxiedConnection | None = None
        self._repeats = Repeats()
        dialect = database.engine.dialect
        self._dialect: str = dialect.name
        self._driver: Any = dialect.loaded_dbapi
        self._mark = "?" if dialect.paramstyle == "qmark" else "%s"
        self._ready_id: Callable[[Any], Any] = _CLICK.c.id.type.dialect_impl(dialect).bind_processor(dialect) or _as_is
        self._ready_at: Callable[[Any], Any] = _CLICK.c.at.type.dialect_impl(dialect).bind_processor(dialect) or _as_is

    @property
    def outages(self) -> tuple[type[Exception], ...]:
        """What is raised where the database is at fault."""
        return (*OUTAGES, self._driver.OperationalError, self._driver.InterfaceError)

    def write(self, clicks: Sequence[NewClick], losses: Mapping[UUID, Loss], *, not_after: float) -> None:
        """Insert `clicks`, and what was lost before them, in one transaction that is durable when this returns.

        Raises:
            Exception: nothing was inserted; one of `outages` where the database is at fault.
        """
        try:
            connection = self._open()
            cursor = connection.cursor()
            repeated = self._repeated(cursor, clicks)
            if losses and self._dialect == "sqlite":
                cursor.execute("BEGIN IMMEDIATE")
            for brand_id, loss in losses.items():
                self._run(cursor, _LOST, self._loss_row(brand_id, loss))
            _check_in_time(not_after)
            self._insert(cursor, clicks, repeated=repeated)
            if losses or self._dialect != "sqlite":
                connection.commit()
        except BaseException:
            self.close()
            raise
        counted = (click for place, click in enumerate(clicks) if click.reason is None and place not in repeated)
        self._repeats.remember((one.target_id, one.visitor_key, one.at) for one in counted if one.visitor_key)

    def close(self) -> None:
        """Close the connection, and roll back what is open; the next write opens another."""
        fairy, self._fairy = self._fairy, None
        if fairy is not None:
            with suppress(*self.outages):
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

    def _insert(self, cursor: Any, clicks: Sequence[NewClick], *, repeated: AbstractSet[int]) -> None:
        values: list[Any] = []
        for place, click in enumerate(clicks):
            self._add_row(values, click, Reason.REPEAT.value if place in repeated else click.reason)
        self._run(cursor, insert_of(len(clicks)), tuple(values))

    def _repeated(self, cursor: Any, clicks: Sequence[NewClick]) -> set[int]:
        """Return the places of those clicks whose visitor was counted before, or among these."""
        asked = [place for place, click in enumerate(clicks) if click.reason is None and click.visitor_key]
        found = {place for place in asked if self._is_known(clicks[place])}
        if unsure := [place for place in asked if place not in found and clicks[place].returning]:
            values: list[Any] = []
            for click in (clicks[place] for place in unsure):
                brand_id, target_id, since = map(self._ready_id, (click.brand_id, click.target_id, _first_id(click)))
                values += (brand_id, target_id, click.visitor_key, since)
            statement = counted_before(len(unsure), dialect=self._dialect)
            found |= {unsure[place] for (place,) in self._run(cursor, statement, tuple(values))}
        return found | _repeated_among(clicks, [place for place in asked if place not in found])

    def _is_known(self, click: NewClick) -> bool:
        at = self._repeats.counted_at(click.target_id, _name(click))
        return at is not None and at >= click.since

    def _remember_newest(self, cursor: Any) -> None:
        """Take up where the process before left off."""
        read_id, read_at = (_reader(_CLICK.c[name], self._engine) for name in ("target_id", "at"))
        rows = self._run(cursor, _NEWEST, (REMEMBERED,)).fetchall()
        self._repeats.remember((read_id(target_id), key, read_at(at)) for target_id, key, at in reversed(rows))

    def _run(self, cursor: Any, statement: str, values: tuple[Any, ...]) -> Any:
        return cursor.execute(statement.replace("?", self._mark), values)

    def _add_row(self, values: list[Any], click: NewClick, reason: str | None) -> None:
        ready = self._ready_id
        values += (ready(click.id), ready(click.brand_id), ready(click.program_id), ready(click.enrollment_id))
        values += (click.target, ready(click.target_id), self._ready_at(click.at))
        values += click[7:14]
        values += (reason, reason is None)

    def _loss_row(self, brand_id: UUID, loss: Loss) -> tuple[Any, ...]:
        times = (self._ready_at(loss.lost_from), self._ready_at(loss.lost_until))
        return (self._ready_id(new_id()), self._ready_id(brand_id), loss.lost, *times, loss.reason)


def _repeated_among(clicks: Sequence[NewClick], places: Sequence[int]) -> set[int]:
    """Return which of the clicks at `places` have an earlier one of the same visitor on the same target among them."""
    seen: set[tuple[UUID, str]] = set()
    repeated = set()
    for place in places:
        click = clicks[place]
        key = click.visitor_key or ""
        if (click.target_id, _name(click)) in seen:
            repeated.add(place)
        else:
            seen |= {(click.target_id, key), (click.target_id, network_of(key))}
    return repeated


def _name(click: NewClick) -> str:
    """Return by what an earlier click of the same visitor is known."""
    key = click.visitor_key or ""
    return key if click.returning else network_of(key)


def _first_id(click: NewClick) -> UUID:
    return first_id_at(click.since)


def _reader(column: Column[Any], engine: Engine) -> Callable[[Any], Any]:
    """Return what makes a value of the driver one of ours."""
    dialect = engine.dialect
    return column.type.dialect_impl(dialect).result_processor(dialect, None) or _as_is


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


def _as_is(value: Any) -> Any:
    return value
