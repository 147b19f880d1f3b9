"""A brand whose links may be clicked, and visitors who click them."""

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy import select

from engine.kernel.clock import VirtualClock
from engine.kernel.crypto import Keyring
from engine.kernel.tables import table_of
from engine.tracking.clicks.tables import Click
from engine.tracking.clicks.tracker import Request, Tracker
from engine.tracking.clicks.writer import writing
from engine.tracking.links.tables import Link
from engine.tracking.site.tables import BrandSite, ProgramTracking
from tests.factories import make_brand, make_enrollment, make_program
from tests.support.asking import awaited

KEYRING = Keyring(SecretStr("k" * 40))
SHOP = "https://shop.example.com"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 Version/17.4 Safari/604.1"
DESKTOP = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0 Safari/537.36"


@dataclass(frozen=True, slots=True)
class Place:
    """Where links hang: a program of a brand, and an ambassador in it."""

    brand_id: UUID
    program_id: UUID
    program_slug: str
    enrollment_id: UUID


def make_shop(unit, *, consent="assumed", kept="shortened", window_h=24, utm=None, domains=("shop.example.com",)):
    brand = make_brand(unit)
    program = make_program(unit, brand.id)
    enrollment = make_enrollment(unit, program)
    unit.session.add(
        BrandSite(brand_id=brand.id, domains=list(domains), colour="#112233", updated_at=unit.now - timedelta(hours=1))
    )
    unit.session.add(
        ProgramTracking(
            brand_id=brand.id,
            program_id=program.id,
            home_url=f"{SHOP}/",
            consent=consent,
            kept_address=kept,
            count_window_h=window_h,
            retention_days=90,
            utm=utm or {},
            disclosure="Ad",
            updated_at=unit.now - timedelta(hours=1),
        )
    )
    unit.session.flush()
    return Place(brand.id, program.id, program.slug, enrollment.id)


def make_link(unit, place, *, slug="coat", destination=f"{SHOP}/coat", utm=None, expires_at=None, archived_at=None):
    link = Link(
        brand_id=place.brand_id,
        program_id=place.program_id,
        enrollment_id=place.enrollment_id,
        slug=slug,
        kind="vanity",
        destination=destination,
        title="",
        utm=utm or {},
        expires_at=expires_at,
        archived_at=archived_at,
        created_at=unit.now,
        created_by="test",
        updated_at=unit.now,
    )
    unit.session.add(link)
    unit.session.flush()
    return link.id


def visit(*, address="203.0.113.77", agent=PHONE, method="GET", cookie=None, consented=None, query="", **headers):
    said = {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    return Request(method, {"HTTP_USER_AGENT": agent, **said}, address, query, cookie, consented)


class Asked:
    """A tracker for tests that wait. Its clock goes on by a millisecond at each click, so that clicks lie in order."""

    def __init__(self, db):
        self._ends, self._clock = ExitStack(), db.clock
        self.writer = self._ends.enter_context(writing(db))
        self._tracker = Tracker(db, KEYRING, writer=self.writer.address)

    def __getattr__(self, name):
        return getattr(self._tracker, name)

    def follow(self, slug, request, *, path=None):
        assert isinstance(self._clock, VirtualClock)
        self._clock.advance(timedelta(milliseconds=1))
        return awaited(self._tracker.follow(slug, request, path=path))

    def keep(self, target, request):
        return awaited(self._tracker.keep(target, request))

    def close(self):
        self._tracker.close()
        self._ends.close()


def tracker_of(db):
    return Asked(db)


def clicks(db):
    """All clicks, oldest first."""
    with db.reading() as unit:
        return unit.execute(select(table_of(Click)).order_by(table_of(Click).c.id)).all()
