"""What Vendure and any declared shop tell, through the pipeline: in whatever order, however often, with equal books.

All 720 arrangements of six states on SQLite, each after a stale replay of one that came before; 24 on PostgreSQL.
"""

import json
from collections.abc import Callable
from itertools import count, permutations
from random import Random
from typing import Any

import pytest

from engine.intake.rules import Source
from engine.plugin_api import Connector, Delivery, PluginSettings
from plugins.generic_webhook.connector import GenericWebhook
from plugins.generic_webhook.settings import GenericWebhookSettings
from plugins.vendure.connector import Vendure
from tests.engine.pipeline.world import World
from tests.plugins.by_module import body
from tests.plugins.vendure import shop as vendure
from tests.support.standin import SIGNING_SECRET

DECLARED = GenericWebhookSettings.model_validate(
    {
        "signing_secrets": [SIGNING_SECRET],
        "topic": "type",
        "amounts": "decimal",
        "order": {
            "topics": ["order"],
            "id": "id",
            "updated_at": "at",
            "placed_at": "placed_at",
            "paid_at": "paid_at",
            "currency": "currency",
            "lines": {"each": "lines[]", "id": "id", "net": "total"},
            "codes": "codes[]",
        },
        "refund": {
            "topics": ["refund"],
            "id": "id",
            "order_id": "order",
            "updated_at": "at",
            "currency": "currency",
            "amount": "amount",
            "state": "state",
            "states": {"done": "succeeded", "void": "cancelled"},
        },
        "chargeback": {
            "topics": ["chargeback"],
            "id": "id",
            "order_id": "order",
            "updated_at": "at",
            "currency": "currency",
            "amount": "amount",
            "state": "state",
            "states": {"open": "open", "won": "won", "lost": "lost"},
        },
    }
)


def declared(number: int) -> list[tuple[str, bytes]]:
    """Placed, paid, a refund of 20.00, another of 10.00 that was called off, and a chargeback of 8.00, lost."""
    at = "2026-03-02T1{}:00:00Z".format
    order: dict[str, Any] = {"type": "order", "id": f"o{number}", "placed_at": at(0), "currency": "EUR"}
    order["codes"] = ["ANNA10"]
    order["lines"] = [{"id": "a", "total": "80.00"}]
    taken = {"order": f"o{number}", "currency": "EUR"}
    told: list[dict[str, Any]] = [
        order | {"at": at(0), "paid_at": None},
        order | {"at": at(1), "paid_at": at(1)},
        {"type": "refund", "id": f"r{number}", "at": at(2), "amount": "20.00", "state": "done"} | taken,
        {"type": "refund", "id": f"s{number}", "at": at(3), "amount": "10.00", "state": "done"} | taken,
        {"type": "refund", "id": f"s{number}", "at": at(4), "amount": "10.00", "state": "void"} | taken,
        {"type": "chargeback", "id": f"c{number}", "at": at(5), "amount": "8.00", "state": "lost"} | taken,
    ]
    return [(each["type"], json.dumps(each).encode()) for each in told]


def of_vendure(number: int) -> list[tuple[str, bytes]]:
    """Authorised, settled, a piece given back: asked for, then done; an amount besides; and a later note."""
    first = vendure.a_refund(f"{number}1", 4_000, 90, lines={"1": 1})
    second = vendure.a_refund(f"{number}2", 500, 95)
    states: list[dict[str, Any]] = [
        vendure.an_order(
            payments=[vendure.a_payment(14_660, "Authorized")],
            newest={"totalItems": 7, "items": [{"createdAt": vendure.at(4)}]},
        ),
        vendure.an_order(),
        vendure.refunded(vendure.an_order(), first | {"state": "Pending"}),
        vendure.refunded(vendure.an_order(), first),
    ]
    states[3]["newest"]["totalItems"] += 1
    states.append(vendure.refunded(states[3], second))
    states.append(states[4] | {"newest": {"totalItems": 14, "items": [{"createdAt": vendure.at(120)}]}})
    return [("order", body(state | {"code": f"CODE{number}"})) for state in states]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("connector", "settings", "states", "expected"),
    [
        (
            GenericWebhook(),
            DECLARED,
            declared,
            520,
        ),  # 10 % of 80.00 less 20.00 and 8.00; what was called off is nothing
        # 118.00 less one piece of three (33.33), and of that what 5.00 are of what else was charged, 146.60 less 40.00
        (Vendure(), vendure.settings(), of_vendure, 807),
    ],
    ids=["any shop by webhook", "vendure"],
)
def test_every_order_of_arrival_leaves_the_same_commission(
    db,
    backend,
    connector: Connector,
    settings: PluginSettings,
    states: Callable[[int], list[tuple[str, bytes]]],
    expected: int,
):
    world, random, keys = World(db), Random(7), count()
    world.program()
    world.enroll("Ada", code="ANNA10")
    arrangements = list(permutations(range(6)))
    if backend == "postgresql":
        arrangements = [arrangements[0], *random.sample(arrangements[1:], 23)]
    told = [states(number) for number in range(len(arrangements))]
    for step in range(6):
        batch = []
        for bodies, arrangement in zip(told, arrangements, strict=True):
            for which in (arrangement[step], arrangement[random.randint(0, step)]):
                topic, body = bodies[which]
                events = connector.parse(body, topic=topic, settings=settings)
                batch.append(Delivery(f"{next(keys)}", body, events, topic=topic))
        world.pipeline.ingest(world.brand, Source(connector.name, "main"), deliveries=batch)
    owed = [head.booked_minor for head in world.heads().values()]
    assert (len(owed), set(owed)) == (len(arrangements), {expected})
    assert world.blocked() == {}
    world.check()
