"""The ground that the other tests stand on holds."""

import re
import smtplib
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_socket import SocketConnectBlockedError
from sqlalchemy import func, inspect, select

from engine.identity.tables import Brand
from engine.kernel.migrate import pending
from engine.kernel.tables import table_of
from engine.ledger.journal import ENTRY
from tests.engine.ledger.books import add_brand, fill
from tests.support.order import dealt

pytest_plugins = ["pytester"]

BRAND = table_of(Brand)


def test_a_fresh_database_is_migrated(db, db_url):
    assert not pending(db_url)
    assert inspect(db.engine).get_table_names()


def test_a_database_is_of_the_kind_its_fixture_names(db, backend):
    assert db.dialect == backend.name


def test_two_fresh_databases_are_apart(fresh_db):
    first, second = fresh_db(), fresh_db()
    with first.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE only_here (n integer)")
    assert "only_here" in inspect(first.engine).get_table_names()
    assert "only_here" not in inspect(second.engine).get_table_names()


@pytest.mark.parametrize("analyzed", [False, True], ids=["few rows", "analyzed"])
def test_a_database_that_was_used_before_is_as_new(backend, clock, analyzed):
    def used() -> tuple[list[int], int]:
        database = backend.open(clock)
        with database.reading() as unit:
            before = sum(unit.execute(select(func.count()).select_from(each)).scalar_one() for each in (ENTRY, BRAND))
        ids = fill(database, add_brand(database), count=3, seed=1)
        if analyzed:
            with database.engine.begin() as connection:
                connection.exec_driver_sql("ANALYZE")
        backend.discard(database)
        return ids, before

    assert [used() for _ in range(3)] == [([1, 2, 3], 0)] * 3


@given(st.lists(st.integers()), st.lists(st.integers()), st.integers(1, 8))
def test_every_worker_begins_with_its_part_of_the_slow_tests_and_none_is_lost(slow, quick, workers):
    order = dealt([("slow", each) for each in slow], [("quick", each) for each in quick], shares=workers)
    assert [each for kind, each in order if kind == "slow"] == slow
    assert [each for kind, each in order if kind == "quick"] == quick
    runs = "".join(kind[0] for kind, _ in order)
    assert len(re.findall("s+", runs)) == min(workers, len(slow)) or len(quick) < workers


def test_the_network_ends_at_this_machine():
    with (
        pytest.warns(UserWarning, match="tried to use socket"),
        pytest.raises(SocketConnectBlockedError, match=r"192\.0\.2\.1"),
        socket.socket() as outgoing,
    ):
        outgoing.connect(("192.0.2.1", 80))  # an address for documentation, where nobody is


def test_mail_ends_at_this_machine():
    with pytest.warns(UserWarning, match="tried to use socket"), pytest.raises(SocketConnectBlockedError):
        smtplib.SMTP("192.0.2.1", 25, timeout=1)


def test_the_same_examples_are_tried_every_time():
    def examples() -> list[int]:
        tried: list[int] = []

        @settings(derandomize=True, database=None, max_examples=20)
        @given(st.integers())
        def collect(number: int) -> None:
            tried.append(number)

        collect()
        return tried

    assert examples() == examples()
    assert settings().derandomize or settings().max_examples >= 5_000


SKIPS = {
    "in a test": "import pytest\ndef test_it(): pytest.skip('no such server')",
    "of a whole file": "import pytest\npytest.skip('no such server', allow_module_level=True)",
    "in a fixture": """
        import pytest
        @pytest.fixture
        def server(): pytest.skip('no such server')
        def test_it(server): pass
    """,
}


@pytest.fixture(params=SKIPS.values(), ids=list(SKIPS))
def skipping_run(request, pytester):
    pytester.makepyfile(request.param)
    only_ours = [
        "-p",
        "tests.support.strict",
        "-p",
        "no:randomly",
        "-p",
        "no:playwright",
    ]  # Playwright's cannot be nested
    return lambda: pytester.runpytest_inprocess(*only_ours)


def test_a_skip_is_allowed_on_a_poor_machine(skipping_run, monkeypatch):
    monkeypatch.delenv("GOODWORD_REQUIRE_ALL", raising=False)
    assert skipping_run().parseoutcomes() == {"skipped": 1}


def test_a_skip_is_a_failure_where_everything_is_required(skipping_run, monkeypatch):
    monkeypatch.setenv("GOODWORD_REQUIRE_ALL", "1")
    outcome = skipping_run()
    assert outcome.ret not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
    assert outcome.parseoutcomes().keys() <= {"failed", "errors"}
    outcome.stdout.fnmatch_lines(["*no such server*"])
