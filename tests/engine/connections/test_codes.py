"""Codes that Goodword issued are in the shop, once, with the discount of the terms, and come out when they end."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.connections.codes.push import ATTEMPTS
from engine.connections.codes.queries import push_counts, pushed_of
from engine.connections.codes.rules import drift_between
from engine.connections.codes.service import LEASE, push_again, retry_failed
from engine.connections.queries import open_alarms
from engine.connections.service import switch
from engine.connections.tables import ConnectionState
from engine.enrollment.service import reinstate, suspend
from engine.plugin_api import CodeView, ShopCode
from engine.programs.schemas import TermsDocument
from engine.programs.service import publish_terms
from engine.testing.fakes.shop import FakeShop
from engine.testing.fakes.shop_api import Code
from engine.tracking.codes.service import CodeWish, expire_code, issue_code, issue_codes, release_code
from engine.tracking.codes.tables import CodeKind
from tests.conftest import START
from tests.support.fake_town import SECRET, TERMS, TOKEN, FakeTown, fake_host
from tests.support.wired import raising


@pytest.fixture(scope="module")
def host():
    return fake_host()


@pytest.fixture
def town(db, tmp_path, clock, host):
    shop = FakeShop(clock=clock, token=TOKEN, secret=SECRET)
    return FakeTown.on(db, tmp_path, shop=shop, host=host)


def settle(town: FakeTown) -> None:
    """Let everything follow that follows: events, surveys, pushes."""
    town.goodword.tell_events()
    town.goodword.code_pusher().survey(town.brand_id)
    while town.goodword.code_pusher().push_due():
        pass


def in_shop(town: FakeTown) -> dict[str, tuple[bool, str | None]]:
    """Return the shop's codes: whether they are on, and the percentage that they give."""
    return {code.code: (code.active, code.percent) for code in town.shop.codes.values()}


def rows(town: FakeTown) -> list[Any]:
    with town.goodword.database.reading() as unit:
        return list(pushed_of(unit, town.brand_id).rows)


def run(town: FakeTown, verb: Any, **options: Any) -> Any:
    return town.goodword.database.run(lambda unit: verb(unit, town.brand_id, **options))


def test_a_code_that_is_issued_is_in_the_shop_once(town):
    settle(town)
    assert in_shop(town) == {"ANNA15": (True, "15.00")}
    run(town, issue_code, program_id=town.program_id, enrollment_id=town.enrollment_id, code="ANNA-TWO", by="test")
    for _ in range(3):
        settle(town)
    assert sorted(in_shop(town)) == ["ANNA-TWO", "ANNA15"]
    assert [row.state for row in rows(town)] == ["pushed", "pushed"]


def test_an_answer_that_is_lost_leaves_one_code(town):
    town.goodword.tell_events()
    town.shop.api.lose_next_answer()
    town.goodword.code_pusher().push_due()
    assert [(row.state, row.attempts) for row in rows(town)] == [("waiting", 1)]
    town.clock.advance(timedelta(minutes=5))
    settle(town)
    assert list(in_shop(town)) == ["ANNA15"]
    assert [row.state for row in rows(town)] == ["pushed"]


