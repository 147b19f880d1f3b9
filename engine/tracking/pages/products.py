"""A brand enters the products that its ambassadors may put on their pages."""

from typing import Any, Final, Literal
from uuid import UUID

from sqlmodel import select

from engine.identity.service import record
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import ConflictError, InputError, NotFoundError
from engine.programs.queries import program
from engine.tracking.links.rules import checked_destination
from engine.tracking.pages.queries import ProductRow, product, products_of
from engine.tracking.pages.schemas import ProductDraft
from engine.tracking.pages.tables import Product
from engine.tracking.site.assets import picture_refs
from engine.tracking.site.queries import site_of
from engine.tracking.site.service import later_than
from engine.tracking.site.tables import AssetKind

MOST: Final = 200
Way = Literal["up", "down"]


def add_product(unit: UnitOfWork, brand_id: UUID, *, program_id: UUID, draft: ProductDraft, by: str) -> ProductRow:
    """Enter a product, after those that are there.

    Raises:
        NotFoundError: the brand has no such program.
        InputError: the link is not on one of the brand's domains, or the brand has no such picture.
        ConflictError: the program has 200 products already.
    """
    program(unit, brand_id, program_id=program_id)
    known = products_of(unit, brand_id, program_id=program_id)
    if len(known) >= MOST:
        raise ConflictError(f"This program has {MOST} products. Change one that nobody needs.")
    row = Product(
        brand_id=brand_id,
        program_id=program_id,
        position=known[-1].position + 1 if known else 1,
        updated_at=unit.now,
        **_checked(unit, brand_id, draft),
    )
    unit.session.add(row)
    return _done(unit, row, action="add_product", by=by)


def change_product(unit: UnitOfWork, brand_id: UUID, *, product_id: UUID, draft: ProductDraft, by: str) -> ProductRow:
    """Make a product what `draft` says, on every page that shows it.

    Raises:
        NotFoundError: the brand has no such product.
        InputError: the link is not on one of the brand's domains, or the brand has no such picture.
    """
    row = _locked(unit, brand_id, product_id)
    for name, value in _checked(unit, brand_id, draft).items():
        setattr(row, name, value)
    return _done(unit, row, action="change_product", by=by)


def hide_product(unit: UnitOfWork, brand_id: UUID, *, product_id: UUID, by: str) -> ProductRow:
    """Take a product off all pages; they show it again once it is shown.

    Raises:
        NotFoundError: the brand has no such product.
    """
    row = _locked(unit, brand_id, product_id)
    row.hidden_at = row.hidden_at or unit.now
    return _done(unit, row, action="hide_product", by=by)


def show_product(unit: UnitOfWork, brand_id: UUID, *, product_id: UUID, by: str) -> ProductRow:
    """Put a hidden product back.

    Raises:
        NotFoundError: the brand has no such product.
    """
    row = _locked(unit, brand_id, product_id)
    row.hidden_at = None
    return _done(unit, row, action="show_product", by=by)


def move_product(unit: UnitOfWork, brand_id: UUID, *, product_id: UUID, way: Way, by: str) -> None:
    """Let a product change places with the one before or after it in the brand's list; at the end nothing happens.

    Raises:
        NotFoundError: the brand has no such product.
    """
    row = _locked(unit, brand_id, product_id)
    ids = [one.id for one in products_of(unit, brand_id, program_id=row.program_id)]
    here = ids.index(product_id)
    there = here - 1 if way == "up" else here + 1
    if not 0 <= there < len(ids):
        return
    other = _locked(unit, brand_id, ids[there])
    row.position, other.position = other.position, row.position
    if row.position == other.position:  # never by our own hand; two rows of one place would never change it
        row.position += 1 if way == "down" else -1
    unit.session.add(other)
    _done(unit, row, action="move_product", by=by)


def _checked(unit: UnitOfWork, brand_id: UUID, draft: ProductDraft) -> dict[str, Any]:
    if draft.image_id is not None:
        found = picture_refs(unit, brand_id, asset_ids={draft.image_id}).get(draft.image_id)
        if found is None or found.kind is not AssetKind.PRODUCT:
            raise InputError("The brand has no such picture.", field="image_id", remedy="Send it once more.")
    try:
        link = checked_destination(draft.link, domains=site_of(unit, brand_id).domains)
    except InputError as error:
        raise InputError(error.problem, field="link", remedy=error.remedy) from error
    return {"title": draft.title, "link": link, "price_text": draft.price_text, "image_id": draft.image_id}


def _done(unit: UnitOfWork, row: Product, *, action: str, by: str) -> ProductRow:
    row.updated_at = later_than(row.updated_at, unit.now)
    unit.session.add(row)
    unit.session.flush()
    record(unit, row.brand_id, actor=by, action=action, subject=f"product {row.id}", detail={"title": row.title})
    return product(unit, row.brand_id, product_id=row.id)


def _locked(unit: UnitOfWork, brand_id: UUID, product_id: UUID) -> Product:
    found = select(Product).where(Product.brand_id == brand_id, Product.id == product_id)
    row = unit.session.exec(found.with_for_update()).one_or_none()
    if row is None:
        raise NotFoundError("product", product_id)
    return row
