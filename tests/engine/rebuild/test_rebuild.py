"""Replaying the records makes the same books, and one unit somewhere else is found and named."""

import json
import re
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import delete, func, select, text
from sqlmodel import SQLModel

from engine.attribution.tables import Decision, Touch
from engine.cli import main
from engine.enrollment.tables import Enrollment
from engine.identity.tables import Ambassador
from engine.intake.tables import ShopOrder
from engine.kernel.tables import table_of
from engine.payouts.tables import Payout, PayoutState
from engine.payouts.verify import verify_rows
from engine.pipeline.run import blocked_orders
from engine.plugin_api import MissingCurrencyError, OrderEvent, OrderLine
from engine.plugin_host.registry import load_plugins
from engine.rebuild.copies import COPIED, copy_decisions
from engine.rebuild.run import MOST, rebuild
from engine.rewards.service import approve_due
from engine.rewards.tables import Commission, CommissionReason, MaturityRun, RewardScope
from engine.tracking.clicks.rules import click_token
from engine.tracking.clicks.tables import Click
from plugins.rewards_cash.percentage import Percentage
from tests.engine.rebuild.story import tell_story
from tests.factories import make_click
from tests.support.shop import PLUGINS, installation, open_shop

SEEDS = {"sqlite": 1, "postgresql": 2}


@pytest.fixture
def shop(db, clock, tmp_path):
    host = load_plugins(PLUGINS)
    return open_shop(installation(db, tmp_path, host=host), clock)


@pytest.fixture
def rebuilt(db, shop):
    """Replay the shop's records."""

    def rebuilt():
        goodword = shop.goodword
        return rebuild(db, goodword.plugins, brand_id=shop.brand_id, keyring=goodword.keyring)

    return rebuilt


def count(db, model, *conditions):
    with db.reading() as unit:
        return unit.execute(select(func.count()).select_from(table_of(model)).where(*conditions)).scalar_one()


def counts(db, column):
    with db.reading() as unit:
        return Counter({row[0]: row[1] for row in unit.execute(select(column, func.count()).group_by(column))})


@pytest.mark.slow
def test_half_a_year_replay_to_the_last_unit(db, shop, rebuilt):
    """Over 300 orders of six months; each kind of database has a story of its own."""
    story = tell_story(shop, seed=SEEDS[db.dialect], months=6, orders=56)
    story.forget_clicks()
    with db.reading() as unit:
        assert verify_rows(unit, shop.brand_id) == ()
    reasons = counts(db, table_of(Commission).c.reason)
    assert set(reasons) == {reason.value for reason in CommissionReason}, "the story holds every kind of row"
    states = counts(db, table_of(Payout).c.state)
    assert {PayoutState.PAID, PayoutState.FAILED, PayoutState.RETURNED, PayoutState.UNKNOWN} <= set(states)
    assert set(counts(db, table_of(Decision).c.outcome)) == {"credited", "nobody", "self_purchase"}
    blocked = count(db, ShopOrder, table_of(ShopOrder).c.blocked_reason.is_not(None))
    assert blocked

    found = rebuilt()
    assert [str(difference) for difference in found.shown] == []
    assert found.same
    assert found.compared["orders"] == count(db, ShopOrder) >= 300
    assert found.compared["scopes"] >= count(db, RewardScope)
    assert found.compared["payouts"] == found.replayed["payouts"] == states.total()
    assert found.compared["links"]
    assert found.compared["touches"] == count(db, Touch) >= 50
    rules = counts(db, table_of(Decision).c.rule)
    assert {"last_click", "linear", "first_code", "customer_link", "nobody_earns"} <= set(rules)
    assert count(db, Click) == 0, "the clicks are gone; their touches stay"


def bend(db, statement):
    """Change records behind the guards, as somebody with the database's password could."""
    table = statement.split()[1]
    with db.unit() as unit:
        if unit.dialect == "postgresql":
            unit.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        else:
            named = text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table")
            for name in unit.connection.execute(named, {"table": table}).scalars().all():
                unit.execute(text(f"DROP TRIGGER {name}"))
        assert unit.execute(text(statement)).rowcount == 1


