"""A landing page's way from its ambassador's first draft to its visitors, by the brand's leave.

An approved version never changes: editing makes the next one. Every step is audited and told. `updated_at` of a page
grows with everything that changes what visitors see, since caches of other processes wait for it.
"""

from typing import Any
from uuid import UUID

from sqlmodel import col, select

from engine.enrollment.queries import EnrollmentRow, enrollments
from engine.enrollment.tables import EnrollmentState
from engine.identity.service import record
from engine.kernel.canonical import content_hash
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import ConflictError, InputError, NotFoundError
from engine.outbox.service import Event, append
from engine.tracking.pages.queries import PageFile, page_file, products_of
from engine.tracking.pages.rules import checked_handle, step
from engine.tracking.pages.schemas import PageDocument, PageDraft
from engine.tracking.pages.tables import LandingPage, LandingVersion, VersionState
from engine.tracking.site.assets import picture_refs
from engine.tracking.site.service import later_than
from engine.tracking.site.tables import AssetKind


class HandleTakenError(InputError):
    """Another page has the handle that was asked for, or had it once."""

    def __init__(self, handle: str) -> None:
        self.handle = handle
        super().__init__(f"{handle} is taken.", field="handle", remedy="Choose another one.")


class ChangedSinceError(ConflictError):
    """A version is no longer what somebody looked at when they decided."""

    def __init__(self) -> None:
        super().__init__("This page was changed since you opened it. Look at it again, then decide.")


def save_draft(unit: UnitOfWork, brand_id: UUID, *, enrollment_id: UUID, draft: PageDraft, by: str) -> PageFile:
    """Keep what an ambassador wrote as the draft of their page, made with the first one; return the page.

    Nothing is kept where it says what the newest version says already. Until a version was approved the handle may
    still change.

    Raises:
        NotFoundError: the brand has no such enrollment.
        ConflictError: the ambassador is not active, or a version waits for the brand.
        HandleTakenError: another page has this handle.
        InputError: the handle can no longer change; the photo is not theirs; the program has no such product.
    """
    enrollment = _active(unit, brand_id, enrollment_id)
    page = _page_of(unit, brand_id, enrollment_id)
    newest = _newest(unit, page) if page else None
    if newest is not None and newest.state == VersionState.SUBMITTED:
        raise ConflictError("This page waits for the brand. Take it back first, then change it.")
    handle = checked_handle(draft.handle)
    _check_photo(unit, brand_id, draft.document, newest=newest, by=by)
    _check_products(unit, brand_id, draft.document, program_id=enrollment.program_id)
    if page is None:
        page = _new_page(unit, brand_id, enrollment, handle=handle)
    elif handle != page.handle:
        _change_handle(unit, page, handle)
    _write(unit, page, newest, draft.document)
    unit.session.flush()
    return page_file(unit, brand_id, page_id=page.id)


def submit(unit: UnitOfWork, brand_id: UUID, *, enrollment_id: UUID, by: str) -> PageFile:
    """Hand the draft of a page to the brand.

    Raises:
        NotFoundError: the enrollment has no page.
        ConflictError: the ambassador is not active.
        InvalidTransitionError: the newest version is no draft.
    """
    _active(unit, brand_id, enrollment_id)
    page, version = _page_and_newest(unit, brand_id, enrollment_id)
    _enter(unit, version, VersionState.SUBMITTED)
    version.submitted_at = unit.now
    return _told(unit, page, version, action="page_submitted", by=by)


def take_back(unit: UnitOfWork, brand_id: UUID, *, enrollment_id: UUID, by: str) -> PageFile:
    """Take back the version that waits for the brand: it is a draft again.

    Raises:
        NotFoundError: the enrollment has no page.
        InvalidTransitionError: no version waits.
    """
    page, version = _page_and_newest(unit, brand_id, enrollment_id)
    _enter(unit, version, VersionState.DRAFT)
    version.submitted_at = None
    return _told(unit, page, version, action="page_taken_back", by=by)


def approve_page(unit: UnitOfWork, brand_id: UUID, *, page_id: UUID, fingerprint: str, by: str) -> PageFile:
    """Make the version that waits the one that visitors see, if it is what `fingerprint` says was looked at.

    Raises:
        NotFoundError: the brand has no such page.
        ConflictError: no version waits, or it is another than was looked at (`ChangedSinceError`).
    """
    page, version = _decided(unit, brand_id, page_id, fingerprint, asked=VersionState.APPROVED, by=by)
    page.live_version_id = version.id
    _touch(unit, page)
    return _told(unit, page, version, action="page_approved", by=by)


