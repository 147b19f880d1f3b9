"""A brand says what its links and pages share, and how its programs track. Each change is in the audit log.

`updated_at` grows with every change, also where a clock goes back, since caches of other processes wait for it.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlmodel import select

from engine.identity.service import record
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import ConflictError, InputError, NotFoundError
from engine.programs.queries import program
from engine.programs.tables import ProgramState
from engine.tracking.links.rules import checked_destination, is_destination
from engine.tracking.site.queries import SiteRow, TrackingRow, longest_window_days, site_of, tracking_of, trackings_of
from engine.tracking.site.schemas import SiteDraft, TrackingDraft
from engine.tracking.site.tables import Asset, AssetKind, BrandSite, ProgramTracking


def save_site(unit: UnitOfWork, brand_id: UUID, *, draft: SiteDraft, by: str) -> SiteRow:
    """Write what all links and pages of a brand share, and return it. The same again changes nothing.

    Links whose host is no longer listed lead to their program's home address from then on.

    Raises:
        NotFoundError: the brand has no such logo.
        InputError: a program's home address would not be on one of the domains.
    """
    if draft.logo_id is not None:
        _check_logo(unit, brand_id, draft.logo_id)
    _check_homes(unit, brand_id, draft.domains)
    found = select(BrandSite).where(BrandSite.brand_id == brand_id).with_for_update()
    stored = unit.session.exec(found).one_or_none()
    values: dict[str, Any] = {"domains": list(draft.domains), "colour": draft.colour, "logo_id": draft.logo_id}
    changed = _changed(stored, values)
    if stored is None or changed:
        at = later_than(stored.updated_at, unit.now) if stored else unit.now
        _write(unit, stored or BrandSite(brand_id=brand_id, **values, updated_at=at), values | {"updated_at": at})
        record(unit, brand_id, actor=by, action="save_site", subject=f"brand {brand_id}", detail=_told(changed))
    return site_of(unit, brand_id)


def save_tracking(unit: UnitOfWork, brand_id: UUID, *, program_id: UUID, draft: TrackingDraft, by: str) -> TrackingRow:
    """Write how a program tracks, and return it. The same again changes nothing.

    Raises:
        NotFoundError: the brand has no such program.
        ConflictError: the program is closed.
        DestinationRefusedError: `home_url` is not on one of the brand's domains.
        InputError: clicks would be deleted while orders may still come by them.
    """
    chosen = program(unit, brand_id, program_id=program_id)
    if chosen.state is ProgramState.CLOSED:
        raise ConflictError(f"{chosen.name} is closed, so how it tracks stays as it is.")
    values = draft.model_dump(mode="python") | {
        "consent": draft.consent.value,
        "kept_address": draft.kept_address.value,
    }
    if draft.home_url:
        values["home_url"] = checked_destination(draft.home_url, domains=site_of(unit, brand_id).domains)
    window = longest_window_days(unit, brand_id, program_id=program_id)
    if draft.retention_days < window:
        problem = (
            f"Orders may come by a click for {window} days; these clicks would be gone after {draft.retention_days}."
        )
        raise InputError(problem, field="retention_days", remedy=f"Keep them for at least {window} days.")
    found = select(ProgramTracking).where(
        ProgramTracking.brand_id == brand_id, ProgramTracking.program_id == program_id
    )
    stored = unit.session.exec(found.with_for_update()).one_or_none()
    changed = _changed(stored, values)
    if stored is None or changed:
        at = later_than(stored.updated_at, unit.now) if stored else unit.now
        row = stored or ProgramTracking(brand_id=brand_id, program_id=program_id, **values, updated_at=at)
        _write(unit, row, values | {"updated_at": at})
        record(unit, brand_id, actor=by, action="save_tracking", subject=f"program {program_id}", detail=_told(changed))
    return tracking_of(unit, brand_id, program_id=program_id)


def later_than(updated_at: datetime, now: datetime) -> datetime:
    """Return the instant at which a row that was changed at `updated_at` is changed again: now, and always later."""
    return max(now, updated_at + timedelta(microseconds=1))


def _write(unit: UnitOfWork, row: BrandSite | ProgramTracking, changed: Mapping[str, Any]) -> None:
    for name, value in changed.items():
        setattr(row, name, value)
    unit.session.add(row)
    unit.session.flush()


def _changed(stored: BrandSite | ProgramTracking | None, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is new of `values`; where nothing was stored, all of it."""
    return {name: value for name, value in values.items() if stored is None or getattr(stored, name) != value}


def _told(changed: Mapping[str, Any]) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, UUID) else value for name, value in changed.items()}


def _check_logo(unit: UnitOfWork, brand_id: UUID, logo_id: UUID) -> None:
    found = select(Asset.id).where(Asset.id == logo_id, Asset.brand_id == brand_id, Asset.kind == AssetKind.LOGO)
    if unit.session.exec(found).one_or_none() is None:
        raise NotFoundError("logo", logo_id)


def _check_homes(unit: UnitOfWork, brand_id: UUID, domains: tuple[str, ...]) -> None:
    homes = {one.home_url for one in trackings_of(unit, brand_id) if one.home_url}
    if lost := sorted(home for home in homes if not is_destination(home, domains=domains)):
        problem = f"A program's home address is {lost[0]}, which would be on none of these domains."
        raise InputError(problem, field="domains", remedy="Keep its domain, or change the home address first.")