def one(table, condition):
    return f" WHERE id = (SELECT id FROM {table} WHERE {condition} ORDER BY id LIMIT 1)"


BENT = {
    "a row": (
        "UPDATE commission SET amount_minor = amount_minor + 1" + one("commission", "amount_minor > 9"),
        r"^\w+ of program \w+ to ambassador .* in EUR for .*: sum of its rows is \d+ in the records and \d+ when",
        1,
    ),
    "a head": (
        "UPDATE reward_scope SET booked_minor = booked_minor + 1" + one("reward_scope", "booked_minor > 9"),
        r": booked is \d+ in the records and \d+ when replayed\.$",
        1,
    ),
    "a state": (
        "UPDATE reward_scope SET state = 'pending'" + one("reward_scope", "state <> 'pending' AND booked_minor > 9"),
        r": state is pending in the records and approved when replayed\.$",
        1,
    ),
    "a payout's line": (
        "UPDATE payout_line SET amount_minor = amount_minor + 1" + one("payout_line", "amount_minor > 9"),
        r"^payout GW-\w+, \w+ for .*, enrollment .*: amount is \d+ in the records and \d+ when replayed\.$",
        1,
    ),
    "an entry": (
        "UPDATE ledger_entry SET amount_minor = amount_minor + 1" + one("ledger_entry", "amount_minor > 9"),
        r"^account \w+ of .* in EUR: balance is \d+ in the records and \d+ when replayed\.$",
        2,
    ),
    "a customer": (
        "UPDATE customer SET first_external_id = 'none'" + one("customer", "id IS NOT NULL"),
        r"^customer \w{32}: first order is test_shop none, placed .* in the records and test_shop \d+, placed .*\.$",
        1,
    ),
    "a fact": (
        f"UPDATE commerce_fact SET content_hash = '{'0' * 64}'" + one("commerce_fact", "kind = 'refund'"),
        r"^refund test_shop/\w+ c\d+: its content is 000000000000 in the records and \w{12} when replayed\.$",
        1,
    ),
}


@pytest.mark.slow
def test_one_bent_record_is_found_and_named(db, shop, rebuilt):
    """Seven kinds of records in one story, each bent alone and put right again."""
    tell_story(shop, seed=3, months=2, orders=12)
    for what, (statement, message, many) in BENT.items():
        table = statement.split()[1]
        before = rows(db, table)
        bend(db, statement)
        found = rebuilt()
        put_right(db, table, before)
        told = [str(difference) for difference in found.shown]
        assert len(told) == many, (what, told)
        assert all(re.search(message, one) for one in told), (what, told)
    assert rebuilt().same


def rows(db, table):
    with db.reading() as unit:
        return {row.id: row._asdict() for row in unit.execute(text(f"SELECT * FROM {table}"))}


def put_right(db, table, before):
    """Give each row of `table` back what it held."""
    for row_id, row in rows(db, table).items():
        for name in (name for name, value in before[row_id].items() if row[name] != value):
            with db.unit() as unit:
                held = {"held": before[row_id][name], "id": row_id}
                unit.execute(text(f"UPDATE {table} SET {name} = :held WHERE id = :id"), held)


def clicked_order(db, shop):
    """An order that came by Anna's link, two days after the click."""
    enrollment_id, now = shop.ambassador("Anna", "anna@example.com", code="ANNA10"), shop.clock.now()
    with db.unit() as unit:
        click = make_click(unit, unit.session.get(Enrollment, enrollment_id), at=now)
    shop.clock.advance(timedelta(days=2))
    token = click_token(shop.goodword.keyring.key("click"), click.id)
    at = shop.clock.now()
    line = OrderLine("1", 10_000)
    shop.take_in("o", OrderEvent("o", at, at, "EUR", (line,), 10_000, paid_at=at, clicks=(token,)))
    return click


def test_an_order_by_click_replays_from_its_touch(db, shop, rebuilt):
    clicked_order(db, shop)
    with db.unit() as unit:
        unit.execute(delete(table_of(Click)))
    found = rebuilt()
    assert (found.same, found.compared["touches"], found.compared["scopes"]) == (True, 1, 1)


