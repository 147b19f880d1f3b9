"""Orders that several ambassadors share: each is owed its part of the base, and nothing is lost on the way."""

from collections.abc import Callable
from datetime import timedelta
from fractions import Fraction
from itertools import permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.kernel.database import Database
from engine.plugin_api import CommerceEvent
from engine.programs.schemas import BaseRules
from engine.rewards.rules import NOTHING_TAKEN, commissionable_lines, split_over_lines
from tests.engine.pipeline.world import T0, World, line, order, refund, terms
from tests.factories import agree_rate, make_group, put_into_group

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NOW = T0 + 60 * DAY
NAMES = ("Ada", "Bea", "Cai", "Dee")
RATE, CAP, BONUS = 1_250, 3_000, 333
MODELS = ("linear", "position_based", "time_decay")


def shared_terms(model):
    return terms(
        {"key": "commission", "type": "percentage", "params": {"cap_minor": {"EUR": CAP}}},
        {"key": "bonus", "type": "first_order_bonus", "params": {"amount_minor": {"EUR": BONUS}}},
        rates={"commission": RATE},
        attribution={"model": model, "signals": ["code", "click"]},
    )


def prepared(db: Database, model: str) -> World:
    world = World(db)
    world.program(shared_terms(model))
    for name in NAMES:
        world.enroll(name)
    return world


@pytest.fixture
def shared(db: Database) -> Callable[[str], World]:
    """Give each example a brand of its own in one database."""

    def make(model: str) -> World:
        db.clock.set(T0)  # type: ignore[attr-defined]
        return prepared(db, model)

    return make


def half_even(amount):
    floor, rest = divmod(amount, 1)
    return int(floor) + (1 if rest > Fraction(1, 2) or (rest == Fraction(1, 2) and floor % 2) else 0)


nets = st.lists(st.integers(0, 30_000), min_size=1, max_size=4)
paths = st.lists(st.tuples(st.sampled_from(NAMES), st.integers(1, 29 * 24)), min_size=1, max_size=8)


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=settings().max_examples // 2)
@given(st.sampled_from(MODELS), nets, paths, st.integers(0, 20_000))
def test_all_together_are_owed_what_one_alone_would_be(shared, model, amounts, path, back):
    """50 random orders by up to eight touches of up to four people, some of each taken back.

    Base, cap and flat amount are multiplied by the share; nobody is one and a half minor units off, and all together
    are owed to the last unit what one would be. The parts of the lines sum to what is owed, and the shares to one.
    """
    world = shared(model)
    tokens = [world.click(name, at=NOW - hours * HOUR, visitor="v") for name, hours in path]
    lines = [line(net, str(number)) for number, net in enumerate(amounts)]
    event = order("o", lines, placed=NOW, at=NOW, codes=(), clicks=tokens[:1], customer="c")
    world.take(event, refund("r", back, of="o", at=NOW + HOUR))
    shares = world.decision("o").shares
    assert sum(share["ppm"] for share in shares) == 1_000_000
    kept = max(Fraction(0), 1 - Fraction(back, sum(amounts))) if sum(amounts) else Fraction(1)
    written = [{"id": each.line_id, "net": each.net_minor} for each in lines]
    facts = commissionable_lines({"lines": written}, BaseRules())
    people = {str(enrollment.id): name for (name, _), enrollment in world.enrollments.items()}
    exact = {
        "commission": min(sum(amounts) * kept * RATE / 10_000, Fraction(CAP)),
        "bonus": BONUS * kept if sum(amounts) else Fraction(0),
    }
    for reward, whole in exact.items():
        owed = [world.owed(people[share["enrollment"]], "o", reward=reward) for share in shares]
        assert sum(owed) == half_even(whole)
        for amount, share in zip(owed, shares, strict=True):
            assert abs(amount - whole * Fraction(share["ppm"], 1_000_000)) < Fraction(3, 2)
            assert sum(split_over_lines(amount, facts, taken=NOTHING_TAKEN).values()) == amount
    world.check()


def test_a_cent_that_does_not_divide_is_not_lost(db):
    """Each alone would round 3.33 down to 3; together they are owed 10, and of what is left of it 5."""
    world = prepared(db, "linear")
    days = {"Ada": 3, "Bea": 2, "Cai": 1}
    tokens = [world.click(name, at=NOW - number * DAY, visitor="v") for name, number in days.items()]
    world.take(order("o", 80, placed=NOW, at=NOW, codes=(), clicks=tokens[:1]))
    assert [world.owed(name, "o") for name in days] == [4, 3, 3]
    world.take(refund("r", 40, of="o", at=NOW + HOUR))
    assert [world.owed(name, "o") for name in days] == [2, 2, 1]
    world.check()


