"""Whatever webhooks were lost, a shop that is asked says it: in the end the books are as if none had been."""

import random
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.connections.opened import OpenConnection
from engine.connections.queries import open_alarms
from engine.connections.service import switch
from engine.connections.tables import ConnectionState
from engine.intake.reconciliation.queries import latest_of
from engine.intake.reconciliation.rules import OVERLAP, due_kinds, last_words, settles_tie, stretch
from engine.intake.reconciliation.service import GIVEN_UP_AFTER, AlreadyRunningError, begin
from engine.intake.reconciliation.tables import ReconciliationKind, ReconciliationState
from engine.intake.rules import FactDraft
from engine.intake.tables import FactKind
from engine.kernel.canonical import dump_json
from engine.kernel.clock import VirtualClock
from engine.pipeline.compare import AskedPoller
from engine.pipeline.reconcile import UNASKED_AFTER, ReconcilePoller
from engine.testing.fakes.orders import Item
from engine.testing.fakes.shop import FakeShop
from engine.testing.fakes.webhooks import Faults
from tests.conftest import START
from tests.support.fake_town import HOOK, SECRET, TOKEN, FakeTown, fake_host

SLIDING, NIGHTLY, ASKED = ReconciliationKind.SLIDING, ReconciliationKind.NIGHTLY, ReconciliationKind.ASKED


@pytest.fixture(scope="module")
def host():
    return fake_host()


@pytest.fixture
def town_of(fresh_db, tmp_path, clock, host):
    """Make a town whose shop is as asked."""

    def make(**options: Any) -> FakeTown:
        shop = FakeShop(clock=clock, token=TOKEN, secret=SECRET, **options)
        return FakeTown.on(fresh_db(), tmp_path, shop=shop, host=host)

    return make


def happen(shop: FakeShop, clock: VirtualClock, *, seed: int, days: int = 3) -> None:
    """Some days in a shop: orders with and without the code, refunds of all kinds, orders called off."""
    dice = random.Random(seed)
    for _ in range(days * 4):
        clock.advance(timedelta(hours=6))
        codes = ["ANNA15"] if dice.random() < 0.8 else []
        order_id = shop.place(Item("mug", dice.randrange(500, 9_000)), codes=codes, paid=dice.random() < 0.8)
        clock.advance(timedelta(minutes=dice.randrange(1, 90)))
        match dice.randrange(5):
            case 0 if shop.orders[order_id].paid_at:
                shop.refund(order_id, amount_minor=dice.randrange(1, shop.orders[order_id].total_minor))
            case 1:
                shop.cancel(order_id)
            case 2:
                shop.update(order_id)


@pytest.mark.parametrize("lost", [0, 10, 50, 100])
@pytest.mark.parametrize("thin", [False, True], ids=["whole webhooks", "webhooks that only point"])
def test_webhooks_lost_converge_after_two_reconciliations(fresh_db, tmp_path, host, lost, thin):
    """On both databases: duplicates, delays of hours and any order besides; the same days without a fault beside it."""
    books = []
    for faults in (Faults(lost=lost, twice=30, late=timedelta(hours=5), shuffled=True), Faults()):
        clock = VirtualClock(START)
        shop = FakeShop(clock=clock, token=TOKEN, secret=SECRET, faults=faults, thin=thin, seed=lost)
        database = fresh_db()
        database.clock = clock
        town = FakeTown.on(database, tmp_path, shop=shop, host=host)
        town.listen()
        happen(shop, clock, seed=lost)
        town.run(timedelta(hours=6))
        for _ in range(2):
            assert town.compare().problem is None
        assert town.orders() == sorted(shop.orders)
        books.append(town.owed())
    assert books[0] == books[1] != {}


def test_what_was_missed_is_named_and_booked_once(town_of, clock):
    town = town_of()
    first, second = town.shop.place(codes=["ANNA15"]), town.shop.place(codes=["ANNA15"])
    found = town.compare()
    assert found.findings.missing == [f"order {first}", f"order {second}"]
    assert (found.booked, town.owed()) == (2, {first: 250, second: 250})
    town.shop.refund(first, amount_minor=1_000)
    found = town.compare()
    assert (found.findings.different, len(found.findings.missing)) == ([f"order {first}"], 1)
    assert town.owed() == {first: 150, second: 250}
    again = town.compare(NIGHTLY)
    assert (again.findings.missing, again.findings.different, again.booked) == ([], [], 0)
    assert again.findings.seen == 3


