"""Ambassadors' pages before and after the brand's leave: what waits, what it changes, the decision; and the logo."""

from typing import Annotated, Final
from uuid import UUID

from flask import abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from engine.insights.landing import read_landing
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import ConflictError, InputError
from engine.tracking.pages.changes import changes_between
from engine.tracking.pages.queries import (
    PageFile,
    VersionRow,
    as_public,
    chosen_products,
    page_file,
    products_of,
    waiting_pages,
)
from engine.tracking.pages.queries import pages as all_pages
from engine.tracking.pages.schemas import LANGUAGES
from engine.tracking.pages.service import approve_page as let_go_live
from engine.tracking.pages.service import hide_page as take_off
from engine.tracking.pages.service import reject_page as turn_down
from engine.tracking.pages.service import show_page as put_back
from engine.tracking.site.assets import picture_refs
from engine.tracking.site.queries import site_of
from engine.tracking.site.schemas import SiteDraft
from engine.tracking.site.service import save_site
from engine.tracking.site.tables import AssetKind
from web.addresses import id_or_404
from web.admin import blueprint
from web.context import database, installation, reading, staff
from web.formats import set_zone
from web.forms import Form, blank, read_form
from web.i18n import text
from web.landing import previewed
from web.mailing import mail_room
from web.pictures import sent_picture

_LIVE: Final = "live"
_NEWEST: Final = "newest"


def _said(value: str) -> str:
    value = value.strip()
    if not value:
        raise ValueError("Say why in a sentence; the person reads it.")
    return value


class Refusal(BaseModel):
    """Why a page is turned down, and which content was looked at."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(max_length=500), AfterValidator(_said)]
    fingerprint: str = Field(max_length=64)


@blueprint.get("/<brand>/pages")
def pages(brand: str) -> ResponseReturnValue:  # noqa: ARG001 - web.access resolved it
    """List pages that wait for the brand, or all of them."""
    me = staff()
    show = "all" if request.args.get("show") == "all" else "waiting"
    cursor = request.args.get("cursor")
    with reading() as unit:
        if show == "all":
            found = all_pages(unit, me.brand.id, cursor=cursor, limit=50)
            if found.rows:
                set_zone(found.rows[0].time_zone)
            return render_template("admin/pages.html", page=found, show=show, first=cursor is None)
        waits = waiting_pages(unit, me.brand.id, cursor=cursor, limit=50)
    return render_template("admin/pages.html", page=waits, show=show, first=cursor is None)


@blueprint.get("/<brand>/pages/<page_id>")
def page(brand: str, page_id: str) -> ResponseReturnValue:  # noqa: ARG001 - web.access resolved it
    """Show one page: what waits beside what is live, and what it changes."""
    return _page(page_id, blank())


@blueprint.get("/<brand>/pages/<page_id>/preview/<version>")
def preview_page(brand: str, page_id: str, *, version: str) -> ResponseReturnValue:  # noqa: ARG001 - web.access resolved it
    """Show the live or the newest version as visitors would see it. A draft is its ambassador's until it is sent."""
    me, goodword = staff(), installation()
    with reading() as unit:
        file = page_file(unit, me.brand.id, page_id=id_or_404(page_id))
        shown = {_LIVE: file.live, _NEWEST: _newest_sent(file)}.get(version)
        if shown is None:
            abort(404)
        as_seen = as_public(file.page, me.brand, document=shown.document)
        facts = read_landing(unit, as_seen, host=goodword.plugins, keyring=goodword.keyring)
    return previewed(facts)


@blueprint.post("/<brand>/pages/<page_id>/approve")
def approve_page(brand: str, page_id: str) -> ResponseReturnValue:
    """Let what was looked at go live."""
    me, wanted = staff(), id_or_404(page_id)
    seen = request.form.get("fingerprint", "")
    try:
        database().run(lambda unit: let_go_live(unit, me.brand.id, page_id=wanted, fingerprint=seen, by=me.email))
    except ConflictError as error:
        flash(str(error), "bad")
        return redirect(url_for("admin.page", brand=brand, page_id=page_id), 303)
    _tell(wanted)
    flash(text("Approved: the page is live."), "good")
    return redirect(url_for("admin.pages", brand=brand), 303)


