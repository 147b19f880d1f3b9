"""Reads of a brand's site and of how its programs track, with defaults where nothing was said yet."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, select

from engine.kernel.database import UnitOfWork
from engine.kernel.tables import table_of
from engine.programs.queries import terms_history
from engine.tracking.site.colours import PLUM
from engine.tracking.site.schemas import TrackingDraft
from engine.tracking.site.tables import BrandSite, Consent, KeptAddress, ProgramTracking

_SITE = table_of(BrandSite)
_TRACKING = table_of(ProgramTracking)
_SITE_COLUMNS: Final = tuple(_SITE.c[name] for name in ("brand_id", "domains", "colour", "logo_id", "updated_at"))
_TRACKING_COLUMNS: Final = tuple(
    _TRACKING.c[name]
    for name in (
        *("program_id", "home_url", "consent", "kept_address", "count_window_h", "retention_days"),
        *("utm", "disclosure", "connection_id", "updated_at"),
    )
)


@dataclass(frozen=True, slots=True)
class SiteRow:
    """What all links and pages of a brand share. `updated_at` None: nothing was said yet."""

    brand_id: UUID
    domains: tuple[str, ...]
    colour: str
    logo_id: UUID | None
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class TrackingRow:
    """How a program tracks. `updated_at` None: nothing was said yet, and these are the defaults."""

    program_id: UUID
    home_url: str
    consent: Consent
    kept_address: KeptAddress
    count_window_h: int
    retention_days: int
    utm: Mapping[str, str]
    disclosure: str
    connection_id: UUID | None
    updated_at: datetime | None


def site_of(unit: UnitOfWork, brand_id: UUID) -> SiteRow:
    """Return the site of a brand. Index: uq_brand_site_brand_id."""
    row = unit.execute(select(*_SITE_COLUMNS).where(_SITE.c.brand_id == brand_id)).one_or_none()
    if row is None:
        return SiteRow(brand_id, (), PLUM, None, None)
    return SiteRow(row.brand_id, tuple(row.domains), row.colour, row.logo_id, row.updated_at)


def tracking_of(unit: UnitOfWork, brand_id: UUID, *, program_id: UUID) -> TrackingRow:
    """Return how a program tracks. Index: uq_program_tracking_brand_id_program_id."""
    row = unit.execute(_trackings(brand_id).where(_TRACKING.c.program_id == program_id)).one_or_none()
    if row is None:
        return TrackingRow(program_id=program_id, updated_at=None, **dict(TrackingDraft()))
    return _tracking(row)


def trackings_of(unit: UnitOfWork, brand_id: UUID) -> tuple[TrackingRow, ...]:
    """Return how the brand's programs track, as far as something was said, in no order.

    Index: uq_program_tracking_brand_id_program_id.
    """
    return tuple(_tracking(row) for row in unit.execute(_trackings(brand_id)))


def longest_window_days(unit: UnitOfWork, brand_id: UUID, *, program_id: UUID) -> int:
    """Return the longest click window that any version of a program's terms has, 0 where there are no terms yet.

    Index: uq_terms_brand_id_program_id_version.
    """
    versions = terms_history(unit, brand_id, program_id=program_id)
    return max((version.document.attribution.click_window_days for version in versions), default=0)


def kept_days(unit: UnitOfWork, brand_id: UUID, *, program_id: UUID) -> int:
    """Return after how many days a program's clicks are deleted: never while an order could still come by one.

    Terms that were published later may have a longer click window than was thought of when the days were set.
    """
    said = tracking_of(unit, brand_id, program_id=program_id).retention_days
    return max(said, longest_window_days(unit, brand_id, program_id=program_id))


def _trackings(brand_id: UUID) -> Select[Any]:
    return select(*_TRACKING_COLUMNS).where(_TRACKING.c.brand_id == brand_id)


def _tracking(row: Any) -> TrackingRow:
    fields = dict(row._mapping) | {"consent": Consent(row.consent), "kept_address": KeptAddress(row.kept_address)}  # noqa: SLF001 - public in SQLAlchemy
    return TrackingRow(**fields)
