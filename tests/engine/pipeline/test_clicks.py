"""Clicks that led to an order: which are found and kept, which earn, and why the others do not."""

from datetime import timedelta
from itertools import permutations
from uuid import uuid4

import pytest
from sqlalchemy import select

from engine.attribution.tables import Touch
from engine.enrollment.tables import EnrollmentState
from engine.kernel.tables import table_of
from engine.programs.tables import Program
from engine.tracking.clicks.rules import click_token
from engine.tracking.clicks.tables import ClickFlag, Target
from engine.tracking.clicks.visits import Reason, Signal
from tests.engine.pipeline.world import KEYRING, T0, World, order, refund, terms

HOUR, DAY, MOMENT = timedelta(hours=1), timedelta(days=1), timedelta(microseconds=1)
NOW = T0 + 100 * DAY
"""When the orders of this page are placed, long after the brand began."""


def bought(*clicks, at=NOW, external_id="o1", **more):
    """An order that came back with click ids and no code."""
    return order(external_id, placed=more.pop("placed", at), at=at, codes=more.pop("codes", ()), clicks=clicks, **more)


def standings(world, subject="o1"):
    return [each["standing"] for each in world.decision(subject).candidates]


def touches(world):
    table = table_of(Touch)
    with world.db.reading() as unit:
        return unit.execute(select(table).where(table.c.brand_id == world.brand).order_by(table.c.at)).all()


def with_model(world, model, **policy):
    world.program(terms(attribution={"model": model, "signals": ["code", "click"], **policy}))
    world.enroll("Ada")
    world.enroll("Bea")
    return world


# --- which clicks are found


def test_the_click_that_came_back_with_the_order_earns(world):
    token = world.click("Ada", at=NOW - 2 * DAY)
    world.take(bought(token))
    assert world.owed("Ada") == 1_000
    decision, (touch,) = world.decision(), touches(world)
    assert (decision.rule, decision.reason) == ("last_click", "The customer came through this ambassador's link.")
    (share,) = decision.shares
    assert (share["click"], share["target"], share["target_id"]) == (str(touch.click_id), "link", str(touch.target_id))
    assert (share["seconds_before"], share["window_days"], share["ppm"]) == (2 * 86_400, 30, 1_000_000)


def test_other_clicks_of_the_same_visitor_belong_to_the_order_too(world):
    world.click("Ada", at=NOW - 3 * DAY, visitor="v")
    world.click("Ada", at=NOW - DAY, visitor="somebody else")
    token = world.click("Bea", at=NOW - 2 * DAY, visitor="v")
    later = world.click("Ada", at=NOW - HOUR, visitor="v")
    world.take(bought(token))
    assert world.owed("Ada") == 1_000, "the last click is one that the shop did not hear of"
    assert [touch.visitor_key for touch in touches(world)] == ["v"] * 3
    assert later


def test_a_click_by_nobody_known_stands_alone(world):
    """Without consent no visitor is kept: two such clicks are not one visitor's."""
    world.click("Ada", at=NOW - HOUR)
    world.take(bought(world.click("Bea", at=NOW - DAY)))
    assert (world.owed("Bea"), len(touches(world))) == (1_000, 1)


def test_what_happened_after_the_order_belongs_to_no_order(world):
    token = world.click("Bea", at=NOW - DAY, visitor="v")
    world.click("Ada", at=NOW + MOMENT, visitor="v")
    world.click("Ada", at=NOW - 366 * DAY, visitor="v")
    world.take(bought(token))
    assert len(touches(world)) == 1
    world.take(bought(world.click("Ada", at=NOW + MOMENT), external_id="o2"))
    assert standings(world, "o2") == ["later"]
    assert "came after the order was placed" in world.decision("o2").reason


def test_a_click_at_the_instant_of_the_order_came_before_it(world):
    world.take(bought(world.click("Ada", at=NOW)))
    assert world.owed("Ada") == 1_000


def test_of_very_many_visits_the_newest_fifty_and_the_first_are_kept(world):
    for number in range(60):
        world.click("Bea", at=NOW - 20 * DAY + number * HOUR, visitor="v")
    first = world.click("Ada", at=NOW - 25 * DAY, visitor="v")
    token = world.click("Ada", at=NOW - DAY, visitor="v")
    world.take(bought(token))
    kept = touches(world)
    assert (len(kept), kept[0].at, kept[-1].at) == (51, NOW - 25 * DAY, NOW - DAY)
    assert first


