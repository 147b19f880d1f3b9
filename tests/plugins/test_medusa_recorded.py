"""What a real Medusa told of its orders: lines and refunds come to what Medusa itself says is left of them."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from engine.plugin_api import OrderEvent, RefundEvent, round_half_even
from plugins.medusa.connector import Medusa
from tests.plugins.by_module import body
from tests.plugins.medusa.shop import settings

RECORDED: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "data" / "medusa-2.19" / "orders.json").read_text(encoding="utf-8")
)
BEFORE_ITS_REFUND = "goodwill, then a return"
"""Goodwill from before a return counts again once the return is refunded."""


def read(name: str) -> tuple[OrderEvent, list[RefundEvent]]:
    """The order's event and those of its refunds."""
    order, *refunds = Medusa().parse(body(RECORDED[name]["order"]), topic="order", settings=settings())
    assert isinstance(order, OrderEvent)
    return order, [each for each in refunds if isinstance(each, RefundEvent)]


def cents(name: str, *sums: str) -> list[int]:
    return [round_half_even(100 * Fraction(RECORDED[name]["summary"][each])) for each in sums]


@pytest.mark.parametrize("name", sorted(RECORDED.keys() - {BEFORE_ITS_REFUND}))
def test_what_is_left_is_what_medusa_says(name):
    order, refunds = read(name)
    total, paid, given_back = cents(name, "current_order_total", "paid_total", "refunded_total")
    gift_card = 5_000 if name.startswith("gift card") else 0
    kept = order.charged_minor - sum(each.amount_minor for each in refunds)
    left = min(total, paid - given_back) if order.paid_at else total
    assert kept - gift_card == pytest.approx(left, abs=1)


def test_before_a_return_is_refunded_its_line_alone_tells_it():
    order, refunds = read(BEFORE_ITS_REFUND)
    assert ([each.amount_minor for each in refunds], order.charged_minor) == ([0], 5_333)
    order, refunds = read("goodwill, then a return, refunded")
    assert ([each.amount_minor for each in refunds], order.charged_minor) == ([500, 0], 5_333)


@pytest.mark.parametrize(
    ("name", "nets", "taken"),
    [
        ("exchange received, the difference not paid", [1_575, 2_406, 3_600], [2_016]),
        ("exchange received and paid", [1_575, 2_406, 3_600], []),
        ("claim refunded before the goods came", [1_575, 4_812], [2_863]),
        ("claim refunded and received", [1_575, 2_406], [0]),
        ("claim with a replacement", [1_575, 2_750, 4_812], [3_273]),
        ("edited up, the difference waived", [999, 1_575, 4_812], [1_189]),
        ("returned for a credit below zero", [1_575, 2_406], []),
        ("gift card, then a return, refunded, then goodwill", [1_575, 2_406], [200, 0]),
        ("in another currency than the store's", [1_575, 4_812], []),
        ("taxes inside of prices", [1_324, 4_044], []),
        ("taxes inside of prices and of a fixed discount", [1_295, 3_957], []),
        ("taxes inside, two returned, one of them broken, for a fee", [0, 1_324], [0]),
    ],
)
def test_lines_stand_as_they_are_and_of_refunds_the_rest_counts(name, nets, taken):
    order, refunds = read(name)
    assert sorted(line.net_minor for line in order.lines) == nets
    assert [each.amount_minor for each in refunds] == taken


def test_every_order_came_with_the_code_that_was_pushed():
    assert {code for name in RECORDED for code in read(name)[0].codes if code.startswith("ANNA")} == {"ANNA12"}
    assert all(read(name)[0].codes for name in RECORDED)