def test_an_order_that_the_shop_no_longer_tells_is_named_and_stays(town_of, clock):
    town = town_of()
    order_id = town.shop.place(codes=["ANNA15"])
    town.compare()
    del town.shop.orders[order_id]
    clock.advance(timedelta(hours=1))
    found = town.compare(NIGHTLY)
    assert (found.findings.extra, found.booked) == ([f"order {order_id}"], 0)
    assert town.owed() == {order_id: 250}


def test_many_pages_are_read_to_the_end(town_of):
    town = town_of(page_size=3)
    placed = [town.shop.place(codes=["ANNA15"]) for _ in range(10)]
    assert town.compare().findings.seen == 10
    assert town.orders() == sorted(placed)


def test_a_shop_that_says_later_is_asked_again_when_it_said(town_of):
    town = town_of(page_size=2)
    for _ in range(5):
        town.shop.place()
    town.shop.api.fail_next(429, times=2, retry_after="7")
    assert town.compare().problem is None
    assert town.waits == [7, 7]
    assert len(town.orders()) == 5


def test_a_shop_that_stays_down_fails_the_run_and_the_next_covers_its_time(town_of, clock):
    town = town_of()
    order_id = town.shop.place(codes=["ANNA15"])
    town.shop.api.fail_next(503, times=6)  # the first try and five more
    failed = town.compare()
    assert failed.problem is not None
    assert "503" in failed.problem
    clock.advance(timedelta(days=40))
    assert town.compare().problem is None
    assert town.owed() == {order_id: 250}
    with town.goodword.database.reading() as unit:
        rows = latest_of(unit, town.brand_id, connection_id=town.connection.id)
    assert [row.state for row in rows] == [ReconciliationState.DONE, ReconciliationState.FAILED]
    assert rows[0].since == town.connection.created_at - OVERLAP


def alarms(town: FakeTown) -> list[str]:
    with town.goodword.database.reading() as unit:
        return [alarm.kind for alarm in open_alarms(unit, town.brand_id)]


def test_a_shop_that_cannot_be_asked_for_hours_is_told_of_until_it_can(town_of, clock):
    town = town_of()
    town.compare()
    town.shop.api.token, good = "another", town.shop.api.token
    town.compare(wait=timedelta(hours=1))
    town.compare(NIGHTLY, wait=UNASKED_AFTER)
    assert alarms(town) == []
    assert "does not let us in" in str(town.compare().problem)
    assert alarms(town) == ["unasked"]
    town.shop.api.token = good
    town.compare()
    assert alarms(town) == []
    town.shop.api.token = "another"
    town.compare(wait=UNASKED_AFTER * 2)
    assert alarms(town) == ["unasked"]
    off = {"connection_id": town.connection.id, "state": ConnectionState.OFF, "by": "test"}
    town.goodword.database.run(lambda unit: switch(unit, town.brand_id, **off))
    assert alarms(town) == []


def test_a_key_that_no_longer_works_is_said(town_of):
    town = town_of()
    town.shop.api.token = "another"
    problem = town.compare().problem
    assert problem is not None
    assert "does not let us in" in problem


def test_two_at_once_do_not_ask_the_same_shop(town_of):
    town = town_of()
    named = {"connection_id": town.connection.id, "connected_at": town.connection.created_at, "kind": SLIDING}
    town.goodword.database.run(lambda unit: begin(unit, town.brand_id, **named))
    with pytest.raises(AlreadyRunningError):
        town.compare()


