"""Signing in and out: single-use links, sessions that can be ended anywhere, and counters against guessing.

Of a link or a session only the SHA-256 of its token is kept, so a stolen database signs nobody in.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select

from engine.identity.rules import LINK_LIFETIME, SESSION_LIMITS, RateLimit, session_is_live
from engine.identity.tables import Login, RateCounter, Realm, SignInLink, WebSession
from engine.kernel.crypto import new_token, token_hash
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import GoodwordError
from engine.kernel.ids import new_id

TOUCH_EVERY = timedelta(minutes=1)
"""How often `seen_at` is written: a page is not worth a write, a session that ends a minute early is no harm."""


class LinkSpentError(GoodwordError):
    """A sign-in link that signs nobody in: unknown, used or too old. Which of these is not told."""

    def __init__(self) -> None:
        super().__init__("This sign-in link was used already, or is too old. Ask for a new one.")


class TooManyAttemptsError(GoodwordError):
    """Something was tried too often; waiting helps."""

    def __init__(self, limit: RateLimit) -> None:
        self.minutes = int(limit.window.total_seconds() // 60)
        super().__init__(f"That was tried too often. Wait {self.minutes} minutes, then try again.")


@dataclass(frozen=True, slots=True)
class LiveSession:
    """A session that may be used now."""

    id: UUID
    login_id: UUID
    realm: Realm
    email: str
    seen_at: datetime


def issue_sign_in_link(unit: UnitOfWork, login: Login, *, lifetime: timedelta = LINK_LIFETIME) -> str:
    """Return the token of a new link that signs `login` in once."""
    token = new_token()
    unit.session.add(
        SignInLink(login_id=login.id, token_hash=token_hash(token), created_at=unit.now, expires_at=unit.now + lifetime)
    )
    unit.session.flush()
    return token


def login_of_link(unit: UnitOfWork, token: str) -> Login | None:
    """Return whom a link would sign in, without using it: a mail scanner that opens the page spends nothing."""
    found = (
        select(Login)
        .join(SignInLink, col(SignInLink.login_id) == Login.id)
        .where(SignInLink.token_hash == token_hash(token), col(SignInLink.used_at).is_(None))
        .where(col(SignInLink.expires_at) > unit.now)
    )
    return unit.session.exec(found).first()


def use_sign_in_link(unit: UnitOfWork, token: str, *, realm: Realm) -> str:
    """Spend a link and return the token of a fresh session in `realm`. Of two uses at once, one wins.

    Raises:
        LinkSpentError: unknown, used or too old.
    """
    spent = (
        update(SignInLink)
        .where(col(SignInLink.token_hash) == token_hash(token), col(SignInLink.used_at).is_(None))
        .where(col(SignInLink.expires_at) > unit.now)
        .values(used_at=unit.now)
        .returning(col(SignInLink.login_id))
    )
    login_id = unit.execute(spent).scalar_one_or_none()
    if login_id is None:
        raise LinkSpentError
    return start_session(unit, login_id, realm=realm)


def start_session(unit: UnitOfWork, login_id: UUID, *, realm: Realm) -> str:
    """Return the token of a fresh session."""
    token = new_token()
    unit.session.add(
        WebSession(
            login_id=login_id,
            realm=realm.value,
            token_hash=token_hash(token),
            created_at=unit.now,
            seen_at=unit.now,
            expires_at=unit.now + SESSION_LIMITS[realm].absolute,
        )
    )
    unit.session.flush()
    return token


def live_session(unit: UnitOfWork, token: str) -> LiveSession | None:
    """Return the session of a token, or None where it ended, idled out, grew too old or never was."""
    found = (
        select(WebSession, Login.email)
        .join(Login, col(Login.id) == WebSession.login_id)
        .where(WebSession.token_hash == token_hash(token), col(WebSession.ended_at).is_(None))
    )
    row = unit.session.exec(found).first()
    if row is None:
        return None
    session, email = row
    realm = Realm(session.realm)
    if not session_is_live(realm=realm, seen_at=session.seen_at, expires_at=session.expires_at, now=unit.now):
        return None
    return LiveSession(session.id, session.login_id, realm, email, session.seen_at)


def touch_session(unit: UnitOfWork, session_id: UUID) -> None:
    """Write down that a session is in use."""
    unit.execute(update(WebSession).where(col(WebSession.id) == session_id).values(seen_at=unit.now))


def end_session(unit: UnitOfWork, token: str) -> None:
    """End one session; a second time does nothing."""
    ended = update(WebSession).where(
        col(WebSession.token_hash) == token_hash(token), col(WebSession.ended_at).is_(None)
    )
    unit.execute(ended.values(ended_at=unit.now))


def end_all_sessions(unit: UnitOfWork, login_id: UUID) -> None:
    """End every session of a login, wherever it is open."""
    ended = update(WebSession).where(col(WebSession.login_id) == login_id, col(WebSession.ended_at).is_(None))
    unit.execute(ended.values(ended_at=unit.now))


def count_attempt(unit: UnitOfWork, subject: str, *, limit: RateLimit) -> None:
    """Count one attempt of `subject` (what is tried, and by whom).

    Counted in the database, so that more workers do not mean more attempts. Counters of windows long past are removed
    whenever a new window begins.

    Raises:
        TooManyAttemptsError: more than `limit` in this window. Roll nothing back for it, or nothing is counted.
    """
    start = limit.window_start(unit.now)
    insert = postgresql.insert if unit.dialect == "postgresql" else sqlite.insert
    row = {"id": new_id(), "subject_hash": token_hash(subject), "window_start": start, "attempts": 1}
    counted = (
        insert(RateCounter)
        .values(row)
        .on_conflict_do_update(
            index_elements=["subject_hash", "window_start"], set_={"attempts": col(RateCounter.attempts) + 1}
        )
        .returning(col(RateCounter.attempts))
    )
    attempts = unit.execute(counted).scalar_one()
    if attempts == 1:
        unit.execute(delete(RateCounter).where(col(RateCounter.window_start) < start - timedelta(days=1)))
    if attempts > limit.attempts:
        raise TooManyAttemptsError(limit)
