"""The payment file: the same bytes for the same batch, exact amounts, and no cell that a spreadsheet runs."""

import csv
import io
import re
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.plugin_api import PayoutView, PluginSettings
from plugins.payout_csv.rail import HEADER, CsvRail, safe_cell

DAY = date(2026, 3, 2)


def payout(*, name="Ann Lee", email="ann@example.org", reference="GW-1", currency="EUR", amount_minor=2500):
    return PayoutView(reference, name, email, currency, amount_minor)


def write(*payouts, batch="B-7"):
    return CsvRail().payment_file(payouts, batch_reference=batch, day=DAY, settings=PluginSettings())


def rows(file):
    return list(csv.reader(io.StringIO(file.content.decode(), newline="")))


def test_the_file_to_the_byte():
    file = write(payout(), payout(name="Bo, Jr", reference="GW-2", currency="JPY", amount_minor=999))
    assert file.content == (
        b"reference,recipient_name,recipient_email,currency,amount\n"
        b"GW-1,Ann Lee,ann@example.org,EUR,25.00\n"
        b'GW-2,"Bo, Jr",ann@example.org,JPY,999\n'
    )
    assert (file.name, file.media_type) == ("payouts-2026-03-02-B-7.csv", "text/csv; charset=utf-8")


@pytest.mark.parametrize(
    ("currency", "amount_minor", "written"),
    [("EUR", 1, "0.01"), ("KWD", 1001, "1.001"), ("JPY", 10**12, "1000000000000"), ("EUR", 10**12, "10000000000.00")],
)
def test_amounts_are_in_major_units_with_the_currency_s_decimals(currency, amount_minor, written):
    assert rows(write(payout(currency=currency, amount_minor=amount_minor)))[1][4] == written


INJECTIONS = [
    "=1+1",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://x.example","y")',
    "+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\tx",
    "\r=1",
    "\rx",
    "\n=1",
    " =1",
    "\u00a0=1",
    "\u200b=1",
    "\ufeff=1",
    "\u202e=1",
    "\x00=1",
    "\x1b=1",
    "\uff1d1+1",
    "\uff0b1",
    "\uff0d1",
    "\uff20SUM(A1)",
    "\ufe631",
    "\ufe62x",
    "Ann;=1",
    "Ann\t=1",
    "Ann\n=1",
    "Ann,=1",
    "Ann|=1",
    "\u30001\t@x",
]


@pytest.mark.parametrize("text", INJECTIONS)
@pytest.mark.parametrize("where", ["name", "email", "reference"])
def test_no_cell_starts_a_formula(text, where):
    cells = rows(write(payout(**{where: text})))[1]
    cell = cells[{"reference": 0, "name": 1, "email": 2}[where]]
    assert cell.startswith("'")
    assert not re.search(r"[\t\r\n\x00-\x1f]", cell)
    assert cells[4] == "25.00"


@pytest.mark.parametrize(
    "text", ["Ann Lee", "Anne-Marie", "O'Brien", "a+tag@example.org", "José 山田", "1 = 1", "", "GW-1"]
)
def test_names_of_people_stay_as_they_are(text):
    assert safe_cell(text) == text


@pytest.mark.parametrize(
    ("batch", "name"),
    [
        ("2026/03", "payouts-2026-03-02-2026-03.csv"),
        ("../../etc/x", "payouts-2026-03-02-etc-x.csv"),
        ("a\r\nb", "payouts-2026-03-02-a-b.csv"),
        ("", "payouts-2026-03-02-batch.csv"),
        ("\u00fc", "payouts-2026-03-02-batch.csv"),
    ],
)
def test_the_file_s_name_leads_nowhere_else(batch, name):
    assert write(payout(), batch=batch).name == name


names = st.text(max_size=30)
payouts = st.builds(
    payout,
    name=names,
    email=names,
    reference=names,
    currency=st.sampled_from(["EUR", "JPY", "KWD"]),
    amount_minor=st.integers(1, 10**12),
)


@given(st.lists(payouts, max_size=5), names)
def test_any_batch_gives_one_safe_row_per_payout_and_the_same_bytes_again(batch, reference):
    file = write(*batch, batch=reference)
    assert file == write(*batch, batch=reference)
    head, *body = rows(file)
    assert head == list(HEADER)
    assert file.content.count(b"\n") == len(batch) + 1
    assert b"\r" not in file.content
    places = {"EUR": 2, "JPY": 0, "KWD": 3}
    for row, one in zip(body, batch, strict=True):
        assert not any(cell[:1] in tuple("=+-@\t\r\n") for cell in row if cell)
        assert row[3] == one.currency
        assert Decimal(row[4]).scaleb(places[one.currency]) == one.amount_minor
    assert re.fullmatch(r"payouts-2026-03-02-[A-Za-z0-9._-]+\.csv", file.name)
