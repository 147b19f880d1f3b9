"""People come to be, sign in, and are written about."""

from datetime import timedelta
from threading import Thread

import pytest
from pydantic import SecretStr, ValidationError
from sqlalchemy import text
from sqlmodel import select

from engine.identity import queries, service, sessions
from engine.identity.rules import SESSION_LIMITS, RateLimit, same_person_key
from engine.identity.schemas import BrandDraft, StaffDraft
from engine.identity.tables import Realm, Role, SignInLink, WebSession
from engine.kernel.crypto import Keyring
from engine.kernel.errors import ConflictError, InputError

KEYRING = Keyring(SecretStr("k" * 40))


@pytest.fixture
def brand(db):
    with db.unit() as unit:
        return service.create_brand(unit, slug="bean", name="Bean & Leaf")


@pytest.fixture
def login(db):
    with db.unit() as unit:
        return service.ensure_login(unit, "anna@example.com")


@pytest.fixture
def link(db, login):
    with db.unit() as unit:
        return sessions.issue_sign_in_link(unit, login)


def who(unit, token):
    session = sessions.live_session(unit, token)
    return session and session.login_id


def test_a_slug_names_one_brand(db, brand):
    with db.unit() as unit, pytest.raises(ConflictError, match="bean"):
        service.create_brand(unit, slug="bean", name="Another")


def test_a_login_is_one_however_the_address_is_written(db, login):
    with db.unit() as unit:
        assert service.ensure_login(unit, " ANNA@example.com").id == login.id


def test_an_ambassador_is_recognised_by_orders_of_their_own(db, brand):
    with db.unit() as unit:
        anna = service.ensure_ambassador(unit, brand.id, name="Anna", email="a.nna+x@gmail.com", keyring=KEYRING)
        again = service.ensure_ambassador(unit, brand.id, name="Other", email="A.NNA+x@gmail.com", keyring=KEYRING)
        assert (again.id, again.name) == (anna.id, "Anna")
        key = same_person_key("anna@googlemail.com")
        assert anna.email_hash == KEYRING.keyed_hash(f"customer:{brand.id}", key)


def test_staff_have_one_row_and_the_newest_role(db, brand):
    with db.unit() as unit:
        service.add_staff(unit, brand.id, email="o@bean.example", name="Olga", role=Role.VIEWER)
        service.add_staff(unit, brand.id, email="O@bean.example", name="Olga O.", role=Role.OWNER)
        login = service.ensure_login(unit, "o@bean.example")
        rooms = queries.rooms_of(unit, login.id)
    assert [(room.name, room.role) for room in rooms.staff] == [("Olga O.", Role.OWNER)]
    assert rooms.realms == (Realm.STAFF,)


def test_no_room_opens_for_a_foreign_brand(db, brand, login):
    with db.unit() as unit:
        other = service.create_brand(unit, slug="other", name="Other")
        service.add_staff(unit, other.id, email="anna@example.com", name="Anna", role=Role.OWNER)
        assert queries.staff_access(unit, login.id, brand_slug="other") is not None
        assert queries.staff_access(unit, login.id, brand_slug="bean") is None
        assert queries.ambassador_access(unit, login.id, brand_slug="other") is None
        assert queries.staff_access(unit, login.id, brand_slug="missing") is None


def test_a_link_signs_in_once(db, login, link):
    with db.unit() as unit:
        for _ in range(2):  # looking spends nothing
            assert sessions.login_of_link(unit, link) == queries.login_by_email(unit, login.email)
        token = sessions.use_sign_in_link(unit, link, realm=Realm.AMBASSADOR)
        assert who(unit, token) == login.id
        assert sessions.login_of_link(unit, link) is None
        with pytest.raises(sessions.LinkSpentError):
            sessions.use_sign_in_link(unit, link, realm=Realm.AMBASSADOR)


