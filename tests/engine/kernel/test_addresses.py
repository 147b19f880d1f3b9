"""Origins are equal only after normalisation; a public address is one machine of the public Internet."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.kernel.addresses import Origin, is_public, parse_origin
from engine.kernel.errors import InputError

PUBLIC = ["8.8.8.8", "93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "2a00:1450:4001:82a::200e"]
NOT_PUBLIC = {
    "this host": ["127.0.0.1", "127.1.2.3", "0.0.0.0", "::1", "::"],
    "a private network": ["10.0.0.1", "172.16.0.1", "192.168.1.1", "fc00::1", "fd00:ec2::254"],
    "cloud metadata": ["169.254.169.254", "fe80::1", "100.100.100.200"],
    "carrier NAT": ["100.64.0.1", "100.127.255.254"],
    "IPv4 inside IPv6": ["::ffff:127.0.0.1", "::ffff:8.8.8.8", "::7f00:1", "::127.0.0.1"],
    "NAT64": ["64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::a00:1"],
    "6to4": ["2002:7f00:1::", "2002:a00:1::1", "192.88.99.1"],
    "Teredo": ["2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2"],
    "ISATAP": ["2606:2800::5efe:7f00:1", "2606:2800::200:5efe:a00:1"],
    "nobody": ["224.0.0.1", "239.1.1.1", "ff02::1", "ff0e::1", "240.0.0.1", "255.255.255.255", "198.18.0.1"],
    "documentation": ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"],
    "an old way to write a network": ["fec0::1", "5f00::1", "192.0.0.9"],
    "of a zone": ["fe80::1%eth0", "2606:4700::1111%eth0", "::1%1"],
    "no address": ["", "127.1", "0x7f.1", "2130706433", "shop.example", "8.8.8.8:80", "1.2.3"],
}


@pytest.mark.parametrize("address", PUBLIC)
def test_a_machine_of_the_public_internet_is_public(address):
    assert is_public(address)


@pytest.mark.parametrize("address", [one for many in NOT_PUBLIC.values() for one in many])
def test_nothing_else_is(address):
    assert not is_public(address)


@given(st.ip_addresses(v=4))
def test_no_ipv4_address_becomes_public_by_being_wrapped(address):
    number = int(address)
    high, low = number >> 16, number & 0xFFFF
    wrapped = [f"::ffff:{address}", f"::{address}", f"64:ff9b::{high:x}:{low:x}", f"2002:{high:x}:{low:x}::1"]
    assert not any(map(is_public, wrapped))


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://shop.example", Origin("https", "shop.example", 443)),
        ("HTTPS://Shop.Example:443/", Origin("https", "shop.example", 443)),
        ("http://127.0.0.1:8080", Origin("http", "127.0.0.1", 8080)),
        ("http://[::1]:3000", Origin("http", "::1", 3000)),
        ("http://vendure_shop", Origin("http", "vendure_shop", 80)),
    ],
)
def test_an_origin_is_read_and_written_in_one_way(text, origin):
    assert parse_origin(text) == origin
    assert parse_origin(str(origin)) == origin


@pytest.mark.parametrize(
    "text",
    [
        "", "shop.example", "//shop.example", "ftp://shop.example", "file:///etc/passwd", "gopher://shop.example",
        "https://", "https://user@shop.example", "https://shop.example/admin", "https://shop.example?x=1",
        "https://shop.example:0", "https://shop.example:65536", "https://shop.example:x", "https://a b",
        "https://shop.example\n", "https://shop.example#x", "https://bücher.example", "https://a\\b",
    ],
)  # fmt: skip
def test_what_is_no_origin_is_refused_with_a_remedy(text):
    with pytest.raises(InputError) as caught:
        parse_origin(text)
    assert caught.value.remedy
