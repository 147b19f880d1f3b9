"""The rows of clicks, written with the least between them and the driver, over a connection that waits for nobody long.

Whether a click counts is decided by the database as it is inserted: it sees what was inserted before it, in the same
transaction too.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import repeat
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import URL, Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from engine.kernel.database import Database, open_database
from engine.kernel.ids import first_id_at, new_id
from engine.kernel.tables import table_of
from engine.tracking.clicks.tables import Click

_BUSY_MS: Final = 1_500
"""How long a lock of somebody else is waited for: less than the patience, so that a failed click is surely not kept."""

_CLICK: Final = table_of(Click)


class NewClick(NamedTuple):
    """A click as it goes into the table, and where an earlier one of the same visitor would lie.

    It counts unless it has a `reason`, or one of the visitor keys `lowest` to `highest` was counted since `since`.
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
    lowest: str | None
    highest: str | None
    since: datetime


@dataclass(slots=True)
class Loss:
    """How many clicks of a brand were lost in a row, from when to when, and why the last one was."""

    lost: int
    lost_from: datetime
    lost_until: datetime
    reason: str


_PLAIN: Final = NewClick._fields[:14]
_ONCE: Final = (
    "SELECT 1 FROM click WHERE brand_id = ? AND target_id = ? AND visitor_key >= ? AND visitor_key <= ? AND id >= ?"
    " AND counted AND visitor_key IS NOT NULL"
)
_NAMES: Final = ", ".join(_PLAIN)
_INSERT: Final = f"INSERT INTO click ({_NAMES}, counted, reason) VALUES ({', '.join(repeat('?', 14))}, "  # noqa: S608 - names of our columns
_UNCHECKED: Final = f"{_INSERT}?, ?)"
_CHECKED: Final = f"{_INSERT}NOT EXISTS ({_ONCE}), CASE WHEN EXISTS ({_ONCE}) THEN 'repeat' END)"
_LOST: Final = "INSERT INTO click_loss (id, brand_id, lost, lost_from, lost_until, reason) VALUES (?, ?, ?, ?, ?, ?)"


class ClickStore:
    """A connection of its own for clicks. What was counted already is found by ix_click_counted."""

    def __init__(self, database: Database) -> None:
        self._url = database.engine.url
        self._database: Database | None = None
        self._connection: Connection | None = None
        dialect = database.engine.dialect
        mark = "?" if dialect.paramstyle == "qmark" else "%s"
        self._unchecked, self._checked, self._lost = (text.replace("?", mark) for text in (_UNCHECKED, _CHECKED, _LOST))
        self._ready_id: Callable[[Any], Any] = _CLICK.c.id.type.dialect_impl(dialect).bind_processor(dialect) or _as_is
        self._ready_at: Callable[[Any], Any] = _CLICK.c.at.type.dialect_impl(dialect).bind_processor(dialect) or _as_is

    def write(self, clicks: Sequence[NewClick], losses: Mapping[UUID, Loss], *, not_after: float) -> None:
        """Insert `clicks`, and what was lost before them, in one transaction that is durable when this returns.

        Raises:
            DBAPIError: nothing was inserted.
            TimeoutError: (SQLAlchemy's) it took until after the monotonic instant `not_after`, and was rolled back.
        """
        try:
            connection = self._open()
            with connection.begin():
                self._insert(connection, clicks)
                if losses:
                    connection.exec_driver_sql(self._lost, [self._loss_row(*one) for one in losses.items()])
                _check_in_time(not_after)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection; the next write opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(DBAPIError):
                connection.close()
        if self._database is not None:
            self._database.close()
            self._database = None

    def _open(self) -> Connection:
        if self._connection is None:
            self._database = open_database(_impatient(self._url))
            self._connection = self._database.engine.connect()
            if self._database.dialect == "sqlite":
                driver: Any = self._connection.connection.driver_connection
                driver.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
        return self._connection

    def _insert(self, connection: Connection, clicks: Sequence[NewClick]) -> None:
        checked = [self._row(click) + self._span(click) for click in clicks if _may_repeat(click)]
        others = [(*self._row(click), click.reason is None, click.reason) for click in clicks if not _may_repeat(click)]
        if others:
            connection.exec_driver_sql(self._unchecked, others)
        if checked:
            connection.exec_driver_sql(self._checked, checked)

    def _row(self, click: NewClick) -> tuple[Any, ...]:
        ready = self._ready_id
        return (
            ready(click.id),
            ready(click.brand_id),
            ready(click.program_id),
            ready(click.enrollment_id),
            click.target,
            ready(click.target_id),
            self._ready_at(click.at),
            click.verified,
            *click[8:14],
        )

    def _span(self, click: NewClick) -> tuple[Any, ...]:
        """Return where an earlier click of the visitor would lie; twice, since two columns ask."""
        ready = self._ready_id
        span = (ready(click.brand_id), ready(click.target_id), click.lowest, click.highest)
        return (*span, since := ready(first_id_at(click.since)), *span, since)

    def _loss_row(self, brand_id: UUID, loss: Loss) -> tuple[Any, ...]:
        times = (self._ready_at(loss.lost_from), self._ready_at(loss.lost_until))
        return (self._ready_id(new_id()), self._ready_id(brand_id), loss.lost, *times, loss.reason)


def _may_repeat(click: NewClick) -> bool:
    return click.reason is None and click.lowest is not None


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