@pytest.mark.parametrize("kind", ["forged", "guessed", "none", "another brand's", "of no click", "changed"])
def test_a_click_id_that_is_not_the_brands_earns_nothing_and_costs_nothing(world, kind):
    key = KEYRING.key("click")
    token = world.click("Ada", at=NOW - DAY)
    tokens = {
        "forged": click_token(b"another key", uuid4()),
        "guessed": "A" * 32,
        "none": "\u202ehello <script>",
        "another brand's": clicked_elsewhere(world),
        "of no click": click_token(key, uuid4()),
        "changed": token[:-1] + ("A" if token[-1] != "A" else "B"),
    }
    done = world.take(bought(tokens[kind]))
    assert (done.refused, done.blocked, world.heads()) == ([], 0, {})
    assert standings(world) == ["unknown"]
    assert "a click id names none on a link or page of this brand's ambassadors" in world.decision().reason
    assert touches(world) == []


def clicked_elsewhere(world):
    other = World(world.db)
    other.program(terms())
    other.enroll("Zoe")
    return other.click("Zoe", at=NOW - DAY)


def test_a_code_earns_beside_a_click_id_that_is_nobodys(world):
    world.take(bought("A" * 32, codes=("ADA",)))
    assert world.owed("Ada") == 1_000


# --- which clicks earn


@pytest.mark.parametrize("reason", [reason.value for reason in Reason if reason is not Reason.REPEAT])
def test_a_click_that_was_not_counted_earns_nothing_and_the_decision_says_so(world, reason):
    world.take(bought(world.click("Ada", at=NOW - DAY, reason=reason)))
    assert standings(world) == ["uncounted"]
    assert f"the click of {NOW - DAY:%Y-%m-%d} does not count: " in world.decision().reason


def test_a_repeated_click_is_a_touch_all_the_same(world):
    world.click("Bea", at=NOW - 2 * HOUR, visitor="v")
    world.take(bought(world.click("Ada", at=NOW - HOUR, visitor="v", reason="repeat")))
    assert world.owed("Ada") == 1_000


def test_a_visitors_bots_are_no_touches(world):
    world.click("Bea", at=NOW - HOUR, visitor="v", reason="bot")
    world.take(bought(world.click("Ada", at=NOW - DAY, visitor="v")))
    assert standings(world) == ["earning"]


def test_the_window_is_half_open_and_kept_by_the_server(empty):
    with_model(empty, "basic", click_window_days=7)
    last, over = (empty.click("Ada", at=NOW - 7 * DAY + late) for late in (MOMENT, timedelta(0)))
    empty.take(bought(last), bought(over, external_id="o2"))
    assert (empty.owed("Ada", "o1"), empty.owed("Ada", "o2")) == (1_000, 0)
    assert standings(empty, "o2") == ["expired"]
    assert "came 7 days before the order; clicks count for 7 days" in empty.decision("o2").reason


def test_who_is_not_active_when_the_order_is_placed_earns_nothing(world):
    token = world.click("Ada", at=NOW - DAY)
    world.put("Ada", EnrollmentState.SUSPENDED, at=NOW - HOUR)
    world.take(bought(token))
    assert standings(world) == ["inactive"]


def test_a_closed_program_credits_no_click(world):
    token = world.click("Ada", at=NOW - DAY)
    with world.db.unit() as unit:
        unit.session.get(Program, world.programs["main"].id).closed_at = NOW
    world.take(bought(token))
    assert standings(world) == ["no_terms"]


def test_a_self_purchase_by_ones_own_link_ends_the_search(world):
    world.click("Bea", at=NOW - 2 * DAY, visitor="v")
    token = world.click("Ada", at=NOW - DAY, visitor="v")
    world.take(bought(token, customer=world.people["Ada"].email))
    assert (world.decision().outcome, world.heads()) == ("self_purchase", {})


def test_ones_own_click_that_is_too_old_ends_nothing(world):
    world.click("Ada", at=NOW - 40 * DAY, visitor="v")
    world.take(bought(world.click("Bea", at=NOW - DAY, visitor="v"), customer=world.people["Ada"].email))
    assert (world.owed("Bea"), standings(world)) == (1_000, ["expired", "earning"])


