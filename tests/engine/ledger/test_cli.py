"""`goodword ledger` from outside: what it prints, and how it ends."""

import json

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from engine.cli.ledger import command
from engine.kernel.money import Money, parse_currency
from engine.ledger.blocks import seal
from engine.ledger.verify import verify
from tests.engine.ledger.books import fill
from tests.engine.ledger.test_export import bean_check


@pytest.fixture
def ledger(db, db_url, brand, monkeypatch, tmp_path):
    """The command on 30 sealed transactions of seed 3. (They stand for no commission rows.)"""
    fill(db, brand, count=30, seed=3)
    db.run(seal)
    monkeypatch.setenv("GOODWORD_DATABASE_URL", db_url)
    monkeypatch.setenv("GOODWORD_HOME", str(tmp_path / "home"))
    return lambda *arguments: CliRunner().invoke(command, arguments)


def test_verify_counts_and_says_where_rows_are_missing(ledger, db):
    answer = ledger("verify", "--json")
    found = json.loads(answer.stdout)
    with db.reading() as unit:
        assert verify(unit) == ()
    assert found["counts"]["transactions"] == 30
    assert found["counts"]["blocks"] == 1
    assert found["ok"] is False
    assert answer.exit_code == 1
    assert all("the commission rows there sum to 0" in one["what"] for one in found["violations"])


def test_verify_is_content_with_empty_books(db, db_url, monkeypatch, tmp_path):
    monkeypatch.setenv("GOODWORD_DATABASE_URL", db_url)
    monkeypatch.setenv("GOODWORD_HOME", str(tmp_path / "home"))
    plain, machine = (CliRunner().invoke(command, ["verify", *more]) for more in ([], ["--json"]))
    assert (plain.exit_code, machine.exit_code) == (0, 0)
    assert "all is well" in plain.stdout
    assert json.loads(machine.stdout) == {
        "ok": True,
        "violations": [],
        "counts": {"transactions": 0, "entries": 0, "accounts": 0, "blocks": 0, "unsealed": 0, "head": None},
    }


def test_verify_names_a_changed_row(ledger, db):
    with db.engine.begin() as connection:
        drop = "DROP TRIGGER ledger_entry_no_{}" + (" ON ledger_entry" if db.dialect == "postgresql" else "")
        connection.execute(text(drop.format("change" if db.dialect == "postgresql" else "update")))
        connection.execute(text("UPDATE ledger_entry SET amount_minor = amount_minor + 1 WHERE transaction_id = 7"))
    answer = ledger("verify")
    assert answer.exit_code == 1
    assert "transaction 7: its rows are not what was posted" in answer.stdout
    assert "ledger_entry: the database no longer refuses to update its rows." in answer.stdout
    assert "block 1, transactions 1 to 30: its rows are not what was sealed." in answer.stdout


def test_balances_are_shown_in_major_units(ledger):
    rows = json.loads(ledger("balances", "--json").stdout)["balances"]
    assert {row["asset"] for row in rows} == {"EUR", "JPY", "KWD"}
    shown = ledger("balances").stdout
    assert [line.split()[-2:] for line in shown.splitlines()] == [
        str(Money(row["balance_minor"], parse_currency(row["asset"]))).split() for row in rows
    ]


def test_the_export_passes_bean_check(ledger, tmp_path):
    path = tmp_path / "books.beancount"
    answer = ledger("export", "--format", "beancount", "--output", str(path), "--json")
    assert answer.exit_code == 0, answer.output
    assert json.loads(answer.stdout)["lines"] == len(path.read_text().splitlines())
    assert bean_check(path).returncode == 0
    assert ledger("export").stdout == path.read_text()
    assert ledger("export", "--json").exit_code == 2
