"""`goodword code`, `goodword import codes`: whose a code is, from when on, and what is refused."""

from pathlib import Path

import pytest

FRIENDS = ("--program", "friends")


@pytest.fixture
def halfmoon(brand):
    """The brand with Ann and Bo, who own a code each."""
    for name in ("Ann", "Bo"):
        brand("ambassador", "add", f"{name.lower()}@x.example", "--name", name, *FRIENDS, "--code", f"{name}10")
    return brand


def owners(run):
    return {one["code"]: one["owner"] for one in run("code", "list", "--json")["codes"]}


OF_BOTH = {"Ann10": "ann@x.example", "Bo10": "bo@x.example"}


def test_codes_are_issued_to_somebody_to_nobody_or_drawn(halfmoon):
    said = halfmoon("code", "issue", "ANN-LIVE", *FRIENDS, "--to", "ann@x.example")
    assert said == "ANN-LIVE is there, and Ann’s.\n"
    assert halfmoon("code", "issue", "SPARE", *FRIENDS) == "SPARE is there, and nobody’s yet.\n"
    drawn = halfmoon("code", "issue", *FRIENDS, "--to", "bo@x.example", "--stem", "Bo", "--json")["code"]
    assert drawn.startswith("BO-")
    assert owners(halfmoon) == OF_BOTH | {"ANN-LIVE": "ann@x.example", "SPARE": None, drawn: "bo@x.example"}
    assert "is taken in the program Friends" in halfmoon("code", "issue", "ann10", *FRIENDS, fails=1)
    assert "is not in Friends" in halfmoon("code", "issue", "X-1", *FRIENDS, "--to", "c@x.example", fails=1)


def test_a_code_changes_hands_and_ends_for_good(halfmoon):
    assert halfmoon("code", "assign", "ann10", "bo@x.example") == "Ann10 is Bo’s now.\n"
    assert owners(halfmoon)["Ann10"] == "bo@x.example"
    assert halfmoon("code", "release", "Ann10") == "Ann10 is nobody’s now.\n"
    assert owners(halfmoon)["Ann10"] is None
    later = halfmoon("code", "expire", "Ann10", "--at", "2199-01-01")
    assert later == "Ann10 does not count from 2199-01-01 00:00 on.\n"
    halfmoon("code", "expire", "Ann10")
    assert "Issue another code instead." in halfmoon("code", "expire", "Ann10", fails=1)
    assert "ended" in halfmoon("code", "list", *FRIENDS).splitlines()[-1]
    assert "There is no code 'NOPE'." in halfmoon("code", "release", "NOPE", fails=1)
    assert "There is no code '!'." in halfmoon("code", "release", "!", fails=1)


def take_in(run, content, *options, fails=0):
    Path("codes.csv").write_text(content, encoding="utf-8")
    return run("import", "codes", "codes.csv", *FRIENDS, *options, fails=fails)


def test_a_file_of_codes_goes_in_and_a_second_run_changes_nothing(halfmoon):
    content = "code,email\nSUMMER-24-,ann@x.example\n0815,Bo@X.example\nSPARE,\nAnn10,ann@x.example\n"
    assert take_in(halfmoon, content, "--json") == {"new": 3, "known": 1, "refused": 0, "problems": []}
    assert take_in(halfmoon, content) == "0 codes new, 4 there before, 0 rows refused.\n"
    new = {"SUMMER-24-": "ann@x.example", "0815": "bo@x.example", "SPARE": None}
    assert owners(halfmoon) == OF_BOTH | new


def test_each_wrong_row_is_named_and_the_others_go_in(halfmoon):
    told = take_in(
        halfmoon,
        "email,code\nann@x.example,FINE\nc@x.example,C10\nbo@x.example,ann10\nann,X10\n"
        ",PROMO\n,a b\n,\n,FINE\n,Z\u0410Z\n",
        "--json",
        fails=2,
    )
    assert '"new": 1, "known": 0, "refused": 7' in told
    assert owners(halfmoon) == OF_BOTH | {"FINE": "ann@x.example"}
    remedy = "Bring in the ambassadors first: goodword import ambassadors FILE"
    said = take_in(halfmoon, "email,code\nc@x.example,C10\nbo@x.example,ann10\n,a b\n", fails=2)
    assert said.splitlines() == [
        "codes.csv, line 2, email: Nobody in the program has this address. " + remedy,
        "codes.csv, line 3, code: The code ann10 is taken in the program Friends. Choose another one.",
        "codes.csv, line 4, code: This code holds ' ' (SPACE, U+0020). Use the letters A to Z, digits, - and _ only.",
        "0 codes new, 0 there before, 3 rows refused.",
    ]


def test_a_code_of_another_program_stays_there(halfmoon):
    halfmoon("program", "create", "circle", "--name", "Circle", "--currency", "EUR", "--priority", "2")
    halfmoon("code", "issue", "ROUND", "--program", "circle")
    assert "is taken in the program Circle" in take_in(halfmoon, "code\nROUND\n", fails=2)
