"""No address, however it is written, leads a visitor to a host that the brand has not listed.

The property tests compare with `browser.place`, which reads addresses as browsers do.
"""

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.kernel.errors import InputError
from engine.plugin_api import address_with
from engine.tracking.links.rules import (
    LONGEST_URL,
    LONGEST_VALUE,
    WORDS,
    DestinationRefusedError,
    asked_destination,
    checked_destination,
    checked_template,
    clean_sub_id,
    click_parameter,
    destination_now,
    is_destination,
    utm_parameters,
)
from tests.engine.tracking.links.browser import place

DOMAINS = ("shop.example.com", "localhost:3000", "127.0.0.1")
HOME = "https://shop.example.com/start?season=spring#top"

PIECES = [
    *(
        "https:",
        "http:",
        "HTTPS:",
        "javascript:",
        "data:",
        "//",
        "/",
        "\\",
        "///",
        "/\\",
        "\\\\",
        "@",
        ":",
        "?",
        "#",
        ".",
    ),
    *("shop.example.com", "evil.com", "evil", "localhost", ":3000", ":443", ":80", "127.0.0.1", "0x7f.1", "2130706433"),
    *("[::1]", "[", "]", "%2f", "%5c", "%40", "%09", "%00", "\t", "\n", "\r", "\0", " ", "\u00a0", "\u200b", "\u202e"),
    *("。", "．", "／", "＼", "＠", "ｅvil.com", "ß", "a", "..", "&", "=", ";", "\ud800", "xn--", "$", "|", "<"),
]
GOOD = ["https://shop.example.com/", "http://localhost:3000/a?b#c", "https://de.shop.example.com", "http://127.0.0.1/"]


@st.composite
def spoilt(draw):
    """An address of the brand with pieces put in somewhere."""
    text = draw(st.sampled_from(GOOD))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from(PIECES)) + text[at:]
    return text


addresses = st.one_of(spoilt(), st.lists(st.sampled_from(PIECES), max_size=9).map("".join), st.text(max_size=40))

ATTACKS = [
    *("//evil.com", "///evil.com", "////evil.com", "/\\evil.com", "\\\\evil.com", "\\/evil.com", "/\t/evil.com"),
    *("/\n/evil.com", "https:evil.com", "https:/evil.com", "https:\\\\evil.com", "HtTpS:evil.com", "http:\\evil.com"),
    *("javascript:alert(1)", "java\nscript:alert(1)", " javascript:alert(1)", "data:text/html,x", "vbscript:x"),
    *(
        "https://shop.example.com@evil.com",
        "https://shop.example.com:x@evil.com",
        "https://evil.com\\@shop.example.com",
    ),
    *("https://evil.com#@shop.example.com", "https://evil.com?.shop.example.com", "https://evil.com/shop.example.com"),
    *("https://shop.example.com.evil.com", "https://evilshop.example.com", "https://shop.example.com%2eevil.com"),
    *(
        "https://shop.example.com%00.evil.com",
        "https://shop.example.com\0.evil.com",
        "https://shop.example.com\t.evil.com",
    ),
    *(
        "https://shop.example.com。evil.com",
        "https://shop.example.com．evil.com",
        "https://evil.com／.shop.example.com",
    ),
    *(
        "https://ｅvil.com",
        "https://[::1]",
        "https://0x7f.1",
        "https://2130706433",
        "https://127.1",
        "https://0177.0.0.1",
    ),
    *("ftp://shop.example.com", "https://shop.example.com:8443", "https://localhost", "http://localhost:3001"),
    *("http://shop.example.com", "https://", "https:///", "https://:443", "https://.", "//", "/\\", "\\", "https:", ""),
    *("https://shop.example.com:65536", "https://shop.example.com:٤٤٣", "https://shop.example.com:443:443"),
]


def within(host, port):
    """Whether DOMAINS hold a host at a port; None where the scheme's own port is meant."""
    listed = {("localhost", 3000)} if port not in {80, 443} else {("shop.example.com", None), ("127.0.0.1", None)}
    return any(host == name or host.endswith(f".{name}") for name, _ in listed)


