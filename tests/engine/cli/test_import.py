"""`goodword import orders`: good rows go in, wrong ones are named, and what it says can be read by a program."""

import json
import shutil

import pytest
from click.testing import CliRunner

from engine.bootstrap import start
from engine.cli import main
from engine.kernel.settings import load_settings
from tests.factories import make_brand, make_code, make_enrollment, make_program

MAPPING = {
    "columns": {
        "record": "Record",
        "order_id": "Order",
        "refund_id": "Refund",
        "placed_at": "Date",
        "amount": "Total",
        "code": "Coupon",
    },
    "time_zone": "Europe/Berlin",
    "currency": "EUR",
}
HEADER = "Record,Order,Refund,Date,Total,Coupon\n"


@pytest.fixture
def home(tmp_path, monkeypatch, sqlite_backend):
    """An installation with one brand whose ambassador Ada owns the code ADA10."""
    monkeypatch.setenv("GOODWORD_HOME", str(tmp_path))
    monkeypatch.delenv("GOODWORD_DATABASE_URL", raising=False)
    shutil.copyfile(sqlite_backend._template, tmp_path / "goodword.db")
    (tmp_path / "mapping.json").write_text(json.dumps(MAPPING))
    goodword = start(load_settings())
    with goodword.database.unit() as unit:
        program = make_program(unit, make_brand(unit).id, effective_at=unit.now.replace(year=2025))
        enrollment = make_enrollment(unit, program, since=unit.now.replace(year=2025))
        make_code(unit, program, enrollment=enrollment, code="ADA10", since=unit.now.replace(year=2025))
    goodword.close()
    return tmp_path


def run(home, content, *options):
    file = home / "orders.csv"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return CliRunner().invoke(main, ["import", "orders", str(file), *options])


def with_mapping(home):
    return ("--mapping", str(home / "mapping.json"), "--json")


def test_good_rows_go_in_and_a_second_run_changes_nothing(home):
    content = HEADER + "order,1,,2026-03-01,100.00,ADA10\norder,2,,2026-03-02,50.00,\n"
    first, again = (run(home, content, *with_mapping(home)) for _ in range(2))
    assert (first.exit_code, again.exit_code) == (0, 0)
    told = json.loads(first.stdout)
    assert (told["new"], told["booked"], told["refused"], told["refunds_waiting"]) == (2, 1, 0, 0)
    told = json.loads(again.stdout)
    assert (told["new"], told["repeated"], told["booked"]) == (0, 2, 0)


def test_a_wrong_row_is_named_with_line_and_column_and_costs_no_other(home):
    content = HEADER + "order,1,,2026-03-01,1e3,ADA10\norder,2,,2026-03-02,50.00,ADA10\n"
    result = run(home, content, *with_mapping(home))
    assert result.exit_code == 2
    told = json.loads(result.stdout)
    assert (told["new"], told["booked"], told["refused"]) == (1, 1, 1)
    [problem] = told["problems"]
    assert (problem["file"], problem["line"], problem["field"]) == ("orders.csv", 2, "Total")
    assert problem["problem"]
    assert problem["remedy"]


def test_an_order_that_comes_again_with_other_content_is_refused_with_its_line(home):
    assert run(home, HEADER + "order,1,,2026-03-01,100.00,ADA10\n", *with_mapping(home)).exit_code == 0
    result = run(home, HEADER + "order,7,,2026-03-01,9.00,\norder,1,,2026-03-01,90.00,ADA10\n", *with_mapping(home))
    assert result.exit_code == 2
    [problem] = json.loads(result.stdout)["problems"]
    assert problem["line"] == 3


def test_a_refund_for_an_order_that_never_came_is_told(home):
    result = run(home, HEADER + "refund,404,R1,2026-03-05,10.00,\n", *with_mapping(home))
    assert result.exit_code == 0
    assert json.loads(result.stdout)["refunds_waiting"] == 1
    plain = run(home, HEADER + "refund,404,R1,2026-03-05,10.00,\n", "--mapping", str(home / "mapping.json"))
    assert "1 refunds wait for an order that has not come." in plain.stdout


def test_a_mapping_that_was_saved_is_used_from_then_on(home):
    content = HEADER + "order,1,,2026-03-01,100.00,ADA10\n"
    without = run(home, content)
    assert without.exit_code == 1
    assert "csv_orders" in without.stderr
    assert run(home, content, *with_mapping(home), "--save-mapping").exit_code == 0
    assert run(home, content).exit_code == 0


def test_a_file_whose_columns_are_not_declared_is_refused_as_a_whole(home):
    result = run(home, "Order,Surprise\n1,2\n", *with_mapping(home))
    assert result.exit_code == 1
    assert "Surprise" in result.stderr


def test_a_mapping_that_is_no_json_is_told_in_a_sentence(home):
    (home / "mapping.json").write_text("columns: {}")
    result = run(home, HEADER, *with_mapping(home))
    assert result.exit_code == 1
    assert "mapping.json is no JSON" in result.stderr


def test_problems_are_printed_for_people_too(home):
    result = run(home, HEADER + "order,1,,2026-02-30,1.00,\n", "--mapping", str(home / "mapping.json"))
    assert result.exit_code == 2
    assert "orders.csv, line 2, Date:" in result.stderr
    assert "1 rows were refused" in result.stdout
