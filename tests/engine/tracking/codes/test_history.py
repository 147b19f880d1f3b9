"""A7, A9 and A10 as machines: whatever is done in whatever order, what held at an instant keeps holding at it.

Each example is a brand of its own with 25 steps. On SQLite there are a tenth as many as the profile says, on PostgreSQL
a fiftieth: 10 and 2 by default, 50 and 10 with the profile ci.
"""

from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from types import SimpleNamespace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from engine.enrollment import service as enrollment
from engine.enrollment.queries import histories
from engine.enrollment.rules import STEPS, earns_at, group_as_of, state_as_of
from engine.enrollment.schemas import ApplicationDraft
from engine.enrollment.tables import EnrollmentState
from engine.kernel.errors import ConflictError, InvalidTransitionError
from engine.plugin_api import RewardParams
from engine.plugin_host.guard import Registered
from engine.programs import service as programs
from engine.programs.queries import personal_as_of, personal_rates, terms_as_of, terms_history
from engine.programs.rules import RateTable, resolve_rate
from engine.programs.schemas import PersonalRateDraft, TermsDocument
from engine.tracking.codes import service as tracking
from engine.tracking.codes.queries import codes_by_key, codes_of, owner_as_of
from tests.conftest import START
from tests.factories import make_ambassador, make_brand, make_code, make_enrollment, make_group, make_program

INSTANT, HOUR = timedelta(microseconds=1), timedelta(hours=1)
APPLIED, ACTIVE, REJECTED, SUSPENDED, LEFT = EnrollmentState
TYPE = SimpleNamespace(name="percentage", params_model=RewardParams, settles_periods=False)
HOST = SimpleNamespace(reward_types={"percentage": Registered("tests", "1", TYPE)}, attribution_models={"basic"})
LINES: list[tuple[str | None, list[str]]] = [(None, []), ("mug", ["sale"]), ("tea", ["new", "sale"])]

steps_of_a_clock = st.sampled_from([-HOUR, -INSTANT, timedelta(0), INSTANT, HOUR])
later = st.sampled_from([None, timedelta(0), INSTANT, HOUR])
bps = st.integers(0, 10_000)


class Model:
    """What should hold when: at one instant the last change holds, and none is before one that was made earlier."""

    def __init__(self):
        self.changes = []

    def note(self, now, value):
        newest = self.changes[-1][0] if self.changes else now
        self.changes.append((now if now >= newest else newest + INSTANT, value))

    def at(self, instant):
        held = [value for since, value in self.changes if since <= instant]
        return held[-1] if held else None

    def moments(self):
        return {since + step for since, _ in self.changes for step in (-INSTANT, timedelta(0), INSTANT)} | {START}


class Machine(RuleBasedStateMachine):
    """A brand with an open program, on a database that the examples share."""

    def __init__(self, db):
        super().__init__()
        self.db, self.clock = db, db.clock
        self.clock.set(START)

    def do(self, verb, **parts):
        with self.db.unit() as unit:
            return verb(unit, self.brand_id, by="olga", **parts)

    def found_program(self, unit):
        self.brand_id = make_brand(unit).id
        return make_program(unit, self.brand_id)


class OwnersOfACode(Machine):
    """A10: at any instant a code has one owner at most, the one of that time, whatever the clock does."""

    @initialize()
    def begin(self):
        with self.db.unit() as unit:
            program = self.found_program(unit)
            self.people = [make_enrollment(unit, program).id for _ in range(3)]
            self.code = make_code(unit, program, code="HOT")
        self.model = Model()

    @rule(step=steps_of_a_clock)
    def turn_the_clock(self, step):
        self.clock.advance(step)

    @rule(index=st.integers(0, 2))
    def assign(self, index):
        self.do(tracking.assign_code, promo_code_id=self.code.id, enrollment_id=self.people[index])
        self._note(self.people[index])

    @rule()
    def release(self):
        self.do(tracking.release_code, promo_code_id=self.code.id)
        self._note(None)

    def _note(self, owner):
        if (self.model.changes[-1][1] if self.model.changes else None) != owner:
            self.model.note(self.clock.now(), owner)

    @invariant()
    def each_instant_has_the_owner_it_had(self):
        with self.db.reading() as unit:
            [code] = codes_by_key(unit, self.brand_id, keys=["HOT"])
            owned = {one: codes_of(unit, self.brand_id, enrollment_ids=[one]) for one in self.people}
        assert len(code.owners) == len(self.model.changes)
        assert all(owner_as_of(code, at) == self.model.at(at) for at in self.model.moments())
        ever = {owner for _, owner in self.model.changes}
        assert all(owned[one] == ((code,) if one in ever else ()) for one in self.people)


