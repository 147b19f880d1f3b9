"""Reads of landing pages, their versions and products, as plain rows."""

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, func, select

from engine.enrollment.tables import Enrollment, EnrollmentState
from engine.identity.queries import BrandView
from engine.identity.tables import Ambassador, Brand
from engine.kernel.canonical import content_hash
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import NotFoundError
from engine.kernel.paging import Page, newest_first, page_of
from engine.kernel.tables import table_of
from engine.programs.tables import Program, ProgramState
from engine.tracking.pages.schemas import PageDocument
from engine.tracking.pages.tables import LandingPage, LandingVersion, Product, VersionState

_PAGE: Final = table_of(LandingPage)
_VERSION: Final = table_of(LandingVersion)
_PRODUCT: Final = table_of(Product)
_ENROLLMENT: Final = table_of(Enrollment)
_AMBASSADOR: Final = table_of(Ambassador)
_PROGRAM: Final = table_of(Program)
_BRAND: Final = table_of(Brand)


@dataclass(frozen=True, slots=True)
class PageRow:
    """A page as it stands, with whose it is. `is_live`: it has an approved version and the brand does not hide it."""

    id: UUID
    program_id: UUID
    program_slug: str
    program_name: str
    time_zone: str
    enrollment_id: UUID
    enrollment_state: EnrollmentState
    ambassador_id: UUID
    ambassador: str
    email: str
    handle: str
    live_version_id: UUID | None
    hidden_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @property
    def is_live(self) -> bool:
        """Whether visitors see it, as far as the page itself goes."""
        return (
            self.live_version_id is not None
            and self.hidden_at is None
            and self.enrollment_state is EnrollmentState.ACTIVE
        )


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One version of a page."""

    id: UUID
    page_id: UUID
    number: int
    document: PageDocument
    state: VersionState
    updated_at: datetime
    submitted_at: datetime | None
    decided_at: datetime | None
    decided_by: str | None
    reason: str | None

    @property
    def fingerprint(self) -> str:
        """What is equal only for the same content: a decision names the one that was looked at."""
        return content_hash(self.document.model_dump(mode="json"))


@dataclass(frozen=True, slots=True)
class PageFile:
    """A page with all its versions, newest first."""

    page: PageRow
    versions: tuple[VersionRow, ...]

    @property
    def newest(self) -> VersionRow:
        """The version that was written last."""
        return self.versions[0]

    @property
    def live(self) -> VersionRow | None:
        """The version that visitors see, if there is one."""
        return next((one for one in self.versions if one.id == self.page.live_version_id), None)

    @property
    def waiting(self) -> VersionRow | None:
        """The version that waits for the brand, if there is one."""
        return next((one for one in self.versions if one.state is VersionState.SUBMITTED), None)


@dataclass(frozen=True, slots=True)
class WaitingPage:
    """A version that waits for the brand, with whose page it is; `id` is the version's."""

    id: UUID
    page_id: UUID
    handle: str
    ambassador: str
    program_name: str
    submitted_at: datetime
    is_first: bool


@dataclass(frozen=True, slots=True)
class ProductRow:
    """A product of a program as the brand entered it."""

    id: UUID
    program_id: UUID
    position: int
    title: str
    link: str
    price_text: str
    image_id: UUID | None
    hidden_at: datetime | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class PublicPage:
    """What a visitor may see of the page with a handle: its live version, and where it belongs."""

    page_id: UUID
    brand_id: UUID
    brand_slug: str
    brand_name: str
    program_id: UUID
    program_slug: str
    program_name: str
    enrollment_id: UUID
    handle: str
    document: PageDocument
    updated_at: datetime


_VERSION_COLUMNS: Final = tuple(_VERSION.c[field.name] for field in fields(VersionRow))
_PRODUCT_COLUMNS: Final = tuple(_PRODUCT.c[field.name] for field in fields(ProductRow))


