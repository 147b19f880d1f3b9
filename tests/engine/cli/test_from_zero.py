"""A new user's whole way, from nothing to a confirmed payout, by the very commands that the README prints."""

import re
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner
from sqlalchemy import text

from engine.cli import main
from tests.support.source import ROOT

SECTION = re.search(r"^## Your own brand\n(.*?)^## ", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)


def blocks(language):
    assert SECTION
    return re.findall(rf"^```{language}\n(.*?)^```$", SECTION[1], re.DOTALL | re.MULTILINE)


@pytest.fixture
def nothing(backend, db_url, fresh_db, tmp_path, monkeypatch):
    """An empty folder; on PostgreSQL also an empty database, without a single table."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GOODWORD_HOME", str(tmp_path / "home"))
    if backend.name == "sqlite":
        monkeypatch.delenv("GOODWORD_DATABASE_URL", raising=False)
    else:
        monkeypatch.setenv("GOODWORD_DATABASE_URL", db_url)
        database = fresh_db()
        with database.engine.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
        monkeypatch.setenv("GOODWORD_DATABASE_URL", database.engine.url.render_as_string(hide_password=False))
        database.close()
    yield
    structlog.reset_defaults()


def type_in(block, **words):
    """Run each line of a block as somebody at a shell would, and return what was printed by its first words."""
    printed = {}
    for line in block.splitlines():
        command, _, target = line.partition(" > ")
        program, *arguments = shlex.split(command)
        assert program == "goodword"
        result = CliRunner().invoke(main, [words.get(one, one) for one in arguments], catch_exceptions=False)
        assert result.exit_code == 0, f"{line}\n{result.output}"
        if target:
            Path(target).write_text(result.stdout)
        printed[" ".join(arguments[:2])] = result.stdout
    return printed


@pytest.mark.slow
def test_the_readme_leads_from_nothing_to_a_confirmed_payout(nothing, monkeypatch):
    begin, take_in, pay = blocks("sh")
    [orders], [mapping] = blocks("csv"), blocks("json")
    Path("mapping.json").write_text(mapping)

    begun = type_in(begin)
    assert re.search(r"/sign-in/\S{20,}", begun["brand create"])
    assert "10 % of what is paid for the goods" in begun["program publish"]
    assert "MAYA10" in begun["ambassador add"]

    Path("orders.csv").write_text(placed_now(orders))
    taken = type_in(take_in)
    assert "2 new" in taken["import orders"]
    assert "1 commission rows booked" in taken["import orders"]
    assert "€32.00" in taken["explain 1001"]
    assert "Maya Okonkwo" in taken["explain 1001"]

    monkeypatch.setenv("GOODWORD_CLOCK_OFFSET_S", str(timedelta(days=32) // timedelta(seconds=1)))
    before, _, after = pay.partition("goodword payouts confirm")
    paid = type_in(before)
    assert "32.00 EUR  Maya Okonkwo" in paid["payouts preview"]
    assert "32.00" in Path("payment.csv").read_text()
    batch = re.search(r"Batch (\S+):", paid["payouts run"])
    assert batch
    done = type_in(f"goodword payouts confirm{after}", BATCH=batch[1])
    assert done["payouts confirm"] == "Paid: 1 payout.\n"
    assert "all is well." in done["ledger verify"]
    assert "The books are what the records make them." in done["rebuild --check"]
    assert "is paid" in type_in("goodword explain 1001")["explain 1001"]


def test_whoever_begins_elsewhere_is_told_where_to_begin(nothing):
    refused = CliRunner().invoke(main, ["program", "list"])
    assert refused.exit_code == 1
    assert refused.stderr == "goodword: The database is not at this version. Run `goodword db upgrade`.\n"
    assert CliRunner().invoke(main, ["db", "upgrade"]).exit_code == 0
    empty = CliRunner().invoke(main, ["program", "list"])
    assert "There is no brand yet. Make one: goodword brand create" in empty.stderr


def test_a_database_out_of_reach_is_said_in_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("GOODWORD_HOME", str(tmp_path))
    monkeypatch.setenv("GOODWORD_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nowhere")
    refused = CliRunner().invoke(main, ["brand", "list"])
    assert refused.exit_code == 1
    assert refused.stderr.startswith("goodword: The database is out of reach: connection failed: ")


def placed_now(orders):
    """Return the orders with the present time: the code is Maya's from a moment ago on, and nothing is back-dated."""
    now = datetime.now(UTC) + timedelta(minutes=1)
    dated, count = re.subn(r"\d{4}-\d\d-\d\d \d\d:\d\d", f"{now:%Y-%m-%d %H:%M}Z", orders)
    assert count == 2
    return dated
