"""`goodword ambassador`, `goodword import ambassadors`: people come in with a code, and every step is open to them."""

import re
from pathlib import Path

import pytest

from engine.enrollment.schemas import ApplicationDraft
from engine.enrollment.service import apply
from engine.identity.queries import rooms_of
from engine.identity.service import ensure_ambassador
from engine.kernel.settings import load_settings
from engine.programs.queries import program_by_slug
from tests.engine.cli.conftest import brand_id, signed_in_by

FRIENDS = ("--program", "friends")


def people(run, *options):
    return {one["email"]: one for one in run("ambassador", "list", *options, "--json")["ambassadors"]}


def add(run, email="maya@x.example", *options, fails=0):
    return run("ambassador", "add", email, "--name", "Maya Okonkwo", *FRIENDS, *options, fails=fails)


def waits(db, email):
    """Let somebody apply, as the public page does."""
    with db.unit() as unit:
        halfmoon = brand_id(unit)
        program = program_by_slug(unit, halfmoon, slug="friends")
        keyring = load_settings().keyring
        person = ensure_ambassador(unit, halfmoon, name="Ola", email=email, keyring=keyring)
        draft = ApplicationDraft()
        apply(unit, halfmoon, program_id=program.id, ambassador_id=person.id, draft=draft, by=email)


def test_who_is_added_has_the_code_that_was_given_and_no_other(brand):
    assert add(brand, "maya@x.example", "--code", "MAYA10") == "Maya Okonkwo is in Friends with the code MAYA10.\n"
    [maya] = people(brand).values()
    assert (maya["state"], maya["codes"], maya["program"]) == ("active", ["MAYA10"], "friends")


def test_who_is_added_without_a_code_has_a_drawn_one_when_the_command_returns(brand):
    [code] = add(brand, "maya@x.example", "--json")["codes"]
    assert re.fullmatch(r"[A-Z0-9-]{8,}", code)
    assert people(brand)["maya@x.example"]["codes"] == [code]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--code", "MAYA10"), "The code MAYA10 is taken in the program Friends."),
        (("--code", "12345"), "Add a letter."),
        (("--group", "gold"), "The program has no group 'gold'."),
    ],
)
def test_where_a_part_is_refused_nobody_is_added(brand, options, said):
    add(brand, "maya@x.example", "--code", "MAYA10")
    assert said in add(brand, "new@x.example", *options, fails=1)
    assert set(people(brand)) == {"maya@x.example"}


def test_somebody_is_added_once_and_to_an_open_program(brand):
    add(brand)
    assert "is active in Friends already" in add(brand, fails=1)
    assert "This is not an e-mail address" in add(brand, "maya", fails=1)
    brand("program", "create", "later", "--name", "Later", "--currency", "EUR", "--priority", "2")
    said = brand("ambassador", "add", "a@x.example", "--name", "A", "--program", "later", fails=1)
    assert "Later has no terms yet" in said


def test_every_step_of_a_life(brand, db):
    waits(db, "ola@x.example")
    waits(db, "no@x.example")
    assert set(people(brand, "--state", "applied")) == {"ola@x.example", "no@x.example"}
    assert brand("ambassador", "approve", "ola@x.example", *FRIENDS) == "Ola is active in friends.\n"
    assert len(people(brand)["ola@x.example"]["codes"]) == 1
    brand("ambassador", "reject", "no@x.example", *FRIENDS, "--reason", "Spam.", "--again-from", "2199-01-01")
    assert "Apply again from 01 January 2199" in add(brand, "no@x.example", fails=1)
    brand("ambassador", "suspend", "ola@x.example", *FRIENDS, "--reason", "Under review.")
    assert "it cannot become" in brand("ambassador", "approve", "ola@x.example", *FRIENDS, fails=1)
    assert "Reinstate them" in add(brand, "ola@x.example", fails=1)
    brand("ambassador", "reinstate", "ola@x.example", *FRIENDS)
    assert brand("ambassador", "leave", "ola@x.example", *FRIENDS, "--json")["state"] == "left"
    assert people(brand)["ola@x.example"]["state"] == "left"
    assert "nobody@x.example is not in Friends." in brand("ambassador", "leave", "nobody@x.example", *FRIENDS, fails=1)


