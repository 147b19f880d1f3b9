"""An independent program adds the books up again, and finds a cent that does not belong."""

import random
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from engine.ledger.export import to_beancount
from engine.ledger.service import AccountKind, AccountRef, TransactionDraft, move, post
from tests.engine.ledger.books import OWNERS, account, accrual, add_brand, fill, random_draft

BEAN_CHECK = Path(sys.executable).parent / "bean-check"
SEED = 20260302


def bean_check(path):
    return subprocess.run([BEAN_CHECK, "-C", path], capture_output=True, text=True, check=False)


@pytest.fixture
def exported(db, brand, clock, tmp_path):
    """400 transactions of SEED over 20 days in three currencies and points, and keys that beancount could trip over."""
    draw = random.Random(SEED)
    for day in range(20):
        batch = [random_draft(draw, f"{day}:{number}") for number in range(20)]
        db.run(lambda unit, batch=batch: post(unit, brand, batch))
        clock.advance(timedelta(hours=29))
    points = [AccountRef(kind, owner=OWNERS[0], asset="PTS") for kind in (AccountKind.PENDING, AccountKind.PAYABLE)]
    odd = [
        TransactionDraft('quote " back \\ new\nline \x01 ; {}', "odd", accrual("k", 5).entries),
        TransactionDraft("points", "accrue", (move(7, frm=points[0], to=points[1]),)),
    ]
    db.run(lambda unit: post(unit, brand, odd))

    def write():
        path = tmp_path / "books.beancount"
        with db.reading() as unit:
            path.write_text("".join(f"{line}\n" for line in to_beancount(unit, brand, title='The "Tea" House')))
        return path

    return write


def test_beancount_agrees(exported):
    path = exported()
    text = path.read_text()
    assert text.count(" * ") == 402
    assert len(re.findall(r"^\d{4}-\d\d-\d\d balance ", text, re.MULTILINE)) >= 60
    found = bean_check(path)
    assert (found.returncode, found.stderr) == (0, "")


SMALLEST = {"EUR": "0.01", "JPY": "1", "KWD": "0.001", "PTS": "1"}


@pytest.mark.parametrize("asset", SMALLEST)
@pytest.mark.parametrize("line", [r"^  (Expenses|Liabilities|Equity)\S+  ", r"^\S+ balance \S+  "])
def test_one_smallest_unit_more_is_found(exported, asset, line):
    """Once in a posting, once in an asserted balance."""
    path = exported()
    pattern = re.compile(rf"({line})(-?\d+)(\.\d+)?( ~ 0)? {asset}$", re.MULTILINE)
    hits = list(pattern.finditer(path.read_text()))
    hit = hits[len(hits) // 2]
    amount = hit[0].split()[-4 if " ~ " in hit[0] else -2]
    decimals = len(SMALLEST[asset].partition(".")[2])
    planted = f"{(int(amount.replace('.', '')) + 1) / 10**decimals:.{decimals}f}"
    text = path.read_text()
    path.write_text(text[: hit.start()] + hit[0].replace(amount, planted) + text[hit.end() :])
    found = bean_check(path)
    assert found.returncode == 1
    assert re.search(r"does not balance|Balance failed", found.stderr), found.stderr


def test_the_lines_of_a_commission(db, brand):
    db.run(lambda unit: post(unit, brand, [accrual("order:1:1", 1_250), accrual("order:2:1", 999, asset="JPY")]))
    pending = f"Liabilities:Ambassadors:A{OWNERS[0]}:Pending"
    with db.reading() as unit:
        lines = [line for line in to_beancount(unit, brand, title="Tea House") if line]
    assert lines == [
        'option "title" "Tea House"',
        "2026-03-02 commodity EUR",
        "2026-03-02 commodity JPY",
        "2026-03-02 open Expenses:Commission EUR,JPY",
        f"2026-03-02 open {pending} EUR,JPY",
        '2026-03-02 * "accrue"',
        '  key: "order:1:1"',
        '  transaction: "1"',
        "  Expenses:Commission  12.50 EUR",
        f"  {pending}  -12.50 EUR",
        '2026-03-02 * "accrue"',
        '  key: "order:2:1"',
        '  transaction: "2"',
        "  Expenses:Commission  999 JPY",
        f"  {pending}  -999 JPY",
        "2026-03-03 balance Expenses:Commission  12.50 ~ 0 EUR",
        "2026-03-03 balance Expenses:Commission  999 ~ 0 JPY",
        f"2026-03-03 balance {pending}  -12.50 ~ 0 EUR",
        f"2026-03-03 balance {pending}  -999 ~ 0 JPY",
    ]


def test_every_kind_of_account_has_a_name_that_beancount_takes(db, brand, tmp_path):
    drafts = [
        TransactionDraft(kind, "open", (move(5, frm=account(AccountKind.EXPENSE), to=account(kind)),))
        for kind in AccountKind
        if kind != AccountKind.EXPENSE
    ]
    db.run(lambda unit: post(unit, brand, drafts))
    path = tmp_path / "kinds.beancount"
    with db.reading() as unit:
        path.write_text("\n".join([*to_beancount(unit, brand, title="Tea House"), ""]))
    assert bean_check(path).returncode == 0
    assert path.read_text().count(" open ") == len(AccountKind)


def test_a_brand_without_a_history_exports_to_valid_nothing(db, brand, tmp_path):
    path = tmp_path / "empty.beancount"
    with db.reading() as unit:
        path.write_text("\n".join([*to_beancount(unit, brand, title="Tea House"), ""]))
    assert bean_check(path).returncode == 0


def test_another_brands_books_stay_out(db, brand, tmp_path):
    fill(db, add_brand(db), count=30, seed=SEED)
    db.run(lambda unit: post(unit, brand, [accrual("mine", 1)]))
    with db.reading() as unit:
        assert sum(" * " in line for line in to_beancount(unit, brand, title="Tea House")) == 1
