"""WooCommerce's own payloads through the pipeline: whatever order they come in, however often, the books are the same.

All 720 arrangements of six versions of an order on SQLite, each after a stale replay of one that came before; 24 of
them on PostgreSQL.
"""

from itertools import count, permutations
from random import Random

import pytest

from engine.intake.rules import Source
from engine.plugin_api import ChargebackEvent, ChargebackState, Delivery
from plugins.woocommerce.connector import WooCommerce
from tests.engine.pipeline.world import World
from tests.plugins.woocommerce.shop import T0, a_refund, an_order, settings, written

CONNECTOR = WooCommerce()
SHOP = Source("woocommerce", "woo")
LINE, AMOUNT = a_refund(730, "29.46", lines={315: ("24.75", "4.71")}), a_refund(731, "8.00", at="2026-03-04T10:00:00")


def version(order_id, day, *refunds, **changes):
    at = f"2026-03-{day:02}T12:00:00"
    listed = [{"id": each["id"], "reason": "", "total": f"-{each['amount']}"} for each in refunds]
    details = {"refund_details": list(refunds)} if refunds else {}
    order = an_order(order_id, date_modified_gmt=at, date_created_gmt="2026-03-02T11:00:00", refunds=listed, **details)
    return order | changes


def own(refund, order_id):
    """The refund under an id of its own."""
    return {**refund, "id": refund["id"] + order_id * 1_000}


def versions(order_id):
    """Body and events of: placed, paid, refunded in part, an amount besides, the first deleted, and a chargeback.

    The chargeback comes from whoever took the payment, with the shop's order number.
    """
    line, amount = own(LINE, order_id), own(AMOUNT, order_id)
    orders = [
        version(order_id, 2, status="pending", date_paid_gmt=None),
        version(order_id, 3),
        version(order_id, 4, line),
        version(order_id, 5, line, amount, status="completed"),
        version(order_id, 6, amount, status="completed"),
    ]
    bodies = [written(order) for order in orders]
    found = [(body, CONNECTOR.parse(body, topic="order.updated", settings=settings())) for body in bodies]
    lost = ChargebackEvent(f"cb{order_id}", str(order_id), T0, T0, "EUR", 2_000, ChargebackState.LOST)
    return [*found, (b"{}", (lost,))]


@pytest.mark.slow
def test_every_order_of_arrival_leaves_the_same_commission(db, backend):
    world, random, keys = World(db), Random(7), count()
    world.program()
    world.enroll("Ada", code="ANNA10")
    arrangements = list(permutations(range(6)))
    if backend == "postgresql":
        arrangements = random.sample(arrangements, 24)
    told = [versions(1_000 + number) for number in range(len(arrangements))]
    for step in range(6):
        batch = []
        for events, arrangement in zip(told, arrangements, strict=True):
            for which in (arrangement[step], arrangement[random.randint(0, step)]):
                body, found = events[which]
                batch.append(Delivery(f"{next(keys)}", body, found, topic="order.updated"))
        world.pipeline.ingest(world.brand, SHOP, deliveries=batch)
    # 10 % of 49.50 and 18.00, less 8.00 and 20.00 of the 85.23 that were charged; the deleted refund counts no more
    expected = round(6_750 * (1 - 2_800 / 8_523) * 0.1)
    owed = [head.booked_minor for head in world.heads().values()]
    assert (len(owed), set(owed)) == (len(arrangements), {expected})
    assert world.blocked() == {}
    world.check()
