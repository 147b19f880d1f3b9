"""`goodword reconcile`: the fake shop is asked, and what webhooks did not tell is taken in and named."""

from datetime import timedelta

import pytest

from engine.intake.reconciliation.service import begin
from engine.intake.reconciliation.tables import ReconciliationKind
from tests.engine.cli.test_code_shops import run, town  # noqa: F401 - fixtures

HERE = "fake_shop/main-shop"


@pytest.fixture
def order_id(town):  # noqa: F811
    placed: str = town.shop.place(codes=["ANNA15"])
    town.clock.advance(timedelta(minutes=1))
    return placed


def test_what_was_missed_is_named_and_taken_in_once(run, town, order_id):  # noqa: F811
    said = run("reconcile", HERE)
    assert "1 seen, 1 missing, 0 different, 0 extra" in said
    assert f"  missing: order {order_id}\n" in said
    assert town.owed() == {order_id: 250}
    (shop,) = run("reconcile", "--json")["shops"]
    assert (shop["missing"], shop["different"], shop["booked"], shop["problem"]) == (0, 0, 0, None)


def test_somebody_may_ask_further_back_and_sees_what_the_shop_no_longer_has(run, town, order_id):  # noqa: F811
    run("reconcile")
    del town.shop.orders[order_id]
    town.clock.advance(timedelta(days=1))
    (shop,) = run("reconcile", "--since", "2026-03-01", "--json")["shops"]
    assert (shop["kind"], shop["report"]["extra"]) == ("asked", [f"order {order_id}"])
    assert town.owed() == {order_id: 250}


def test_a_shop_that_fails_or_is_being_asked_is_named_and_ends_in_failure(run, town, order_id):  # noqa: F811
    town.shop.api.token = "another"
    assert "broke off: " in run("reconcile", fails=1)
    named = {"connection_id": town.connection.id, "connected_at": town.connection.created_at}
    town.goodword.database.run(lambda unit: begin(unit, town.brand_id, kind=ReconciliationKind.NIGHTLY, **named))
    assert "Wait until that is done." in run("reconcile", fails=1)


def test_a_shop_that_is_none_is_said(run, town):  # noqa: F811
    assert "'shopify/main' is no shop that is on and can be asked." in run("reconcile", "shopify/main", fails=1)