@pytest.mark.parametrize("address", ATTACKS, ids=ascii)
def test_an_address_that_is_not_the_brands_is_refused_and_falls_back(address):
    with pytest.raises(DestinationRefusedError):
        checked_destination(address, domains=DOMAINS)
    assert asked_destination(HOME, path=None, to=address, domains=DOMAINS) == HOME
    assert not is_destination(address, domains=DOMAINS)


@settings(max_examples=1_000)
@given(addresses)
def test_whatever_is_taken_leads_a_browser_to_a_listed_host(address):
    try:
        taken = checked_destination(address, domains=DOMAINS)
    except DestinationRefusedError:
        return
    scheme, host, port = place(taken)
    assert within(host, port)
    assert scheme == "https" or host in {"localhost", "127.0.0.1"}
    assert taken.isascii()
    assert taken.isprintable()
    assert checked_destination(taken, domains=DOMAINS) == taken
    assert place(address) == (scheme, host, port)  # what was typed would have led to the same place


@settings(max_examples=1_000)
@given(st.none() | addresses, st.none() | addresses)
@example(path="/evil.com", to=None)
@example(path="\\evil.com", to=None)
@example(path="..//evil.com", to=None)
@example(path=None, to="/x\\..\\evil.com")
def test_whatever_a_visitor_asks_for_they_come_to_a_listed_host(path, to):
    answer = asked_destination(HOME, path=path, to=to, domains=DOMAINS)
    _, host, port = place(answer)
    assert within(host, port)
    assert answer.isascii()
    assert answer.isprintable()


@settings(max_examples=500)
@given(addresses, st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=20), max_size=4))
def test_parameters_never_change_the_place_and_can_be_read_back(to, parameters):
    base = asked_destination(HOME, path=None, to=to, domains=DOMAINS)
    parameters = {name: value for name, value in parameters.items() if (name + value).isprintable()}
    answer = address_with(base, parameters=parameters)
    assert place(answer) == place(base)
    assert urlsplit(answer).fragment == urlsplit(base).fragment
    read = parse_qsl(urlsplit(answer).query, keep_blank_values=True, separator="&")
    assert {name: value for name, value in read if name in parameters} == parameters
    assert address_with(answer, parameters=parameters) == answer


@pytest.mark.parametrize(
    ("written", "taken"),
    [
        ("https://shop.example.com", "https://shop.example.com/"),
        ("HTTPS://Shop.Example.COM:443/a", "https://shop.example.com/a"),
        ("https://de.shop.example.com/tee?x=1#y", "https://de.shop.example.com/tee?x=1#y"),
        ("https://shop.example.com?q=1", "https://shop.example.com/?q=1"),
        ("https://shop.example.com#q", "https://shop.example.com/#q"),
        ("https://shop.example.com/größe?q=ß#ä", "https://shop.example.com/gr%C3%B6%C3%9Fe?q=%C3%9F#%C3%A4"),
        ("https://shop.example.com/100%25/%zz", "https://shop.example.com/100%25/%zz"),
        ("https://ｓhop.example.com/", "https://shop.example.com/"),
        ("http://localhost:3000/x", "http://localhost:3000/x"),
        ("http://127.0.0.1/", "http://127.0.0.1/"),
        ("https://shop.example.com//evil.com", "https://shop.example.com//evil.com"),
    ],
    ids=ascii,
)
def test_an_address_of_the_brand_is_written_plainly(written, taken):
    assert checked_destination(written, domains=DOMAINS) == taken


@pytest.mark.parametrize(
    ("url", "fits"),
    [
        ("https://buy.stripe.com/ours1?a=1#b", True),
        ("https://BUY.stripe.com:443/ours1", True),
        ("https://buy.stripe.com/theirs", False),
        ("https://buy.stripe.com/OURS1", False),
        ("https://buy.stripe.com/", False),
        ("https://buy.stripe.com?/ours1", False),
        ("https://buy.stripe.com/ours1/../theirs", False),
        ("https://buy.stripe.com/ours1%2f..%2ftheirs", False),
        ("https://buy.stripe.com/./ours1", False),
        ("https://buy.stripe.com:8443/ours1", False),
        ("https://x.buy.stripe.com/ours1", False),
    ],
)
def test_of_a_host_that_strangers_share_only_the_brand_s_own_page_is_led_to(url, fits):
    assert is_destination(url, domains=("buy.stripe.com/ours1",)) is fits