def test_a_bent_touch_is_found_by_whom_it_credits(db, shop, rebuilt):
    clicked_order(db, shop)
    bend(db, "UPDATE touch SET reason = 'bot'")
    told = [str(difference) for difference in rebuilt().shown]
    assert "order test_shop/main o: outcome is credited in the records and nobody when replayed." in told


def test_a_touch_that_was_taken_away_is_missed(db, shop, rebuilt):
    clicked_order(db, shop)
    bend(db, "UPDATE touch SET order_external_id = 'another'")
    differing = {difference.what for difference in rebuilt().shown}
    assert differing == {"orders", "scopes", "accounts"}


def test_refunds_that_the_shop_deleted_are_deleted_in_the_replay(db, shop, rebuilt):
    shop.ambassador("Anna", "anna@example.com", code="ANNA10")
    shop.order("1", 10_000, code="ANNA10")
    shop.clock.advance(timedelta(days=1))
    shop.refund("r1", order="1", minor=4_000)
    shop.clock.advance(timedelta(days=1))
    at, line = shop.clock.now(), OrderLine("1", 10_000)
    placed = at - timedelta(days=2)
    listed = OrderEvent("1", at, placed, "EUR", (line,), 10_000, placed, codes=("ANNA10",), refund_ids=())
    shop.take_in("listed", listed)
    with db.reading() as unit:
        amounts = list(unit.execute(select(table_of(Commission).c.amount_minor).order_by(table_of(Commission).c.seq)))
    assert [amount for (amount,) in amounts] == [1_000, -400, 400]
    assert rebuilt().same


def test_of_many_differences_some_are_shown_and_all_counted(db, shop, rebuilt):
    shop.ambassador("Anna", "anna@example.com", code="ANNA10")
    for number in range(MOST + 5):
        shop.order(str(number), 1_000, code="ANNA10")
    with db.unit() as unit:
        unit.execute(text("UPDATE reward_scope SET base_minor = base_minor + 1"))
    found = rebuilt()
    assert (found.differences, len(found.shown), found.same) == (MOST + 5, MOST, False)


def test_what_waits_for_the_next_maturity_run_waits_in_the_replay_too(db, shop, rebuilt):
    shop.ambassador("Anna", "anna@example.com", code="ANNA10")
    old = shop.clock.now()
    shop.clock.advance(timedelta(days=100))
    shop.order("1", 10_000, code="ANNA10", placed_at=old)
    assert rebuilt().same
    shop.mature(days=0)
    assert rebuilt().same


def test_a_maturity_run_that_was_cut_off_is_made_up_for(db, shop, rebuilt):
    shop.ambassador("Anna", "anna@example.com", code="ANNA10")
    shop.order("1", 10_000, code="ANNA10")
    shop.clock.advance(timedelta(days=100))
    db.run(lambda unit: approve_due(unit, shop.brand_id))
    assert count(db, MaturityRun) == 0
    assert rebuilt().same


def test_an_order_that_was_blocked_and_freed_since_is_the_same(db, clock, tmp_path):
    switch = Switch()
    shop = open_shop(installation(db, tmp_path, host=switch.host), clock)
    shop.ambassador("Anna", "anna@example.com", code="ANNA10")
    switch.on = False
    shop.order("1", 10_000, code="ANNA10")
    shop.order("2", 20_000, code="ANNA10", customer="customer-1@example.org")
    goodword = shop.goodword
    with db.reading() as unit:
        ids = blocked_orders(unit, shop.brand_id)
    assert len(ids) == 2

    stays = rebuild(db, goodword.plugins, brand_id=shop.brand_id, keyring=goodword.keyring)
    assert stays.same, "what is blocked stays blocked while its cause does"
    switch.on = True
    works = rebuild(db, goodword.plugins, brand_id=shop.brand_id, keyring=goodword.keyring)
    assert "order test_shop/main 1: blocked is True in the records and False when replayed." in map(str, works.shown)
    assert goodword.pipeline.retry(shop.brand_id, ids) == 0
    assert rebuild(db, goodword.plugins, brand_id=shop.brand_id, keyring=goodword.keyring).same


