"""A brand's domains: hosts as a browser asks for them, and none that strangers share."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.tracking.site.rules import (
    DomainRefusedError,
    checked_domain,
    checked_domains,
    is_private,
    is_within,
    plain_host,
)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("Shop.Example.com", "shop.example.com"),
        (" https://shop.example.com/products?x#y ", "shop.example.com"),
        ("http://localhost:3000", "localhost:3000"),
        ("localhost:80", "localhost"),
        ("shop.example.com:443", "shop.example.com"),
        ("shop.example.com:8443", "shop.example.com:8443"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("straße.example", "xn--strae-oqa.example"),
        ("ｅxample。com", "example.com"),
        ("127.0.0.1:8000", "127.0.0.1:8000"),
        ("[::0:1]:9", "[::1]:9"),
        ("acme.myshopify.com", "acme.myshopify.com"),
        ("acme.co.uk", "acme.co.uk"),
        ("https://Buy.Stripe.com/aEU28tfIx7?a=1#b", "buy.stripe.com/aEU28tfIx7"),
    ],
    ids=ascii,
)
def test_a_domain_is_kept_as_its_host_in_ascii(written, kept):
    assert checked_domain(written) == kept
    assert checked_domain(kept) == kept


@pytest.mark.parametrize(
    "text",
    [
        *("", "com", "shop", "co.uk", "myshopify.com", "MyShopify.com", "a..b", "shop.example.com.", ".example.com"),
        *("0x7f.1", "127.1", "2130706433", "0177.0.0.1", "1.2.3.4.5", "example.123", "[::1", "[fe80::1%eth0]"),
        *("user@example.com", "exa mple.com", "example.com:0", "example.com:99999", "*.example.com", "-a.example.com"),
        *(
            "exam\u200dple.com",
            "☃.example",
            "xn--de.example.com",
            "xn--a.example.com",
            "a" * 64 + ".com",
            "a." * 130 + "com",
        ),
        *(
            "buy.stripe.com",
            "https://buy.stripe.com/",
            "buy.stripe.com/a/b",
            "buy.stripe.com/../a",
            "buy.stripe.com/%61",
        ),
        *("javascript:alert(1)", "example.com\\evil.com", "ex%61mple.com", "exam\tple.com", "example.com\0"),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_what_is_no_host_or_a_shared_one_is_refused(text):
    with pytest.raises(DomainRefusedError):
        checked_domain(text)


@settings(max_examples=300)
@given(st.text(max_size=30))
def test_a_plain_host_is_its_own_plain_host(text):
    host = plain_host(text)
    assert host is None or (host.isascii() and plain_host(host) == host)


@pytest.mark.parametrize(
    ("host", "port", "expected"),
    [
        ("example.com", None, True),
        ("de.example.com", None, True),
        ("evilexample.com", None, False),
        ("example.com.evil.com", None, False),
        ("example.com", 8443, False),
        ("localhost", 3000, True),
        ("shop.localhost", 3000, True),
        ("localhost", None, False),
        ("1.2.3.4", None, True),
        ("1.2.3.5", None, False),
    ],
)
def test_a_host_is_within_a_domain_or_below_it_at_the_same_port(host, port, expected):
    assert is_within(host, port=port, path="/a", domains=["example.com", "localhost:3000", "1.2.3.4"]) is expected


def test_private_hosts_are_those_of_this_machine_or_network():
    private = ["localhost", "shop.localhost", "nas.local", "127.0.0.1", "192.168.1.5", "10.0.0.1", "[::1]", "[fd00::1]"]
    assert all(map(is_private, private))
    assert not any(map(is_private, ["example.com", "8.8.8.8", "localhost.example.com", "[2606:4700::1]"]))


def test_domains_are_kept_in_their_order_each_once_and_not_too_many():
    assert checked_domains(["b.example", "A.example", "https://b.example/"]) == ["b.example", "a.example"]
    with pytest.raises(DomainRefusedError, match="at most 20"):
        checked_domains([f"a{number}.example" for number in range(21)])
