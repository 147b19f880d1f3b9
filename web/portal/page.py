"""An ambassador's own page: written, looked at, sent to the brand."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from pydantic import BaseModel

from engine.enrollment.queries import EnrollmentRow, enrollments
from engine.enrollment.tables import EnrollmentState
from engine.insights.home import memberships_of
from engine.insights.landing import read_landing
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import ConflictError, InputError
from engine.programs.queries import ProgramRow, program
from engine.tracking.pages.queries import PageFile, ProductRow, as_public, page_of_enrollment, products_of
from engine.tracking.pages.rules import handle_from
from engine.tracking.pages.schemas import LANGUAGES, Handle, PageDocument, PageDraft
from engine.tracking.pages.service import save_draft, submit, take_back
from engine.tracking.pages.tables import VersionState
from engine.tracking.site.assets import PictureRef, picture_refs
from engine.tracking.site.tables import AssetKind
from web.addresses import id_or_404, id_or_none
from web.context import ambassador, database, installation, reading
from web.formats import set_zone
from web.forms import Form, blank, read_form
from web.i18n import text
from web.landing import previewed
from web.pictures import sent_picture
from web.portal import blueprint

_LISTS: Final = ("product_ids", "links")


class PageForm(PageDocument):
    """The editor's fields: what stands on the page, and its handle."""

    handle: Handle


@dataclass(frozen=True, slots=True)
class Editor:
    """What the editor shows beside its form."""

    enrollment: EnrollmentRow
    program: ProgramRow
    file: PageFile | None
    products: tuple[ProductRow, ...]
    pictures: dict[UUID, PictureRef]

    @property
    def waits(self) -> bool:
        """Whether the newest version is with the brand."""
        return self.file is not None and self.file.waiting is not None

    @property
    def handle_is_fixed(self) -> bool:
        """Whether people know the page by its handle already."""
        return self.file is not None and any(one.state is VersionState.APPROVED for one in self.file.versions)


@blueprint.get("/<brand>/page")
def pages(brand: str) -> ResponseReturnValue:
    """Lead to the one page, or let choose among those of several programs."""
    me = ambassador()
    with reading() as unit:
        found = memberships_of(unit, me.brand.id, ambassador_id=me.ambassador_id)
    active = [one for one in found if one.state is EnrollmentState.ACTIVE]
    if len(active) == 1:
        return redirect(url_for("portal.page", brand=brand, enrollment_id=active[0].enrollment_id), 303)
    return render_template("portal/pages.html", memberships=active)


@blueprint.get("/<brand>/page/<enrollment_id>")
def page(brand: str, enrollment_id: str) -> ResponseReturnValue:  # noqa: ARG001 - web.access resolved it
    """Show the editor with the newest version."""
    editor = _editor(enrollment_id)
    return _shown(editor, blank(**_values(editor)))


@blueprint.post("/<brand>/page/<enrollment_id>")
def save_page(brand: str, enrollment_id: str) -> ResponseReturnValue:
    """Keep what was written as a draft, and hand it to the brand where that was asked for."""
    me, editor = ambassador(), _editor(enrollment_id)
    values = _posted()
    sent: PictureRef | None = None
    problem = None
    try:
        sent = sent_picture("photo", kind=AssetKind.PHOTO)
    except InputError as error:
        problem = f"{error.problem} {error.remedy or ''}".strip()
    if sent is not None:
        values["photo_id"] = str(sent.id)
        editor.pictures[sent.id] = sent
    form = read_form(PageForm, values, lists=_LISTS)
    if problem:
        form.errors["photo"] = problem
    if form.value is None or problem:
        return _shown(editor, form), 422
    document = PageDocument(**form.value.model_dump(exclude={"handle"}))
    draft = PageDraft(handle=form.value.handle, document=document)
    wanted = request.form.get("then") == "submit"

    def keep(unit: UnitOfWork) -> PageFile:
        kept = save_draft(unit, me.brand.id, enrollment_id=editor.enrollment.id, draft=draft, by=me.email)
        if wanted and kept.newest.state is VersionState.DRAFT:
            kept = submit(unit, me.brand.id, enrollment_id=editor.enrollment.id, by=me.email)
        return kept

    try:
        kept = database().run(keep)
    except InputError as error:
        form.errors[error.field or "form"] = f"{error.problem} {error.remedy or ''}".strip()
        return _shown(editor, form), 422
    except ConflictError as error:
        flash(str(error), "bad")
        return redirect(url_for("portal.page", brand=brand, enrollment_id=enrollment_id), 303)
    flash(_said(kept), "good")
    anchor = "products" if request.form.get("move") else None
    return redirect(url_for("portal.page", brand=brand, enrollment_id=enrollment_id, _anchor=anchor), 303)