def public_page(unit: UnitOfWork, handle: str) -> PublicPage | None:
    """Return the page that visitors see under a handle, if there is one.

    None where it is unknown, not approved or hidden, and where its ambassador or program is no longer active.
    Index: uq_landing_page_handle.
    """
    row = unit.execute(
        select(
            _PAGE.c.id.label("page_id"),
            _PAGE.c.brand_id,
            _BRAND.c.slug.label("brand_slug"),
            _BRAND.c.name.label("brand_name"),
            _PAGE.c.program_id,
            _PROGRAM.c.slug.label("program_slug"),
            _PROGRAM.c.name.label("program_name"),
            _PAGE.c.enrollment_id,
            _PAGE.c.handle,
            _VERSION.c.document,
            _PAGE.c.updated_at,
        )
        .join_from(_PAGE, _VERSION, _VERSION.c.id == _PAGE.c.live_version_id)
        .join(_ENROLLMENT, _ENROLLMENT.c.id == _PAGE.c.enrollment_id)
        .join(_PROGRAM, _PROGRAM.c.id == _PAGE.c.program_id)
        .join(_BRAND, _BRAND.c.id == _PAGE.c.brand_id)
        .where(_PAGE.c.handle == handle, _PAGE.c.hidden_at.is_(None))
        .where(_ENROLLMENT.c.state == EnrollmentState.ACTIVE.value, _PROGRAM.c.state == ProgramState.OPEN.value)
    ).one_or_none()
    if row is None:
        return None
    return PublicPage(**dict(row._mapping) | {"document": PageDocument.model_validate(row.document)})  # noqa: SLF001 - public in SQLAlchemy


def as_public(page: PageRow, brand: BrandView, *, document: PageDocument) -> PublicPage:
    """Return a page as visitors would see it with this document, whatever its state: for previews."""
    return PublicPage(
        page.id,
        brand.id,
        brand.slug,
        brand.name,
        page.program_id,
        page.program_slug,
        page.program_name,
        page.enrollment_id,
        page.handle,
        document,
        page.updated_at,
    )


def page_of_enrollment(unit: UnitOfWork, brand_id: UUID, *, enrollment_id: UUID) -> PageFile | None:
    """Return the page of an enrollment with its versions, if there is one.

    Indexes: uq_landing_page_brand_id_enrollment_id, uq_landing_version_brand_id_page_id_number.
    """
    row = unit.execute(_pages(brand_id).where(_PAGE.c.enrollment_id == enrollment_id)).one_or_none()
    return _file(unit, brand_id, row) if row is not None else None


def page_file(unit: UnitOfWork, brand_id: UUID, *, page_id: UUID) -> PageFile:
    """Return a page with its versions. Indexes: pk_landing_page, uq_landing_version_brand_id_page_id_number.

    Raises:
        NotFoundError: the brand has no such page.
    """
    row = unit.execute(_pages(brand_id).where(_PAGE.c.id == page_id)).one_or_none()
    if row is None:
        raise NotFoundError("page", page_id)
    return _file(unit, brand_id, row)


def pages(unit: UnitOfWork, brand_id: UUID, *, cursor: str | None = None, limit: int = 50) -> Page[PageRow]:
    """Return a page of the brand's landing pages, newest first. Index: uq_landing_page_brand_id_enrollment_id.

    Raises:
        InputError: the cursor is not one of ours.
    """
    rows = unit.execute(newest_first(_pages(brand_id), [_PAGE.c.id], cursor=cursor, limit=limit))
    return page_of([_page(row) for row in rows], ["id"], limit=limit)


def waiting_pages(unit: UnitOfWork, brand_id: UUID, *, cursor: str | None = None, limit: int = 50) -> Page[WaitingPage]:
    """Return versions that wait for the brand, newest first. Index: ix_landing_version_waiting.

    Raises:
        InputError: the cursor is not one of ours.
    """
    found = (
        select(
            _VERSION.c.id,
            _VERSION.c.page_id,
            _PAGE.c.handle,
            _AMBASSADOR.c.name.label("ambassador"),
            _PROGRAM.c.name.label("program_name"),
            _VERSION.c.submitted_at,
            _PAGE.c.live_version_id.is_(None).label("is_first"),
        )
        .join_from(_VERSION, _PAGE, _PAGE.c.id == _VERSION.c.page_id)
        .join(_ENROLLMENT, _ENROLLMENT.c.id == _PAGE.c.enrollment_id)
        .join(_AMBASSADOR, _AMBASSADOR.c.id == _ENROLLMENT.c.ambassador_id)
        .join(_PROGRAM, _PROGRAM.c.id == _PAGE.c.program_id)
        .where(_VERSION.c.brand_id == brand_id, _VERSION.c.state == VersionState.SUBMITTED.value)
    )
    rows = unit.execute(newest_first(found, [_VERSION.c.id], cursor=cursor, limit=limit))
    return page_of([WaitingPage(**row._mapping) for row in rows], ["id"], limit=limit)  # noqa: SLF001 - as above


