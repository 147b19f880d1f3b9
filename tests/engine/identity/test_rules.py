"""The pure rules of people: addresses, roles, sessions, windows."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.identity.rules import (
    SESSION_LIMITS,
    Permission,
    RateLimit,
    email_key,
    may,
    same_person_key,
    session_is_live,
)
from engine.identity.tables import Realm, Role
from engine.kernel.errors import InputError

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("  Anna@Example.COM ", "anna@example.com"),
        ("ANNA@EXAMPLE.COM", "anna@example.com"),
        ("Straße@example.de", "strasse@example.de"),
    ],
)
def test_an_address_has_one_form(written, key):
    assert email_key(written) == key


@pytest.mark.parametrize(
    "text",
    [
        "",
        "anna",
        "@example.com",
        "anna@",
        "a@b@c.d",
        "a b@c.d",
        "anna@example..com",
        "a\n@b.c",
        "a" * 250 + "@b.cd",
        "<a@b.c>",
    ],
)
def test_what_is_no_address_is_refused_with_a_sentence(text):
    with pytest.raises(InputError, match="not an e-mail address"):
        email_key(text)


@given(NAMES, st.sampled_from(["gmail.com", "googlemail.com"]), st.data())
def test_one_google_mailbox_is_one_person(name, domain, data):
    dotted = ".".join(data.draw(st.permutations([name]))[0]) if len(name) > 1 else name
    tag = data.draw(NAMES)
    assert same_person_key(f"{dotted}+{tag}@{domain}") == same_person_key(f"{name.upper()}@gmail.com")


@given(NAMES, NAMES)
def test_a_tag_never_makes_another_person_and_dots_do_outside_google(name, tag):
    assert same_person_key(f"{name}+{tag}@example.com") == same_person_key(f"{name}@example.com")
    assert same_person_key(f"a.{name}@example.com") != same_person_key(f"a{name}@example.com")


@given(st.text(max_size=60))
def test_whatever_a_shop_sends_stands_for_somebody(text):
    assert same_person_key(text) == same_person_key(f" {text} ")


def test_the_owner_may_do_everything_and_a_viewer_only_looks():
    assert all(may(Role.OWNER, permission) for permission in Permission)
    assert [permission for permission in Permission if may(Role.VIEWER, permission)] == [Permission.VIEW]
    assert not may(Role.MANAGER, Permission.PAY)
    assert not may(Role.FINANCE, Permission.DECIDE_APPLICATIONS)


@pytest.mark.parametrize("realm", Realm)
def test_a_session_ends_by_age_and_by_rest(realm):
    limits = SESSION_LIMITS[realm]
    step = timedelta(seconds=1)

    def live(now: datetime, seen: datetime) -> bool:
        return session_is_live(realm=realm, seen_at=seen, expires_at=NOON + limits.absolute, now=now)

    assert live(NOON + limits.idle - step, NOON)
    assert not live(NOON + limits.idle, NOON)
    assert live(NOON + limits.absolute - step, NOON + limits.absolute - step)
    assert not live(NOON + limits.absolute, NOON + limits.absolute)


@given(st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2040, 1, 1)), st.integers(1, 120))  # noqa: DTZ001
def test_a_window_holds_its_instant(instant, minutes):
    now, limit = instant.replace(tzinfo=UTC), RateLimit(attempts=1, window=timedelta(minutes=minutes))
    start = limit.window_start(now)
    assert start <= now < start + limit.window
    assert limit.window_start(start) == start