@pytest.mark.parametrize(
    ("minor", "owed"),
    [
        (40_000, [1_000, 500, 1_500, 1_000]),  # 20 % of Cai's 100.00 is cut to a quarter of 60.00
        (101, [3, 1, 5, 2]),  # 2.525, 1.2625, 5.05, 2.525: 5 at 10 %, 1 at 5 % and 5 at 20 % make 11
        (40_010, [1_001, 500, 1_500, 1_000]),  # 1,000.25, 500.125, cut, 1,000.25: 4,001 together
    ],
)
def test_each_has_their_own_rate_of_their_own_share(db, minor, owed):
    """Of the program, of a group, as agreed, of the program: a quarter of the order each."""
    world = World(db)
    by_group = {"reward": "commission", "rate_bps": 500, "group": "gold"}
    world.program(
        terms(
            {"key": "commission", "type": "percentage", "params": {"cap_minor": {"EUR": 6_000}}},
            rates=[{"reward": "commission", "rate_bps": 1_000}, by_group],
            attribution={"model": "linear", "signals": ["code", "click"]},
        )
    )
    enrolled = {name: world.enroll(name) for name in NAMES}
    with world.db.unit() as unit:
        put_into_group(unit, enrolled["Bea"], group=make_group(unit, world.programs["main"]), since=T0)
        agree_rate(unit, enrolled["Cai"], rate_bps=2_000, since=T0)
    tokens = [world.click(name, at=NOW - (9 - number) * DAY, visitor="v") for number, name in enumerate(NAMES)]
    world.take(order("o", minor, placed=NOW, at=NOW, codes=(), clicks=tokens[:1]))
    assert [world.owed(name, "o") for name in NAMES] == owed
    world.take(refund("r", minor, of="o", at=NOW + HOUR))
    assert [world.owed(name, "o") for name in NAMES] == [0, 0, 0, 0]
    world.check()


@pytest.mark.parametrize("model", MODELS)
def test_facts_in_any_order_leave_each_their_part(db, model):
    """All 24 orders of three versions, each naming other clicks, and a refund."""
    world, found = prepared(db, model), set()
    for run, arrangement in enumerate(permutations(range(4))):
        days = {"Ada": 20, "Bea": 12, "Cai": 3}
        tokens = [world.click(name, at=NOW - number * DAY, visitor=f"{name}{run}") for name, number in days.items()]
        same: dict[str, Any] = {"placed": NOW, "codes": (), "customer": f"c{run}"}
        facts: list[CommerceEvent] = [
            order(f"o{run}", 10_000, at=NOW, clicks=tokens[2:], **same),
            order(f"o{run}", 10_000, at=NOW + HOUR, clicks=tokens[:2], **same),
            order(f"o{run}", 8_083, at=NOW + 2 * HOUR, clicks=tokens, **same),
            refund(f"r{run}", 1_001, of=f"o{run}", at=NOW + 3 * HOUR),
        ]
        world.take_each(*(facts[number] for number in arrangement))
        rewards = ("commission", "bonus")
        found.add(tuple(world.owed(name, f"o{run}", reward=reward) for reward in rewards for name in days))
    (owed,) = found
    kept = Fraction(8_083 - 1_001, 8_083)
    assert sum(owed[:3]) == half_even(8_083 * kept * RATE / 10_000)
    assert sum(owed[3:]) == half_even(BONUS * kept)
    world.check()


@pytest.mark.parametrize("model", MODELS)
def test_an_order_of_one_ambassador_owes_what_it_would_without_a_split(db, model):
    world = prepared(db, model)
    tokens = [world.click("Ada", at=NOW - number * DAY, visitor="v") for number in (3, 2, 1)]
    world.take(order("o", 10_000, placed=NOW, at=NOW, codes=(), clicks=tokens))
    assert (world.owed("Ada", "o"), len(world.decision("o").shares)) == (1_250, 1)


def test_shares_of_several_touches_of_one_person_are_one_scope(db):
    world = prepared(db, "linear")
    names = ("Ada", "Bea", "Ada")
    tokens = [world.click(name, at=NOW - (3 - n) * DAY, visitor="v") for n, name in enumerate(names)]
    world.take(order("o", 10_000, placed=NOW, at=NOW, codes=(), clicks=tokens[:1]))
    assert [share["ppm"] for share in world.decision("o").shares] == [666_667, 333_333]
    assert (world.owed("Ada", "o"), world.owed("Bea", "o")) == (833, 417)


def test_a_code_is_not_split(db):
    world = prepared(db, "linear")
    tokens = [world.click(name, at=NOW - DAY, visitor="v") for name in ("Ada", "Bea")]
    world.take(order("o", 10_000, placed=NOW, at=NOW, codes=("CAI",), clicks=tokens))
    assert (world.owed("Cai", "o"), world.owed("Ada", "o")) == (1_250, 0)


def test_the_shares_of_an_order_change_with_the_order_and_nothing_stays_behind(db):
    """A later version names a click more: who had it all keeps a part, and the difference is booked."""
    world = prepared(db, "linear")
    first, second = (world.click(name, at=NOW - days * DAY) for name, days in (("Ada", 2), ("Bea", 1)))
    world.take(order("o", 10_000, placed=NOW, at=NOW, codes=(), clicks=(first,)))
    world.take(order("o", 10_000, placed=NOW, at=NOW + HOUR, codes=(), clicks=(first, second)))
    assert (world.rows("Ada", "o"), world.rows("Bea", "o")) == ([1_250, -625], [625])
    world.take(order("o", 10_000, placed=NOW, at=NOW + 2 * HOUR, codes=("BEA",), clicks=(first, second)))
    assert (world.owed("Ada", "o"), world.owed("Bea", "o")) == (0, 1_250)
    world.check()
