"""The run over a rail, and the command."""

import csv
import io
import json

import pytest
from click.testing import CliRunner
from pydantic import SecretStr

from engine.cli import main
from engine.kernel.crypto import Keyring
from engine.kernel.errors import ConflictError
from engine.payouts.queries import all_of_batch, batch_by_id, batches
from engine.payouts.run import payment_file, run_payouts
from engine.payouts.service import NothingToPayError, draft_batch
from engine.payouts.steps import confirm_batch, fail_payout
from engine.plugin_host.guard import PluginFailedError, Registered
from engine.plugin_host.registry import PluginHost, UnknownPluginNounError, load_plugins
from tests.engine.payouts.books import MARCH_2

KEYRING = Keyring(SecretStr("k" * 40))


@pytest.fixture
def host() -> PluginHost:
    return load_plugins(["payout_csv"])


def run(books, host, rail="payout_csv"):
    return run_payouts(books.db, host, brand_id=books.brand, rail=rail, by="Finance", keyring=KEYRING)


def again(books, host, batch):
    return payment_file(books.db, host, brand_id=books.brand, batch_id=batch.id, keyring=KEYRING)


def lines(file):
    return list(csv.DictReader(io.StringIO(file.content.decode())))


def test_a_run_submits_and_writes_a_file_that_pays_nobody(books, host):
    books.book("Ana", 4_000, -500)
    books.book("Bo", 2_500)
    done = run(books, host)
    assert sorted(
        (row["recipient_name"], row["recipient_email"], row["amount"], row["currency"]) for row in lines(done.file)
    ) == [
        ("Ana", "ana@example.com", "35.00", "EUR"),
        ("Bo", "bo@example.com", "25.00", "EUR"),
    ]
    assert done.file.name == "payouts-2026-03-02-202603-1.csv"
    assert books.accounts("Ana") == {"in_transit": 3_500}
    with pytest.raises(NothingToPayError):
        run(books, host)


def test_the_file_is_the_same_each_time_also_after_confirming(books, host, clock):
    books.book("Ana", 4_000)
    books.book("Bo", 2_500)
    done = run(books, host)
    assert again(books, host, done.batch) == done.file
    confirm = {"reference": done.batch.reference, "paid_on": MARCH_2, "by": "Finance"}
    books.db.run(lambda unit: confirm_batch(unit, books.brand, **confirm))
    assert again(books, host, done.batch) == done.file


def test_what_failed_is_not_in_the_file_any_more(books, host):
    books.book("Ana", 4_000)
    books.book("Bo", 2_500)
    done = run(books, host)
    with books.db.reading() as unit:
        first = all_of_batch(unit, books.brand, batch_id=done.batch.id)[0]
    failed = {"reference": first.reference, "reason": "no such account", "by": "Finance"}
    books.db.run(lambda unit: fail_payout(unit, books.brand, **failed))
    assert first.reference not in [row["reference"] for row in lines(again(books, host, done.batch))]
    assert len(lines(done.file)) == 2


def test_an_unknown_rail_submits_nothing(books, host):
    books.book("Ana", 4_000)
    with pytest.raises(UnknownPluginNounError):
        run(books, host, rail="carrier_pigeon")
    assert books.accounts("Ana") == {"payable": 4_000}


def test_a_rail_that_breaks_leaves_a_submitted_batch_whose_file_can_be_asked_for(books, host, monkeypatch):
    books.book("Ana", 4_000)
    good = host.payout_rails

    class Broken:
        name, title = "payout_csv", "Broken"

        def payment_file(self, payouts, *, batch_reference, day, settings):
            raise OSError("disk full")

    monkeypatch.setattr(host, "payout_rails", {"payout_csv": Registered("payout_csv", "1", Broken())})
    with pytest.raises(PluginFailedError, match="disk full"):
        run(books, host)
    assert books.accounts("Ana") == {"in_transit": 4_000}
    monkeypatch.setattr(host, "payout_rails", good)
    with books.db.reading() as unit:
        (batch,) = batches(unit, books.brand).rows
    assert len(lines(again(books, host, batch))) == 1


def test_a_draft_has_no_file(books, host):
    books.book("Ana", 4_000)
    draft = books.db.run(lambda unit: draft_batch(unit, books.brand, rail="payout_csv", by="Finance"))
    with pytest.raises(ConflictError, match="is a draft"):
        again(books, host, draft)
    with books.db.reading() as unit:
        assert batch_by_id(unit, books.brand, batch_id=draft.id).submitted_at is None


@pytest.fixture
def goodword(db_url, tmp_path):
    """Run `goodword payouts …` against the test's database and return the result."""
    env = {"GOODWORD_DATABASE_URL": db_url, "GOODWORD_HOME": str(tmp_path), "GOODWORD_SECRET_KEY": "k" * 40}

    def call(*arguments):
        return CliRunner().invoke(main, ["payouts", *arguments], env=env)

    return call


def test_the_command_from_preview_to_returned(books, goodword, tmp_path):
    books.book("Ana", 4_000)
    books.book("Bo", 100)
    shown = goodword("preview")
    assert "pays        40.00 EUR  Ana: 1 row\n" in shown.output
    assert "not          1.00 EUR  Bo: 1.00 EUR is below the minimum of 25.00 EUR; it carries over." in shown.output
    assert "1 payout, 40.00 EUR; 1 left out." in shown.output
    assert json.loads(goodword("preview", "--json").output)["totals"] == {"EUR": 4_000}
    path = tmp_path / "file.csv"
    answer = json.loads(goodword("run", "--file", str(path), "--json").output)
    assert answer["totals"] == {"EUR": 4_000}
    assert json.loads(goodword("run", "--json").output) == {"batch": None}
    written = path.read_bytes()
    assert goodword("file", answer["batch"], "--file", str(path)).exit_code == 0
    assert path.read_bytes() == written
    (reference,) = [row["reference"] for row in csv.DictReader(io.StringIO(written.decode()))]
    assert goodword("confirm", "--batch", answer["batch"]).output == "Paid: 1 payout.\n"
    confirmed = json.loads(goodword("confirm", reference, "--json").output)
    assert [row["state"] for row in confirmed["payouts"]] == ["paid"]
    failed = goodword("fail", reference, "--reason", "no such account")
    assert failed.exit_code == 1
    assert "This payout is paid; it cannot become failed from there." in failed.stderr
    assert goodword("return", reference, "--reason", "closed").output == f"Payout {reference} is returned.\n"
    assert books.accounts("Ana") == {"payable": 4_000}
    books.check()


def test_the_command_parks_fails_and_freezes(books, goodword, tmp_path):
    books.book("Ana", 4_000)
    path = str(tmp_path / "file.csv")
    assert goodword("freeze", "--reason", "restored").exit_code == 0
    refused = goodword("run", "--file", path)
    assert (refused.exit_code, "frozen: restored" in refused.stderr) == (1, True)
    assert goodword("unfreeze", "--reason", "reconciled").exit_code == 0
    batch = json.loads(goodword("run", "--file", path, "--json").output)["batch"]
    (row,) = csv.DictReader((tmp_path / "file.csv").read_text().splitlines())
    assert "is unknown" in goodword("park", row["reference"], "--reason", "no answer").output
    assert goodword("confirm", row["reference"]).exit_code == 1
    assert goodword("confirm").exit_code == 2
    assert goodword("confirm", row["reference"], "--batch", batch).exit_code == 2
    assert "is failed" in goodword("fail", row["reference"], "--reason", "bank says no").output
    assert books.accounts("Ana") == {"payable": 4_000}