class LifeOfAnEnrollment(Machine):
    """A9: who is not active earns nothing from the instant of the change on, and what was before stays."""

    @initialize()
    def begin(self):
        with self.db.unit() as unit:
            self.program = self.found_program(unit)
            self.person = make_ambassador(unit, self.brand_id)
        self.model = Model()
        self.apply()

    @property
    def state(self):
        return self.model.changes[-1][1] if self.model.changes else None

    @rule(step=steps_of_a_clock)
    def turn_the_clock(self, step):
        self.clock.advance(step)

    @rule()
    def apply(self):
        ids = {"program_id": self.program.id, "ambassador_id": self.person.id}
        made = self._try(
            APPLIED, enrollment.apply, allowed=APPLIED in STEPS[self.state], draft=ApplicationDraft(), **ids
        )
        if made:
            self.id = made.id

    @rule()
    def approve(self):
        self._try(ACTIVE, enrollment.approve_application, allowed=self.state is APPLIED, enrollment_id=self.id)

    @rule()
    def reject(self):
        parts = {"enrollment_id": self.id, "reason": "no"}
        self._try(REJECTED, enrollment.reject_application, allowed=self.state is APPLIED, **parts)

    @rule()
    def suspend(self):
        parts = {"enrollment_id": self.id, "reason": "fraud"}
        self._try(SUSPENDED, enrollment.suspend, allowed=self.state is ACTIVE, **parts)

    @rule()
    def reinstate(self):
        self._try(ACTIVE, enrollment.reinstate, allowed=self.state is SUSPENDED, enrollment_id=self.id)

    @rule()
    def leave(self):
        self._try(LEFT, enrollment.leave, allowed=self.state in (ACTIVE, SUSPENDED), enrollment_id=self.id)

    def _try(self, asked, verb, *, allowed, **parts):
        if not allowed:
            with pytest.raises(InvalidTransitionError):
                self.do(verb, **parts)
            return None
        made = self.do(verb, **parts)
        self.model.note(self.clock.now(), asked)
        return made

    @invariant()
    def only_the_active_earn(self):
        with self.db.reading() as unit:
            changes = histories(unit, self.brand_id, enrollment_ids=[self.id])[self.id].changes
        assert len(changes) == len(self.model.changes)
        for at in self.model.moments():
            assert state_as_of(changes, at) == self.model.at(at)
            assert earns_at(changes, at) == (self.model.at(at) is ACTIVE)


class RatesThatChange(Machine):
    """A7: no change of terms, personal rates or groups alters the rate that an order of the past had."""

    @initialize()
    def begin(self):
        with self.db.unit() as unit:
            self.program = self.found_program(unit)
            self.person = make_enrollment(unit, self.program).id
            self.code = make_code(unit, self.program).id
            self.group = make_group(unit, self.program, key="gold").id
        self.seen: dict[datetime, list[object]] = {}

    @rule(
        rates=st.lists(
            st.tuples(st.sampled_from(["", "group", "product", "collection"]), bps), unique_by=lambda r: r[0]
        ),
        wait=later,
    )
    def publish(self, rates, wait):
        named = {
            "": {},
            "group": {"group": "gold"},
            "product": {"product": "mug"},
            "collection": {"collection": "sale"},
        }
        rows = [{"reward": "commission", "rate_bps": rate} | named[level] for level, rate in rates]
        document = TermsDocument.model_validate(
            {"rewards": [{"key": "commission", "type": "percentage"}], "rates": rows}
        )
        with suppress(ConflictError):  # nothing would change, or later terms are planned
            self._change(programs.publish_terms, wait, program_id=self.program.id, document=document, host=HOST)

    @rule(rate=st.none() | bps, product=st.sampled_from([None, "mug"]), wait=later)
    def agree_with_the_ambassador(self, rate, product, wait):
        draft = PersonalRateDraft(reward="commission", rate_bps=rate, product=product, reason="talk")
        self._change(enrollment.set_ambassador_rate, wait, enrollment_id=self.person, draft=draft)

    @rule(rate=st.none() | bps, wait=later)
    def set_the_codes_rate(self, rate, wait):
        draft = PersonalRateDraft(reward="commission", rate_bps=rate, reason="talk")
        self._change(tracking.set_code_rate, wait, promo_code_id=self.code, draft=draft)

    @rule(into=st.booleans(), wait=later)
    def move(self, into, wait):
        self._change(enrollment.move_group, wait, enrollment_id=self.person, group_id=self.group if into else None)

    def _change(self, verb, wait, **parts):
        """Look at the rates of this moment, and a moment later change something."""
        self.seen[self.clock.now()] = self._rates_at([self.clock.now()])[0]
        self.clock.advance(INSTANT)
        when = None if wait is None else self.clock.now() + wait
        self.do(verb, effective_at=when, **parts)

    @rule()
    def wait(self):
        self.clock.advance(HOUR)

    @invariant()
    def orders_of_the_past_keep_their_rates(self):
        assert self._rates_at(self.seen) == list(self.seen.values())

    def _rates_at(self, moments):
        with self.db.reading() as unit:
            terms = terms_history(unit, self.brand_id)
            personal = personal_rates(unit, self.brand_id, enrollment_ids=[self.person], promo_code_ids=[self.code])
            groups = histories(unit, self.brand_id, enrollment_ids=[self.person])[self.person].groups

        def rates(at):
            version = terms_as_of(terms, self.program.id, at=at)
            assert version is not None
            held = personal_as_of(personal, at, enrollment_id=self.person, promo_code_id=self.code)
            group, table = group_as_of(groups, at), RateTable.of(version.document)
            return [
                resolve_rate(product, shelf, reward="commission", table=table, personal=held, group=group)
                for product, shelf in LINES
            ]

        return [rates(at) for at in moments]


@pytest.mark.slow
@pytest.mark.parametrize("machine", [OwnersOfACode, LifeOfAnEnrollment, RatesThatChange], ids=["A10", "A9", "A7"])
def test_what_held_at_an_instant_keeps_holding_at_it(db, machine):
    fraction = {"sqlite": 10, "postgresql": 50}[db.dialect]
    size = settings(max_examples=settings().max_examples // fraction, stateful_step_count=25)
    run_state_machine_as_test(partial(machine, db), settings=size)  # type: ignore[arg-type]  # any callable will do
