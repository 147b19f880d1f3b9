"""The demo tells the same story every time, its figures add up, and it never takes another's place."""

import json
import sqlite3
from datetime import UTC, date, datetime

import pytest
from click.testing import CliRunner

from engine.bootstrap import start
from engine.cli import main
from engine.demo.links import VANITY
from engine.demo.log import bundled, read_log
from engine.demo.pages import APPROVED, GUIDE_HANDLE
from engine.demo.people import PEOPLE, WAITING
from engine.demo.place import OccupiedError, clear, find
from engine.enrollment.tables import EnrollmentState
from engine.identity.service import create_brand
from engine.kernel.errors import InputError
from engine.kernel.migrate import upgrade
from engine.kernel.settings import load_settings


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """The demo built from the sample: its home, and what it printed."""
    home = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GOODWORD_HOME", str(home))
        patch.delenv("GOODWORD_DATABASE_URL", raising=False)
        result = CliRunner().invoke(main, ["demo", "--no-serve", "--json"])
    assert result.exit_code == 0, result.output
    return home, json.loads(result.stdout)


@pytest.fixture
def at(monkeypatch, tmp_path):
    """Point the installation at an empty folder, or at the one given."""

    def point(home=tmp_path):
        monkeypatch.setenv("GOODWORD_HOME", str(home))
        monkeypatch.delenv("GOODWORD_DATABASE_URL", raising=False)
        return load_settings()

    return point


def rows(home, query):
    connection = sqlite3.connect(home / "goodword.db")
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_the_sample_comes_to_these_figures(sample):
    _, told = sample
    figures = ("orders", "attributed", "clicks", "clicked", "accrued", "reversed", "approved", "paid", "open")
    assert {name: told[name] for name in figures} == SAMPLE
    assert told["verify"] == "ok"
    assert min(told[name] for name in ("elapsed_s", "orders_per_s", "peak_rss_mb")) > 0


def test_what_is_open_is_what_was_accrued_less_what_was_taken_back_and_paid(sample):
    _, told = sample
    accrued, taken, paid = (told[name]["USD"] for name in ("accrued", "reversed", "paid"))
    assert told["open"] == {"USD": accrued - taken - paid}
    assert 0 < paid <= told["approved"]["USD"] <= accrued - taken


def test_everything_happens_in_it_that_it_is_meant_to_show(sample):
    home, _ = sample
    states = dict(rows(home, "SELECT state, count(*) FROM enrollment GROUP BY state"))
    assert states == {
        EnrollmentState.ACTIVE.value: len(PEOPLE) - 1,
        EnrollmentState.SUSPENDED.value: 1,
        EnrollmentState.REJECTED.value: 1,
        EnrollmentState.APPLIED.value: len(WAITING),
    }
    standings = rows(home, "SELECT DISTINCT json_extract(e.value, '$.standing') FROM decision, json_each(candidates) e")
    assert {one for (one,) in standings} >= {"earning", "self", "unknown", "unowned", "expired", "inactive"}
    assert len(rows(home, "SELECT 1 FROM payout_batch WHERE submitted_at IS NOT NULL")) >= 12
    reasons = {one for (one,) in rows(home, "SELECT DISTINCT reason FROM commission")}
    assert reasons >= {"accrual", "reversal", "settlement"}


def test_people_click_and_then_buy_or_not_and_programs_are_told_from_them(sample):
    home, told = sample
    reasons = {one for (one,) in rows(home, "SELECT DISTINCT reason FROM click")}
    assert reasons == {None, "repeat", "bot", "prefetch", "head", "embedded", "expired"}
    assert {one for (one,) in rows(home, "SELECT DISTINCT target FROM touch")} == {"link", "page"}
    signals = "SELECT json_extract(shares, '$[0].signal'), count(*) FROM decision WHERE shares <> '[]' GROUP BY 1"
    assert min(dict(rows(home, signals))[one] for one in ("code", "click")) > 500
    assert 0.03 < told["clicked"] / told["clicks"] < 0.06
    assert {one for (one,) in rows(home, "SELECT DISTINCT reason FROM click_flag")} == {"fast_order"}
    kept = rows(home, "SELECT count(*), min(at) > '2026-04-01' FROM click")
    assert kept[0][0] > 2_000
    assert kept[0][1] == 1


