"""Enrollments in the database: every step leaves its history, an audit entry and an event, from now on."""

from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from pydantic import ValidationError
from sqlmodel import col, select

from engine.enrollment import service
from engine.enrollment.queries import WaitingApplication, applications_waiting, enrollments, enrollments_of, histories
from engine.enrollment.rules import TooEarlyError, earns_at, group_as_of
from engine.enrollment.schemas import ApplicationDraft
from engine.enrollment.tables import EnrollmentState
from engine.identity.tables import AuditEntry
from engine.kernel.errors import ConflictError, InputError, InvalidTransitionError, NotFoundError
from engine.kernel.history import BackdatedError
from engine.kernel.ids import new_id
from engine.outbox.tables import OutboxEvent
from engine.programs.queries import personal_as_of, personal_rates
from engine.programs.schemas import PersonalRateDraft
from engine.programs.tables import ProgramState
from tests.factories import make_ambassador, make_brand, make_enrollment, make_group, make_program
from tests.support.plans import plans

APPLIED, ACTIVE, REJECTED, SUSPENDED, LEFT = EnrollmentState
DAY, INSTANT = timedelta(days=1), timedelta(microseconds=1)
NOTHING_SAID = ApplicationDraft()


@pytest.fixture
def brand_id(db):
    with db.unit() as unit:
        return make_brand(unit).id


@pytest.fixture
def friends(db, brand_id):
    with db.unit() as unit:
        return make_program(unit, brand_id, time_zone="Pacific/Auckland")


@pytest.fixture
def ada(db, brand_id):
    with db.unit() as unit:
        return make_ambassador(unit, brand_id, name="Ada", email="ada@example.org")


@pytest.fixture
def do(db, brand_id):
    """Call a verb in a unit of its own."""

    def do(verb, **parts):
        with db.unit() as unit:
            return verb(unit, brand_id, by="olga", **parts)

    return do


@pytest.fixture
def applied(do, friends, ada):
    return do(service.apply, program_id=friends.id, ambassador_id=ada.id, draft=NOTHING_SAID).id


def history(db, brand_id, enrollment_id):
    with db.reading() as unit:
        return histories(unit, brand_id, enrollment_ids=[enrollment_id])[enrollment_id]


def test_the_whole_life_leaves_its_history_audit_and_events(db, brand_id, friends, ada, applied, do, clock):
    start = clock.now()
    steps = [
        (service.approve_application, {}),
        (service.suspend, {"reason": "fake orders"}),
        (service.reinstate, {}),
        (service.leave, {}),
    ]
    for verb, parts in steps:
        clock.advance(DAY)
        do(verb, enrollment_id=applied, **parts)

    found = history(db, brand_id, applied)
    told = [(change.effective_at - start, change.state) for change in found.changes]
    assert told == [(number * DAY, state) for number, state in enumerate([APPLIED, ACTIVE, SUSPENDED, ACTIVE, LEFT])]
    assert (found.program_id, found.ambassador_id, found.email_hash) == (friends.id, ada.id, ada.email_hash)
    assert [earns_at(found.changes, start + number * DAY) for number in range(5)] == [False, True, False, True, False]

    kinds = [f"enrollment_{step}" for step in ("applied", "approved", "suspended", "reinstated", "left")]
    with db.reading() as unit:
        events = unit.session.exec(select(OutboxEvent).order_by(col(OutboxEvent.id))).all()
        audited = unit.session.exec(select(AuditEntry).order_by(col(AuditEntry.id))).all()
    assert [event.kind for event in events] == [entry.action for entry in audited] == kinds
    ids = {"enrollment_id": str(applied), "program_id": str(friends.id), "ambassador_id": str(ada.id)}
    assert all(event.payload == ids for event in events)
    assert audited[2].detail == {"reason": "fake orders"}


WORKS_FROM = {
    "approve_application": {APPLIED},
    "reject_application": {APPLIED},
    "suspend": {ACTIVE},
    "reinstate": {SUSPENDED},
    "leave": {ACTIVE, SUSPENDED},
    "apply": {REJECTED, LEFT},
}


def call(unit, name, enrollment):
    parts: dict[str, Any] = {"enrollment_id": enrollment.id, "by": "olga"}
    if name in ("reject_application", "suspend"):
        parts["reason"] = "because"
    if name == "apply":
        ids = {"program_id": enrollment.program_id, "ambassador_id": enrollment.ambassador_id}
        parts = {"draft": NOTHING_SAID, "by": "olga"} | ids
    return getattr(service, name)(unit, enrollment.brand_id, **parts)