def count_waiting(unit: UnitOfWork, brand_id: UUID) -> int:
    """Return how many versions wait for the brand. Index: ix_landing_version_waiting."""
    waiting = (_VERSION.c.brand_id == brand_id, _VERSION.c.state == VersionState.SUBMITTED.value)
    return int(unit.execute(select(func.count()).select_from(_VERSION).where(*waiting)).scalar_one())


def products_of(unit: UnitOfWork, brand_id: UUID, *, program_id: UUID) -> tuple[ProductRow, ...]:
    """Return a program's products in the brand's order, hidden ones too. Index: ix_product_brand_id_program_id."""
    found = select(*_PRODUCT_COLUMNS).where(_PRODUCT.c.brand_id == brand_id, _PRODUCT.c.program_id == program_id)
    rows = unit.execute(found.order_by(_PRODUCT.c.position, _PRODUCT.c.id))
    return tuple(ProductRow(*row) for row in rows)


def shown_products(unit: UnitOfWork, brand_id: UUID, *, program_id: UUID) -> tuple[ProductRow, ...]:
    """Return the products of a program that are not hidden, as `products_of`."""
    return tuple(one for one in products_of(unit, brand_id, program_id=program_id) if one.hidden_at is None)


def product(unit: UnitOfWork, brand_id: UUID, *, product_id: UUID) -> ProductRow:
    """Return one product. Index: pk_product.

    Raises:
        NotFoundError: the brand has no such product.
    """
    found = select(*_PRODUCT_COLUMNS).where(_PRODUCT.c.brand_id == brand_id, _PRODUCT.c.id == product_id)
    row = unit.execute(found).one_or_none()
    if row is None:
        raise NotFoundError("product", product_id)
    return ProductRow(*row)


def chosen_products(products: Collection[ProductRow], document: PageDocument) -> tuple[ProductRow, ...]:
    """Return the products that a page shows, in its order; those that the brand hides are left out."""
    shown = {one.id: one for one in products if one.hidden_at is None}
    return tuple(shown[one] for one in document.product_ids if one in shown)


def _pages(brand_id: UUID) -> Select[Any]:
    return (
        select(
            _PAGE.c.id,
            _PAGE.c.program_id,
            _PROGRAM.c.slug.label("program_slug"),
            _PROGRAM.c.name.label("program_name"),
            _PROGRAM.c.time_zone,
            _PAGE.c.enrollment_id,
            _ENROLLMENT.c.state.label("enrollment_state"),
            _ENROLLMENT.c.ambassador_id,
            _AMBASSADOR.c.name.label("ambassador"),
            _AMBASSADOR.c.email,
            *(_PAGE.c[name] for name in ("handle", "live_version_id", "hidden_at", "created_at", "updated_at")),
        )
        .join_from(_PAGE, _ENROLLMENT, _ENROLLMENT.c.id == _PAGE.c.enrollment_id)
        .join(_AMBASSADOR, _AMBASSADOR.c.id == _ENROLLMENT.c.ambassador_id)
        .join(_PROGRAM, _PROGRAM.c.id == _PAGE.c.program_id)
        .where(_PAGE.c.brand_id == brand_id)
    )


def _file(unit: UnitOfWork, brand_id: UUID, row: Any) -> PageFile:
    found = select(*_VERSION_COLUMNS).where(_VERSION.c.brand_id == brand_id, _VERSION.c.page_id == row.id)
    versions = unit.execute(found.order_by(_VERSION.c.number.desc()))
    return PageFile(_page(row), tuple(_version(one) for one in versions))


def _page(row: Any) -> PageRow:
    return PageRow(**dict(row._mapping) | {"enrollment_state": EnrollmentState(row.enrollment_state)})  # noqa: SLF001 - as above


def _version(row: Any) -> VersionRow:
    given = {"document": PageDocument.model_validate(row.document), "state": VersionState(row.state)}
    return VersionRow(**dict(row._mapping) | given)  # noqa: SLF001 - as above
