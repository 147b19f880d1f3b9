"""Promo codes in the database: one holder of a key per brand, one owner at most at any instant, history kept."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlmodel import select

from engine.enrollment.tables import EnrollmentState
from engine.identity.tables import AuditEntry
from engine.kernel.errors import ConflictError, InputError, NotFoundError
from engine.kernel.history import BackdatedError
from engine.kernel.ids import new_id
from engine.outbox.dispatch import ToldEvent
from engine.programs.queries import personal_as_of, personal_rates
from engine.programs.schemas import PersonalRateDraft
from engine.programs.tables import ProgramState
from engine.tracking.codes import service
from engine.tracking.codes.queries import CodeRow, codes_by_key, codes_of, expired_at, owner_as_of
from engine.tracking.codes.rules import CodeRefusedError
from engine.tracking.codes.service import CodeTakenError, CodeWish
from engine.tracking.codes.tables import CodeKind, CodeOwner, PromoCode
from engine.tracking.listeners import on_enrollment_approved
from tests.factories import make_brand, make_code, make_enrollment, make_program
from tests.support.plans import plans

DAY, INSTANT = timedelta(days=1), timedelta(microseconds=1)
WRITERS = 32


@pytest.fixture
def friends(db):
    with db.unit() as unit:
        return make_program(unit, make_brand(unit).id, name="Friends")


@pytest.fixture
def ada(db, friends):
    with db.unit() as unit:
        return make_enrollment(unit, friends)


@pytest.fixture
def bob(db, friends):
    with db.unit() as unit:
        return make_enrollment(unit, friends)


@pytest.fixture
def issue(db, friends):
    def issue(**parts):
        with db.unit() as unit:
            return service.issue_code(unit, friends.brand_id, program_id=friends.id, by="olga", **parts)

    return issue


def read(db, brand_id, *keys):
    with db.reading() as unit:
        return codes_by_key(unit, brand_id, keys=keys)


def test_a_chosen_code_is_kept_as_it_was_written_and_found_by_its_key(db, friends, ada, issue, clock):
    made = issue(enrollment_id=ada.id, code=" Anna10 ", expires_at=clock.now() + DAY)
    [found] = read(db, friends.brand_id, "ANNA10")
    assert found == made
    assert (found.code, found.kind, found.program_id) == ("Anna10", CodeKind.VANITY, friends.id)
    assert owner_as_of(found, clock.now()) == ada.id
    assert owner_as_of(found, clock.now() - INSTANT) is None
    assert [expired_at(found, clock.now() + DAY - step) for step in (INSTANT, timedelta(0))] == [False, True]


def test_a_drawn_code_may_belong_to_nobody(db, friends, issue, clock):
    made = issue()
    [found] = read(db, friends.brand_id, made.code_key)
    assert (found.kind, len(found.code), found.owners) == (CodeKind.GENERATED, 8, ())
    assert owner_as_of(found, clock.now()) is None


@pytest.mark.parametrize("again", ["sale-anna", "ＳＡＬＥ-ＡＮＮＡ", "\u017fale-anna", " SALE-Anna "])
def test_a_taken_code_is_refused_in_every_writing_and_names_the_program(db, friends, issue, again):
    issue(code="SALE-ANNA")
    with db.unit() as unit:
        other = make_program(unit, friends.brand_id, name="Others")
        with pytest.raises(CodeTakenError, match="is taken in the program Friends"):
            service.issue_code(unit, friends.brand_id, program_id=other.id, code=again, by="olga")


def test_two_brands_may_have_one_code(db, issue):
    issue(code="SAME")
    with db.unit() as unit:
        other = make_program(unit, make_brand(unit).id)
        made = service.issue_code(unit, other.brand_id, program_id=other.id, code="same", by="olga")
        assert [code.id for code in codes_by_key(unit, other.brand_id, keys=["SAME"])] == [made.id]


@pytest.mark.parametrize("code", ["ad", "ADMIN", "S\u0410LE", "12345", "-ANNA", "HOUSE"])
def test_a_code_that_is_no_good_is_refused(db, friends, issue, code):
    with pytest.raises(CodeRefusedError):
        issue(code=code, reserved=["HOUSE"])
    with db.reading() as unit:
        assert unit.session.exec(select(PromoCode)).all() == []


def test_a_code_is_given_to_active_people_of_the_program_only(db, friends, issue):
    with db.unit() as unit:
        strangers = [make_enrollment(unit, make_program(unit, friends.brand_id)).id, new_id()]
        idle = [make_enrollment(unit, friends, state=state).id for state in EnrollmentState if state != "active"]
        code = make_code(unit, friends)
    for enrollment_id, error in [*((one, NotFoundError) for one in strangers), *((one, ConflictError) for one in idle)]:
        with pytest.raises(error):
            issue(enrollment_id=enrollment_id)
        with db.unit() as unit, pytest.raises(error):
            service.assign_code(unit, friends.brand_id, promo_code_id=code.id, enrollment_id=enrollment_id, by="olga")


def test_a_closed_program_issues_no_codes(db, friends, issue):
    with db.unit() as unit:
        friends.state = ProgramState.CLOSED
        unit.session.add(friends)
    with pytest.raises(ConflictError, match="Friends is closed"):
        issue()


def test_many_wishes_are_answered_in_order_and_a_bad_one_costs_no_good_one(db, friends, ada, clock):
    with db.unit() as unit:
        make_code(unit, friends, code="TAKEN")
        wishes = [
            CodeWish(ada.id, "anna", CodeKind.IMPORTED),
            CodeWish(ada.id, "12345", CodeKind.IMPORTED),  # chosen by nobody: the shop has it
            CodeWish(ada.id, "12346"),
            CodeWish(None, "ANNA"),
            CodeWish(None, "taken"),
            CodeWish(None, "NULL", CodeKind.IMPORTED),
            CodeWish(new_id(), "LOST"),
            CodeWish(None, "LATE", expires_at=clock.now() - DAY),
            CodeWish(ada.id),
        ]
        answers = service.issue_codes(unit, friends.brand_id, program_id=friends.id, wishes=wishes, by="olga")
    kinds = [CodeRow, CodeRow, CodeRefusedError, CodeTakenError, CodeTakenError, CodeRefusedError]
    assert [type(answer) for answer in answers] == [*kinds, NotFoundError, BackdatedError, CodeRow]
    with db.reading() as unit:
        codes = unit.session.exec(select(PromoCode)).all()
        [audited] = unit.session.exec(select(AuditEntry)).all()
        assert len(codes_of(unit, friends.brand_id, enrollment_ids=[ada.id])) == 3
    assert [answer.code for answer in answers[:2] if isinstance(answer, CodeRow)] == ["anna", "12345"]
    assert {code.code for code in codes} == {
        "TAKEN",
        *(answer.code for answer in answers if isinstance(answer, CodeRow)),
    }
    assert (audited.action, audited.detail["count"]) == ("issue_codes", 3)


def test_a_drawn_code_that_is_taken_is_drawn_again(db, friends, issue):
    letters = iter("A" * 8 + "A" * 8 + "B" * 8)
    codes = [issue(choose=lambda _: next(letters)).code for _ in range(2)]
    assert codes == ["A" * 8, "B" * 8]


def test_wishes_for_drawn_codes_never_share_one(db, friends):
    with db.unit() as unit:
        letters = iter("A" * 24 + "B" * 16 + "C" * 8)
        wishes = [CodeWish()] * 3
        answers = service.issue_codes(
            unit,
            friends.brand_id,
            program_id=friends.id,
            wishes=wishes,
            by="olga",
            choose=lambda _: next(letters),
        )
    assert [code.code for code in answers if isinstance(code, CodeRow)] == ["A" * 8, "B" * 8, "C" * 8]


def test_where_every_draw_is_taken_the_last_answer_says_so(issue):
    issue(choose=lambda _: "A")
    with pytest.raises(CodeTakenError):
        issue(choose=lambda _: "A")


def test_a_reassigned_code_credits_by_the_time_of_the_order(db, friends, ada, bob, clock):
    start = clock.now()
    with db.unit() as unit:
        code = make_code(unit, friends, code="MOVES", enrollment=ada)
    verbs = [
        lambda unit: service.assign_code(
            unit, friends.brand_id, promo_code_id=code.id, enrollment_id=bob.id, by="olga"
        ),
        lambda unit: service.release_code(unit, friends.brand_id, promo_code_id=code.id, by="olga"),
        lambda unit: service.release_code(unit, friends.brand_id, promo_code_id=code.id, by="olga"),
    ]
    for verb in verbs:
        clock.advance(DAY)
        with db.unit() as unit:
            verb(unit)
    [found] = read(db, friends.brand_id, "MOVES")
    moments = [start - INSTANT, start, start + DAY - INSTANT, start + DAY, start + 2 * DAY]
    assert [owner_as_of(found, at) for at in moments] == [None, ada.id, ada.id, bob.id, None]
    assert len(found.owners) == 3  # releasing what nobody owns is no change
    with db.reading() as unit:
        mine = [codes_of(unit, friends.brand_id, enrollment_ids=[one.id]) for one in (ada, bob)]
        assert codes_of(unit, friends.brand_id, enrollment_ids=[]) == ()
    assert mine == [(found,), (found,)]


def test_a_code_expires_once_and_for_ever(db, friends, issue, clock):
    code = issue(code="ENDS", expires_at=clock.now() + 9 * DAY)

    def expire(**when):
        with db.unit() as unit:
            return service.expire_code(unit, friends.brand_id, promo_code_id=code.id, by="olga", **when)

    with pytest.raises(BackdatedError):
        expire(expires_at=clock.now() - INSTANT)
    assert expire(expires_at=clock.now() + DAY).expires_at == clock.now() + DAY
    assert expire().expires_at == clock.now()
    with pytest.raises(ConflictError, match="has expired"):
        expire(expires_at=clock.now() + DAY)


def test_a_codes_rate_is_for_all_products(db, friends, issue, clock):
    code = issue(code="RATED")

    def rate(**parts):
        draft = PersonalRateDraft.model_validate({"reward": "commission", "rate_bps": 700, "reason": "deal"} | parts)
        with db.unit() as unit:
            return service.set_code_rate(unit, friends.brand_id, promo_code_id=code.id, draft=draft, by="olga")

    with pytest.raises(InputError, match="one rate for all products"):
        rate(product="mug")
    rate()
    with db.reading() as unit:
        history = personal_rates(unit, friends.brand_id, promo_code_ids=[code.id])
    assert personal_as_of(history, clock.now(), enrollment_id=new_id(), promo_code_id=code.id).code == {
        "commission": 700
    }


def test_a_foreign_brand_finds_no_code(db, friends, ada, issue):
    code = issue(code="MINE", enrollment_id=ada.id)
    draft = PersonalRateDraft(reward="commission", rate_bps=1, reason="mine")
    with db.unit() as unit:
        other = make_brand(unit).id
        one = {"promo_code_id": code.id, "by": "eve"}
        for verb in (
            lambda: service.issue_code(unit, other, program_id=friends.id, by="eve"),
            lambda: service.assign_code(unit, other, enrollment_id=ada.id, **one),
            lambda: service.release_code(unit, other, **one),
            lambda: service.expire_code(unit, other, **one),
            lambda: service.set_code_rate(unit, other, draft=draft, **one),
        ):
            with pytest.raises(NotFoundError):
                verb()
        assert codes_by_key(unit, other, keys=["MINE"]) == codes_of(unit, other, enrollment_ids=[ada.id]) == ()
        theirs = make_program(unit, other)
        with pytest.raises(NotFoundError):
            service.issue_code(unit, other, program_id=theirs.id, enrollment_id=ada.id, by="eve")


def test_who_is_approved_gets_one_code_however_often_that_is_told(db, friends, ada):
    event = ToldEvent(
        id=new_id(),
        brand_id=friends.brand_id,
        kind="enrollment_approved",
        payload={"enrollment_id": str(ada.id)},
        occurred_at=ada.created_at,
    )
    for _ in range(2):
        with db.unit() as unit:
            on_enrollment_approved(event, unit)
    with db.reading() as unit:
        [code] = codes_of(unit, friends.brand_id, enrollment_ids=[ada.id])
    assert code.kind is CodeKind.GENERATED


def test_who_is_suspended_before_it_is_told_gets_none(db, friends):
    with db.unit() as unit:
        eve = make_enrollment(unit, friends, state=EnrollmentState.SUSPENDED)
        for enrollment_id in (eve.id, new_id()):
            payload = {"enrollment_id": str(enrollment_id)}
            parts = {"kind": "enrollment_approved", "payload": payload, "occurred_at": unit.now}
            on_enrollment_approved(ToldEvent(id=new_id(), brand_id=friends.brand_id, **parts), unit)
        assert unit.session.exec(select(PromoCode)).all() == []


def test_of_32_who_want_one_code_at_once_exactly_one_gets_it(db, friends):
    """A10: the unique key decides, on both databases; the others hear that it is taken, and by which program."""
    with db.unit() as unit:
        people = [make_enrollment(unit, friends).id for _ in range(WRITERS)]
    writings = ["sale10", "SALE10", "ＳＡＬＥ１０", "\u017fale10"]
    together = Barrier(WRITERS)

    def want(number):
        together.wait()
        with db.unit() as unit:
            wish = {"code": writings[number % 4], "enrollment_id": people[number], "by": f"writer {number}"}
            return service.issue_code(unit, friends.brand_id, program_id=friends.id, **wish)

    with ThreadPoolExecutor(WRITERS) as pool:
        outcomes = [future.exception() for future in [pool.submit(want, number) for number in range(WRITERS)]]
    assert outcomes.count(None) == 1
    assert all(isinstance(one, CodeTakenError) and one.program_name == "Friends" for one in outcomes if one)
    with db.reading() as unit:
        assert len(unit.session.exec(select(PromoCode)).all()) == 1
        [owner] = unit.session.exec(select(CodeOwner)).all()
    assert owner.enrollment_id == people[outcomes.index(None)]


def test_who_assign_one_code_at_once_follow_one_another(db, friends):
    with db.unit() as unit:
        people = [make_enrollment(unit, friends).id for _ in range(8)]
        code = make_code(unit, friends, code="HOT")
    together = Barrier(8)

    def take(enrollment_id):
        together.wait()
        parts = {"promo_code_id": code.id, "enrollment_id": enrollment_id, "by": "olga"}
        db.run(lambda unit: service.assign_code(unit, friends.brand_id, **parts))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(take, people))
    [found] = read(db, friends.brand_id, "HOT")
    assert {change.enrollment_id for change in found.owners} == set(people)
    assert len(found.owners) == 8
    with db.reading() as unit:
        written = unit.session.exec(select(CodeOwner).order_by("effective_at", "id")).all()
    assert [change.enrollment_id for change in written] == [change.enrollment_id for change in found.owners]


def test_codes_are_found_by_their_unique_key_and_owners_by_their_code(db, friends):
    with db.unit() as unit:
        people = [make_enrollment(unit, friends) for _ in range(300)]
        codes = [make_code(unit, friends, enrollment=one) for one in people]
        unit.connection.exec_driver_sql("ANALYZE")
        keys, asked = [code.code_key for code in codes[:10]], [one.id for one in people[:10]]
        by_key, owners = plans(unit, lambda: codes_by_key(unit, friends.brand_id, keys=keys))
        owned, by_id, _ = plans(unit, lambda: codes_of(unit, friends.brand_id, enrollment_ids=asked))
    sqlite = db.dialect == "sqlite"
    unique = (
        "sqlite_autoindex_promo_code_2 (brand_id=? AND code_key=?)" if sqlite else "uq_promo_code_brand_id_code_key"
    )
    assert unique in by_key
    assert "ix_code_owner_brand_id_promo_code_id" in owners
    assert "ix_code_owner_brand_id_enrollment_id" in owned
    assert ("sqlite_autoindex_promo_code_1 (id=?)" if sqlite else "pk_promo_code") in by_id