def test_days_that_are_kept_are_counted_as_their_clicks_are(sample, at):
    at(sample[0])
    result = CliRunner().invoke(main, ["clicks", "rebuild", "--check", "--json"])
    assert (result.exit_code, json.loads(result.stdout)["differences"]) == (0, 0)


def test_the_printed_link_and_page_are_there(sample):
    home, _ = sample
    assert rows(home, f"SELECT kind FROM link WHERE slug = '{VANITY}'") == [("vanity",)]
    assert rows(home, f"SELECT live_version_id IS NOT NULL FROM landing_page WHERE handle = '{GUIDE_HANDLE}'") == [(1,)]
    states = dict(rows(home, "SELECT state, count(*) FROM landing_version GROUP BY state"))
    assert states == {"approved": len(APPROVED), "submitted": 1}


def test_six_in_a_hundred_orders_are_refunded_half_of_them_in_part(sample):
    home, told = sample
    paid = dict(rows(home, "SELECT external_id, charged_minor FROM shop_order"))
    refunds = rows(
        home,
        "SELECT json_extract(payload, '$.order'), json_extract(payload, '$.amount') "
        "FROM commerce_fact WHERE kind = 'refund'",
    )
    assert 0.055 < len(refunds) / told["orders"] < 0.065
    assert 0.4 < sum(amount < paid[order] for order, amount in refunds) / len(refunds) < 0.6


def test_a_demo_that_is_there_is_found_with_where_its_clock_stood(sample, at):
    built = find(at(sample[0]).database)
    assert built is not None
    assert (built.log, built.ends_at) == ("the sample", datetime(2026, 7, 1, 4, tzinfo=UTC))


def test_a_demo_that_somebody_has_open_is_not_removed(sample, at):
    settings = at(sample[0])
    connection = sqlite3.connect(sample[0] / "goodword.db")
    try:
        connection.execute("SELECT count(*) FROM brand").fetchone()
        with pytest.raises(OccupiedError, match="Another process"):
            clear(settings.database)
    finally:
        connection.close()
    assert find(settings.database) is not None


def test_a_database_with_another_brand_is_never_touched(at):
    settings = at()
    upgrade(settings.database)
    goodword = start(settings)
    with goodword.database.unit() as unit:
        create_brand(unit, slug="acme", name="Acme")
    goodword.close()
    result = CliRunner().invoke(main, ["demo", "--no-serve", "--fresh"])
    assert result.exit_code == 1
    assert "acme" in result.stderr
    goodword = start(settings)
    with goodword.database.reading() as unit:
        assert unit.connection.exec_driver_sql("SELECT slug FROM brand").scalars().all() == ["acme"]
    goodword.close()


def test_a_demo_that_was_interrupted_is_not_taken_for_a_whole_one(at):
    settings = at()
    upgrade(settings.database)
    goodword = start(settings)
    with goodword.database.unit() as unit:
        create_brand(unit, slug="halfmoon", name="Halfmoon Records")
    goodword.close()
    assert find(settings.database) is None
    clear(settings.database)
    assert not (settings.home / "goodword.db").exists()


def test_both_logs_are_whole_and_stand_in_order_of_days():
    sample, full = bundled("sample"), bundled("full")
    assert (len(sample), len(full)) == (6_919, 69_659)
    assert (sum(one.paid_minor for one in sample), len({one.customer for one in full})) == (24_409_194, 23_570)
    for log in (sample, full):
        assert [(one.day, one.line) for one in log] == sorted((one.day, one.line) for one in log)
        assert (log[0].day, log[-1].day) == (date(2025, 1, 1), date(2026, 6, 30))


def test_a_log_of_ones_own_is_read_and_a_wrong_line_named(tmp_path):
    log = tmp_path / "log.txt"
    log.write_text("00001 19970101 1 11.77\r\n00001 0001 19970118 2 29.73\r\n")
    assert [(one.line, one.items, one.paid_minor) for one in read_log(log)] == [(1, 1, 1_177), (2, 2, 2_973)]
    log.write_text("00001 19970101 1 11.77\n00002 19971301 1 5.00\n")
    with pytest.raises(InputError, match="line 2"):
        read_log(log)


SAMPLE = {
    "orders": 6_919,
    "attributed": 3_910,
    "clicks": 20_497,
    "clicked": 898,
    "accrued": {"USD": 1_310_034},
    "reversed": {"USD": 36_887},
    "approved": {"USD": 1_249_614},
    "paid": {"USD": 1_192_359},
    "open": {"USD": 80_788},
}