@blueprint.post("/<brand>/page/<enrollment_id>/take-back")
def take_back_page(brand: str, enrollment_id: str) -> ResponseReturnValue:
    """Take the page back from the brand, to change it."""
    me, editor = ambassador(), _editor(enrollment_id)
    try:
        database().run(lambda unit: take_back(unit, me.brand.id, enrollment_id=editor.enrollment.id, by=me.email))
    except ConflictError as error:
        flash(str(error), "bad")
    else:
        flash(text("It is a draft again. Change what you like, then send it once more."), "good")
    return redirect(url_for("portal.page", brand=brand, enrollment_id=enrollment_id), 303)


@blueprint.get("/<brand>/page/<enrollment_id>/preview")
def preview_page(brand: str, enrollment_id: str) -> ResponseReturnValue:  # noqa: ARG001 - web.access resolved it
    """Show the newest version as visitors would see it."""
    me, editor = ambassador(), _editor(enrollment_id)
    if editor.file is None:
        abort(404)
    shown = as_public(editor.file.page, me.brand, document=editor.file.newest.document)
    goodword = installation()
    with reading() as unit:
        facts = read_landing(unit, shown, host=goodword.plugins, keyring=goodword.keyring)
    return previewed(facts)


def _editor(written: str) -> Editor:
    me, wanted = ambassador(), id_or_404(written)
    with reading() as unit:
        mine = enrollments(unit, me.brand.id, enrollment_ids=[wanted]).get(wanted)
        if mine is None or mine.ambassador_id != me.ambassador_id:
            abort(404)
        file = page_of_enrollment(unit, me.brand.id, enrollment_id=wanted)
        products = products_of(unit, me.brand.id, program_id=mine.program_id)
        ids = {one.image_id for one in products} | ({file.newest.document.photo_id} if file else set())
        pictures = picture_refs(unit, me.brand.id, asset_ids={one for one in ids if one is not None})
        chosen = program(unit, me.brand.id, program_id=mine.program_id)
    return Editor(mine, chosen, file, tuple(one for one in products if one.hidden_at is None), pictures)


def _values(editor: Editor) -> dict[str, str]:
    me = ambassador()
    if editor.file is None:
        return {"name": me.name, "handle": handle_from(me.name), "language": "en"}
    said = editor.file.newest.document
    return {
        "handle": editor.file.page.handle,
        "name": said.name,
        "headline": said.headline,
        "story": said.story,
        "language": said.language,
        "photo_id": str(said.photo_id) if said.photo_id else "",
        "product_ids": "\n".join(map(str, said.product_ids)),
        "links": "\n".join(said.links),
    }


def _posted() -> dict[str, str]:
    """Return the editor's fields as they were posted; products in the order of the page, one of them perhaps moved."""
    values = {key: value for key, value in request.form.items() if key in PageForm.model_fields}
    chosen = request.form.getlist("product_ids")
    product_id, _, way = request.form.get("move", "").partition(":")
    if product_id in chosen:
        here = chosen.index(product_id)
        chosen.insert(max(here + (1 if way == "down" else -1), 0), chosen.pop(here))
    values["product_ids"] = "\n".join(chosen)
    if "remove_photo" in request.form:
        values["photo_id"] = ""
    return values


def _shown(editor: Editor, form: Form[PageForm] | Form[BaseModel]) -> str:
    set_zone(editor.program.time_zone)
    chosen = form.values.get("product_ids", "").split()
    place = {product_id: index for index, product_id in enumerate(chosen)}
    products = sorted(editor.products, key=lambda one: place.get(str(one.id), len(place)))
    return render_template(
        "portal/page.html",
        editor=editor,
        form=form,
        products=products,
        chosen=chosen,
        photo=_photo(editor, id_or_none(form.values.get("photo_id"))),
        languages=LANGUAGES,
        origin=installation().settings.base_url,
    )


def _photo(editor: Editor, photo_id: UUID | None) -> PictureRef | None:
    if photo_id is None or photo_id in editor.pictures:
        return editor.pictures.get(photo_id) if photo_id else None
    with reading() as unit:
        return picture_refs(unit, ambassador().brand.id, asset_ids={photo_id}).get(photo_id)


def _said(kept: PageFile) -> str:
    if kept.newest.state is VersionState.SUBMITTED:
        return text("Sent to %(brand)s. You hear back by e-mail.", brand=ambassador().brand.name)
    if kept.newest.state is VersionState.DRAFT:
        return text("Saved. Only you see it until you send it to %(brand)s.", brand=ambassador().brand.name)
    return text("Nothing has changed since the version that you sent.")
