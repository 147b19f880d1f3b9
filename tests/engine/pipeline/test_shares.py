"""Orders that several ambassadors share: each is owed its part of the base, and nothing is lost on the way."""

from collections.abc import Callable
from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.kernel.database import Database
from engine.programs.schemas import BaseRules
from engine.rewards.rules import NOTHING_TAKEN, commissionable_lines, split_over_lines
from tests.engine.pipeline.world import T0, World, line, order, refund, terms

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


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=settings().max_examples // 2)
@given(st.sampled_from(MODELS), nets, paths, st.integers(0, 20_000))
def test_each_is_owed_the_rate_of_its_share_of_the_base(shared, model, amounts, path, back):
    """50 random orders by up to eight touches of up to four people, some of each taken back.

    Base, cap and flat amount are multiplied by the share and rounded once; the parts of the lines sum to what is owed,
    and the shares to one.
    """
    world = shared(model)
    tokens = [world.click(name, at=NOW - hours * HOUR, visitor=f"v-{world.brand.hex}"[:32]) for name, hours in path]
    lines = [line(net, str(number)) for number, net in enumerate(amounts)]
    event = order("o", lines, placed=NOW, at=NOW, codes=(), clicks=tokens[:1], customer="c")
    world.take(event, refund("r", back, of="o", at=NOW + HOUR))
    shares = world.decision("o").shares
    assert sum(share["ppm"] for share in shares) == 1_000_000
    kept = max(Fraction(0), 1 - Fraction(back, sum(amounts))) if sum(amounts) else Fraction(1)
    written = [{"id": each.line_id, "net": each.net_minor} for each in lines]
    facts = commissionable_lines({"lines": written}, BaseRules())
    people = {str(enrollment.id): name for (name, _), enrollment in world.enrollments.items()}
    for share in shares:
        name, part = people[share["enrollment"]], Fraction(share["ppm"], 1_000_000)
        base = sum(amounts) * kept * part
        commission = min(half_even(base * RATE / 10_000), half_even(CAP * part))
        assert world.owed(name, "o") == commission
        assert world.owed(name, "o", reward="bonus") == (half_even(BONUS * kept * part) if sum(amounts) else 0)
        of_lines = split_over_lines(commission, facts, taken=NOTHING_TAKEN)
        assert sum(of_lines.values()) == commission
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
