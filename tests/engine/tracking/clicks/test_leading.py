"""Where a click leads: the brand's domains only, the brand's words first, nothing that breaks a header."""

from dataclasses import replace
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.tracking.clicks.leading import NOTHING, Lead, asked_in, location

DOMAINS = ("shop.example.com",)
LEAD = Lead(
    "https://shop.example.com/coat?size=m#top",
    DOMAINS,
    {"utm_source": "goodword", "utm_content": "{sub}"},
    {"link": "coat"},
)
TOKEN = "t" * 32


def led(query="", path=None, lead=LEAD, token=TOKEN):
    return location(lead, asked_in(query, path=path), token=token)


def parameters(url):
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))


def test_a_plain_link_leads_to_its_destination_with_template_and_click():
    assert led() == f"https://shop.example.com/coat?size=m&utm_source=goodword&gw_click={TOKEN}#top"


def test_the_path_form_names_another_page_of_the_shop():
    assert led(path="shoes/red").startswith("https://shop.example.com/shoes/red?")


def test_the_query_form_names_an_address_on_a_domain_of_the_brand():
    assert led("to=https%3A%2F%2Fwww.shop.example.com%2Fhat").startswith("https://www.shop.example.com/hat?")
    assert led("to=/hat").startswith("https://shop.example.com/hat?")


@pytest.mark.parametrize(
    "to",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "https:evil",
    ],
)
def test_an_address_elsewhere_is_not_followed(to):
    assert led(f"to={quote(to)}").startswith("https://shop.example.com/coat?")


def test_a_sub_id_goes_into_the_template_and_is_kept():
    assert parameters(led("sub=story-3"))["utm_content"] == "story-3"
    assert asked_in("sub=story-3").sub_id == "story-3"
    assert asked_in("sub=%3Cb%3E").sub_id is None


def test_what_else_the_address_says_travels_on():
    assert parameters(led("gclid=abc&fbclid=x%20y"))["fbclid"] == "x y"


def test_the_address_adds_and_never_changes():
    got = parameters(led("utm_source=evil&size=xxl&gw_click=forged&ok=1"))
    assert got == {"size": "m", "utm_source": "goodword", "gw_click": TOKEN, "ok": "1"}


def test_of_several_of_one_name_the_first_counts():
    assert asked_in("sub=a&sub=b").sub_id == "a"
    assert asked_in("to=/a&to=/b").to == "/a"
    assert parameters(led("ref=1&ref=2"))["ref"] == "1"


@pytest.mark.parametrize("query", ["x" * 5_000, "&".join(f"a{n}=1" for n in range(200)), "%", "=&=&", "a" * 100 + "=1"])
def test_odd_queries_are_left_out(query):
    assert urlsplit(led(query)).path == "/coat"
    assert len(led(query)) < 4_000


def test_many_parameters_are_bounded():
    assert len(asked_in("&".join(f"a{n}=1" for n in range(90))).passed) == 20
    assert asked_in(f"a={'x' * 1_001}&b=1").passed == ()


def test_a_lost_click_names_none():
    assert "gw_click" not in led(token="")


def test_a_template_may_name_the_one_parameter_that_carries_the_click():
    lead = replace(LEAD, template={"client_reference_id": "{click}"})
    forged = "client_reference_id=forged&gw_click=forged"
    assert led(lead=lead) == f"https://shop.example.com/coat?size=m&client_reference_id={TOKEN}#top"
    assert parameters(led(forged, lead=lead)) == {"size": "m", "client_reference_id": TOKEN}
    assert parameters(led(lead=lead, token="")) == {"size": "m"}
    # What is told from memory is cut at the one place where the click's id stands.
    both = replace(LEAD, template={"client_reference_id": "{click}", "ref": "{click}"})
    assert led(lead=both).count(TOKEN) == led(lead=LEAD).count(TOKEN) == 1


def test_nothing_asked_is_nothing():
    assert asked_in("") is NOTHING


@given(query=st.text(max_size=200), path=st.none() | st.text(max_size=80))
def test_whatever_is_asked_leads_to_the_brand_in_plain_ascii(query, path):
    """100 examples by default, 500 in CI; raw and percent-encoded."""
    for said in (query, quote(query), f"to={quote(query)}", f"to=https://{query}"):
        url = led(said, path=path)
        host = urlsplit(url).hostname
        assert host == "shop.example.com" or host.endswith(".shop.example.com")
        assert url.isascii()
        assert url.isprintable()
        assert len(url) < 8_000
        assert parameters(url)["gw_click"] == TOKEN
