"""Medusa's own orders through the pipeline: whatever order they come in, however often, the books are the same.

All 720 arrangements of six states of an order on SQLite, each after a stale replay of one that came before; 24 of them
on PostgreSQL.
"""

from itertools import count, permutations
from random import Random

import pytest

from engine.intake.rules import Source
from engine.plugin_api import Delivery, read_json
from plugins.medusa.connector import Medusa
from plugins.medusa.fields import body_of
from tests.engine.pipeline.world import World
from tests.plugins.by_module import written
from tests.plugins.medusa.shop import a_payment, an_order, at, refunded, returned, settings

CONNECTOR = Medusa()
SHOP = Source("medusa", "medusa")


def states(order_id):
    """Placed, paid, goodwill of 5.00, one of two caps returned, its 29.45 given back, and completed."""
    placed = an_order(order_id, payment_collections=[a_payment("86.28", captured=False)])
    told = [placed, refunded(an_order(order_id), (f"ref_1_{order_id}", "5", 40))]
    told.insert(1, an_order(order_id))
    told.append(returned(told[-1], "ordli_1", 1, 50))
    told.append(refunded(told[-1], (f"ref_2_{order_id}", "29.45", 60)))
    told.append(told[-1] | {"status": "completed", "updated_at": at(90), "version": 9})
    bodies = [body_of(read_json(written(state))) for state in told]
    return [(body, CONNECTOR.parse(body, topic="order", settings=settings())) for body in bodies]


@pytest.mark.slow
def test_every_order_of_arrival_leaves_the_same_commission(db, backend):
    world, random, keys = World(db), Random(7), count()
    world.program()
    world.enroll("Ada", code="ANNA10")
    arrangements = list(permutations(range(6)))
    if backend == "postgresql":
        arrangements = random.sample(arrangements, 24)
    told = [states(f"order_{number}") for number in range(len(arrangements))]
    for step in range(6):
        batch = []
        for events, arrangement in zip(told, arrangements, strict=True):
            for which in (arrangement[step], arrangement[random.randint(0, step)]):
                body, found = events[which]
                batch.append(Delivery(f"{next(keys)}", body, found, topic="order"))
        world.pipeline.ingest(world.brand, SHOP, deliveries=batch)
    # 10 % of 24.75 and 18.00, less 5.00 of the 56.82 that the rest comes to; the return is told by its line alone
    expected = round(4_275 * (1 - 500 / 5_682) * 0.1)
    owed = [head.booked_minor for head in world.heads().values()]
    assert (len(owed), set(owed)) == (len(arrangements), {expected})
    assert world.blocked() == {}
    world.check()
