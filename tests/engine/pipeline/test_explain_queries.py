"""Every read of a batch goes through an index by what it looks for, and never through a brand's history.

The plans are those of a whole batch on a brand with 1,200 orders: new ones, edits and refunds, then the month's end.
"""

import re
from datetime import timedelta

import pytest

from engine.pipeline.periods import close_months
from engine.rewards.service import approve_due
from tests.engine.pipeline.world import SHOP, T0, World, delivered, order, refund, terms
from tests.support.plans import plans

HISTORY = (
    "chargeback",
    "click",
    "code_owner",
    "commerce_fact",
    "commission",
    "customer",
    "customer_link",
    "decision",
    "delivery",
    "enrollment_change",
    "ledger_account",
    "ledger_entry",
    "ledger_transaction",
    "promo_code",
    "refund",
    "reward_scope",
    "shop_order",
    "touch",
)
"""What grows with a brand's life."""

WHOSE = {"brand_id", "connector", "account"}
"""Columns that tell whose rows they are: an index used by these alone reads everything that a shop ever sent."""

ORDERS = 1_200


@pytest.fixture
def grown(empty: World) -> World:
    """A brand with volume tiers, customer links, and a history."""
    tiers = {"key": "volume", "type": "volume_tiers", "params": {"mode": "whole", "tiers": {"EUR": [TIER]}}}
    policy = {"signals": ["code", "click", "customer_link"], "customer_link_days": 90}
    empty.program(terms(tiers, rates={}, attribution=policy))
    for name in ("Ada", "Bea", "Cleo"):
        empty.enroll(name)
    for start in range(0, ORDERS, 400):
        empty.take(*(_order(number) for number in range(start, start + 400)))
    empty.take(*(refund(f"r{number}", 100, of=f"o{number}") for number in range(0, 300, 3)))
    if empty.db.dialect == "postgresql":
        with empty.db.engine.connect() as connection:
            connection.exec_driver_sql("ANALYZE")
            connection.commit()
    return empty


def test_a_batch_reads_by_key_alone(grown):
    events = [_order(number) for number in range(ORDERS, ORDERS + 40)]
    events += [_order(number, at=T0 + timedelta(days=1), net=7_000) for number in range(0, 40, 2)]
    events += [refund(f"late{number}", 50, of=f"o{number}") for number in range(400, 440, 4)]
    checked, refused = grown.pipeline._check(grown.brand, SHOP, [delivered(event) for event in events])
    assert not refused
    with grown.db.unit() as unit:
        found = plans(unit, lambda: grown.pipeline._batch(unit, grown.brand, SHOP, deliveries=checked))
    read = {table for plan in found for table in HISTORY if re.search(rf"\b{table}\b", plan)}
    assert read >= {"customer", "customer_link", "decision", "delivery", "refund", "reward_scope", "shop_order"}
    assert "\n".join(problem for plan in found for problem in _reads_history(plan, grown.db.dialect)) == ""


def test_the_clicks_of_a_batch_are_read_by_key_alone(grown):
    """400 clicks by 40 visitors; orders that name theirs, and edits of orders that did before."""
    ago = [T0 - timedelta(days=20, minutes=number) for number in range(400)]
    tokens = [grown.click("Ada", at=at, visitor=f"v{number % 40}") for number, at in enumerate(ago)]
    grown.take(*(_order(number, codes=(), clicks=(tokens[number],), at=T0 + DAY) for number in range(0, 400, 4)))
    if grown.db.dialect == "postgresql":
        with grown.db.engine.connect() as connection:
            connection.exec_driver_sql("ANALYZE")
            connection.commit()
    events = [_order(ORDERS + number, codes=(), clicks=tokens[number : number + 2]) for number in range(0, 80, 2)]
    events += [_order(number, codes=(), clicks=(tokens[number],), at=T0 + 2 * DAY) for number in range(0, 80, 4)]
    checked, refused = grown.pipeline._check(grown.brand, SHOP, [delivered(event) for event in events])
    assert not refused
    with grown.db.unit() as unit:
        found = plans(unit, lambda: grown.pipeline._batch(unit, grown.brand, SHOP, deliveries=checked))
    of_clicks = {plan for plan in found if re.search(r"\b(click|touch)\b", plan)}
    assert len(of_clicks) >= 3, "what was kept, what is named, the visits of the same visitors"
    if grown.db.dialect == "sqlite":
        by_time = "SEARCH mine USING INDEX ix_click_visitor (brand_id=? AND visitor_key=? AND id>? AND id<?)"
        assert any(by_time in plan for plan in of_clicks)
    else:
        assert any("Index Scan" in plan and "ix_click_visitor" in plan for plan in of_clicks)
    assert "\n".join(problem for plan in found for problem in _reads_history(plan, grown.db.dialect)) == ""


def test_orders_that_name_no_click_read_none(grown):
    events = [delivered(_order(ORDERS + number)) for number in range(40)]
    checked, _ = grown.pipeline._check(grown.brand, SHOP, events)
    with grown.db.unit() as unit:
        found = plans(unit, lambda: grown.pipeline._batch(unit, grown.brand, SHOP, deliveries=checked))
    assert found
    assert not [plan for plan in found if re.search(r"\b(click|touch)\b", plan)]


def test_the_end_of_a_month_reads_by_key_alone(grown):
    grown.at(T0 + timedelta(days=90))
    with grown.db.unit() as unit:
        found = plans(unit, lambda: close_months(unit, grown.brand, shelf=grown.pipeline.shelf))
        found += plans(unit, lambda: approve_due(unit, grown.brand))
    assert any("reward_scope" in plan for plan in found)
    assert "\n".join(problem for plan in found for problem in _reads_history(plan, grown.db.dialect)) == ""


DAY = timedelta(days=1)
TIER = {"from_minor": 0, "rate_bps": 500}


def _order(number: int, **more):
    codes = more.pop("codes", ("ADA", "BEA", "CLEO", "nobody")[number % 4 : number % 4 + 1])
    return order(f"o{number}", more.pop("net", 5_000), codes=codes, customer=f"c{number % 500}", **more)


def _reads_history(plan: str, dialect: str) -> list[str]:
    """Return the steps of a plan that read more of a table than was asked for."""
    steps = _sqlite_steps(plan) if dialect == "sqlite" else _postgresql_steps(plan)
    return [f"{table}: {step}" for table, step, columns in steps if table in HISTORY and not columns - WHOSE]


def _sqlite_steps(plan: str):
    for step in plan.splitlines():
        if match := re.match(r"SCAN (\w+)", step):
            yield match[1], step, set()
        elif match := re.match(r"SEARCH (\w+)(?: USING .*\((.*)\))?$", step):
            yield match[1], step, set(re.findall(r"(\w+)[=<>]", match[2] or "id="))


def _postgresql_steps(plan: str):
    """PostgreSQL weighs what an index costs by how much there is, so that only this can be held to: one can serve."""
    for step in plan.splitlines():
        if match := re.search(r"Seq Scan on (\w+)", step):
            yield match[1], step, set()
