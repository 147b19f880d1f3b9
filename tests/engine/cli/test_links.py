"""`goodword links`, `brand site`, `program tracking`: where links lead, by command."""

from pathlib import Path

import pytest
import zxingcpp
from PIL import Image

FRIENDS = ("--program", "friends")
HOME = "https://shop.halfmoon.example/"


@pytest.fixture
def halfmoon(brand):
    """The brand with domains, a home address, and Ann."""
    brand("brand", "site", "--domain", "https://Halfmoon.example/", "--domain", "localhost:3000")
    brand("program", "tracking", "friends", "--home", "https://shop.halfmoon.example")
    brand("ambassador", "add", "ann@x.example", "--name", "Ann", *FRIENDS, "--code", "ANN10")
    return brand


def test_without_a_home_address_there_are_no_links(brand):
    assert "There is no link yet" in brand("links", "list")


def test_a_brand_says_once_where_its_links_may_lead(brand):
    assert "nowhere yet" in brand("brand", "site")
    said = brand("brand", "site", "--domain", "halfmoon.example", "--json")
    assert (said["domains"], said["colour"]) == (["halfmoon.example"], "#6b3fa0")
    kept = brand("brand", "site", "--colour", "#1B7F4B", "--json")
    assert (kept["domains"], kept["colour"]) == (["halfmoon.example"], "#1b7f4b")
    assert "Strangers have sites under co.uk too" in brand("brand", "site", "--domain", "co.uk", fails=1)
    assert "is not a colour" in brand("brand", "site", "--colour", "green", fails=1)


def test_a_program_says_how_it_tracks_and_keeps_what_is_not_named(halfmoon):
    first = halfmoon("program", "tracking", "friends", "--utm", "utm_source={handle}", "--consent", "assumed", "--json")
    assert (first["home_url"], first["consent"], first["utm"]) == (HOME, "assumed", {"utm_source": "{handle}"})
    second = halfmoon("program", "tracking", "friends", "--no-utm", "--retention-days", "30", "--json")
    assert (second["home_url"], second["consent"], second["utm"]) == (HOME, "assumed", {})
    assert second["kept_days"] == 30
    assert f"Links lead to: {HOME}" in halfmoon("program", "tracking", "friends")
    for wrong in (("--home", "https://evil.example/"), ("--retention-days", "5"), ("--utm", "x"), ("--utm", "x={y}")):
        halfmoon("program", "tracking", "friends", *wrong, fails=1)
    assert "would be on none of these domains" in halfmoon("brand", "site", "--domain", "other.example", fails=1)


def test_links_are_made_led_elsewhere_listed_and_put_away(halfmoon):
    said = halfmoon(
        "links", "create", "ann@x.example", *FRIENDS, "--slug", "Ann", "--to", f"{HOME}mug", "--title", "Mug"
    )
    assert said == f"http://127.0.0.1:8000/r/ann is Ann’s and leads to {HOME}mug\n"
    drawn = halfmoon("links", "create", "ann@x.example", *FRIENDS, "--json")
    assert (drawn["leads_to"], drawn["counts"], len(drawn["slug"])) == (HOME, True, 8)
    assert halfmoon("links", "change", "ANN", "--to", HOME).endswith(f"/r/ann leads to {HOME}\n")
    assert "archived" in halfmoon("links", "archive", drawn["slug"])
    listed = halfmoon("links", "list", *FRIENDS, "--json")["links"]
    assert [(one["slug"], one["counts"]) for one in listed[:2]] == [(drawn["slug"], False), ("ann", True)]
    assert {one["owner"] for one in listed} == {"ann@x.example"}
    assert len(listed) == 3  # the first came with being let in
    assert halfmoon("links", "list").splitlines()[0].endswith("ended")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("ann@x.example", "--to", "https://evil.example/"), "not among the brand's domains"),
        (
            ("ann@x.example", "--slug", "admin"),
            "slug: The ending admin is reserved. Choose one that says whose link it is.",
        ),
        (("ann@x.example", "--slug", "a b"), "SPACE"),
        (("ann@x.example", "--until", "soon"), "is no date or time"),
        (("ann@x.example", "--until", "2020-01-01"), "would have ended already"),
        (("ann@x.example", "--utm", "a=x{click}"), "Write {click} once"),
        (("bo@x.example",), "is not in Friends"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_made(halfmoon, arguments, problem):
    before = halfmoon("links", "list", "--json")
    assert problem in halfmoon("links", "create", *arguments, *FRIENDS, fails=1)
    assert halfmoon("links", "list", "--json") == before


def test_a_taken_ending_and_an_unknown_one_are_said(halfmoon):
    halfmoon("links", "create", "ann@x.example", *FRIENDS, "--slug", "ann")
    assert "ann is taken" in halfmoon("links", "create", "ann@x.example", *FRIENDS, "--slug", "ANN", fails=1)
    assert "There is no link 'bo'." in halfmoon("links", "change", "bo", "--title", "x", fails=1)
    assert "What is to be different" in halfmoon("links", "change", "ann", fails=1)
    assert "There is no link '!'." in halfmoon("links", "archive", "!", fails=1)


def test_a_qr_code_is_drawn_into_a_file(halfmoon):
    halfmoon("links", "create", "ann@x.example", *FRIENDS, "--slug", "ann")
    halfmoon("links", "qr", "ann", "ann.png")
    halfmoon("links", "qr", "ann", "ann.svg")
    [found] = zxingcpp.read_barcodes(Image.open("ann.png").convert("RGB"))
    assert found.text == "http://127.0.0.1:8000/r/ann"
    assert Path("ann.svg").read_text().startswith("<svg")
    assert "neither" in halfmoon("links", "qr", "ann", "ann.gif", fails=1)
    assert "cannot be written" in halfmoon("links", "qr", "ann", "no/such/folder/ann.png", fails=1)