def test_only_one_brand_is_read(db, shop, rebuilt, clock):
    tell_story(open_shop(shop.goodword, clock, slug="other", name="Other"), seed=4, months=1, orders=12)
    shop.ambassador("Anna", "anna@example.com", code="ANNA10")
    shop.order("1", 10_000, code="ANNA10")
    found = rebuilt()
    assert found.same
    assert (found.replayed["facts"], found.compared["orders"], found.compared["scopes"]) == (1, 1, 1)


def test_every_table_of_a_brand_is_copied_replayed_or_has_no_part_in_the_books():
    copied = {model.__tablename__ for model in COPIED}
    replayed = {
        *("delivery", "delivery_body", "commerce_fact", "shop_order", "refund", "chargeback", "customer", "notice"),
        *("decision", "customer_link", "reward_scope", "commission", "maturity_run", "outbox_event"),
        *("ledger_account", "ledger_transaction", "ledger_entry", "payout", "payout_line"),
    }
    no_part = {
        *("staff_member", "audit_entry", "application", "plugin_setting", "payout_minimum", "payout_freeze"),
        *("asset", "brand_site", "landing_page", "landing_version", "link", "product", "program_tracking"),
        *("click", "click_day", "click_flag", "click_loss", "click_rollup"),
        *("alarm", "connection", "inbox_webhook", "pushed_code", "reconciliation", "refused_webhooks"),
    }
    of_brands = {table.name for table in SQLModel.metadata.tables.values() if "brand_id" in table.columns}
    assert of_brands - {"web_session"} | {"brand"} == copied | replayed | no_part


def test_nobodys_name_or_address_is_copied(db, shop, fresh_db):
    shop.ambassador("Anna", "anna@example.com", code="ANNA10")
    books = fresh_db()
    with db.reading() as records:
        copy_decisions(records, books, brand_id=shop.brand_id)
        mine = records.execute(select(table_of(Ambassador))).one()
    with books.reading() as unit:
        copied = unit.execute(select(table_of(Ambassador))).one()
    assert (copied.id, copied.email_hash) == (mine.id, mine.email_hash)
    assert (copied.name, copied.email, copied.email_key, copied.login_id) == ("", "", mine.id.hex, None)


def test_the_command(shop, db, db_url, tmp_path):
    shop.ambassador("Anna", "anna@example.com", code="ANNA10")
    shop.order("1", 10_000, code="ANNA10")

    def run(*arguments):
        variables = {"GOODWORD_DATABASE_URL": db_url, "GOODWORD_HOME": str(tmp_path), "GOODWORD_SECRET_KEY": "t" * 40}
        return CliRunner().invoke(main, ["rebuild", *arguments], env=variables)

    assert run().exit_code == 2
    fine = run("--check")
    assert fine.exit_code == 0
    assert fine.stdout == (
        "bean: replayed 1 deliveries, 1 facts; compared 1 orders, 1 scopes, 1 customers, 2 accounts. "
        "The books are what the records make them.\n"
    )
    with db.unit() as unit:
        unit.execute(text("UPDATE reward_scope SET booked_minor = booked_minor + 1"))
    bent = run("--check", "--json", "--brand", "bean")
    answer = json.loads(bent.stdout)
    assert (bent.exit_code, answer["same"], answer["differences"]) == (1, False, 1)
    [shown] = answer["shown"]
    assert (shown["what"], shown["field"], shown["recorded"], shown["rebuilt"]) == ("scopes", "booked", "1001", "1000")


class Switch:
    """A host whose percentage can be switched off."""

    def __init__(self):
        self.on, self.host = True, load_plugins(PLUGINS)
        switch = self

        class Switched(Percentage):
            def due(self, cases):
                if not switch.on:
                    raise MissingCurrencyError("EUR", "percentage")
                return super().due(cases)

        registered = replace(self.host.reward_type("percentage"), value=Switched())
        self.host.reward_types = {**self.host.reward_types, "percentage": registered}