def dying_before_it_is_written_down(town, monkeypatch):
    """Put the code into the shop, and die before anybody writes that down."""
    town.goodword.tell_events()
    with monkeypatch.context() as patch:
        patch.setattr("engine.connections.codes.push.settle", raising(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            town.goodword.code_pusher().push_due()
    assert list(in_shop(town)) == ["ANNA15"]
    assert [row.state for row in rows(town)] == ["waiting"]


def test_dying_between_the_shop_and_the_record_makes_no_second_code(town, monkeypatch):
    dying_before_it_is_written_down(town, monkeypatch)
    town.clock.advance(LEASE)
    settle(town)
    assert len(town.shop.codes) == 1
    assert [row.state for row in rows(town)] == ["pushed"]


def test_a_code_that_ended_before_it_was_known_to_be_in_the_shop_is_taken_out_all_the_same(town, monkeypatch):
    dying_before_it_is_written_down(town, monkeypatch)
    run(town, suspend, enrollment_id=town.enrollment_id, reason="asked to pause", by="test")
    town.clock.advance(LEASE)
    settle(town)
    assert in_shop(town) in ({}, {"ANNA15": (False, "15.00")})
    assert [row.state for row in rows(town)] == ["revoked"]


def test_a_code_of_the_shops_own_that_was_never_overwritten_is_left_to_it(town):
    town.goodword.tell_events()
    town.shop.api.codes["own"] = Code("anna15", "Ten", "10.00", None, None, None)
    run(town, suspend, enrollment_id=town.enrollment_id, reason="asked to pause", by="test")
    settle(town)
    assert in_shop(town) == {"anna15": (True, "10.00")}


def test_what_came_from_the_shop_is_left_to_it(town):
    wishes = [
        CodeWish(enrollment_id=town.enrollment_id, code="FROMSHOP", kind=CodeKind.IMPORTED),
        CodeWish(code="IDLE"),
    ]
    run(town, issue_codes, program_id=town.program_id, wishes=wishes, by="test")
    settle(town)
    assert list(in_shop(town)) == ["ANNA15"]


@pytest.mark.parametrize(
    ("verb", "options"),
    [
        (release_code, lambda town: {"promo_code_id": town.code_id}),
        (expire_code, lambda town: {"promo_code_id": town.code_id}),
        (suspend, lambda town: {"enrollment_id": town.enrollment_id, "reason": "asked to pause"}),
    ],
    ids=["released", "expired", "suspended"],
)
def test_a_code_that_ends_is_taken_out_of_the_shop(town, verb, options):
    settle(town)
    run(town, verb, by="test", **options(town))
    town.goodword.tell_events()
    town.goodword.code_pusher().push_due()
    assert in_shop(town) in ({}, {"ANNA15": (False, "15.00")})
    assert [row.state for row in rows(town)] == ["revoked"]


def test_somebody_who_is_reinstated_has_the_code_again(town):
    settle(town)
    run(town, suspend, enrollment_id=town.enrollment_id, reason="asked to pause", by="test")
    settle(town)
    town.clock.advance(timedelta(days=1))
    run(town, reinstate, enrollment_id=town.enrollment_id, by="test")
    settle(town)
    assert in_shop(town)["ANNA15"] == (True, "15.00")


def test_new_terms_change_the_discount_from_their_day_on(town):
    settle(town)
    document = TERMS.model_dump() | {"customer_discount": {"percent_bps": 2_000}}
    run(
        town,
        publish_terms,
        program_id=town.program_id,
        document=TermsDocument.model_validate(document),
        host=town.goodword.plugins,
        effective_at=START + timedelta(days=2),
        by="test",
    )
    town.goodword.tell_events()
    town.goodword.worker().run_once()
    assert in_shop(town)["ANNA15"] == (True, "15.00")
    town.clock.advance(timedelta(days=2, minutes=1))
    town.goodword.worker().run_once()
    town.goodword.worker().run_once()
    assert in_shop(town)["ANNA15"] == (True, "20.00")


def test_a_shop_that_is_connected_later_gets_every_code(town):
    off = {"connection_id": town.connection.id, "by": "test"}
    run(town, switch, state=ConnectionState.OFF, **off)
    town.goodword.tell_events()
    town.goodword.worker().run_once()
    assert in_shop(town) == {}
    run(town, switch, state=ConnectionState.ON, **off)
    town.goodword.tell_events()
    town.goodword.worker().run_once()
    town.clock.advance(timedelta(hours=2))
    town.goodword.worker().run_once()
    assert in_shop(town) == {"ANNA15": (True, "15.00")}


def test_a_shop_that_is_down_is_tried_again_and_at_last_laid_aside(town):
    town.goodword.tell_events()
    town.shop.api.fail_next(503, times=ATTEMPTS, retry_after="60")
    for _ in range(ATTEMPTS):
        assert town.goodword.code_pusher().push_due() == 1
        town.clock.advance(timedelta(minutes=6))
    [row] = rows(town)
    assert (row.state, row.attempts) == ("failed", ATTEMPTS)
    assert "503" in row.problem
    assert run(town, retry_failed) == 1
    settle(town)
    assert list(in_shop(town)) == ["ANNA15"]


def test_a_key_that_no_longer_works_raises_an_alarm_that_ends(town):
    town.goodword.tell_events()
    town.shop.api.token = "another"
    town.goodword.code_pusher().push_due()
    with town.goodword.database.reading() as unit:
        [alarm] = open_alarms(unit, town.brand_id)
    assert alarm.kind == "shop_refuses_us"
    town.shop.api.token = TOKEN
    run(town, retry_failed)
    settle(town)
    with town.goodword.database.reading() as unit:
        assert open_alarms(unit, town.brand_id) == []


def test_drift_is_found_told_and_put_right(town):
    settle(town)
    pusher = town.goodword.code_pusher()
    assert pusher.look_for_drift(town.connection) == 0
    [(number, code)] = town.shop.codes.items()
    town.shop.api.codes[number] = replace(code, percent="90")
    assert pusher.look_for_drift(town.connection) == 1
    assert rows(town)[0].drift == {"percent_bps": {"ours": 1_500, "theirs": 9_000}}
    with town.goodword.database.reading() as unit:
        assert [alarm.kind for alarm in open_alarms(unit, town.brand_id)] == ["code_drift"]
        assert push_counts(unit, town.brand_id)[town.connection.id]["drift"] == 1
    assert run(town, push_again, connection_id=town.connection.id) == 1
    settle(town)
    assert in_shop(town) == {"ANNA15": (True, "15.00")}
    with town.goodword.database.reading() as unit:
        assert open_alarms(unit, town.brand_id) == []
    assert pusher.look_for_drift(town.connection) == 0


VIEW = CodeView("k", "ANNA15", "Friends", None, {"EUR": 500, "USD": 600}, START, START + timedelta(days=30))


@given(st.sampled_from(["EUR", "USD"]), st.integers(0, 59))
def test_a_shop_with_one_of_our_currencies_does_not_drift(currency, seconds):
    assert VIEW.amount_minor is not None
    assert VIEW.expires_at is not None
    found = ShopCode("1", "anna15", True, None, {currency: VIEW.amount_minor[currency]}, VIEW.expires_at)
    assert drift_between(VIEW, found) == {}
    other = ShopCode("1", "anna15", True, None, {currency: 1}, VIEW.expires_at + timedelta(seconds=seconds))
    assert list(drift_between(VIEW, other)) == ["amount_minor"]


def test_a_code_that_is_gone_or_off_drifts():
    assert drift_between(VIEW, None) == {"code": {"ours": "ANNA15", "theirs": None}}
    off = ShopCode("1", "ANNA15", False, None, VIEW.amount_minor, VIEW.expires_at)
    assert drift_between(VIEW, off) == {"active": {"ours": True, "theirs": False}}