def test_a_run_that_died_in_the_middle_keeps_what_it_took_in_and_the_next_does_the_rest(town_of, clock, monkeypatch):
    town = town_of(page_size=3)
    placed = [town.shop.place(codes=["ANNA15"]) for _ in range(10)]
    pull, pages = OpenConnection.pull, iter(range(2))

    def dying(self: OpenConnection, **asked: Any) -> Any:
        if next(pages, None) is None:
            raise KeyboardInterrupt
        return pull(self, **asked)

    monkeypatch.setattr(OpenConnection, "pull", dying)
    with pytest.raises(KeyboardInterrupt):
        town.compare()
    monkeypatch.undo()
    assert len(town.orders()) == 6
    with pytest.raises(AlreadyRunningError):
        town.compare()
    clock.advance(GIVEN_UP_AFTER)
    done = town.compare()
    assert (done.problem, done.booked, len(done.findings.missing)) == (None, 4, 4)
    assert town.owed() == dict.fromkeys(placed, 250)
    with town.goodword.database.reading() as unit:
        rows = latest_of(unit, town.brand_id, connection_id=town.connection.id)
    assert [row.state for row in rows] == [ReconciliationState.DONE, ReconciliationState.FAILED]
    assert "process" in str(rows[1].problem)


def test_the_worker_asks_every_quarter_of_an_hour_and_further_back_at_times(town_of, clock):
    town = town_of()
    poller = ReconcilePoller(town.reconciler())
    for _ in range(4 * 25):  # a day and an hour
        poller.poll()
        clock.advance(timedelta(minutes=15))
    with town.goodword.database.reading() as unit:
        rows = latest_of(unit, town.brand_id, connection_id=town.connection.id, limit=500)
    kinds = [row.kind for row in rows]
    assert kinds.count(ReconciliationKind.WEEKLY) == 1
    assert kinds.count(NIGHTLY) == 1
    assert 90 <= kinds.count(SLIDING) <= 100


def test_a_shop_that_is_off_is_not_asked(town_of):
    town = town_of()
    off = {"connection_id": town.connection.id, "state": ConnectionState.OFF, "by": "test"}
    town.goodword.database.run(lambda unit: switch(unit, town.brand_id, **off))
    assert ReconcilePoller(town.reconciler()).poll() == 0


def test_somebody_may_ask_from_any_day_on(town_of, clock):
    town = town_of()
    early = town.shop.place(codes=["ANNA15"])
    clock.advance(timedelta(days=90))
    found = town.compare(ASKED, since=START - timedelta(days=1))
    assert found.findings.missing == [f"order {early}"]


def test_an_order_of_which_the_connector_tells_nothing_is_read_again_so_that_the_reason_is_known(db, tmp_path, clock):
    shop = FakeShop(clock=clock, token=TOKEN, secret=SECRET)
    town = FakeTown.on(db, tmp_path, shop=shop, host=fake_host("tests.support.mute_shop"))
    placed = [shop.place(Item(sku, 2_500), codes=["ANNA15"]) for sku in ("mug", *["breaking"] * 7, "unreadable", "cup")]
    found = town.compare()
    assert found.problem is None
    assert town.orders() == sorted([placed[0], placed[-1]])
    assert len(found.findings.refused) == 8
    assert sum("ZeroDivisionError" in reason for reason in found.findings.refused) == 7
    assert f"order:{placed[-2]}:" in found.findings.refused[-1]
    assert "It says nothing." in found.findings.refused[-1]
    with town.goodword.database.reading() as unit:
        (row,) = latest_of(unit, town.brand_id, connection_id=town.connection.id)
    assert row.report["refused"] == found.findings.refused


def tied(town: FakeTown, order_id: str) -> None:
    """Let webhooks come of which each says something else with one time of change, until not the shop's word holds."""
    document = town.shop.orders[order_id].document()
    for number in count():
        other = document | {"lines": [{**document["lines"][0], "total": f"{30 + number}.00"}]}
        body = dump_json(other).encode()
        town.receive(town.shop.post_office.post(HOOK, topic="order.paid", delivery_id=f"tie-{number}", body=body))
        town.read()
        if town.owed() != {order_id: 250}:
            return


