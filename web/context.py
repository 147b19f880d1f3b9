"""What every view stands on: the installation, its database, and who is asking."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import cast

from flask import current_app, g

from engine.bootstrap import Goodword
from engine.identity.queries import AmbassadorAccess, StaffAccess
from engine.identity.sessions import LiveSession
from engine.kernel.database import Database, UnitOfWork


@dataclass(slots=True)
class Visitor:
    """Who is asking: nobody, somebody signed in, and what they are to the brand in the address."""

    session: LiveSession | None = None
    staff: StaffAccess | None = None
    ambassador: AmbassadorAccess | None = None


def installation() -> Goodword:
    """Return the installation that this app serves."""
    return cast(Goodword, current_app.extensions["goodword"])


def database() -> Database:
    """Return the database, to run a unit in: `database().run(lambda unit: …)`."""
    return installation().database


def reading() -> AbstractContextManager[UnitOfWork]:
    """Open a view of the database for one page."""
    return installation().database.reading()


def visitor() -> Visitor:
    """Return who is asking."""
    if "visitor" not in g:
        g.visitor = Visitor()
    return cast(Visitor, g.visitor)


def staff() -> StaffAccess:
    """Return the member of staff who is asking; only in routes of the staff realm with a brand in their address."""
    found = visitor().staff
    assert found is not None, "web.access lets nobody else in here"  # noqa: S101 - a broken promise, not input
    return found


def ambassador() -> AmbassadorAccess:
    """Return the ambassador who is asking; only in routes of the ambassador realm with a brand in their address."""
    found = visitor().ambassador
    assert found is not None, "web.access lets nobody else in here"  # noqa: S101 - a broken promise, not input
    return found