def test_a_visitor_cannot_ask_for_another_page_of_a_shared_host():
    base, domains = "https://buy.stripe.com/ours1", ("buy.stripe.com/ours1",)
    assert asked_destination(base, path="theirs", to=None, domains=domains) == base
    assert asked_destination(base, path=None, to="/theirs", domains=domains) == base


def test_a_host_in_another_alphabet_is_compared_in_ascii():
    domains = ("xn--bcher-kva.example",)
    assert checked_destination("https://bücher.example/x", domains=domains) == "https://xn--bcher-kva.example/x"
    assert checked_destination("https://BÜCHER.example", domains=domains) == "https://xn--bcher-kva.example/"


def test_length_is_capped_before_and_after_encoding():
    start = "https://shop.example.com/"
    assert len(checked_destination(start + "a" * (LONGEST_URL - len(start)), domains=DOMAINS)) == LONGEST_URL
    for path in ("a" * (LONGEST_URL - len(start) + 1), "ä" * 1_000, "a" * 1_000_000):
        with pytest.raises(DestinationRefusedError, match=f"at most {LONGEST_URL}"):
            checked_destination(start + path, domains=DOMAINS)


def test_a_refusal_says_what_is_wrong_and_what_to_do():
    with pytest.raises(
        DestinationRefusedError, match=r"evil\.com is not among the brand's domains \(shop\.example\.com"
    ):
        checked_destination("https://evil.com/x", domains=DOMAINS)
    with pytest.raises(DestinationRefusedError, match=r"no domain yet"):
        checked_destination("https://evil.com/x", domains=())
    with pytest.raises(DestinationRefusedError, match=r"not encrypted\. Begin with https://"):
        checked_destination("http://shop.example.com/", domains=DOMAINS)


@pytest.mark.parametrize(
    ("path", "to", "answer"),
    [
        ("products/mug", None, "https://shop.example.com/products/mug"),
        ("products/mug", "/other", "https://shop.example.com/products/mug"),
        ("große tasse", None, "https://shop.example.com/gro%C3%9Fe%20tasse"),
        ("100%", None, "https://shop.example.com/100%25"),
        ("a?b#c", None, "https://shop.example.com/a%3Fb%23c"),
        ("a//b/", None, "https://shop.example.com/a//b/"),
        ("../admin", None, HOME),
        ("a/./b", None, HOME),
        ("", "", HOME),
        (None, "/products/mug?size=l#top", "https://shop.example.com/products/mug?size=l#top"),
        (None, "/?discount=A%26B", "https://shop.example.com/?discount=A%26B"),
        (None, "/", "https://shop.example.com/"),
        (None, "https://de.shop.example.com/tee", "https://de.shop.example.com/tee"),
        (None, "products/mug", HOME),
        (None, "/a/../b", HOME),
        (None, "/" + "a" * LONGEST_URL, HOME),
    ],
    ids=lambda value: ascii(value)[:60],
)
def test_a_visitor_may_ask_for_a_page_by_path_or_by_query(path, to, answer):
    assert asked_destination(HOME, path=path, to=to, domains=DOMAINS) == answer


def test_a_page_asked_for_stays_on_the_host_of_the_link():
    base = "http://localhost:3000"
    assert asked_destination(base, path="x", to=None, domains=DOMAINS) == "http://localhost:3000/x"
    assert asked_destination(base + "?a=/b", path=None, to="/x", domains=DOMAINS) == "http://localhost:3000/x"