def reject_page(unit: UnitOfWork, brand_id: UUID, *, page_id: UUID, fingerprint: str, reason: str, by: str) -> PageFile:
    """Turn down the version that waits, with a reason that its ambassador reads. What was live stays live.

    Raises:
        NotFoundError: the brand has no such page.
        ConflictError: no version waits, or it is another than was looked at (`ChangedSinceError`).
        InputError: the reason is empty or longer than 500 characters.
    """
    said = _reason(reason)
    page, version = _decided(unit, brand_id, page_id, fingerprint, asked=VersionState.REJECTED, by=by)
    version.reason = said
    return _told(unit, page, version, action="page_rejected", by=by, detail={"reason": said})


def hide_page(unit: UnitOfWork, brand_id: UUID, *, page_id: UUID, by: str) -> PageFile:
    """Take a page off the Internet at once; quiet where it is hidden already.

    Raises:
        NotFoundError: the brand has no such page.
    """
    page = _locked(unit, brand_id, page_id)
    if page.hidden_at is None:
        page.hidden_at = unit.now
        _touch(unit, page)
        _told(unit, page, None, action="page_hidden", by=by)
    return page_file(unit, brand_id, page_id=page_id)


def show_page(unit: UnitOfWork, brand_id: UUID, *, page_id: UUID, by: str) -> PageFile:
    """Put a hidden page back; quiet where it is not hidden.

    Raises:
        NotFoundError: the brand has no such page.
    """
    page = _locked(unit, brand_id, page_id)
    if page.hidden_at is not None:
        page.hidden_at = None
        _touch(unit, page)
        _told(unit, page, None, action="page_shown", by=by)
    return page_file(unit, brand_id, page_id=page_id)


def refresh_page(unit: UnitOfWork, brand_id: UUID, *, enrollment_id: UUID) -> None:
    """Let caches drop the page of an enrollment: something that it shows has changed elsewhere, such as its code."""
    page = _page_of(unit, brand_id, enrollment_id)
    if page is not None:
        _touch(unit, page)
        unit.session.flush()


def _write(unit: UnitOfWork, page: LandingPage, newest: LandingVersion | None, document: PageDocument) -> None:
    said = document.model_dump(mode="json")
    if newest is not None and newest.document == said:
        return
    if newest is None or newest.state != VersionState.DRAFT:
        newest = LandingVersion(
            brand_id=page.brand_id,
            page_id=page.id,
            number=newest.number + 1 if newest else 1,
            document=said,
            state=VersionState.DRAFT,
            updated_at=unit.now,
        )
    newest.document, newest.updated_at = said, unit.now
    unit.session.add(newest)


def _new_page(unit: UnitOfWork, brand_id: UUID, enrollment: EnrollmentRow, *, handle: str) -> LandingPage:
    _check_free(unit, handle)
    page = LandingPage(
        brand_id=brand_id,
        program_id=enrollment.program_id,
        enrollment_id=enrollment.id,
        handle=handle,
        created_at=unit.now,
        updated_at=unit.now,
    )
    unit.session.add(page)
    unit.session.flush()
    return page


def _change_handle(unit: UnitOfWork, page: LandingPage, handle: str) -> None:
    approved = select(LandingVersion.id).where(
        LandingVersion.brand_id == page.brand_id,
        LandingVersion.page_id == page.id,
        LandingVersion.state == VersionState.APPROVED,
    )
    if unit.session.exec(approved.limit(1)).first() is not None:
        problem = f"People know this page as {page.handle}, so that stays."
        raise InputError(problem, field="handle", remedy="Ask the brand if it must be another.")
    _check_free(unit, handle)
    page.handle = handle
    _touch(unit, page)


def _check_free(unit: UnitOfWork, handle: str) -> None:
    if unit.session.exec(select(LandingPage.id).where(LandingPage.handle == handle)).first() is not None:
        raise HandleTakenError(handle)


def _check_photo(
    unit: UnitOfWork, brand_id: UUID, document: PageDocument, *, newest: LandingVersion | None, by: str
) -> None:
    """Refuse a photo that somebody else sent, unless it is on the page already."""
    if document.photo_id is None or (newest and newest.document.get("photo_id") == str(document.photo_id)):
        return
    found = picture_refs(unit, brand_id, asset_ids={document.photo_id}).get(document.photo_id)
    if found is None or found.kind is not AssetKind.PHOTO or found.created_by != by[:120]:
        raise InputError("This photo is not one of yours.", field="photo_id", remedy="Send it once more.")


