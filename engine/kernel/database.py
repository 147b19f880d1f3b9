"""The database: SQLite or PostgreSQL behind one door, and the unit of work through which everything is written.

A unit is one transaction. On SQLite it begins `IMMEDIATE`: a deferred transaction that reads before it writes fails at
once when another writer came first, and no busy timeout helps. On PostgreSQL a unit that loses a race is repeated.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, Executable, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from engine.kernel.canonical import dump_json, load_json
from engine.kernel.clock import Clock, SystemClock
from engine.kernel.errors import GoodwordError, StaleReadError

T = TypeVar("T")

_LOST_RACES: Final = {"40001", "40P01", "23505"}
_KEPT: Final = {"synchronous": 2, "foreign_keys": 1, "recursive_triggers": 1}
_READ_ONLY: Final = "goodword_read_only"


class UnsafeDatabaseError(GoodwordError):
    """The database does not keep its promises as it is set up."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"{problem} Goodword does not keep money in such a database.")


@dataclass(slots=True)
class UnitOfWork:
    """One open transaction with the instant at which it began. Services take it; only the outermost layer opens it."""

    session: Session
    clock: Clock
    now: datetime

    @property
    def connection(self) -> Connection:
        """The connection of this transaction, for Core statements on hot paths."""
        return self.session.connection()

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.connection.dialect.name

    @property
    def read_only(self) -> bool:
        """Whether nothing can be written or locked here (`Database.reading`)."""
        return bool(self.connection.get_execution_options().get(_READ_ONLY))

    def execute(self, statement: Executable, parameters: Sequence[dict[str, Any]] | None = None) -> Any:
        """Run one Core statement, or the same one for many rows."""
        if parameters is None:
            return self.connection.execute(statement)
        return self.connection.execute(statement, parameters)


class Database:
    """A door to one database. Make one per process with `open_database`."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self.engine, self.clock = engine, clock

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.engine.dialect.name

    @contextmanager
    def unit(self) -> Iterator[UnitOfWork]:
        """Open a transaction that commits at the end of the block, or rolls back when it raises."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            session.connection()
            yield UnitOfWork(session, self.clock, self.clock.now())

    @contextmanager
    def reading(self) -> Iterator[UnitOfWork]:
        """Open a transaction that sees one state of the database and writes nothing."""
        options: dict[str, Any] = {_READ_ONLY: True}
        if self.dialect == "postgresql":
            options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with Session(self.engine, expire_on_commit=False) as session:
            session.connection(execution_options=options)
            yield UnitOfWork(session, self.clock, self.clock.now())

    def run(self, work: Callable[[UnitOfWork], T], *, attempts: int = 8) -> T:
        """Do `work` in a unit and return its answer; repeat it when it lost a race with another writer.

        Raises:
            StaleReadError: it still lost after `attempts` tries.
        """
        for attempt in range(1, attempts + 1):
            try:
                with self.unit() as unit:
                    return work(unit)
            except (StaleReadError, DBAPIError) as error:
                if attempt == attempts or not _lost_race(error):
                    raise
                time.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311 - jitter, not a secret
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def open_database(url: str, *, clock: Clock | None = None) -> Database:
    """Return a door to the database at `url` (`sqlite:///file` or `postgresql://…`).

    Raises:
        UnsafeDatabaseError: it is neither, or it refuses the settings that keep money safe.
    """
    address = make_url(url)
    match address.get_backend_name():
        case "sqlite":
            engine = _sqlite(address.database)
        case "postgresql":
            engine = create_engine(
                address.set(drivername="postgresql+psycopg"),
                json_serializer=dump_json,
                json_deserializer=load_json,
                pool_pre_ping=True,
            )
        case other:
            raise UnsafeDatabaseError(f"{other} is neither SQLite nor PostgreSQL.")
    return Database(engine, clock or SystemClock())


def _sqlite(path: str | None) -> Engine:
    if not path or path == ":memory:":
        raise UnsafeDatabaseError("A SQLite database in memory is gone with its connection.")
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(f"sqlite:///{path}", json_serializer=dump_json, json_deserializer=load_json)

    @event.listens_for(engine, "connect")
    def _prepare(connection: DBAPIConnection, _record: object) -> None:
        connection.isolation_level = None  # the driver must not begin transactions of its own
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.execute("PRAGMA recursive_triggers=ON")  # else REPLACE deletes rows behind the append-only triggers
        cursor.execute("PRAGMA cache_size=-65536")
        kept = [cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in _KEPT]
        cursor.close()
        if kept != list(_KEPT.values()):
            raise UnsafeDatabaseError("This SQLite refuses synchronous=FULL, foreign keys or recursive triggers.")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        read_only = connection.get_execution_options().get(_READ_ONLY)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def _lost_race(error: StaleReadError | DBAPIError) -> bool:
    """Tell whether repeating helps: a stale read, a deadlock, or a key that another writer took first."""
    return isinstance(error, StaleReadError) or getattr(error.orig, "sqlstate", None) in _LOST_RACES
