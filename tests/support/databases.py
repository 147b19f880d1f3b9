"""Fresh migrated databases, fast: each kind is migrated once per process, and every test gets a copy."""

import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any, LiteralString, Protocol
from uuid import uuid4

import psycopg
from psycopg import sql
from sqlalchemy import URL, make_url

from engine.kernel.clock import Clock
from engine.kernel.database import Database, open_database
from engine.kernel.migrate import upgrade

DEFAULT_POSTGRES = "postgresql+psycopg://postgres@127.0.0.1:5432/postgres"


class Backend(Protocol):
    """One kind of database, ready to be copied."""

    name: str

    def open(self, clock: Clock) -> Database:
        """Return a new, migrated database."""
        ...

    def discard(self, database: Database) -> None:
        """Close `database` and remove it."""
        ...


class SqliteBackend:
    """Copies a migrated file."""

    name = "sqlite"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._template = folder / "template.sqlite3"
        upgrade(f"sqlite:///{self._template}")
        with sqlite3.connect(self._template) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()

    def open(self, clock: Clock) -> Database:
        """Return a copy of the migrated file."""
        path = self._folder / f"{uuid4().hex}.sqlite3"
        shutil.copyfile(self._template, path)
        return open_database(f"sqlite:///{path}", clock=clock)

    def discard(self, database: Database) -> None:
        """Remove the file with its journal."""
        database.close()
        for path in self._folder.glob(f"{Path(database.engine.url.database or '').name}*"):
            path.unlink()


class PostgresqlBackend:
    """Copies a migrated database inside one server, and uses a copy again once it was emptied.

    Creating and dropping a database each make the server flush everything it holds. Names are drawn, so that processes
    do not meet.
    """

    name = "postgresql"

    def __init__(self, server: URL) -> None:
        self._server = server
        self._template = _new_name()
        self._free: list[str] = []
        self._run("CREATE DATABASE {} TEMPLATE template0", self._template)
        upgrade(self._address(self._template))
        with psycopg.connect(self._libpq(self._template)) as connection:
            self._schema = _schema(connection)

    def open(self, clock: Clock) -> Database:
        """Return a copy of the migrated database: one that is free, or a new one."""
        if self._free:
            return open_database(self._address(self._free.pop()), clock=clock)
        name = _new_name()
        self._run("CREATE DATABASE {} TEMPLATE {}", name, self._template)
        return open_database(self._address(name), clock=clock)

    def discard(self, database: Database) -> None:
        """Empty the copy for the next test, whoever still holds it; drop one whose schema a test has changed."""
        database.close()
        name = str(database.engine.url.database)
        with psycopg.connect(self._libpq(name), autocommit=True) as connection:
            connection.execute(_OTHERS_OUT)
            same = _schema(connection) == self._schema
            if same:
                _empty(connection)
        if same:
            self._free.append(name)
        else:
            self._run("DROP DATABASE {} WITH (FORCE)", name)

    def close(self) -> None:
        """Drop the copies and the template."""
        for name in (*self._free, self._template):
            self._run("DROP DATABASE {} WITH (FORCE)", name)

    def _address(self, name: str) -> str:
        return self._server.set(database=name).render_as_string(hide_password=False)

    def _libpq(self, name: str) -> str:
        return _libpq(self._server.set(database=name))

    def _run(self, statement: LiteralString, *names: str) -> None:
        with psycopg.connect(_libpq(self._server), autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


_OTHERS_OUT: LiteralString = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
    "AND pid <> pg_backend_pid()"
)
_SCHEMA: LiteralString = """
SELECT md5(string_agg(line, ';' ORDER BY line)) FROM (
  SELECT concat('trigger ', tgrelid::regclass, tgname, tgenabled) FROM pg_trigger WHERE NOT tgisinternal
  UNION ALL SELECT concat('class ', relname, relkind, relnatts) FROM pg_class
            WHERE relnamespace = 'public'::regnamespace
  UNION ALL SELECT concat('check ', conrelid::regclass, conname) FROM pg_constraint
            WHERE connamespace = 'public'::regnamespace
) AS lines (line)
"""


def _schema(connection: psycopg.Connection[Any]) -> object:
    """Return a digest of the tables, indexes, constraints and triggers."""
    row = connection.execute(_SCHEMA).fetchone()
    return row[0] if row else None


_FILLED: LiteralString = """
SELECT relname, pg_relation_size(oid) > 1000000 OR reltuples > 0 FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'alembic_version'
  AND pg_relation_size(oid) > 0
"""
"""Tables that hold rows or held some, and whether one has grown or was analyzed: plans must not go by what is gone."""

_STARTED: LiteralString = """
SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false) FROM pg_sequences
WHERE schemaname = 'public' AND last_value IS NOT NULL
"""


def _empty(connection: psycopg.Connection[Any]) -> None:
    """Empty every table that holds rows, past the triggers that keep books append-only, and count from one again.

    A few rows are deleted in some milliseconds. Truncating takes a second: with one table go all that refer to it, and
    each of them and of their indexes gets a new file.
    """
    connection.execute("SET session_replication_role = replica")
    grown = dict(connection.execute(_FILLED).fetchall())
    if any(grown.values()):
        connection.execute(sql.SQL("TRUNCATE {} CASCADE").format(sql.SQL(", ").join(map(sql.Identifier, grown))))
    elif grown:
        deletions = (sql.SQL("DELETE FROM {}").format(sql.Identifier(name)) for name in grown)
        connection.execute(sql.SQL("; ").join(deletions))
    connection.execute(_STARTED)


def postgresql_address() -> URL:
    """Return where the tests look for PostgreSQL."""
    return make_url(os.environ.get("GOODWORD_TEST_POSTGRES_URL", DEFAULT_POSTGRES))


def reachable(server: URL) -> str | None:
    """Return why `server` cannot be used, or None where it can."""
    try:
        psycopg.connect(_libpq(server), connect_timeout=3).close()
    except psycopg.OperationalError as error:
        return str(error).strip().splitlines()[-1]
    return None


def _libpq(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def _new_name() -> str:
    return f"goodword_test_{uuid4().hex}"
