"""The products that ambassadors may put on their pages, as the brand enters them."""

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from pydantic import BaseModel

from engine.kernel.database import UnitOfWork
from engine.kernel.errors import ConflictError, InputError
from engine.programs.queries import ProgramRow, programs_of
from engine.programs.tables import ProgramState
from engine.tracking.pages import products as verbs
from engine.tracking.pages.queries import ProductRow, products_of
from engine.tracking.pages.queries import product as product_by_id
from engine.tracking.pages.schemas import ProductDraft
from engine.tracking.site.assets import PictureRef, picture_refs
from engine.tracking.site.queries import site_of
from engine.tracking.site.tables import AssetKind
from web.addresses import id_or_404, id_or_none
from web.admin import blueprint
from web.context import database, reading, staff
from web.forms import Form, blank, read_form
from web.i18n import text
from web.pictures import sent_picture

_FIELDS = ("title", "link", "price_text", "image_id")


@blueprint.get("/<brand>/products")
def products(brand: str) -> ResponseReturnValue:  # noqa: ARG001 - web.access resolved it
    """List a program's products, with the form for another one."""
    return _list(blank(), program_id=id_or_none(request.args.get("program")))


@blueprint.post("/<brand>/products")
def add_product(brand: str) -> ResponseReturnValue:
    """Enter a product."""
    me = staff()
    form = _read_product()
    program_id = id_or_none(request.form.get("program"))
    if form.value is None or program_id is None:
        return _list(form, program_id=program_id), 422
    draft = form.value
    try:
        made = database().run(
            lambda unit: verbs.add_product(unit, me.brand.id, program_id=program_id, draft=draft, by=me.email)
        )
    except InputError as error:
        return _list(_refused(form, error), program_id=program_id), 422
    except ConflictError as error:
        flash(str(error), "bad")
    else:
        flash(text("%(product)s can be put on pages now.", product=made.title), "good")
    return redirect(url_for("admin.products", brand=brand, program=program_id), 303)


@blueprint.get("/<brand>/products/<product_id>")
def product(brand: str, product_id: str) -> ResponseReturnValue:  # noqa: ARG001 - web.access resolved it
    """Show one product to change it."""
    found, picture = _one(product_id)
    values = {"title": found.title, "link": found.link, "price_text": found.price_text}
    return _edit(blank(**values, image_id=str(found.image_id or "")), found, picture)


@blueprint.post("/<brand>/products/<product_id>")
def save_product(brand: str, product_id: str) -> ResponseReturnValue:
    """Change a product, on every page that shows it."""
    me = staff()
    found, picture = _one(product_id)
    form = _read_product()
    if form.value is None:
        return _edit(form, found, picture), 422
    draft = form.value
    try:
        database().run(
            lambda unit: verbs.change_product(unit, me.brand.id, product_id=found.id, draft=draft, by=me.email)
        )
    except InputError as error:
        return _edit(_refused(form, error), found, picture), 422
    flash(text("Saved: every page shows it within seconds."), "good")
    return _back(brand, found)


@blueprint.post("/<brand>/products/<product_id>/move")
def move_product(brand: str, product_id: str) -> ResponseReturnValue:
    """Let a product change places with its neighbour."""
    me, (found, _) = staff(), _one(product_id)
    way: verbs.Way = "up" if request.form.get("way") == "up" else "down"
    database().run(lambda unit: verbs.move_product(unit, me.brand.id, product_id=found.id, way=way, by=me.email))
    return _back(brand, found)


@blueprint.post("/<brand>/products/<product_id>/hide")
def hide_product(brand: str, product_id: str) -> ResponseReturnValue:
    """Take a product off all pages."""
    me, (found, _) = staff(), _one(product_id)
    database().run(lambda unit: verbs.hide_product(unit, me.brand.id, product_id=found.id, by=me.email))
    flash(text("Hidden: no page shows %(product)s any more.", product=found.title), "good")
    return _back(brand, found)


@blueprint.post("/<brand>/products/<product_id>/show")
def show_product(brand: str, product_id: str) -> ResponseReturnValue:
    """Put a hidden product back."""
    me, (found, _) = staff(), _one(product_id)
    database().run(lambda unit: verbs.show_product(unit, me.brand.id, product_id=found.id, by=me.email))
    flash(text("%(product)s is shown again.", product=found.title), "good")
    return _back(brand, found)


def _read_product() -> Form[ProductDraft]:
    """Return what was posted about a product, its picture kept if one came along."""
    values = {key: value for key, value in request.form.items() if key in _FIELDS}
    problem = None
    if "remove_picture" in request.form:
        values["image_id"] = ""
    try:
        sent = sent_picture("picture", kind=AssetKind.PRODUCT)
    except InputError as error:
        sent, problem = None, _sentence(error)
    if sent is not None:
        values["image_id"] = str(sent.id)
    form = read_form(ProductDraft, values)
    if problem:
        form.errors["picture"], form.value = problem, None
    return form


def _refused(form: Form[ProductDraft], error: InputError) -> Form[ProductDraft]:
    form.errors[error.field or "form"] = _sentence(error)
    return form


def _sentence(error: InputError) -> str:
    return f"{error.problem} {error.remedy or ''}".strip()


def _one(product_id: str) -> tuple[ProductRow, PictureRef | None]:
    me, wanted = staff(), id_or_404(product_id)
    with reading() as unit:
        found = product_by_id(unit, me.brand.id, product_id=wanted)
        ids = {found.image_id} if found.image_id else set()
        return found, next(iter(picture_refs(unit, me.brand.id, asset_ids=ids).values()), None)


def _list(form: Form[ProductDraft] | Form[BaseModel], *, program_id: UUID | None) -> str:
    me = staff()
    with reading() as unit:
        programs = [one for one in programs_of(unit, me.brand.id) if one.state is not ProgramState.CLOSED]
        chosen = next((one for one in programs if one.id == program_id), programs[0] if programs else None)
        shown = _products(unit, chosen)
        pictures = picture_refs(unit, me.brand.id, asset_ids={one.image_id for one in shown if one.image_id})
        domains = site_of(unit, me.brand.id).domains
    return render_template(
        "admin/products.html",
        form=form,
        programs=programs,
        program=chosen,
        products=shown,
        pictures=pictures,
        domains=domains,
    )


def _products(unit: UnitOfWork, program: ProgramRow | None) -> tuple[ProductRow, ...]:
    return products_of(unit, staff().brand.id, program_id=program.id) if program else ()


def _edit(form: Form[ProductDraft] | Form[BaseModel], found: ProductRow, picture: PictureRef | None) -> str:
    return render_template("admin/product.html", form=form, product=found, picture=picture)


def _back(brand: str, found: ProductRow) -> ResponseReturnValue:
    return redirect(url_for("admin.products", brand=brand, program=found.program_id), 303)