def test_groups_and_rates_of_ones_own(brand):
    brand("program", "group", "add", "friends", "gold", "--name", "Gold")
    add(brand, "maya@x.example", "--group", "gold")
    assert brand("ambassador", "group", "maya@x.example", *FRIENDS) == "Maya Okonkwo is in no group.\n"
    assert "Name one of: gold." in brand("ambassador", "group", "maya@x.example", "tin", *FRIENDS, fails=1)
    rate = ("ambassador", "rate", "maya@x.example", *FRIENDS, "--reward")
    said = brand(*rate, "commission", "--bps", "1250", "--product", "LP")
    assert said == "Maya Okonkwo gets 1250 basis points for commission on LP from now on.\n"
    assert "The program has no reward 'bonus'." in brand(*rate, "bonus", "--bps", "1", fails=1)
    assert "rate_bps" in brand(*rate, "commission", "--bps", "10001", fails=1)
    assert "the rate of the terms" in brand(*rate, "commission", "--end")
    brand(*rate, "commission", fails=2)


def test_a_link_leads_into_the_portal_and_nobody_else_gets_one(brand, db):
    add(brand)
    link = brand("ambassador", "sign-in", "maya@x.example", "--json")["sign_in"]
    with db.reading() as unit:
        login = signed_in_by(unit, link)
        assert [one.brand.slug for one in rooms_of(unit, login.id).ambassador] == ["halfmoon"]
    assert "no ambassador of halfmoon" in brand("ambassador", "sign-in", "owner@halfmoon.example", fails=1)


def take_in(run, content, *options, fails=0):
    Path("people.csv").write_text(content, encoding="utf-8")
    return run("import", "ambassadors", "people.csv", *FRIENDS, *options, fails=fails)


def test_a_file_of_people_goes_in_and_a_second_run_changes_nothing(brand):
    content = "\ufeffName,Email,Code\nMaya Okonkwo,maya@x.example,MAYA10\n\nOla,ola@x.example,\n"
    first, again = (take_in(brand, content, "--json") for _ in range(2))
    assert first == {"new": 2, "known": 0, "refused": 0, "problems": []}
    assert again == {"new": 0, "known": 2, "refused": 0, "problems": []}
    listed = people(brand)
    assert listed["maya@x.example"]["codes"] == ["MAYA10"]
    assert len(listed["ola@x.example"]["codes"]) == 1


def test_each_wrong_row_is_named_and_the_others_go_in(brand):
    add(brand, "maya@x.example", "--code", "MAYA10")
    said = take_in(
        brand,
        "name,email,code\n"
        "Ann,ann@x.example,ANN\n"
        "Bo,bo,BO5\n"
        ",cy@x.example,\n"
        "Di,di@x.example,maya10\n"
        "Ed,ed@x.example\n"
        '"Fi\nFi",fi@x.example,FI FI\n'
        "Gus,gus@x.example,GUS\n",
        fails=2,
    )
    lines = said.splitlines()
    assert [line.split(": ")[0] for line in lines[:-1]] == [
        "people.csv, line 3, email",
        "people.csv, line 4, name",
        "people.csv, line 5, code",
        "people.csv, line 6",
        "people.csv, line 7, code",
    ]
    assert lines[-1] == "2 ambassadors new, 0 there before, 5 rows refused."
    assert set(people(brand)) == {"maya@x.example", "ann@x.example", "gus@x.example"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("name\nAnn\n", "people.csv has no column email."),
        ("name,email,phone\n", "people.csv has columns that mean nothing here: phone."),
        ("name,email,name\n", "people.csv has a column twice."),
        ("", "people.csv has no column name, email."),
        ('name,email\n"Ann,a@x.example\n', "people.csv, line 2: unexpected end of data."),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_as_a_whole(brand, content, said):
    assert said in take_in(brand, content, fails=1)


def test_text_that_is_not_utf8_is_refused(brand):
    Path("people.csv").write_bytes("name,email\nZoë,zoe@x.example\n".encode("latin-1"))
    said = brand("import", "ambassadors", "people.csv", *FRIENDS, fails=1)
    assert "people.csv is not UTF-8 text. Save it as UTF-8." in said
