"""By what a visitor is known again: the cookie, else network and browser for a month; each brand for itself."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.tracking.clicks.repeats import names_of
from engine.tracking.clicks.visitors import Source, VisitorKeys, shortened, visitor_of
from engine.tracking.site.tables import KeptAddress
from tests.engine.tracking.clicks.world import DESKTOP, KEYRING, PHONE

KEYS = VisitorKeys(KEYRING.key)
BRAND, OTHER = b"b" * 16, b"o" * 16


def network_of(key):
    return names_of("", key)[1]


def who(address="203.0.113.77", *, agent=PHONE, month=3, cookie=None, brand=BRAND, kept=KeptAddress.SHORTENED):
    at = datetime(2026, month, 7, tzinfo=UTC)
    return visitor_of(Source(address, agent, at, cookie), brand=brand, kept=kept, keys=KEYS)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("0.0.0.0", "0.0.0.0/24"),
        ("255.255.255.255", "255.255.255.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1::/48"),
        ("::1", "::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("256.1.1.1", None),
        ("01.2.3.4", None),
        ("1.2.3", None),
        ("", None),
        ("<script>", None),
        ("203.0.113.77\n", None),
        ("٣.1.1.1", None),
    ],
)
def test_an_address_is_cut_to_its_network(address, network):
    assert shortened(address) == network


@given(st.ip_addresses())
def test_no_whole_address_survives(address):
    network = shortened(str(address))
    assert network is not None
    assert str(address) not in {network, network.partition("/")[0]} or network.partition("/")[0].endswith((".0", ":"))


def test_who_brings_the_cookie_is_known_wherever_they_are():
    first = who()
    again = who("198.51.100.1", agent=DESKTOP, month=5, cookie=first.cookie)
    assert (again.key, again.cookie) == (first.key, None)


def test_who_brings_none_shares_half_a_key_with_those_of_the_same_network_and_browser():
    first, second = who("203.0.113.77"), who("203.0.113.5")
    assert first.key != second.key
    assert network_of(second.key) == network_of(first.key)
    for other in (who("203.0.114.77"), who(agent=DESKTOP), who(month=4)):
        assert network_of(other.key) != network_of(first.key)


def test_brands_cannot_match_their_visitors():
    first = who()
    same = who(cookie=first.cookie, brand=OTHER)
    assert same.key[:8] != first.key[:8]
    assert same.key[8:16] != first.key[8:16]
    assert same.key[16:] != first.key[16:]


def test_keys_of_new_visitors_lie_side_by_side():
    began = datetime(2026, 3, 7, tzinfo=UTC)
    at = [began + timedelta(milliseconds=number) for number in range(200)]
    came = [Source(f"203.0.{number}.7", PHONE, one, None) for number, one in enumerate(at)]
    keys = [visitor_of(one, brand=BRAND, kept=KeptAddress.SHORTENED, keys=KEYS).key for one in came]
    assert sorted(keys) == keys
    assert len({len(key) for key in keys}) == 1
    assert len({key[8:16] for key in keys}) == 200


def test_two_who_come_at_the_same_instant_from_one_place_have_keys_of_their_own():
    assert len({who().key for _ in range(50)}) == 50


@pytest.mark.parametrize("kept", KeptAddress)
def test_of_the_address_no_more_is_kept_than_the_program_says(kept):
    found = who(kept=kept)
    expected = {"shortened": "203.0.113.0/24", "nothing": None}
    if kept is KeptAddress.HASHED:
        assert found.address != who(kept=kept, month=4).address
        assert found.address == who(kept=kept).address
        assert len(found.address) == 32
    else:
        assert found.address == expected[kept.value]


def test_where_nothing_may_be_kept_the_address_makes_no_key_either():
    assert network_of(who(kept=KeptAddress.NOTHING).key) != network_of(who(kept=KeptAddress.NOTHING).key)


@given(st.text(max_size=60))
def test_a_cookie_that_we_did_not_write_is_none(cookie):
    assert who(cookie=cookie).cookie is not None


def test_a_changed_cookie_is_none():
    cookie = who().cookie
    flipped = ("1" if cookie[0] == "0" else "0") + cookie[1:]
    assert who(cookie=flipped).cookie is not None
    assert who(cookie=cookie[:-1]).cookie is not None
