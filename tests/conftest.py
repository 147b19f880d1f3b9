"""What every test may ask for: a clock that stands still, fresh databases of both kinds, a browser of this machine.

How many examples a property is tried with, and in which order, is printed at the head of a run. The default and the
`ci` profile are derandomized: the same commit tries the same examples everywhere.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from engine.kernel.clock import VirtualClock
from engine.kernel.database import Database
from tests.support.databases import Backend, PostgresqlBackend, SqliteBackend, postgresql_address, reachable

pytest_plugins = ["tests.support.strict", "tests.support.order"]

PROFILE = os.environ.get("GOODWORD_HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "fast")

_common: dict[str, Any] = {"deadline": None, "print_blob": True, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("fast", max_examples=100, derandomize=True, database=None, **_common)
settings.register_profile("ci", max_examples=500, derandomize=True, database=None, **_common)
settings.register_profile("search", max_examples=5_000, **_common)  # by hand: other examples each time, found ones kept
settings.load_profile(PROFILE)

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""Where the `clock` stands: a Monday morning, four weeks before Europe's clocks go forward."""


def pytest_report_header() -> str:
    """Say with how many examples the properties run, and whether anything may be skipped."""
    chosen = settings.get_profile(PROFILE)
    seed = "fixed by each test's name" if chosen.derandomize else "drawn anew"
    skips = "failures" if os.environ.get("GOODWORD_REQUIRE_ALL") == "1" else "allowed"
    return f"goodword: hypothesis profile {PROFILE}, {chosen.max_examples} examples, seed {seed}; skips are {skips}"


@pytest.fixture
def clock() -> VirtualClock:
    """A clock that stands at `START` until the test turns it."""
    return VirtualClock(START)


@pytest.fixture(scope="session")
def sqlite_backend(tmp_path_factory: pytest.TempPathFactory) -> SqliteBackend:
    """A migrated SQLite file, to copy."""
    return SqliteBackend(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgresql_backend() -> Iterator[PostgresqlBackend]:
    """A migrated PostgreSQL database, to copy."""
    address = postgresql_address()
    problem = reachable(address)
    if problem:
        pytest.skip(f"no PostgreSQL at {address.host}:{address.port} (GOODWORD_TEST_POSTGRES_URL): {problem}")
    backend = PostgresqlBackend(address)
    yield backend
    backend.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def backend(request: pytest.FixtureRequest) -> Backend:
    """Either kind of database: a test that asks for it, for `db` or for `fresh_db` runs on both."""
    chosen: Backend = request.getfixturevalue(f"{request.param}_backend")
    return chosen


@pytest.fixture
def fresh_db(backend: Backend, clock: VirtualClock) -> Iterator[Callable[[], Database]]:
    """Make one more empty, migrated database at each call: one per hypothesis example, or two to compare."""
    opened: list[Database] = []

    def make() -> Database:
        opened.append(backend.open(clock))
        return opened[-1]

    yield make
    for database in opened:
        backend.discard(database)


@pytest.fixture
def db(fresh_db: Callable[[], Database]) -> Database:
    """An empty, migrated database of this test's own."""
    return fresh_db()


@pytest.fixture
def db_url(db: Database) -> str:
    """The address of `db`, for what opens it itself: a command, a server, another process."""
    return db.engine.url.render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Drive the machine's own Chromium, which can reach nothing but this machine."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not found:
        pytest.skip("no Chromium on this machine: install the package chromium")
    arguments = ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")  # Chromium's sandbox refuses to start for root
    return browser_type_launch_args | {"executable_path": found, "args": arguments}
