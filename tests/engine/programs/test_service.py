"""Programs and their terms in the database: versions follow one another, nothing is back-dated, problems are told."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError
from sqlmodel import select

from engine.identity.tables import AuditEntry
from engine.kernel.errors import ConflictError, InputError, NotFoundError
from engine.kernel.history import BackdatedError
from engine.kernel.ids import new_id
from engine.plugin_api import RewardParams
from engine.plugin_host.guard import Registered
from engine.programs import service
from engine.programs.queries import (
    groups_of,
    personal_as_of,
    personal_rates,
    program,
    programs_of,
    terms_as_of,
    terms_history,
)
from engine.programs.rules import NO_PERSONAL_RATES
from engine.programs.schemas import GroupDraft, PersonalRateDraft, ProgramDraft, TermsDocument
from engine.programs.tables import ProgramState, Terms
from tests.factories import (
    TEN_PERCENT,
    agree_rate,
    make_brand,
    make_code,
    make_enrollment,
    make_program,
)
from tests.support.plans import plans

TYPE = SimpleNamespace(name="percentage", params_model=RewardParams, settles_periods=False)
HOST = SimpleNamespace(reward_types={"percentage": Registered("tests", "1", TYPE)}, attribution_models={"basic"})
DAY = timedelta(days=1)


def draft(**parts):
    plain = {"slug": "friends", "name": "Friends", "currency": "EUR", "time_zone": "Europe/Berlin", "priority": 1}
    return ProgramDraft.model_validate(plain | parts)


def percent(rate_bps):
    return TermsDocument.model_validate(
        {
            "rewards": [{"key": "commission", "type": "percentage"}],
            "rates": [{"reward": "commission", "rate_bps": rate_bps}],
        }
    )


@pytest.fixture
def brand_id(db):
    with db.unit() as unit:
        return make_brand(unit).id


@pytest.fixture
def program_id(db, brand_id):
    with db.unit() as unit:
        return service.create_program(unit, brand_id, draft=draft(), by="olga").id


@pytest.fixture
def publish(db, brand_id, program_id):
    def publish(document=TEN_PERCENT, **when):
        with db.unit() as unit:
            parts = {"program_id": program_id, "document": document, "host": HOST, "by": "olga"}
            return service.publish_terms(unit, brand_id, **parts, **when)

    return publish


def test_a_program_begins_as_a_draft_and_opens_with_its_first_terms(db, brand_id, program_id, publish):
    with db.reading() as unit:
        assert program(unit, brand_id, program_id=program_id).state is ProgramState.DRAFT
    publish()
    with db.reading() as unit:
        [row] = programs_of(unit, brand_id)
    assert (row.state, row.slug, row.zone.key) == (ProgramState.OPEN, "friends", "Europe/Berlin")


def test_what_was_published_is_read_back_as_it_was(db, brand_id, program_id, publish, clock):
    terms = publish(percent(1_250))
    with db.reading() as unit:
        [version] = terms_history(unit, brand_id)
    assert version.document == percent(1_250)
    assert (version.id, version.program_id, version.version) == (terms.id, program_id, 1)
    assert (version.effective_at, version.published_by) == (clock.now(), "olga")


def test_the_terms_that_hold_are_those_of_the_instant(db, brand_id, program_id, publish, clock):
    start = clock.now()
    publish(percent(1_000))
    clock.advance(DAY)
    publish(percent(2_000), effective_at=clock.now() + DAY)
    with db.reading() as unit:
        history = terms_history(unit, brand_id, program_id=program_id)
    just = timedelta(microseconds=1)
    expected = [(start - just, None), (start, 1), (start + 2 * DAY - just, 1), (start + 2 * DAY, 2)]
    for at, number in expected:
        found = terms_as_of(history, program_id, at=at)
        assert (found.version if found else None) == number
    assert terms_as_of(history, new_id(), at=start) is None


def test_terms_are_never_back_dated(publish, clock):
    with pytest.raises(BackdatedError, match="has passed"):
        publish(effective_at=clock.now() - timedelta(microseconds=1))
    with pytest.raises(InputError, match="names no time zone"):
        publish(effective_at=(clock.now() + DAY).replace(tzinfo=None))
    publish(effective_at=clock.now())


def test_a_version_starts_after_the_one_before(publish, clock):
    publish(percent(1_000), effective_at=clock.now() + DAY)
    for start in (clock.now(), clock.now() + DAY):
        with pytest.raises(ConflictError, match="Version 1 holds from 2026-03-03"):
            publish(percent(2_000), effective_at=start)
    assert publish(percent(2_000), effective_at=clock.now() + 2 * DAY).version == 2


def test_terms_that_change_nothing_are_refused(publish, clock):
    publish()
    clock.advance(DAY)
    with pytest.raises(ConflictError, match="says exactly this already"):
        publish()
    publish(percent(1))
    clock.advance(DAY)
    assert publish().version == 3  # back to the first is a change again


def test_refused_terms_tell_every_problem_and_write_nothing(db, brand_id, publish):
    document = TermsDocument.model_validate(
        {
            "rewards": [{"key": "commission", "type": "karma"}],
            "rates": [{"reward": "gifts", "rate_bps": 1}, {"reward": "commission", "group": "gold", "rate_bps": 1}],
        }
    )
    with pytest.raises(service.TermsRefusedError) as refused:
        publish(document)
    fields = [problem.field for problem in refused.value.problems]
    assert fields == ["rewards[0].type", "rates[0].reward", "rates[1].group"]
    assert all(field in str(refused.value) for field in fields)
    with db.reading() as unit:
        assert terms_history(unit, brand_id) == ()


def test_terms_may_name_the_programs_groups(db, brand_id, program_id, publish):
    with db.unit() as unit:
        service.create_group(
            unit, brand_id, program_id=program_id, draft=GroupDraft(key="gold", name="Gold"), by="olga"
        )
    rates = [{"reward": "commission", "group": "gold", "rate_bps": 1_500}]
    publish(TermsDocument.model_validate({"rewards": [{"key": "commission", "type": "percentage"}], "rates": rates}))
    with db.reading() as unit:
        assert [group.key for group in groups_of(unit, brand_id, program_id=program_id)] == ["gold"]
    with db.unit() as unit, pytest.raises(ConflictError, match="has a group 'gold' already"):
        service.create_group(unit, brand_id, program_id=program_id, draft=GroupDraft(key="gold", name="G"), by="olga")


def test_published_terms_cannot_be_changed_even_by_hand(db, publish):
    terms = publish()
    with db.unit() as unit:
        row = unit.session.exec(select(Terms).where(Terms.id == terms.id)).one()
        row.effective_at += DAY
        unit.session.add(row)
        with pytest.raises(DBAPIError, match="append-only"):
            unit.session.flush()
        unit.session.rollback()


def test_the_time_zone_and_the_priority_are_fixed_once_terms_are_published(db, brand_id, program_id, publish):
    def change(**parts):
        with db.unit() as unit:
            return service.change_program(unit, brand_id, program_id=program_id, draft=draft(**parts), by="olga")

    change(time_zone="Asia/Tokyo", priority=7)
    publish()
    for parts in ({"time_zone": "UTC", "priority": 7}, {"time_zone": "Asia/Tokyo", "priority": 8}):
        with pytest.raises(ConflictError, match="is fixed since its terms were published"):
            change(**parts)
    assert change(time_zone="Asia/Tokyo", priority=7, name="Best friends").name == "Best friends"


def test_of_two_programs_one_must_win(db, brand_id, program_id):
    with db.unit() as unit:
        with pytest.raises(ConflictError, match="Friends has priority 1 already"):
            service.create_program(unit, brand_id, draft=draft(slug="other"), by="olga")
        with pytest.raises(ConflictError, match="a program 'friends' already"):
            service.create_program(unit, brand_id, draft=draft(priority=2), by="olga")
        second = service.create_program(unit, brand_id, draft=draft(slug="other", priority=2), by="olga")
        with pytest.raises(ConflictError, match="Friends has priority 1 already"):
            service.change_program(unit, brand_id, program_id=second.id, draft=draft(slug="other"), by="olga")


def test_another_brand_has_its_own_slugs_and_priorities(db, program_id):
    with db.unit() as unit:
        other = make_brand(unit)
        assert service.create_program(unit, other.id, draft=draft(), by="olga").priority == 1


def test_a_closed_program_publishes_nothing_more(db, brand_id, program_id, publish, clock):
    publish()
    clock.advance(DAY)
    with db.unit() as unit:
        closed = service.close_program(unit, brand_id, program_id=program_id, by="olga")
        assert (closed.state, closed.closed_at) == (ProgramState.CLOSED, clock.now())
        with pytest.raises(ConflictError, match="is closed already"):
            service.close_program(unit, brand_id, program_id=program_id, by="olga")
    with pytest.raises(ConflictError, match="is closed"):
        publish(percent(1))


def test_a_foreign_brand_finds_no_program(db, program_id):
    with db.unit() as unit:
        other = make_brand(unit).id
        for verb in (
            lambda: service.close_program(unit, other, program_id=program_id, by="eve"),
            lambda: service.change_program(unit, other, program_id=program_id, draft=draft(), by="eve"),
            lambda: service.publish_terms(
                unit, other, program_id=program_id, document=TEN_PERCENT, host=HOST, by="eve"
            ),
            lambda: service.create_group(
                unit, other, program_id=program_id, draft=GroupDraft(key="g", name="G"), by="eve"
            ),
            lambda: program(unit, other, program_id=program_id),
        ):
            with pytest.raises(NotFoundError):
                verb()
        assert programs_of(unit, other) == ()


def test_every_command_is_audited_once(db, brand_id, program_id, publish, clock):
    publish()
    with db.unit() as unit:
        service.create_group(unit, brand_id, program_id=program_id, draft=GroupDraft(key="g", name="G"), by="olga")
        service.close_program(unit, brand_id, program_id=program_id, by="max")
        entries = unit.session.exec(select(AuditEntry).where(AuditEntry.brand_id == brand_id)).all()
    done = sorted((entry.actor, entry.action) for entry in entries)
    assert done == [
        ("max", "close_program"),
        ("olga", "create_group"),
        ("olga", "create_program"),
        ("olga", "publish_terms"),
    ]
    assert {entry.subject for entry in entries} == {f"program {program_id}"}


def rate_draft(rate_bps, **parts):
    return PersonalRateDraft.model_validate(
        {"reward": "commission", "rate_bps": rate_bps, "reason": "negotiated"} | parts
    )


def test_a_personal_rate_is_for_a_reward_of_the_newest_terms(db, brand_id, program_id, publish):
    with db.unit() as unit:
        enrollment = make_enrollment(unit, make_program(unit, brand_id))
        with pytest.raises(InputError, match="Publish terms first"):
            set_rate(unit, brand_id, program_id, rate_draft(1), enrollment_id=enrollment.id)
    publish()
    with db.unit() as unit:
        with pytest.raises(InputError, match=r"no reward 'gifts'\. Name one of: commission"):
            set_rate(unit, brand_id, program_id, rate_draft(1, reward="gifts"), enrollment_id=enrollment.id)
        with pytest.raises(BackdatedError):
            set_rate(
                unit,
                brand_id,
                program_id,
                rate_draft(1),
                enrollment_id=enrollment.id,
                effective_at=unit.now - DAY,
            )


def set_rate(unit, brand_id, program_id, draft, **parts):
    return service.set_personal_rate(unit, brand_id, program_id=program_id, draft=draft, by="olga", **parts)


@pytest.mark.parametrize("rate_bps", [-1, 10_001, 12.5, "10 %"])
def test_a_personal_rate_lies_between_nothing_and_everything(rate_bps):
    with pytest.raises(ValidationError):
        rate_draft(rate_bps)


def test_of_personal_rates_the_newest_up_to_the_instant_holds_and_none_ends_it(db, brand_id, clock):
    start = clock.now()
    with db.unit() as unit:
        friends = make_program(unit, brand_id)
        ada, bob = make_enrollment(unit, friends), make_enrollment(unit, friends)
        code = make_code(unit, friends, enrollment=ada)
        agree_rate(unit, ada, rate_bps=1_500, since=start)
        agree_rate(unit, ada, rate_bps=1_600, since=start)  # at the same instant the later row holds
        agree_rate(unit, ada, rate_bps=2_000, product="mug", since=start + DAY)
        agree_rate(unit, ada, rate_bps=None, since=start + 2 * DAY)
        agree_rate(unit, code, rate_bps=900, since=start + DAY)
        agree_rate(unit, bob, rate_bps=100, since=start)
    with db.reading() as unit:
        history = personal_rates(unit, brand_id, enrollment_ids=[ada.id], promo_code_ids=[code.id])
    assert set(history) == {ada.id, code.id}

    def holding(at, **of):
        found = personal_as_of(history, at, enrollment_id=of.get("who", ada.id), promo_code_id=of.get("code"))
        return dict(found.ambassador), dict(found.code)

    assert holding(start - timedelta(microseconds=1)) == ({}, {})
    assert holding(start) == ({("commission", None): 1_600}, {})
    assert holding(start + DAY, code=code.id) == (
        {("commission", None): 1_600, ("commission", "mug"): 2_000},
        {"commission": 900},
    )
    assert holding(start + 2 * DAY) == ({("commission", "mug"): 2_000}, {})
    assert personal_as_of(history, start, enrollment_id=bob.id) is NO_PERSONAL_RATES


def test_the_personal_rates_of_a_foreign_brand_are_not_read(db, brand_id):
    with db.unit() as unit:
        enrollment = make_enrollment(unit, make_program(unit, brand_id))
        agree_rate(unit, enrollment, rate_bps=1)
        assert personal_rates(unit, make_brand(unit).id, enrollment_ids=[enrollment.id]) == {}
        assert personal_rates(unit, brand_id) == {}


def test_personal_rates_are_read_by_index(db, brand_id):
    with db.unit() as unit:
        friends = make_program(unit, brand_id)
        subjects = [make(unit, friends) for _ in range(150) for make in (make_enrollment, make_code)]
        for subject in subjects:
            agree_rate(unit, subject, rate_bps=1)
        unit.connection.exec_driver_sql("ANALYZE")
        ids = [subject.id for subject in subjects[:10]]
        [by_enrollment, by_code] = plans(
            unit, lambda: personal_rates(unit, brand_id, enrollment_ids=ids, promo_code_ids=ids)
        )
    assert "ix_personal_rate_brand_id_enrollment_id" in by_enrollment
    assert "ix_personal_rate_brand_id_promo_code_id" in by_code


def test_terms_of_a_program_are_read_by_index(db, brand_id, program_id):
    with db.reading() as unit:
        [plan] = plans(unit, lambda: terms_history(unit, brand_id, program_id=program_id))
    key = {"sqlite": "sqlite_autoindex_terms_2 (brand_id=? AND program_id=?)"}
    assert key.get(db.dialect, "uq_terms_brand_id_program_id_version") in plan