@blueprint.post("/<brand>/pages/<page_id>/reject")
def reject_page(brand: str, page_id: str) -> ResponseReturnValue:
    """Turn down what was looked at, with the reason; what was live before stays so."""
    me, wanted = staff(), id_or_404(page_id)
    form = read_form(Refusal, request.form.to_dict())
    if form.value is None:
        return _page(page_id, form), 422
    said = form.value
    try:
        database().run(
            lambda unit: turn_down(
                unit, me.brand.id, page_id=wanted, fingerprint=said.fingerprint, reason=said.reason, by=me.email
            )
        )
    except ConflictError as error:
        flash(str(error), "bad")
        return redirect(url_for("admin.page", brand=brand, page_id=page_id), 303)
    _tell(wanted)
    flash(text("Turned down, with your reason."), "good")
    return redirect(url_for("admin.pages", brand=brand), 303)


@blueprint.post("/<brand>/pages/<page_id>/hide")
def hide_page(brand: str, page_id: str) -> ResponseReturnValue:
    """Take a page off the Internet at once."""
    me, wanted = staff(), id_or_404(page_id)
    database().run(lambda unit: take_off(unit, me.brand.id, page_id=wanted, by=me.email))
    flash(text("Hidden: within seconds nobody sees the page any more."), "good")
    return redirect(url_for("admin.page", brand=brand, page_id=page_id), 303)


@blueprint.post("/<brand>/pages/<page_id>/show")
def show_page(brand: str, page_id: str) -> ResponseReturnValue:
    """Put a hidden page back."""
    me, wanted = staff(), id_or_404(page_id)
    database().run(lambda unit: put_back(unit, me.brand.id, page_id=wanted, by=me.email))
    flash(text("The page is shown again."), "good")
    return redirect(url_for("admin.page", brand=brand, page_id=page_id), 303)


@blueprint.get("/<brand>/logo")
def logo(brand: str) -> ResponseReturnValue:  # noqa: ARG001 - web.access resolved it
    """Show the brand's logo on light and dark, and the form for another one."""
    return _logo_page(blank())


@blueprint.post("/<brand>/logo")
def save_logo(brand: str) -> ResponseReturnValue:
    """Take another logo for all pages, or none."""
    me = staff()
    try:
        sent = sent_picture("logo", kind=AssetKind.LOGO)
    except InputError as error:
        form = blank()
        form.errors["logo"] = f"{error.problem} {error.remedy or ''}".strip()
        return _logo_page(form), 422
    removed = "remove_logo" in request.form

    def keep(unit: UnitOfWork) -> None:
        site = site_of(unit, me.brand.id)
        kept = sent.id if sent else None if removed else site.logo_id
        draft = SiteDraft(domains=site.domains, colour=site.colour, logo_id=kept)
        save_site(unit, me.brand.id, draft=draft, by=me.email)

    database().run(keep)
    flash(text("Saved: every page shows it within seconds."), "good")
    return redirect(url_for("admin.logo", brand=brand), 303)


def _page(page_id: str, form: Form[Refusal] | Form[BaseModel]) -> str:
    me = staff()
    with reading() as unit:
        file = page_file(unit, me.brand.id, page_id=id_or_404(page_id))
        products = products_of(unit, me.brand.id, program_id=file.page.program_id)
        sent = _newest_sent(file)
        photos = {one.document.photo_id for one in (sent, file.live) if one and one.document.photo_id}
        pictures = picture_refs(unit, me.brand.id, asset_ids=photos)
    set_zone(file.page.time_zone)
    before, after = file.live, file.waiting
    return render_template(
        "admin/page.html",
        file=file,
        sent=sent,
        form=form,
        pictures=pictures,
        languages=LANGUAGES,
        origin=installation().settings.base_url,
        changes=changes_between(before.document if before else None, after.document) if after else (),
        picked={one.id: chosen_products(products, one.document) for one in (before, after) if one},
    )


def _newest_sent(file: PageFile) -> VersionRow | None:
    """Return the newest version that is no draft: what the ambassador has not sent is not the brand's to see."""
    return next((one for one in file.versions if one.submitted_at is not None), None)


def _tell(page_id: UUID) -> None:
    """Let the ambassador know by mail what was decided."""
    me = staff()
    with reading() as unit:
        file = page_file(unit, me.brand.id, page_id=page_id)
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - the proxy ends with the request
    mail_room().send_page_decision(app, file=file, brand=me.brand.name)


def _logo_page(form: Form[BaseModel]) -> str:
    me = staff()
    with reading() as unit:
        site = site_of(unit, me.brand.id)
        found = picture_refs(unit, me.brand.id, asset_ids={site.logo_id} if site.logo_id else set())
    return render_template("admin/logo.html", form=form, logo=found.get(site.logo_id) if site.logo_id else None)
