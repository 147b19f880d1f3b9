"""Equal facts give equal books, whatever order they came in, however often, in whatever batches: and the right ones.

The right ones are those of `oracle.py`. Sizes: all 720 orders of arrival of seven fixed sets of six facts; random sets
of up to eight facts about up to three orders with duplicates and stale replays, half as many as the profile says, and
as many again with up to six clicks of two visitors before them.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.kernel.database import Database
from engine.plugin_api import CommerceEvent, Customer, OrderEvent, RefundState
from tests.engine.pipeline.oracle import TERMS, Clicked, books_of
from tests.engine.pipeline.world import T0, World, chargeback, line, order, refund

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
FAR = T0 + 120 * DAY
LINES = (line(6_111, "1"), line(3_333, "2", product="tea"))


def prepared(db: Database) -> World:
    """A brand under the oracle's terms."""
    world = World(db)
    world.program(TERMS)
    world.enroll("Ada")
    world.enroll("Bea")
    return world


def final_books(world: World) -> dict:
    """Close months, approve, and return (amount, hold); the state must follow from the hold."""
    world.mature(FAR)
    books = world.books()
    assert {hold is None for _, state, hold in books.values() if state != "approved"} <= {False}
    assert all(state == "approved" for _, state, hold in books.values() if hold is None)
    return {key: (booked, hold) for key, (booked, _, hold) in books.items()}


def bounded(world: World) -> None:
    """A5, A8: no order scope ever goes below zero or over its cap, row by row; heads are the sums of their rows."""
    for (_, _, reward, subject, _), head in world.heads().items():
        sums, total = [], 0
        for row in world.commissions(head.id):
            total += row.amount_minor
            sums.append(total)
        assert total == head.booked_minor
        if not subject.startswith("2026-"):
            assert all(0 <= each <= (4_000 if reward == "commission" else 10**9) for each in sums)
    world.check()


def at(hours: int) -> Any:
    return T0 + hours * HOUR


BUYER = "c"
SETS: dict[str, list[CommerceEvent]] = {
    "created, paid, updated, partial refund, refund, cancelled": [
        order("o", LINES, at=at(0), paid=False, customer=BUYER),
        order("o", LINES, at=at(1), customer=BUYER),
        order("o", (*LINES, line(777, "3")), at=at(2), customer=BUYER),
        refund("r1", 1_000, of="o", at=at(3)),
        refund("r2", of="o", at=at(4), lines={"1": 6_111}),
        order("o", (*LINES, line(777, "3")), at=at(5), customer=BUYER, cancelled_at=at(5)),
    ],
    "created, paid, partial refund, failed after all, chargeback open, lost": [
        order("o", LINES, at=at(0), paid=False, customer=BUYER),
        order("o", LINES, at=at(1), customer=BUYER),
        refund("r1", of="o", at=at(2), lines={"2": 1_111}, state=RefundState.PENDING),
        refund("r1", of="o", at=at(3), lines={"2": 1_111}, state=RefundState.FAILED),
        chargeback("open", 4_321, of="o", at=at(4)),
        chargeback("lost", 4_321, of="o", at=at(5)),
    ],
    "paid, cancelled, again, refund, chargeback open, won": [
        order("o", LINES, at=at(0), customer=BUYER),
        order("o", LINES, at=at(1), customer=BUYER, cancelled_at=at(1)),
        order("o", LINES[:1], at=at(2), customer=BUYER),
        refund("r1", 1_234, of="o", at=at(3)),
        chargeback("open", 4_321, of="o", at=at(4)),
        chargeback("won", 4_321, of="o", at=at(5)),
    ],
    "an open chargeback, a code added later, another customer, two refunds that are too much": [
        order("o", LINES, at=at(0), codes=(), customer=BUYER),
        order("o", LINES, at=at(1), codes=("NOPE", "BEA"), customer=BUYER),
        order("o", LINES, at=at(2), codes=("NOPE", "BEA"), customer="d"),
        refund("r1", of="o", at=at(3), lines={"1": 9_999, "7": 5}),
        refund("r2", 8_000, of="o", at=at(4)),
        chargeback("open", 1, of="o", at=at(5)),
    ],
    "three orders of one customer: first, link, refund of the first, edit of the first": [
        order("o", LINES, at=at(0), customer=BUYER),
        order("p", LINES, placed=T0 + DAY, at=at(24), codes=(), customer=BUYER),
        order("q", LINES, placed=T0 + 2 * DAY, at=at(48), codes=("BEA",), customer=BUYER),
        refund("r1", 9_444, of="o", at=at(49)),
        order("o", LINES, placed=T0 + 3 * DAY, at=at(72), customer=BUYER),
        order("p", LINES, placed=T0 + DAY, at=at(73), codes=("ADA",), customer=BUYER),
    ],
    "first and link move to an order that comes from elsewhere, and months change": [
        order("o", (line(30_000, "1"),), placed=T0 + 2 * DAY, at=at(0), customer=BUYER),
        order("p", LINES, placed=T0 + 4 * DAY, at=at(1), codes=(), customer=BUYER),
        order("q", LINES, placed=T0 + DAY, at=at(2), codes=("BEA",), customer="d"),
        order("q", LINES, placed=T0 + DAY, at=at(3), codes=("BEA",), customer=BUYER),
        order("o", (line(30_000, "1"),), placed=T0 + 33 * DAY, at=at(4), customer=BUYER),
        refund("r", 15_000, of="o", at=at(5)),
    ],
    "a shop lists its refunds: one that it deleted, one that it forgot to list, one that came after the list": [
        order("o", LINES, at=at(0), customer=BUYER, refund_ids=("r1", "r2")),
        refund("r1", 1_000, of="o", at=at(1)),
        refund("r2", of="o", at=at(2), lines={"2": 3_333}),
        order("o", LINES, at=at(3), customer=BUYER, refund_ids=("r2",)),
        refund("r3", 500, of="o", at=at(2)),
        refund("r4", 2_000, of="o", at=at(4)),
    ],
}