@pytest.mark.parametrize("code", ["ADA", "NOBODY", "GONE", "XYZ"], ids=["earning", "unowned", "expired", "unknown"])
@pytest.mark.parametrize("click", ["earning", "expired", "unknown", "none"])
def test_a_code_comes_first_and_only_one_that_earns_suppresses_a_click(world, code, click):
    """AffiliateWP #2514, #2278: a coupon that nobody owned suppressed the click; one that somebody owned needed one."""
    world.code("NOBODY")
    world.code("GONE", "Ada", expires_at=T0)
    tokens = {"earning": [world.click("Bea", at=NOW - DAY)], "expired": [world.click("Bea", at=NOW - 31 * DAY)]}
    world.take(bought(*(tokens | {"unknown": ["A" * 32], "none": []})[click], codes=(code,)))
    assert world.owed("Ada") == (1_000 if code == "ADA" else 0)
    assert world.owed("Bea") == (1_000 if code != "ADA" and click == "earning" else 0)


def test_clicks_may_stand_before_codes_or_count_for_nothing(empty):
    empty.program(terms(attribution={"signals": ["click", "code"]}), name="main", priority=2)
    empty.program(terms(attribution={"signals": ["code"]}), name="codes", priority=1)
    empty.enroll("Ada")
    empty.enroll("Bea")
    empty.enroll("Cai", "codes", code=None)
    token, unheard = empty.click("Bea", at=NOW - DAY), empty.click("Cai", "codes", at=NOW - HOUR)
    empty.take(bought(token, unheard, codes=("ADA",)))
    assert (empty.owed("Ada"), empty.owed("Bea")) == (0, 1_000)
    assert standings(empty) == ["earning", "earning", "earning"]


def test_a_customer_credited_by_click_stays_linked(empty):
    policy = {"signals": ["code", "click", "customer_link"], "customer_link_days": 0}
    empty.program(terms(attribution=policy))
    empty.enroll("Ada")
    empty.take(bought(empty.click("Ada", at=NOW - DAY), customer="c"))
    empty.take(order("o2", placed=NOW + 90 * DAY, at=NOW + 90 * DAY, codes=(), customer="c"))
    assert (empty.owed("Ada", "o2"), empty.decision("o2").rule) == (1_000, "customer_link")


def test_a_page_is_named_as_one(world):
    world.take(bought(world.click("Ada", at=NOW - DAY, target=Target.PAGE)))
    assert world.decision().shares[0]["target"] == "page"


# --- models


def test_first_and_last_click(empty):
    with_model(empty, "first")
    empty.click("Ada", at=NOW - 3 * DAY, visitor="v")
    token = empty.click("Bea", at=NOW - DAY, visitor="v")
    empty.take(bought(token))
    assert (empty.owed("Ada"), empty.owed("Bea")) == (1_000, 0)


def test_strictly_a_direct_visit_before_the_click_credits_nobody(empty):
    with_model(empty, "first_strict")
    token = empty.click("Ada", at=NOW - DAY)
    empty.take(bought(token, first_seen_at=NOW - 2 * DAY))
    empty.take(bought(token, external_id="o2", first_seen_at=NOW - DAY))
    empty.take(bought(token, external_id="o3", first_seen_at=NOW - 2 * DAY, codes=("BEA",)))
    assert (empty.owed("Ada", "o1"), empty.owed("Ada", "o2"), empty.owed("Bea", "o3")) == (0, 1_000, 1_000)


def test_strictly_a_shop_that_tells_whole_seconds_saw_nobody_before_the_click(empty):
    with_model(empty, "first_strict")
    token = empty.click("Ada", at=NOW - DAY + timedelta(milliseconds=700))
    empty.take(bought(token, first_seen_at=NOW - DAY))
    assert empty.owed("Ada") == 1_000


def test_strictly_an_earlier_click_that_is_too_old_to_earn_still_came_first(empty):
    with_model(empty, "first_strict")
    empty.click("Bea", at=NOW - 60 * DAY, visitor="v")
    token = empty.click("Ada", at=NOW - DAY, visitor="v")
    empty.take(bought(token, first_seen_at=NOW - 60 * DAY + HOUR))
    assert empty.owed("Ada") == 1_000


