"""`goodword program`: terms from a file, every problem named at once, and printed back as they were."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.kernel.errors import InputError
from engine.payouts.queries import minimums
from engine.programs.queries import program_by_slug, terms_history
from engine.programs.schemas import TermsDocument
from engine.programs.service import TermsRefusedError
from engine.programs.terms_file import read_terms, write_terms
from tests.engine.cli.conftest import brand_id, template


@pytest.fixture
def halfmoon(goodword):
    goodword("brand", "create", "halfmoon", "--name", "Halfmoon", "--owner", "owner@halfmoon.example")
    return goodword


def create(run, slug="friends", **options):
    given = {"name": slug.title(), "currency": "EUR", "time-zone": "Europe/Berlin", "priority": "1"} | options
    return run("program", "create", slug, *[part for key, value in given.items() for part in (f"--{key}", value)])


def publish(run, content, *options, fails=0):
    Path("terms.toml").write_text(content, encoding="utf-8")
    return run("program", "publish", "friends", "terms.toml", *options, fails=fails)


@pytest.mark.parametrize("kind", ["percentage", "tiers", "first-order"])
def test_every_template_can_be_published_and_printed_back(halfmoon, db, kind):
    create(halfmoon)
    told = halfmoon("program", "publish", "friends", template(halfmoon, kind), "--json")
    assert told["version"] == 1
    assert all(told["gives"].values())
    printed = halfmoon("program", "terms", "friends")
    with db.reading() as unit:
        program = program_by_slug(unit, brand_id(unit), slug="friends")
        [version] = terms_history(unit, brand_id(unit), program_id=program.id)
    assert read_terms(printed) == version.document
    assert all(f"# {key}: {sentence}" in printed for key, sentence in told["gives"].items())
    assert "says exactly this already" in publish(halfmoon, printed, fails=1)


def test_a_program_begins_with_the_usual_minimum_of_its_currency(halfmoon, db):
    create(halfmoon, currency="jpy")
    with db.reading() as unit:
        assert minimums(unit, brand_id(unit)) == {"JPY": 25}
    assert halfmoon("payouts", "minimum", "JPY", "3000") == "The least that is paid out is 3000 JPY.\n"
    with db.reading() as unit:
        assert minimums(unit, brand_id(unit)) == {"JPY": 3_000}
    assert "more decimals than JPY knows" in halfmoon("payouts", "minimum", "JPY", "10.50", fails=1)


def test_all_problems_of_a_file_are_named_by_their_place(halfmoon):
    create(halfmoon)
    said = publish(
        halfmoon,
        'hold_days = 1.5\nhold = 3\n[[rewards]]\nkey = "A"\ntype = "percentage"\n'
        '[[rates]]\nreward = "commission"\nrate_bps = 20000\n',
        fails=1,
    )
    places = [line.split(":")[0] for line in said.splitlines()[1:]]
    assert places == ["  - hold_days", "  - rewards[0].key", "  - rates[0].rate_bps", "  - hold"]
    assert "1.5 is no whole number" in said
    said = publish(
        halfmoon,
        '[[rewards]]\nkey = "a"\ntype = "lottery"\n[[rates]]\nreward = "b"\nrate_bps = 1\ngroup = "gold"\n',
        fails=1,
    )
    places = [line.split(":")[0] for line in said.splitlines()[1:]]
    assert places == ["  - rewards[0].type", "  - rates[0].reward", "  - rates[0].group"]
    assert "This is no TOML" in publish(halfmoon, "rewards = [", fails=1)
    assert "draft" in halfmoon("program", "list")


def test_terms_are_planned_in_the_zone_of_the_program_and_never_back_dated(halfmoon):
    create(halfmoon)
    plan = template(halfmoon, "percentage")
    said = halfmoon("program", "publish", "friends", plan, "--from", "2199-06-01")
    assert "holds from 2199-06-01 00:00 on" in said
    assert "No terms of Friends hold now." in halfmoon("program", "terms", "friends", fails=1)
    assert "# holds from 2199-06-01 00:00 on (Europe/Berlin)" in halfmoon(
        "program", "terms", "friends", "--version", "1"
    )
    assert "There is no version 2 here." in halfmoon("program", "terms", "friends", "--version", "2", fails=1)
    assert "has passed" in halfmoon("program", "publish", "friends", plan, "--from", "2020-01-01", fails=1)
    assert "no date or time" in halfmoon("program", "publish", "friends", plan, "--from", "soon", fails=1)


def test_groups_are_added_and_terms_name_them(halfmoon):
    create(halfmoon)
    document = halfmoon("program", "template") + '\n[[rates]]\nreward = "commission"\ngroup = "gold"\nrate_bps = 1500\n'
    assert "rates[1].group" in publish(halfmoon, document, fails=1)
    halfmoon("program", "group", "add", "friends", "gold", "--name", "Gold")
    publish(halfmoon, document)
    assert halfmoon("program", "group", "list", "friends") == f"{'gold':<24}Gold\n"
    assert "already" in halfmoon("program", "group", "add", "friends", "gold", "--name", "G", fails=1)


def test_a_closed_program_takes_no_terms(brand):
    assert brand("program", "close", "friends") == "Friends is closed.\n"
    [row] = brand("program", "list", "--json")["programs"]
    assert (row["slug"], row["state"]) == ("friends", "closed")
    assert "is closed" in brand("program", "publish", "friends", template(brand, "tiers"), fails=1)
    assert "There is no program foes here." in brand("program", "close", "foes", fails=1)


def test_of_two_programs_one_must_win(brand):
    said = brand("program", "create", "foes", "--name", "Foes", "--currency", "EUR", "--priority", "1", fails=1)
    assert "Friends has priority 1 already" in said
    said = brand("program", "create", "foes", "--name", "Foes", "--currency", "XXQ", "--time-zone", "Mars", fails=1)
    assert "currency: " in said
    assert "time_zone: " in said


words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)
values = st.recursive(
    st.booleans() | st.integers(-(10**15), 10**15) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)


@given(params=st.dictionaries(words, values, max_size=4), products=st.frozensets(words, max_size=3))
def test_what_is_written_is_read_as_the_same(params, products):
    document = TermsDocument.model_validate(
        {
            "base": {"excluded_products": products},
            "rewards": [{"key": "a", "type": "b", "params": params}],
            "rates": [{"reward": "a", "rate_bps": 5, "product": product} for product in sorted(products)],
        }
    )
    assert read_terms(write_terms(document)) == document


@given(text=st.text(max_size=60) | st.sampled_from(["a = 1.5", "a = 2026-01-01", "a = [nan]", "rewards = [[]]"]))
def test_text_that_is_no_terms_is_refused_with_reasons(text):
    with pytest.raises(InputError) as refused:
        read_terms(text)
    match refused.value:
        case TermsRefusedError(problems=problems):
            assert problems
        case other:
            assert "no TOML" in other.problem
