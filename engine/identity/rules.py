"""Who is the same person, what each role may do, and how long a session lives."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from engine.identity.tables import Realm, Role
from engine.kernel.errors import InputError

_ADDRESS = re.compile(r"[^\s@<>()\[\],;:\"\\]+@[^\s@<>()\[\],;:\"\\.]+(\.[^\s@<>()\[\],;:\"\\.]+)*")
_GOOGLE: Final = {"gmail.com", "googlemail.com"}


class Permission(StrEnum):
    """Something that a member of staff may do in a brand's admin panel."""

    VIEW = "view"
    DECIDE_APPLICATIONS = "decide_applications"
    RETRY_ORDERS = "retry_orders"
    RUN_PAGES = "run_pages"
    MANAGE_SHOPS = "manage_shops"
    MANAGE_PLUGINS = "manage_plugins"
    PAY = "pay"


_MANAGER: Final = frozenset(
    {
        Permission.VIEW,
        Permission.DECIDE_APPLICATIONS,
        Permission.RETRY_ORDERS,
        Permission.RUN_PAGES,
        Permission.MANAGE_SHOPS,
    }
)
_FINANCE: Final = frozenset({Permission.VIEW, Permission.PAY})

PERMISSIONS: Final[dict[Role, frozenset[Permission]]] = {
    Role.OWNER: _MANAGER | _FINANCE | {Permission.MANAGE_PLUGINS},
    Role.MANAGER: _MANAGER,
    Role.FINANCE: _FINANCE,
    Role.VIEWER: frozenset({Permission.VIEW}),
}
"""The owner may do everything; a manager runs people, finance runs money, a viewer looks."""


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How long a session lives in all, and how long without being used."""

    absolute: timedelta
    idle: timedelta


SESSION_LIMITS: Final[dict[Realm, SessionLimits]] = {
    Realm.AMBASSADOR: SessionLimits(absolute=timedelta(days=90), idle=timedelta(days=14)),
    Realm.STAFF: SessionLimits(absolute=timedelta(hours=12), idle=timedelta(minutes=30)),
}
LINK_LIFETIME: Final = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `attempts` in each window of that length; windows start at multiples of it since 1970, in UTC."""

    attempts: int
    window: timedelta

    def window_start(self, now: datetime) -> datetime:
        """Return where the window that holds `now` began."""
        seconds = int(self.window.total_seconds())
        return now - timedelta(seconds=int(now.timestamp()) % seconds, microseconds=now.microsecond)


SIGN_IN_PER_EMAIL: Final = RateLimit(attempts=5, window=timedelta(minutes=15))
SIGN_IN_PER_SOURCE: Final = RateLimit(attempts=30, window=timedelta(minutes=15))
APPLY_PER_SOURCE: Final = RateLimit(attempts=20, window=timedelta(hours=1))
PICTURES_PER_LOGIN: Final = RateLimit(attempts=120, window=timedelta(hours=1))


def may(role: Role, permission: Permission) -> bool:
    """Tell whether a role has a permission."""
    return permission in PERMISSIONS[role]


def email_key(email: str) -> str:
    """Return the one form by which an address is found: NFKC, trimmed, case folded.

    Raises:
        InputError: it has not the shape of an address, or is longer than 254 characters.
    """
    key = unicodedata.normalize("NFKC", email).strip().casefold()
    if len(key) > 254 or not _ADDRESS.fullmatch(key) or not key.isprintable():
        raise InputError("This is not an e-mail address.", field="email", remedy="Write it like anna@example.com.")
    return key


def same_person_key(email: str) -> str:
    """Return what is equal for addresses that reach one person's mailbox, to recognise an ambassador's own orders.

    A tag (`anna+shop@…`) is dropped everywhere; Google's mailboxes also ignore dots and have two domains. Total: shops
    send all sorts of text as a customer's address, and what is none stands for itself. Not for signing in: there the
    address itself counts (`email_key`).
    """
    written = unicodedata.normalize("NFKC", email).strip().casefold()
    name, _, domain = written.rpartition("@")
    name = name.partition("+")[0] or name
    if domain in _GOOGLE:
        return f"{name.replace('.', '') or name}@gmail.com"
    return f"{name}@{domain}" if name else written


def session_is_live(*, realm: Realm, seen_at: datetime, expires_at: datetime, now: datetime) -> bool:
    """Tell whether a session that nobody ended may still be used."""
    return now < expires_at and now - seen_at < SESSION_LIMITS[realm].idle