@pytest.mark.parametrize(
    ("own", "home", "now"),
    [
        ("https://shop.example.com/mug", HOME, "https://shop.example.com/mug"),
        ("https://sold.example/mug", HOME, HOME),
        ("", HOME, HOME),
        ("https://sold.example/mug", "https://sold.example/", ""),
        ("", "", ""),
    ],
)
def test_a_link_whose_domain_was_taken_from_the_list_leads_home(own, home, now):
    assert destination_now(own, home_url=home, domains=DOMAINS) == now


@pytest.mark.parametrize(
    ("url", "parameters", "answer"),
    [
        ("https://a.b/", {"gw_click": "x-_"}, "https://a.b/?gw_click=x-_"),
        ("https://a.b/?a=1&gw_click=old&b=%20#f", {"gw_click": "new"}, "https://a.b/?a=1&b=%20&gw_click=new#f"),
        ("https://a.b/?gw%5Fclick=old", {"gw_click": "new"}, "https://a.b/?gw_click=new"),
        ("https://a.b/?gw_click&&a", {"gw_click": "new"}, "https://a.b/?a&gw_click=new"),
        ("https://a.b/#?a", {"a": "1"}, "https://a.b/?a=1#?a"),
        ("https://a.b/?q#f", {}, "https://a.b/?q#f"),
        ("https://a.b/", {"utm_source": "a&b=c #ü"}, "https://a.b/?utm_source=a%26b%3Dc%20%23%C3%BC"),
    ],
)
def test_parameters_are_added_or_replaced_before_the_fragment(url, parameters, answer):
    assert address_with(url, parameters=parameters) == answer


def test_a_template_is_filled_once_and_what_was_put_in_is_not_read_again():
    template = checked_template(
        {"utm_source": "{handle}", "utm_content": "{code}-{link}", "utm_term": "{sub}", "x": "y"}
    )
    values = {"handle": "{code}", "code": "{handle}", "link": "spring"}
    assert utm_parameters(template, values=values) == {
        "utm_source": "{code}",
        "utm_content": "{handle}-spring",
        "x": "y",
    }


def test_the_click_travels_under_the_name_that_a_template_gives_it():
    template = checked_template({"utm_source": "{handle}", "client_reference_id": "{click}"})
    assert click_parameter(template) == "client_reference_id"
    assert utm_parameters(template, values={"handle": "anna"}) == {"utm_source": "anna"}
    assert click_parameter(template | {"ref": "{click}"}) == "ref"
    assert click_parameter({"utm_source": "{handle}"}) == "gw_click"


def test_what_a_template_comes_to_is_bounded():
    long = dict.fromkeys(WORDS, "a" * 1_000)
    filled = utm_parameters({"utm_source": "".join(f"{{{word}}}" for word in WORDS)}, values=long)
    assert filled == {"utm_source": "a" * LONGEST_VALUE}


@pytest.mark.parametrize(
    "template",
    [
        {"": "x"},
        {"a b": "x"},
        {"1a": "x"},
        {"gw_click": "x"},
        {"GW_CLICK": "x"},
        {"utm_source": ""},
        {"utm_source": "a\nb"},
        {"utm_source": "ü"},
        {"utm_source": "{name}"},
        {"utm_source": "{0.__globals__}"},
        {"utm_source": "{handle"},
        {"utm_source": "{{handle}}"},
        {"utm_source": "x" * (LONGEST_VALUE + 1)},
        {"utm_source": 5},
        {"a": "x-{click}"},
        {"a": "{click}{click}"},
        {"a": "{click}", "b": "{click}"},
        {f"utm_{number}": "x" for number in range(11)},
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_a_template_that_cannot_be_filled_is_refused(template):
    with pytest.raises(InputError):
        checked_template(template)


@given(st.text(max_size=100))
def test_a_sub_id_is_plain_and_short_or_none(text):
    kept = clean_sub_id(text)
    assert kept in {text, None}
    assert kept is None or (kept.isascii() and kept.isprintable() and 1 <= len(kept) <= 80)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("story-5", "story-5"),
        ("a" * 80, "a" * 80),
        ("a" * 81, None),
        ("../..", None),
        ("", None),
        (None, None),
        ("a b", None),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_of_a_sub_id_nothing_is_mended(text, kept):
    assert clean_sub_id(text) == kept