def _check_products(unit: UnitOfWork, brand_id: UUID, document: PageDocument, *, program_id: UUID) -> None:
    if not document.product_ids:
        return
    known = {one.id for one in products_of(unit, brand_id, program_id=program_id)}
    if not known.issuperset(document.product_ids):
        raise InputError("The program has no such product.", field="product_ids", remedy="Choose from those shown.")


def _decided(
    unit: UnitOfWork, brand_id: UUID, page_id: UUID, fingerprint: str, *, asked: VersionState, by: str
) -> tuple[LandingPage, LandingVersion]:
    page = _locked(unit, brand_id, page_id)
    version = _newest(unit, page)
    if version is None:
        raise NotFoundError("version of the page", page_id)
    if version.state == VersionState.SUBMITTED and content_hash(version.document) != fingerprint:
        raise ChangedSinceError
    _enter(unit, version, asked)
    version.decided_at, version.decided_by = unit.now, by[:120]
    return page, version


def _enter(unit: UnitOfWork, version: LandingVersion, asked: VersionState) -> None:
    version.state = step(VersionState(version.state), asked).value
    version.updated_at = unit.now
    unit.session.add(version)


def _told(
    unit: UnitOfWork,
    page: LandingPage,
    version: LandingVersion | None,
    *,
    action: str,
    by: str,
    detail: dict[str, Any] | None = None,
) -> PageFile:
    """Write down and tell what was done to a page, and return it as it is now."""
    number = {"number": version.number} if version else {}
    unit.session.flush()
    record(unit, page.brand_id, actor=by, action=action, subject=f"page {page.id}", detail=number | (detail or {}))
    ids = {"page_id": page.id, "program_id": page.program_id, "enrollment_id": page.enrollment_id}
    append(unit, page.brand_id, events=[Event(action, {name: str(one) for name, one in ids.items()} | number)])
    return page_file(unit, page.brand_id, page_id=page.id)


def _active(unit: UnitOfWork, brand_id: UUID, enrollment_id: UUID) -> EnrollmentRow:
    found = enrollments(unit, brand_id, enrollment_ids=[enrollment_id]).get(enrollment_id)
    if found is None:
        raise NotFoundError("enrollment", enrollment_id)
    if found.state is not EnrollmentState.ACTIVE:
        raise ConflictError("Only an active ambassador has a page.")
    return found


def _page_of(unit: UnitOfWork, brand_id: UUID, enrollment_id: UUID) -> LandingPage | None:
    found = select(LandingPage).where(LandingPage.brand_id == brand_id, LandingPage.enrollment_id == enrollment_id)
    return unit.session.exec(found.with_for_update()).one_or_none()


def _page_and_newest(unit: UnitOfWork, brand_id: UUID, enrollment_id: UUID) -> tuple[LandingPage, LandingVersion]:
    page = _page_of(unit, brand_id, enrollment_id)
    version = _newest(unit, page) if page else None
    if page is None or version is None:
        raise NotFoundError("page", enrollment_id)
    return page, version


def _newest(unit: UnitOfWork, page: LandingPage) -> LandingVersion | None:
    found = select(LandingVersion).where(LandingVersion.brand_id == page.brand_id, LandingVersion.page_id == page.id)
    return unit.session.exec(found.order_by(col(LandingVersion.number).desc()).limit(1)).one_or_none()


def _locked(unit: UnitOfWork, brand_id: UUID, page_id: UUID) -> LandingPage:
    found = select(LandingPage).where(LandingPage.brand_id == brand_id, LandingPage.id == page_id)
    page = unit.session.exec(found.with_for_update()).one_or_none()
    if page is None:
        raise NotFoundError("page", page_id)
    return page


def _touch(unit: UnitOfWork, page: LandingPage) -> None:
    page.updated_at = later_than(page.updated_at, unit.now)
    unit.session.add(page)


def _reason(text: str) -> str:
    said = text.strip()
    if not 1 <= len(said) <= 500 or "\0" in said:
        raise InputError("A reason has 1 to 500 characters.", field="reason", remedy="Say why in a sentence.")
    return said