def test_a_verb_works_from_its_states_only(db, brand_id, friends):
    with db.unit() as unit:
        for state, (name, allowed) in product(EnrollmentState, WORKS_FROM.items()):
            enrollment = make_enrollment(unit, friends, state=state)
            if state in allowed:
                assert call(unit, name, enrollment).id == enrollment.id
            else:
                with pytest.raises(InvalidTransitionError):
                    call(unit, name, enrollment)
            kept = histories(unit, brand_id, enrollment_ids=[enrollment.id])[enrollment.id].changes
            assert len(kept) == (2 if state in allowed else 1)


def test_a_rejected_application_comes_again_from_the_programs_local_day(db, brand_id, friends, ada, applied, do, clock):
    do(service.reject_application, enrollment_id=applied, reason="too few posts", reapply_on=date(2026, 4, 1))
    again = {"program_id": friends.id, "ambassador_id": ada.id, "draft": NOTHING_SAID}
    clock.set(datetime(2026, 3, 31, 10, 59, 59, 999_999, tzinfo=UTC))  # a microsecond before midnight in Auckland
    with pytest.raises(TooEarlyError, match="from 01 April 2026 on"):
        do(service.apply, **again)
    clock.advance(INSTANT)
    enrollment = do(service.apply, **again)
    assert (enrollment.id, enrollment.state, enrollment.reapply_on) == (applied, APPLIED, None)


def test_a_step_at_the_instant_of_another_still_follows_it(db, brand_id, applied, do):
    do(service.approve_application, enrollment_id=applied)
    do(service.suspend, enrollment_id=applied, reason="a mistake")
    changes = history(db, brand_id, applied).changes
    assert [change.state for change in changes] == [APPLIED, ACTIVE, SUSPENDED]
    assert not earns_at(changes, changes[-1].effective_at)


def test_a_clock_that_goes_back_rewrites_nothing(db, brand_id, applied, do, clock):
    do(service.approve_application, enrollment_id=applied)
    clock.advance(-DAY)
    do(service.suspend, enrollment_id=applied, reason="late")
    approved, suspended = history(db, brand_id, applied).changes[-2:]
    assert suspended.effective_at == approved.effective_at + INSTANT
    assert suspended.state is SUSPENDED


def test_nobody_joins_a_program_that_is_not_open(db, brand_id, ada, do, applied, friends):
    with db.unit() as unit:
        draft = make_program(unit, brand_id, document=None)
        friends.state = ProgramState.CLOSED
        unit.session.add(friends)
    for program_id, why in ((draft.id, "has no terms yet"), (friends.id, "is closed")):
        with pytest.raises(ConflictError, match=why):
            do(service.apply, program_id=program_id, ambassador_id=ada.id, draft=NOTHING_SAID)
    with pytest.raises(ConflictError, match="is closed"):
        do(service.approve_application, enrollment_id=applied)


@pytest.mark.parametrize("reason", ["", "  ", "x" * 1_001, "a\0b"])
def test_who_turns_somebody_down_says_why(applied, do, reason):
    with pytest.raises(InputError, match="A reason has"):
        do(service.reject_application, enrollment_id=applied, reason=reason)


@pytest.mark.parametrize(
    "answers",
    [{"why": "a\0b"}, {"": "x"}, {"why": "x" * 5_001}, {"q" * 201: "x"}, {str(n): "x" for n in range(51)}, {"why": 3}],
    ids=["nul", "no question", "long answer", "long question", "many", "no text"],
)
def test_answers_have_a_shape(answers):
    with pytest.raises(ValidationError):
        ApplicationDraft(answers=answers)


def test_groups_hold_from_their_instant_on(db, brand_id, friends, do, clock):
    start = clock.now()
    with db.unit() as unit:
        enrollment = make_enrollment(unit, friends)
        gold, foreign = make_group(unit, friends), make_group(unit, make_program(unit, brand_id))
    do(service.move_group, enrollment_id=enrollment.id, group_id=gold.id, effective_at=start + DAY)
    do(service.move_group, enrollment_id=enrollment.id, group_id=None, effective_at=start + 2 * DAY)
    with pytest.raises(BackdatedError):
        do(service.move_group, enrollment_id=enrollment.id, group_id=None, effective_at=start - INSTANT)
    for group_id in (foreign.id, new_id()):
        with pytest.raises(NotFoundError):
            do(service.move_group, enrollment_id=enrollment.id, group_id=group_id)
    groups = history(db, brand_id, enrollment.id).groups
    moments = [start, start + DAY - INSTANT, start + DAY, start + 2 * DAY]
    assert [group_as_of(groups, at) for at in moments] == [None, None, "gold", None]