def test_strictly_an_earlier_order_is_a_direct_visit_in_whatever_order_they_arrive(empty):
    """All six orders of three orders: the first one, without a click, comes to light at any time."""
    with_model(empty, "first_strict")
    found = set()
    for run, arrangement in enumerate(permutations((0, 5, 10))):
        for days in arrangement:
            placed = NOW + days * DAY
            tokens = [empty.click("Ada", at=placed - HOUR)] if days else []
            empty.take(bought(*tokens, external_id=f"{run}-{days}", at=placed, customer=f"c{run}"))
        found.add(tuple(empty.owed("Ada", f"{run}-{days}") for days in (0, 5, 10)))
    assert found == {(0, 0, 0)}


# --- new customers only


def test_new_customers_only_credits_the_first_order_and_says_why_not_the_next(empty):
    with_model(empty, "basic", new_customers_only=True)
    empty.take(bought(codes=("ADA",), customer="c"))
    empty.take(bought(codes=("ADA",), customer="c", external_id="o2", at=NOW + DAY))
    empty.take(bought(empty.click("Bea", at=NOW), customer="c", external_id="o3", at=NOW + DAY))
    assert [empty.owed("Ada", name) for name in ("o1", "o2")] == [1_000, 0]
    assert (standings(empty, "o2"), standings(empty, "o3")) == (["returning"], ["returning"])
    assert "for new customers only" in empty.decision("o2").reason


def test_nobody_knows_whether_a_customer_without_a_name_is_new(empty):
    with_model(empty, "basic", new_customers_only=True)
    empty.take(bought(codes=("ADA",), customer=None))
    assert (empty.heads(), standings(empty)) == ({}, ["returning"])


def test_new_customers_only_leaves_the_order_to_a_program_for_all(empty):
    with_model(empty, "basic", new_customers_only=True)
    empty.program(terms(), name="all", priority=9_999)
    empty.enroll("Cai", "all")
    empty.take(bought(codes=("ADA", "CAI"), customer="c"))
    empty.take(bought(codes=("ADA", "CAI"), customer="c", external_id="o2", at=NOW + DAY))
    assert (empty.owed("Ada"), empty.owed("Cai", "o2", program="all")) == (1_000, 1_000)


def test_new_customers_only_is_the_same_in_every_order_of_arrival(empty):
    """All 24 orders of four facts: two orders, the earlier one unpaid at first, and a third customer's move."""
    with_model(empty, "basic", new_customers_only=True)
    found = set()
    for run, arrangement in enumerate(permutations(range(4))):
        named = {"customer": f"c{run}", "codes": ("ADA",)}
        facts = [
            bought(external_id=f"{run}-a", at=NOW, paid=False, **named),
            bought(external_id=f"{run}-a", at=NOW + 2 * DAY, placed=NOW, paid=NOW + 2 * DAY, **named),
            bought(external_id=f"{run}-b", at=NOW + DAY, **named),
            bought(external_id=f"{run}-c", at=NOW + 3 * DAY, placed=NOW - DAY, **named | {"customer": f"d{run}"}),
        ]
        empty.take_each(*(facts[number] for number in arrangement))
        found.add(tuple(empty.owed("Ada", f"{run}-{name}") for name in "abc"))
    assert found == {(1_000, 0, 1_000)}


# --- touches stay


def test_a_touch_outlives_its_click(world):
    world.click("Bea", at=NOW - 2 * DAY, visitor="v")
    token = world.click("Ada", at=NOW - DAY, visitor="v")
    world.take(bought(token))
    world.forget_clicks()
    world.take(refund(amount=5_000, at=NOW + DAY))
    assert (world.owed("Ada"), world.decision().seq, len(touches(world))) == (500, 1, 2)


def test_versions_of_an_order_in_any_order_leave_one_decision(world):
    """Six orders of three versions that name other clicks, with another instant of the order each."""
    found = set()
    for run, arrangement in enumerate(permutations(range(3))):
        visitor = f"v{run}"
        world.click("Ada", at=NOW - 10 * DAY, visitor=visitor)
        tokens = [world.click("Bea", at=NOW - 5 * DAY, visitor=visitor), world.click("Ada", at=NOW - 3 * DAY)]
        world.click("Bea", at=NOW - DAY, visitor=visitor)
        facts = [
            bought(tokens[1], external_id=f"o{run}", at=NOW, placed=NOW),
            bought(*tokens, external_id=f"o{run}", at=NOW + HOUR, placed=NOW),
            bought(tokens[0], external_id=f"o{run}", at=NOW + 2 * HOUR, placed=NOW - 2 * DAY),
        ]
        world.take_each(*(facts[number] for number in arrangement))
        decision = world.decision(f"o{run}")
        seen = [(each["seconds_before"], each["standing"]) for each in decision.candidates]
        found.add((decision.rule, tuple(seen), world.owed("Ada", f"o{run}"), world.owed("Bea", f"o{run}")))
    day = 86_400
    assert found == {("last_click", ((8 * day, "earning"), (3 * day, "earning")), 0, 1_000)}


