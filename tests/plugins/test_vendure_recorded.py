"""What a real Vendure told of its orders, and what is read from it."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine.plugin_api import OrderEvent, RefundEvent
from plugins.vendure.connector import Vendure
from tests.plugins.by_module import body
from tests.plugins.vendure.shop import settings

RECORDED: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "data" / "vendure-3.7" / "orders.json").read_text(encoding="utf-8")
)
LAPTOPS, TABLET = 227_325, 28_788  # two and one, without tax


def read(name: str) -> tuple[OrderEvent, list[RefundEvent]]:
    """The order's event and those of its refunds."""
    order, *refunds = Vendure().parse(body(RECORDED[name]), topic="order", settings=settings())
    assert isinstance(order, OrderEvent)
    return order, [each for each in refunds if isinstance(each, RefundEvent)]


@pytest.mark.parametrize(
    ("name", "nets", "taken"),
    [
        ("bought", [LAPTOPS, TABLET], []),
        ("line without pieces", [LAPTOPS, 0], []),
        ("its refund pending", [LAPTOPS, 0], [(0, [])]),
        ("its refund settled", [LAPTOPS, 0], [(0, [])]),
        ("less than a piece", [LAPTOPS, 0], [(0, []), (1_000, [833])]),
        ("an amount", [LAPTOPS, 0], [(0, []), (1_000, [833]), (500, [])]),
        ("modified down", [121_782, 28_787], [(0, [])]),
        ("modified up", [340_988, 28_787], [(136_394, [])]),
        ("modified up and paid", [340_988, 28_787], []),
        ("a refund of two payments", [340_988, 28_787], [(307_836, [256_530]), (101_349, [84_458])]),
        ("a surcharge below zero", [227_436, 28_802], [(1_000, []), (149, [])]),
        ("cancelled", [0, 0], []),
        ("cancelled and refunded", [0, 0], [(0, [])]),
        ("authorised", [LAPTOPS, TABLET], []),
        ("cancelled in part before it was settled", [113_663, TABLET], []),
    ],
)
def test_lines_stand_as_they_are_and_of_refunds_the_rest_counts(name, nets, taken):
    order, refunds = read(name)
    assert [line.net_minor for line in order.lines] == nets
    found = [(each.amount_minor, [line.net_minor for line in each.lines]) for each in refunds]
    assert found == taken


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_what_is_left_is_what_was_paid_less_what_was_given_back_and_never_more_than_the_order(name):
    order, refunds = read(name)
    kept = order.charged_minor - sum(each.amount_minor for each in refunds)
    payments = RECORDED[name]["payments"]
    settled = sum(payment["amount"] for payment in payments if payment["state"] == "Settled")
    given_back = sum(refund["total"] for payment in payments for refund in payment["refunds"])
    taken_off = sum(min(0, each["priceWithTax"]) for each in RECORDED[name]["surcharges"])
    worth = RECORDED[name]["totalWithTax"] - taken_off
    assert kept == (min(worth, settled - given_back) if order.paid_at else worth)


def test_all_pieces_of_a_line_given_back_in_two_payments_leave_nothing_of_it():
    order, refunds = read("a refund of two payments")
    taken = [line for each in refunds for line in each.lines]
    assert {line.line_id for line in taken} == {order.lines[0].line_id}
    assert sum(line.net_minor for line in taken) == order.lines[0].net_minor
