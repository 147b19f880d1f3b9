"""How amounts and dates are written, and that files are served to be kept."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from babel import Locale
from flask import g

from engine.kernel.currencies import EXPONENTS
from tests.support.routes import only
from web.charts import bar_chart
from web.formats import day, initials, money, rate, set_zone
from web.static_files import STATIC, digest


@pytest.fixture
def german(app):
    with app.test_request_context():
        g.locale = Locale.parse("de_DE")
        yield


@pytest.fixture
def english(app):
    with app.test_request_context():
        yield


@pytest.mark.parametrize(
    ("minor", "currency", "written"),
    [
        (1240, "EUR", "€12.40"),
        (-310, "EUR", "−€3.10"),
        (999, "JPY", "JP¥999"),
        (125, "KWD", "KWD0.125"),
        (123456789, "EUR", "€1,234,567.89"),
        (0, "EUR", "€0.00"),
    ],
)
def test_amounts_have_their_currencys_decimals(english, minor, currency, written):
    assert money(minor, currency) == written


def test_amounts_are_written_as_the_locale_wants(german):
    assert money(123456, "EUR") == "1.234,56\xa0€"
    assert rate(1250) == "12,5\xa0\u202f%".replace("\xa0\u202f", "\u202f")


def test_no_currency_loses_a_decimal(english):
    for currency, exponent in EXPONENTS.items():
        digits = re.sub(r"\D", "", money(10**exponent + 1, currency))
        assert digits == str(10**exponent + 1), currency


def test_a_day_is_a_day_of_the_programs_zone(english):
    late = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    assert day(late) == '<time datetime="2026-03-02">2 Mar 2026</time>'
    set_zone("Europe/Berlin")
    assert day(late) == '<time datetime="2026-03-03">3 Mar 2026</time>'


@pytest.mark.parametrize(("name", "shown"), [("Anna Berg", "AB"), ("李小龍", "李"), ("'' --", "?"), ("a b c", "AC")])
def test_initials(name, shown):
    assert initials(name) == shown


def test_bars_stand_on_zero():
    chart = bar_chart([("Jan", 100, "1"), ("Feb", -50, "2"), ("Mar", 0, "3"), ("Apr", 200, "4")])
    up, down, none, top = chart.bars
    assert up.y + up.height == chart.zero == top.y + top.height == down.y
    assert abs(top.height - 2 * up.height) <= 1
    assert none.height == 0
    assert abs(down.height * 2 - up.height) <= 1


def test_bars_of_nothing():
    assert [bar.height for bar in bar_chart([("Jan", 0, "0")] * 12).bars] == [0] * 12
    assert bar_chart([]).bars == ()


def test_files_are_kept_for_ever_under_an_address_of_their_content(app, tmp_path):
    client = app.test_client()
    address = only(r'href="(/static/[0-9a-f]{12}/goodword\.css)"', client.get("/").get_data(as_text=True))
    answer = client.get(address, buffered=True)
    assert answer.status_code == 200
    assert "immutable" in answer.headers["Cache-Control"] or "max-age=31536000" in answer.headers["Cache-Control"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert client.get("/static/000000000000/goodword.css").status_code == 404
    assert client.get(address.replace("goodword.css", "../app.py")).status_code == 404
    (tmp_path / "a.css").write_text("a")
    before = digest(tmp_path)
    (tmp_path / "a.css").write_text("b")
    assert digest(tmp_path) != before


def test_every_icon_of_the_templates_is_in_the_sprite():
    listed = {line.partition("#")[0].strip() for line in (STATIC / "icons.txt").read_text().splitlines()}
    templates = Path(STATIC).parent / "templates"
    used = {
        name
        for path in templates.rglob("*.html")
        for name in re.findall(r'icon\("([a-z0-9-]+)"', path.read_text(encoding="utf-8"))
    }
    assert used
    assert used <= listed