def test_a_touch_is_kept_once_however_often_the_order_comes(world):
    token = world.click("Ada", at=NOW - DAY)
    world.take(bought(token, token))
    world.take(bought(token, at=NOW + HOUR, placed=NOW, paid=NOW))
    assert len(touches(world)) == 1


def test_two_orders_keep_the_same_click_each(world):
    token = world.click("Ada", at=NOW - DAY, visitor="v")
    world.take(bought(token), bought(token, external_id="o2", at=NOW + HOUR))
    assert (world.owed("Ada"), world.owed("Ada", "o2"), len(touches(world))) == (1_000, 1_000, 2)


# --- hints


def flags(world):
    table = table_of(ClickFlag)
    with world.db.reading() as unit:
        return [(row.reason, row.detail) for row in unit.execute(select(table).order_by(table.c.id))]


def test_an_order_within_five_seconds_is_flagged_and_credited_all_the_same(world):
    token = world.click("Ada", at=NOW - timedelta(seconds=4, milliseconds=250))
    world.take(bought(token))
    world.take(bought(token, at=NOW + HOUR, placed=NOW, paid=NOW))
    assert flags(world) == [("fast_order", "The order was placed 4.250 seconds after the click.")]
    assert world.owed("Ada") == 1_000


@pytest.mark.parametrize("seconds", [5, 3_600])
def test_an_order_that_took_its_time_is_not_flagged(world, seconds):
    world.take(bought(world.click("Ada", at=NOW - timedelta(seconds=seconds))))
    assert flags(world) == []


@pytest.mark.parametrize(
    ("signals", "reason", "said"),
    [
        ("no_activation", None, "The browser did not say that somebody clicked: a page or an app opened the address."),
        ("as_image", "embedded", "A page fetched the address as if it were a picture."),
        ("as_frame", "embedded", "A page showed the address in a frame."),
        ("as_script", "embedded", "A page fetched the address as if it were a script or a style sheet."),
        ("by_fetch", "embedded", "A script of a page fetched the address."),
    ],
)
def test_what_was_odd_about_the_visit_is_flagged_when_an_order_follows(world, signals, reason, said):
    world.take(bought(world.click("Ada", at=NOW - HOUR, signals=signals, reason=reason)))
    assert flags(world) == [(signals, said)]
    assert world.owed("Ada") == (0 if reason else 1_000), "only what was fetched in secret earns nothing"


def test_every_signal_of_a_visit_has_a_sentence(world):
    every = ",".join(Signal)
    world.take(bought(world.click("Ada", at=NOW - HOUR, signals=every)))
    assert {reason for reason, _ in flags(world)} == set(Signal)


def test_a_click_that_several_customers_bring_is_flagged_once_and_earns_for_each(world):
    """A visitor who sends the shop's address on does no harm, and who spreads it in secret is shown."""
    token = world.click("Ada", at=NOW - DAY)
    for number in range(2):
        world.take(bought(token, external_id=f"a{number}", customer="one"))
        world.take(bought(token, external_id=f"b{number}", customer=None))
    world.take(bought(token, external_id="c", customer="two"))
    assert flags(world) == []
    world.take(*(bought(token, external_id=f"d{number}", customer=f"c{number}") for number in range(100)))
    world.take(bought(token, external_id="e", customer="another"))
    assert flags(world) == [("shared", "Orders of 102 different customers came back with this click.")]
    assert world.owed("Ada", "e") == 1_000


def test_a_click_at_the_till_is_flagged_as_late(world):
    token = world.click("Ada", at=NOW - timedelta(seconds=40))
    world.take(bought(token, first_seen_at=NOW - timedelta(minutes=12)))
    world.take(bought(token, external_id="o2", first_seen_at=NOW - 2 * DAY))
    assert [reason for reason, _ in flags(world)] == ["late_touch"]
    assert flags(world)[0][1].endswith("680.000 seconds before the click, and ordered 40.000 seconds after it.")
