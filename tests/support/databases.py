"""Fresh migrated databases, fast: each kind is migrated once per process, and every test gets a copy."""

import os
import shutil
import sqlite3
from pathlib import Path
from typing import LiteralString, Protocol
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
    """Copies a migrated database inside one server. Names are drawn, so that processes do not meet."""

    name = "postgresql"

    def __init__(self, server: URL) -> None:
        self._server = server
        self._template = _new_name()
        self._run("CREATE DATABASE {} TEMPLATE template0", self._template)
        upgrade(self._address(self._template))

    def open(self, clock: Clock) -> Database:
        """Return a copy of the migrated database."""
        name = _new_name()
        self._run("CREATE DATABASE {} TEMPLATE {}", name, self._template)
        return open_database(self._address(name), clock=clock)

    def discard(self, database: Database) -> None:
        """Drop the copy, whoever still holds it."""
        database.close()
        self._run("DROP DATABASE {} WITH (FORCE)", str(database.engine.url.database))

    def close(self) -> None:
        """Drop the template."""
        self._run("DROP DATABASE {} WITH (FORCE)", self._template)

    def _address(self, name: str) -> str:
        return self._server.set(database=name).render_as_string(hide_password=False)

    def _run(self, statement: LiteralString, *names: str) -> None:
        with psycopg.connect(_libpq(self._server), autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


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