def renamed(event: CommerceEvent, run: str) -> CommerceEvent:
    """The same event about things of its own."""
    if isinstance(event, OrderEvent):
        customer = event.customer.external_id
        buyer = Customer(external_id=f"{run}-{customer}") if customer else Customer()
        refunds = None if event.refund_ids is None else tuple(f"{run}-{one}" for one in event.refund_ids)
        return replace(event, external_id=f"{run}-{event.external_id}", customer=buyer, refund_ids=refunds)
    order_id = f"{run}-{event.order_external_id}"
    return replace(event, external_id=f"{run}-{event.external_id}", order_external_id=order_id)


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_all_720_orders_of_arrival_leave_the_books_of_the_oracle(db, name):
    """Once, and with repeats; on PostgreSQL with repeats only."""
    for repeats in {"sqlite": (False, True), "postgresql": (True,)}[db.dialect]:
        db.clock.set(T0)
        arrive_in_720_orders(prepared(db), SETS[name], repeats=repeats)


def arrive_in_720_orders(world: World, facts: list[CommerceEvent], *, repeats: bool) -> None:
    """Each arrangement has orders and customers of its own; the n-th facts of all of them arrive in one batch.

    With repeats every arrangement gets, after each fact, one that it had before: a stale replay under a new key.
    """
    random = Random(5)
    arrangements = {f"run{n:03d}": list(order) for n, order in enumerate(permutations(facts))}
    for step in range(len(facts)):
        world.take(*(renamed(order[step], run) for run, order in arrangements.items()))
        if repeats:
            world.take(*(renamed(order[random.randint(0, step)], run) for run, order in arrangements.items()))
    every = [renamed(fact, run) for run in arrangements for fact in facts]
    assert final_books(world) == books_of(every)
    world.check()


# --- random sets


TOKENS = ("0", "1", "2", "3", "4", "5", "nobody's")
"""Stand for the ids of the clicks that are made, by their number."""