def test_a_link_grows_old(db, clock, link):
    clock.advance(timedelta(minutes=30))
    with db.unit() as unit, pytest.raises(sessions.LinkSpentError):
        sessions.use_sign_in_link(unit, link, realm=Realm.AMBASSADOR)


def test_of_many_uses_at_once_one_wins(db, link):
    outcomes: list[str] = []

    def use() -> None:
        try:
            outcomes.append(db.run(lambda unit: sessions.use_sign_in_link(unit, link, realm=Realm.STAFF)))
        except sessions.LinkSpentError:
            outcomes.append("spent")

    threads = [Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("spent") == 7


def test_no_token_is_kept(db, link):
    with db.unit() as unit:
        token = sessions.use_sign_in_link(unit, link, realm=Realm.STAFF)
        kept = [*unit.session.exec(select(SignInLink.token_hash)), *unit.session.exec(select(WebSession.token_hash))]
    assert not {link, token} & set(kept)
    assert len(token) >= 43


@pytest.mark.parametrize("realm", Realm)
def test_a_session_idles_out_unless_it_is_used(db, clock, login, realm):
    idle = SESSION_LIMITS[realm].idle
    with db.unit() as unit:
        token = sessions.start_session(unit, login.id, realm=realm)
    clock.advance(idle - timedelta(seconds=1))
    with db.unit() as unit:
        session = sessions.live_session(unit, token)
        assert session is not None
        sessions.touch_session(unit, session.id)
    clock.advance(idle - timedelta(seconds=1))
    with db.unit() as unit:
        assert sessions.live_session(unit, token) is not None
    clock.advance(timedelta(seconds=1))
    with db.unit() as unit:
        assert sessions.live_session(unit, token) is None


def test_sessions_end_one_by_one_and_all_together(db, login):
    with db.unit() as unit:
        here, there, elsewhere = (sessions.start_session(unit, login.id, realm=Realm.STAFF) for _ in range(3))
        sessions.end_session(unit, here)
        assert [sessions.live_session(unit, one) is None for one in (here, there, elsewhere)] == [True, False, False]
        sessions.end_all_sessions(unit, login.id)
        assert [sessions.live_session(unit, one) for one in (here, there, elsewhere)] == [None] * 3


def test_attempts_are_counted_per_window_and_old_counters_go(db, clock):
    limit = RateLimit(attempts=2, window=timedelta(minutes=15))

    def attempt(subject: str = "sign-in:anna") -> None:
        db.run(lambda unit: sessions.count_attempt(unit, subject, limit=limit))

    attempt()
    attempt()
    with pytest.raises(sessions.TooManyAttemptsError, match="15 minutes"):
        attempt()
    attempt("sign-in:ben")
    clock.advance(timedelta(minutes=15))
    attempt()
    clock.advance(timedelta(days=3))
    attempt()
    with db.unit() as unit:
        assert unit.execute(text("SELECT count(*) FROM rate_counter")).scalar_one() == 1


def test_what_was_done_is_written_down(db, brand):
    with db.unit() as unit:
        service.record(unit, brand.id, actor="o@bean.example", action="reject", subject="x", detail={"reason": "no"})
    with db.unit() as unit:
        assert [(line.actor, line.action) for line in queries.latest_audit(unit, brand.id)] == [
            ("o@bean.example", "reject")
        ]


@pytest.mark.parametrize("slug", ["", "A", "-a", "a b", "a" * 41, "../x"])
def test_a_brand_slug_fits_an_address(slug):
    with pytest.raises(ValidationError):
        BrandDraft(slug=slug, name="Bean")


def test_a_staff_draft_is_checked():
    with pytest.raises(ValidationError, match="not an e-mail address"):
        StaffDraft(email="nobody", name="N", role=Role.VIEWER)
    with pytest.raises(ValidationError, match="extra"):
        StaffDraft.model_validate({"email": "a@b.c", "name": "N", "role": "viewer", "admin": True})


def test_a_bad_address_makes_no_login(db):
    with db.unit() as unit, pytest.raises(InputError):
        service.ensure_login(unit, "nobody")
