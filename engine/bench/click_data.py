"""A brand with links and a landing page, to be clicked by a benchmark or a crash test."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import SQLModel

from engine.bench.load import slug_of
from engine.enrollment.tables import Enrollment, EnrollmentState
from engine.identity.tables import Ambassador, Brand
from engine.kernel.bulk import insert_rows
from engine.kernel.database import Database, UnitOfWork, open_database
from engine.kernel.errors import ConflictError
from engine.kernel.ids import new_id
from engine.kernel.migrate import upgrade
from engine.kernel.tables import table_of
from engine.programs.tables import Program, ProgramState
from engine.tracking.clicks.tables import Click
from engine.tracking.links.tables import Link, SlugKind
from engine.tracking.pages.schemas import PageDocument
from engine.tracking.pages.tables import LandingPage, LandingVersion, VersionState
from engine.tracking.site.tables import BrandSite, Consent, KeptAddress, ProgramTracking

SHOP: Final = "https://shop.example.com"
HANDLE: Final = "mia-berg"


@dataclass(frozen=True, slots=True)
class Furnished:
    """A database that is ready to be clicked."""

    url: str
    brand_id: UUID
    links: int


def furnish(url: str, *, links: int) -> Furnished:
    """Migrate an empty database and fill it with a brand, one ambassador, a landing page and so many links.

    Raises:
        ConflictError: there is a brand in it already.
    """
    upgrade(url)
    database = open_database(url)
    try:
        owned = database.run(_furnish)
        database.run(lambda unit: insert_rows(unit, table_of(Link), [_first_link(unit, owned)]))
        database.run(lambda unit: unit.connection.exec_driver_sql(_copies(unit.dialect, links)))
    finally:
        database.close()
    return Furnished(url, owned["brand_id"], links)


def clicks_in(database: Database) -> int:
    """Return how many clicks are stored."""
    with database.reading() as unit:
        return int(unit.execute(select(func.count()).select_from(table_of(Click))).scalar_one())


def _furnish(unit: UnitOfWork) -> dict[str, UUID]:
    if unit.execute(select(table_of(Brand).c.id).limit(1)).first() is not None:
        raise ConflictError("This database holds a brand already. Give an empty one.")
    brand = _added(unit, Brand(slug="bench", name="Bench", created_at=unit.now))
    owned: dict[str, Any] = {"brand_id": brand.id}
    program = _added(
        unit,
        Program(
            **owned,
            slug="friends",
            name="Friends",
            currency="EUR",
            time_zone="UTC",
            priority=1,
            state=ProgramState.OPEN.value,
            created_at=unit.now,
        ),
    )
    named: dict[str, Any] = {
        "name": "Mia Berg",
        "email": "mia@example.org",
        "email_key": "mia@example.org",
        "email_hash": "0" * 32,
    }
    ambassador = _added(unit, Ambassador(**owned, **named, created_at=unit.now))
    owned |= {"program_id": program.id}
    enrollment = _added(
        unit,
        Enrollment(
            **owned,
            ambassador_id=ambassador.id,
            state=EnrollmentState.ACTIVE.value,
            created_at=unit.now,
            changed_at=unit.now,
        ),
    )
    _track(unit, owned)
    owned |= {"enrollment_id": enrollment.id}
    _page(unit, owned)
    return owned


def _track(unit: UnitOfWork, owned: dict[str, Any]) -> None:
    _added(
        unit,
        BrandSite(
            brand_id=owned["brand_id"],
            domains=["shop.example.com"],
            colour="#5b3a8c",
            updated_at=datetime(2026, 1, 1, tzinfo=UTC),
        ),
    )
    _added(
        unit,
        ProgramTracking(
            **owned,
            home_url=f"{SHOP}/",
            consent=Consent.ASSUMED.value,
            kept_address=KeptAddress.SHORTENED.value,
            count_window_h=24,
            retention_days=90,
            utm={"utm_source": "goodword", "utm_campaign": "{link}"},
            disclosure="Advertisement",
            updated_at=datetime(2026, 1, 1, tzinfo=UTC),
        ),
    )


def _page(unit: UnitOfWork, owned: dict[str, Any]) -> None:
    page = LandingPage(**owned, handle=HANDLE, created_at=unit.now, updated_at=unit.now)
    _added(unit, page)
    story = "I have worn their coats for three winters, and would buy each of them again.\n\n" * 8
    document = PageDocument(name="Mia Berg", headline="What I wear when it rains", story=story[:4_000])
    version = LandingVersion(
        brand_id=page.brand_id,
        page_id=page.id,
        number=1,
        document=document.model_dump(mode="json"),
        state=VersionState.APPROVED.value,
        updated_at=unit.now,
        decided_at=unit.now,
        decided_by="bench",
    )
    _added(unit, version)
    page.live_version_id = version.id
    _added(unit, page)


def _first_link(unit: UnitOfWork, owned: dict[str, UUID]) -> dict[str, Any]:
    return {
        **owned,
        "id": new_id(),
        "slug": slug_of(0),
        "kind": SlugKind.VANITY.value,
        "destination": f"{SHOP}/products/coat",
        "title": "",
        "utm": {},
        "created_at": unit.now,
        "created_by": "bench",
        "updated_at": datetime(2026, 1, 1, tzinfo=UTC),
    }


def _copies(dialect: str, links: int) -> str:
    """Return the statement that makes so many links of the first: a million in seconds, within the database."""
    same = ", ".join(column.name for column in table_of(Link).c if column.name not in {"id", "slug"})
    numbers = f"SELECT 1 AS n WHERE {links} > 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {links - 1}"  # noqa: S608
    drawn = {
        "sqlite": ("printf('%032d', n)", "printf('link%07d', n)"),
        "postgresql": ("lpad(n::text, 32, '0')::uuid", "'link' || lpad(n::text, 7, '0')"),
    }
    return (
        f"WITH RECURSIVE numbers (n) AS ({numbers}) INSERT INTO link (id, slug, {same}) "  # noqa: S608 - names of ours
        f"SELECT {', '.join(drawn[dialect])}, {same} FROM numbers, (SELECT {same} FROM link LIMIT 1) AS one"
    )


def _added(unit: UnitOfWork, row: SQLModel) -> Any:
    unit.session.add(row)
    unit.session.flush()
    return row