@st.composite
def fact_sets(draw: Callable, *, clicking: bool = False) -> list[CommerceEvent]:
    """Up to eight facts about up to three orders of up to two customers; times of change differ.

    `clicking`: orders name clicks, too.
    """
    facts: list[CommerceEvent] = []
    for number in range(draw(st.integers(1, 8))):
        of, changed = draw(st.sampled_from("opq")), T0 + (number + 1) * HOUR
        match draw(st.sampled_from(["order", "order", "order", "refund", "lines", "chargeback"])):
            case "order":
                nets = draw(st.lists(st.integers(0, 25_000), min_size=1, max_size=3))
                products = st.sampled_from([None, "tea"])
                lines = [line(net, str(each), product=draw(products)) for each, net in enumerate(nets)]
                facts.append(
                    order(
                        of,
                        lines,
                        at=changed,
                        placed=T0 + draw(st.integers(0, 4)) * 10 * DAY,
                        paid=draw(st.sampled_from([True, True, False])),
                        codes=draw(st.sampled_from([("ADA",), ("BEA",), ("NOPE", "BEA"), ()])),
                        customer=draw(st.sampled_from(["c", "d", None])),
                        charged=draw(st.sampled_from([None, sum(nets) + 990, 0])),
                        cancelled_at=draw(st.sampled_from([None, None, changed])),
                        refund_ids=draw(st.sampled_from([None, None, (), ("r" + of,), ("r" + of, "s" + of)])),
                        clicks=tuple(draw(st.lists(st.sampled_from(TOKENS), max_size=2))) if clicking else (),
                    )
                )
            case "refund":
                state = draw(st.sampled_from(list(RefundState)))
                amount, external_id = draw(st.integers(0, 20_000)), draw(st.sampled_from(["r", "s"])) + of
                apart = draw(st.sampled_from([0, amount // 3, amount]))
                facts.append(refund(external_id, amount, of=of, at=changed, state=state, apart=apart))
            case "lines":
                taken = draw(st.dictionaries(st.sampled_from("0129"), st.integers(0, 20_000), min_size=1, max_size=2))
                amount = draw(st.sampled_from([0, sum(taken.values()), 1_190, 30_000]))
                facts.append(refund(draw(st.sampled_from(["r", "s"])) + of, amount, of=of, at=changed, lines=taken))
            case "chargeback":
                state = draw(st.sampled_from(["open", "lost", "won"]))
                facts.append(chargeback(state, draw(st.integers(0, 20_000)), external_id="cb" + of, of=of, at=changed))
    return facts


@st.composite
def arrivals(draw: Callable, *, clicking: bool = False) -> tuple[list[CommerceEvent], list[list[CommerceEvent]]]:
    """A set of facts, and batches in which they arrive: in any order, some more than once."""
    facts = draw(fact_sets(clicking=clicking))
    repeats = draw(st.lists(st.sampled_from(facts), max_size=4))
    arriving = draw(st.permutations(facts + repeats))
    cuts = sorted(draw(st.sets(st.integers(1, len(arriving)), max_size=len(arriving))) | {len(arriving)})
    return facts, [list(arriving[start:end]) for start, end in zip([0, *cuts], cuts, strict=False)]


HALF = settings().max_examples // 2
CHECKS = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@pytest.mark.slow
@settings(suppress_health_check=CHECKS, max_examples=HALF)
@given(arrivals(), st.booleans())
def test_random_facts_in_any_order_and_any_batches_leave_the_books_of_the_oracle(shared, arrival, closing):
    """`closing`: months are closed between the batches, too."""
    facts, batches = arrival
    world = shared()
    for batch in batches:
        world.take(*batch)
        if closing:
            world.mature(T0 + 29 * DAY)  # March ends two days later; nothing is due yet
    assert final_books(world) == books_of(facts)
    bounded(world)


visits = st.tuples(
    st.sampled_from(["Ada", "Bea"]),
    st.integers(-25 * 24, 45 * 24),
    st.sampled_from(["v", "w", None]),
    st.sampled_from([None, None, None, "repeat", "bot"]),
)
"""On whose link, so many hours after the first order, by whom, and why it does not count."""


@pytest.mark.slow
@settings(suppress_health_check=CHECKS, max_examples=HALF)
@given(st.lists(visits, max_size=6, unique_by=lambda visit: visit[1]), arrivals(clicking=True), st.booleans())
def test_random_facts_with_clicks_leave_the_books_of_the_oracle(shared, made, arrival, deleting):
    """Clicks come before the orders. `deleting`: they are gone once every order has come, and some facts come again."""
    facts, batches = arrival
    world = shared()
    clicks = [
        Clicked(
            world.click(name, at=T0 + hours * HOUR, visitor=visitor, reason=reason),
            name,
            T0 + hours * HOUR,
            visitor,
            counts=reason != "bot",
        )
        for name, hours, visitor, reason in made
    ]
    named = {str(number): click.token for number, click in enumerate(clicks)}
    for batch in batches:
        world.take(*(clicked(event, named) for event in batch))
    if deleting:
        world.forget_clicks()
        world.take(*(clicked(event, named) for event in facts))
    assert final_books(world) == books_of([clicked(event, named) for event in facts], clicks)
    bounded(world)


def clicked(event: CommerceEvent, named: dict[str, str]) -> CommerceEvent:
    """The same event with the ids of clicks in place of their numbers; a number that was not clicked is nobody's."""
    if not isinstance(event, OrderEvent):
        return event
    return replace(event, clicks=tuple(named.get(number, number) for number in event.clicks))


@pytest.fixture
def shared(db: Database) -> Callable[[], World]:
    """Give each example a brand of its own in one database."""

    def make() -> World:
        db.clock.set(T0)  # type: ignore[attr-defined]
        world = prepared(db)
        world.at(T0 + 20 * DAY)
        return world

    return make


@settings(suppress_health_check=CHECKS, max_examples=8)
@given(st.lists(fact_sets(), min_size=1, max_size=2), st.integers(0, 9))
def test_one_batch_one_by_one_and_random_splits_leave_the_same_books(shared, sets, seed):
    """8 examples of up to 16 facts."""
    random = Random(seed)
    events = [renamed(event, str(number)) for number, facts in enumerate(sets) for event in facts]
    whole, single, split = shared(), shared(), shared()
    whole.take(*events)
    single.take_each(*events)
    rest: Sequence[CommerceEvent] = events
    while rest:
        size = random.randint(1, len(rest))
        split.take(*rest[:size])
        rest = rest[size:]
    expected = books_of(events)
    assert [final_books(world) for world in (whole, single, split)] == [expected] * 3
    split.check()