def test_an_ambassadors_rate_is_of_their_own_program(db, brand_id, friends, do, clock):
    with db.unit() as unit:
        enrollment = make_enrollment(unit, friends)
    draft = PersonalRateDraft(reward="commission", rate_bps=1_500, product="mug", reason="star")
    rate = do(service.set_ambassador_rate, enrollment_id=enrollment.id, draft=draft)
    assert rate.program_id == friends.id
    with db.reading() as unit:
        kept = personal_rates(unit, brand_id, enrollment_ids=[enrollment.id])
    found = personal_as_of(kept, clock.now(), enrollment_id=enrollment.id)
    assert found.ambassador == {("commission", "mug"): 1_500}


def test_a_foreign_brand_finds_nothing(db, friends, ada, applied):
    draft = PersonalRateDraft(reward="commission", rate_bps=1, reason="mine")
    with db.unit() as unit:
        other = make_brand(unit).id
        theirs = make_program(unit, other)
        one = {"enrollment_id": applied, "by": "eve"}
        for verb in (
            lambda: service.approve_application(unit, other, **one),
            lambda: service.reject_application(unit, other, reason="no", **one),
            lambda: service.suspend(unit, other, reason="no", **one),
            lambda: service.reinstate(unit, other, **one),
            lambda: service.leave(unit, other, **one),
            lambda: service.move_group(unit, other, group_id=None, **one),
            lambda: service.set_ambassador_rate(unit, other, draft=draft, **one),
            lambda: service.apply(
                unit, other, program_id=friends.id, ambassador_id=ada.id, draft=NOTHING_SAID, by="eve"
            ),
            lambda: service.apply(
                unit, other, program_id=theirs.id, ambassador_id=ada.id, draft=NOTHING_SAID, by="eve"
            ),
        ):
            with pytest.raises(NotFoundError):
                verb()
        assert histories(unit, other, enrollment_ids=[applied]) == {}
        assert enrollments(unit, other, enrollment_ids=[applied]) == {}
        assert enrollments_of(unit, other, ambassador_id=ada.id) == ()
        assert applications_waiting(unit, other).rows == ()


def test_waiting_applications_are_listed_newest_first_with_what_was_said_last(db, brand_id, friends, do, clock):
    with db.unit() as unit:
        people = [make_ambassador(unit, brand_id, name=f"No {number}") for number in range(5)]
    ids = []
    for number, person in enumerate(people):
        draft = ApplicationDraft(answers={"why": f"first {number}"})
        ids.append(do(service.apply, program_id=friends.id, ambassador_id=person.id, draft=draft).id)
    do(service.approve_application, enrollment_id=ids[1])
    do(service.reject_application, enrollment_id=ids[2], reason="no")
    clock.advance(DAY)
    again = ApplicationDraft(answers={"why": "second 2"})
    do(service.apply, program_id=friends.id, ambassador_id=people[2].id, draft=again)

    rows: list[WaitingApplication] = []
    cursor = None
    with db.reading() as unit:
        for _ in range(3):
            page = applications_waiting(unit, brand_id, cursor=cursor, limit=2)
            rows, cursor = [*rows, *page.rows], page.next_cursor
            if cursor is None:
                break
    assert [row.enrollment_id for row in rows] == [ids[4], ids[3], ids[2], ids[0]]
    assert [row.answers["why"] for row in rows] == ["first 4", "first 3", "second 2", "first 0"]
    assert (rows[2].name, rows[2].email, rows[2].program_name) == ("No 2", people[2].email, "Friends")
    assert rows[2].submitted_at == clock.now()


def test_an_ambassador_sees_every_enrollment(db, brand_id, friends, ada):
    with db.unit() as unit:
        second = make_program(unit, brand_id)
        made = [make_enrollment(unit, one, ambassador=ada, state=LEFT) for one in (friends, second)]
        found = enrollments_of(unit, brand_id, ambassador_id=ada.id)
        assert [row.id for row in found] == [one.id for one in made]
        assert found == tuple(
            enrollments(unit, brand_id, enrollment_ids=[one.id for one in made])[row.id] for row in found
        )
    assert {row.state for row in found} == {LEFT}


def test_histories_are_read_by_index(db, brand_id, friends):
    with db.unit() as unit:
        ids = [make_enrollment(unit, friends).id for _ in range(300)][:10]
        unit.connection.exec_driver_sql("ANALYZE")
        changes, groups, rows = plans(unit, lambda: histories(unit, brand_id, enrollment_ids=ids))
    assert "ix_enrollment_change_brand_id_enrollment_id" in changes
    assert "ix_group_membership_brand_id_enrollment_id" in groups
    assert ("pk_enrollment" if db.dialect == "postgresql" else "sqlite_autoindex_enrollment_1 (id=?)") in rows