def test_of_two_contents_with_one_time_of_change_the_shop_says_which_holds(town_of, clock):
    """Whichever has the greater hash, and though the shop's own came first: the tie itself has the shop asked."""
    town = town_of()
    town.listen()
    order_id = town.shop.place(codes=["ANNA15"])
    town.run(timedelta(seconds=30))
    assert town.owed() == {order_id: 250}
    tied(town, order_id)
    asked = AskedPoller(town.reconciler())
    town.goodword.tell_events()
    assert asked.poll() == 0  # a second change may still come within the shop's unit of time
    town.clock.advance(timedelta(minutes=3))
    assert [asked.poll(), asked.poll()] == [1, 0]
    assert town.owed() == {order_id: 250}
    again = town.compare(NIGHTLY)
    assert (again.findings.missing, again.findings.different, again.booked) == ([], [], 0)


def test_the_shop_says_what_holds_as_often_as_it_changes_its_word_under_one_time_of_change(town_of):
    """Four changes, the last two of them back and forth, each told by the next comparison, and by none after it."""
    town = town_of()
    order_id = town.shop.place(codes=["ANNA15"])
    town.compare(wait=timedelta(minutes=2))
    order, found = town.shop.orders[order_id], []
    (item,) = order.items
    for net in (1_000, 3_000, 2_000, 3_000, 2_000):
        order.items = (replace(item, net_minor=net),)
        changed, unchanged = (town.compare(NIGHTLY, wait=timedelta(minutes=2)) for _ in range(2))
        found.append((changed.findings.different, town.owed(), unchanged.findings.different, unchanged.booked))
    named = [f"order {order_id}"]
    assert found == [(named, {order_id: net // 10}, [], 0) for net in (1_000, 3_000, 2_000, 3_000, 2_000)]


def test_refunds_deleted_under_one_time_of_change_are_restored_one_after_the_other(town_of):
    """As WooCommerce deletes them: the order's time of change stays. Then the first comes back, and goes again."""
    town = town_of()
    order_id = town.shop.place(codes=["ANNA15"])
    for _ in range(3):
        town.shop.refund(order_id, amount_minor=500)
    town.compare(wait=timedelta(minutes=2))
    order = town.shop.orders[order_id]
    first, *_ = order.refunds
    owed = [town.owed()[order_id]]
    for refunds in (order.refunds[:2], [first], [], [first], []):
        order.refunds = refunds
        town.compare(NIGHTLY, wait=timedelta(minutes=2))
        owed.append(town.owed().get(order_id))
    assert owed == [100, 150, 200, 250, 200, 250]


def test_a_webhook_that_says_otherwise_after_a_tie_was_settled_has_the_shop_asked_again(town_of):
    """And an old one that comes once more changes nothing."""
    town = town_of()
    town.listen()
    order_id = town.shop.place(codes=["ANNA15"])
    town.run(timedelta(seconds=30))
    tied(town, order_id)
    asked = AskedPoller(town.reconciler())
    owed = []
    for net in (2_500, 1_200, 1_300):
        order = town.shop.orders[order_id]
        order.items = (replace(order.items[0], net_minor=net),)
        body = dump_json(order.document()).encode()
        post = town.shop.post_office.post(HOOK, topic="order.paid", delivery_id=f"again-{net}", body=body)
        for _ in range(2):
            town.receive(post)
            town.read()
        town.goodword.tell_events()
        town.clock.advance(timedelta(minutes=6))
        owed.append(([asked.poll(), asked.poll()], town.owed()[order_id]))
    assert owed == [([1, 0], 250), ([1, 0], 120), ([1, 0], 130)]


def test_a_tie_within_the_last_minute_is_left_until_it_is_over(town_of):
    town = town_of()
    order_id = town.shop.place(codes=["ANNA15"])
    town.compare(wait=timedelta(seconds=1))
    tied(town, order_id)
    assert town.compare(NIGHTLY, wait=timedelta(seconds=1)).findings.different == []
    assert town.compare(NIGHTLY, wait=timedelta(minutes=2)).findings.different == [f"order {order_id}"]
    assert town.owed() == {order_id: 250}


def test_a_tie_in_a_shop_that_cannot_be_asked_stays_as_it_is(town_of):
    town = town_of()
    town.listen()
    order_id = town.shop.place(codes=["ANNA15"])
    town.run(timedelta(seconds=1))
    tied(town, order_id)
    off = {"connection_id": town.connection.id, "state": ConnectionState.OFF, "by": "test"}
    town.goodword.database.run(lambda unit: switch(unit, town.brand_id, **off))
    town.goodword.tell_events()
    town.clock.advance(timedelta(hours=1))
    assert AskedPoller(town.reconciler()).poll() == 0


@given(
    words=st.lists(st.sampled_from("abc"), min_size=1, max_size=12),
    fine=st.sampled_from([0, 5_000, 7]),
    webhooks=st.lists(st.sampled_from("abc"), max_size=3),
)
def test_every_last_word_under_one_time_of_change_holds_once_and_settles_nothing_again(words, fine, webhooks):
    """100 examples (500 in CI): whole seconds, milliseconds, and microseconds, where the first word alone is heard."""
    told_at, asked_at = START + timedelta(microseconds=fine), START + timedelta(hours=1)

    def said(content: str) -> FactDraft:
        return FactDraft(FactKind.ORDER, "o", "o", told_at, content, {})

    held = max(said(each).version for each in [*webhooks, words[0]])
    thing = (FactKind.ORDER, "o")
    settled = 0
    for word in words:
        draft = said(word)
        if settles_tie(draft, held, asked_at=asked_at):
            (moment,) = last_words([draft], {thing: held}, settling={thing})
            assert moment > held[0]
            held, settled = (moment, word), settled + 1
        else:
            held = max(held, draft.version)
        assert not settles_tie(said(held[1]), held, asked_at=asked_at)
        assert held[1] == word or fine % 1_000
        assert not settles_tie(draft, held, asked_at=told_at + timedelta(seconds=59))
    assert settled <= (len(words) if fine % 1_000 == 0 else 1)


def test_what_a_shop_told_together_goes_behind_its_time_of_change_together():
    """So that a refund that was deleted is never younger than the list that lacks it."""

    def told(kind: FactKind, external_id: str, at: datetime, content: str) -> FactDraft:
        return FactDraft(kind, external_id, "o", at, content, {})

    us = timedelta(microseconds=1)
    drafts = [
        told(FactKind.ORDER, "o", START, "b"),
        told(FactKind.REFUND, "r", START, "b"),
        told(FactKind.REFUND, "s", START - timedelta(seconds=1), "b"),
    ]
    known = {(FactKind.ORDER, "o"): (START + us, "a"), (FactKind.REFUND, "r"): (START + 4 * us, "b")}
    moments = last_words(drafts, known, settling={(FactKind.ORDER, "o")})
    assert moments == [START + 5 * us, START + 5 * us, drafts[2].version_at]
    assert last_words(drafts, known, settling=()) == [draft.version_at for draft in drafts]


def test_after_so_many_words_no_more_are_heard_than_stay_below_a_millisecond():
    held = (START + timedelta(microseconds=998), "a")
    draft = FactDraft(FactKind.ORDER, "o", "o", START, "b", {})
    assert not settles_tie(draft, held, asked_at=START + timedelta(hours=1))
    assert settles_tie(draft, (held[0] - timedelta(microseconds=1), "a"), asked_at=START + timedelta(hours=1))


@given(minutes=st.integers(0, 100_000), gap=st.integers(0, 100_000))
def test_sliding_stretches_leave_no_gap(minutes, gap):
    """100 examples (500 in CI): each begins before the last ended, however late it is."""
    connected = START
    done = connected + timedelta(minutes=minutes)
    since, until = stretch(SLIDING, now=done + timedelta(minutes=gap), done_until=done, connected_at=connected)
    assert since < done
    assert until == done + timedelta(minutes=gap)


@given(begun=st.dictionaries(st.sampled_from(list(ReconciliationKind)), st.integers(0, 30 * 24 * 60)))
def test_a_shop_that_was_not_asked_for_long_is_asked_for_all(begun):
    now = START + timedelta(days=45)
    times = {kind: START + timedelta(minutes=at) for kind, at in begun.items()}
    assert due_kinds(times, now=now) == [SLIDING, ReconciliationKind.WEEKLY]
    assert due_kinds(times | dict.fromkeys(ReconciliationKind, now), now=now) == []
