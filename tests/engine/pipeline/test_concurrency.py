"""Many writers at once on PostgreSQL: nothing twice, nothing lost, no error, and the books that one writer leaves.

Eight threads meet at a barrier before every step, so that each step is a race. Seeds are fixed; sizes stand at the
tests.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from random import Random
from threading import Barrier, Thread

import pytest

from engine.kernel.clock import VirtualClock
from engine.plugin_api import CommerceEvent, Delivery
from tests.engine.pipeline.world import SHOP, T0, World, chargeback, delivered, line, order, refund, terms
from tests.support.databases import PostgresqlBackend

pytestmark = pytest.mark.postgresql

THREADS = 8
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
BONUS = {"key": "bonus", "type": "first_order_bonus", "params": {"amount_minor": {"EUR": 300}}}
LADDER = [{"from_minor": 0, "rate_bps": 1_000}, {"from_minor": 100_000, "rate_bps": 2_000}]
VOLUME = {"key": "volume", "type": "volume_tiers", "params": {"mode": "marginal", "tiers": {"EUR": LADDER}}}
LINKS = {"signals": ["code", "customer_link"], "customer_link_days": 0}


@pytest.fixture
def worlds(postgresql_backend: PostgresqlBackend, clock: VirtualClock) -> Iterator[tuple[World, World]]:
    """Two equal brands in one database: one for many writers, one for a single one."""
    db = postgresql_backend.open(clock)
    pair = World(db), World(db)
    for world in pair:
        world.program(terms("commission", BONUS, VOLUME, attribution=LINKS))
        world.enroll("Ada")
        world.enroll("Bea")
    yield pair
    pair[0].check()
    postgresql_backend.discard(db)


def all_at_once(world: World, *scripts: Sequence[Sequence[Delivery]]) -> None:
    """Let each script's batches be taken in by a thread of its own, step by step together; fail with any error."""
    barrier, errors = Barrier(len(scripts)), []

    def play(script: Sequence[Sequence[Delivery]]) -> None:
        for batch in script:
            barrier.wait(60)
            try:
                if batch:
                    world.pipeline.ingest(world.brand, SHOP, deliveries=batch)
            except BaseException as error:  # noqa: BLE001 - whatever it is, the test must say so
                errors.append(repr(error)[:500])

    threads = [Thread(target=play, args=(script,)) for script in scripts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert errors == []


def compare(worlds: tuple[World, World], events: Sequence[CommerceEvent]) -> None:
    """The first brand's books are those of the second, which takes the events one by one."""
    many, one = worlds
    one.take_each(*events)
    for world in worlds:
        world.mature(T0 + 70 * DAY)
    assert many.books() == one.books()
    assert [many.blocked(), many.notices()] == [one.blocked(), one.notices()]


def test_the_same_deliveries_by_eight_writers_have_the_effect_of_one(worlds):
    """I1, A1: 8 writers × 12 steps, each the same batch of two orders and a refund."""
    many, _ = worlds
    events: list[CommerceEvent] = []
    for step in range(12):
        at = T0 + step * HOUR
        customer = f"c{step % 3}"
        events += [order(f"a{step}", placed=at, at=at, customer=customer), order(f"b{step}", placed=at, at=at)]
        events.append(refund(f"r{step}", 2_500, of=f"a{step}", at=at))
    batches = [[delivered(event, f"k{n + m}") for m, event in enumerate(events[n : n + 3])] for n in range(0, 36, 3)]
    all_at_once(many, *[batches] * THREADS)
    compare(worlds, events)


@pytest.mark.slow
def test_an_order_and_its_refund_that_arrive_at_once_find_each_other(worlds):
    """4 pairs of writers × 25 steps: whichever commits first, the refund counts."""
    many, _ = worlds
    orders = [[order(f"o{pair}-{step}") for step in range(25)] for pair in range(4)]
    refunds = [[refund(f"r{pair}-{step}", 5_000, of=f"o{pair}-{step}") for step in range(25)] for pair in range(4)]
    all_at_once(many, *[[[delivered(event)] for event in script] for script in orders + refunds])
    assert {many.owed(subject=f"o{pair}-{step}") for pair in range(4) for step in range(25)} == {500}
    compare(worlds, [event for script in orders + refunds for event in script])


@pytest.mark.slow
def test_an_order_that_is_edited_and_refunded_at_once_keeps_both(worlds):
    """4 pairs × 25 steps on orders that exist."""
    many, _ = worlds
    stored = [order(f"o{pair}-{step}") for pair in range(4) for step in range(25)]
    many.take(*stored)
    edits = [[order(f"o{pair}-{step}", 20_000, at=T0 + HOUR) for step in range(25)] for pair in range(4)]
    refunds = [[refund(f"r{pair}-{step}", 5_000, of=f"o{pair}-{step}") for step in range(25)] for pair in range(4)]
    all_at_once(many, *[[[delivered(event)] for event in script] for script in edits + refunds])
    assert {many.owed(subject=each.external_id) for each in stored} == {1_500}
    compare(worlds, stored + [event for script in edits + refunds for event in script])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_orders_of_one_customer_by_eight_writers_leave_one_first_order_and_one_link(worlds, seed):
    """8 writers × 10 steps: orders of 10 customers, some without a code, in any order, edited and moved meanwhile."""
    many, _ = worlds
    random = Random(seed)
    events: list[CommerceEvent] = []
    for customer in range(10):
        for number in range(4):
            external_id, placed = f"o{customer}-{number}", T0 + number * DAY
            codes = random.choice([("ADA",), ("BEA",), ()])
            events.append(order(external_id, placed=placed, at=placed, codes=codes, customer=f"c{customer}"))
            if random.random() < 0.5:
                moved, placed = random.randrange(10), T0 + random.randrange(5) * DAY
                codes = random.choice([("ADA",), ("BEA",), ()])
                events.append(order(external_id, placed=placed, at=T0 + 9 * DAY, codes=codes, customer=f"c{moved}"))
    random.shuffle(events)
    scripts = [[[delivered(event)] for event in events[k::THREADS]] for k in range(THREADS)]
    steps = max(map(len, scripts))
    all_at_once(many, *[script + [[]] * (steps - len(script)) for script in scripts])
    compare(worlds, events)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_batches_of_anything_by_eight_writers_leave_the_books_of_one(worlds, seed):
    """8 writers × 6 batches of 6 out of about 90 facts: orders, edits, refunds, chargebacks, repeats."""
    many, _ = worlds
    random = Random(100 + seed)
    facts = list(anything(random))
    events = facts + random.sample(facts, len(facts) // 3)
    deliveries = [delivered(event) for event in events]
    random.shuffle(deliveries)
    scripts = [[deliveries[k::THREADS][n : n + 6] for n in range(0, 36, 6)] for k in range(THREADS)]
    all_at_once(many, *scripts)
    taken = [delivery for script in scripts for batch in script for delivery in batch]
    compare(worlds, [event for delivery in taken for event in delivery.events])


def test_closing_and_approving_while_orders_arrive_loses_nothing(worlds):
    """6 writers × 10 steps beside 2 that close months and approve all the time."""
    many, _ = worlds
    late = T0 + 40 * DAY
    many.at(late)
    random = Random(7)
    events: list[CommerceEvent] = [
        order(
            f"o{n}", 10_000 + n, placed=T0 + (n % 20) * DAY, at=T0 + 20 * DAY, codes=random.choice([("ADA",), ("BEA",)])
        )
        for n in range(40)
    ]
    events += [refund(f"r{n}", 1_000, of=f"o{n}", at=T0 + 21 * DAY) for n in range(20)]
    random.shuffle(events)
    done: list[bool] = []

    def mature_all_the_time() -> None:
        while not done:
            many.mature()

    watchers = [Thread(target=mature_all_the_time) for _ in range(2)]
    for watcher in watchers:
        watcher.start()
    try:
        all_at_once(many, *[[[delivered(event)] for event in events[k::6]] for k in range(6)])
    finally:
        done.append(True)
        for watcher in watchers:
            watcher.join(60)
    compare(worlds, events)


def anything(random: Random) -> Iterator[CommerceEvent]:
    """Yield facts about 24 orders of 6 customers."""
    for number in range(24):
        external_id, placed = f"o{number}", T0 + random.randrange(5) * DAY
        customer = f"c{random.randrange(6)}"
        lines = [line(random.randrange(1, 90_000), str(each)) for each in range(random.randint(1, 3))]
        codes = random.choice([("ADA",), ("BEA",), ("NOPE", "ADA"), ()])
        yield order(external_id, lines, placed=placed, at=placed, codes=codes, customer=customer)
        if random.random() < 0.4:
            yield order(external_id, lines[:1], placed=placed, at=placed + 6 * DAY, codes=("BEA",), customer=customer)
        for part in range(random.choice([0, 0, 1, 2])):
            yield refund(f"r{number}-{part}", random.randrange(1, 9_000), of=external_id, at=placed + 7 * DAY)
        if random.random() < 0.2:
            yield chargeback("open", 4_000, external_id=f"cb{number}", of=external_id, at=placed + 8 * DAY)
            if random.random() < 0.5:
                yield chargeback("lost", 4_000, external_id=f"cb{number}", of=external_id, at=placed + 9 * DAY)
