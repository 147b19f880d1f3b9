"""Where a brand's links and pages may lead, how its programs track, and the links that its ambassadors share."""

from typing import Annotated

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, BeforeValidator, Field

from engine.connections.queries import connections_of
from engine.insights.clicks import clicks_of_late
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import ConflictError, InputError, NotFoundError
from engine.programs.queries import ProgramRow, program, programs_of
from engine.tracking.links.queries import links_of_program, owned_link
from engine.tracking.links.service import archive_link as put_away
from engine.tracking.pages.queries import page_file
from engine.tracking.site.queries import SiteRow, TrackingRow, kept_days, site_of, tracking_of
from engine.tracking.site.schemas import SiteDraft, TrackingDraft
from engine.tracking.site.service import save_site as keep_site
from engine.tracking.site.service import save_tracking as keep_tracking
from web.addresses import id_or_404
from web.admin import blueprint
from web.context import database, reading, staff
from web.formats import set_zone
from web.forms import Form, blank, read_form
from web.i18n import text
from web.printing import card_answer, card_of, qr_answer
from web.shared import link_address, page_address, shown_link


def _pairs(value: object) -> object:
    if not isinstance(value, tuple):
        return value
    pairs = [str(line).partition("=") for line in value]
    if wrong := [name for name, mark, _ in pairs if not mark]:
        raise ValueError(f"{wrong[0]} has no =. Write one a line, like utm_source=goodword.")
    return {name.strip(): words.strip() for name, _, words in pairs}


class TrackingForm(TrackingDraft):
    """The form for a program's tracking: parameters come one a line."""

    utm: Annotated[dict[str, str], BeforeValidator(_pairs)] = Field(default_factory=dict)


class SiteForm(SiteDraft):
    """The form for the site: the logo has a page of its own."""


@blueprint.get("/<brand>/links")
def links(brand: str) -> ResponseReturnValue:  # noqa: ARG001 - web.access resolved it
    """List the links of one program with their ambassadors, the newest first."""
    me, cursor = staff(), request.args.get("cursor")
    with reading() as unit:
        programs = programs_of(unit, me.brand.id)
        first = programs[0] if programs else None
        chosen = next((one for one in programs if one.slug == request.args.get("program")), first)
        page, found, clicks = None, [], {}
        if chosen is not None:
            set_zone(chosen.time_zone)
            page = links_of_program(unit, me.brand.id, program_id=chosen.id, cursor=cursor, limit=50)
            home_url = tracking_of(unit, me.brand.id, program_id=chosen.id).home_url
            domains = site_of(unit, me.brand.id).domains
            found = [(one, shown_link(unit, one.link, home_url=home_url, domains=domains)) for one in page.rows]
            clicks = clicks_of_late(unit, me.brand.id, target_ids=[one.link.id for one in page.rows], zone=chosen.zone)
    return render_template(
        "admin/links.html",
        page=page,
        shared=found,
        clicks=clicks,
        programs=programs,
        chosen=chosen,
        first=cursor is None,
    )


@blueprint.post("/<brand>/links/<link_id>/archive")
def archive_link(brand: str, link_id: str) -> ResponseReturnValue:
    """Put an ambassador's link away."""
    me, wanted = staff(), id_or_404(link_id)
    row = database().run(lambda unit: put_away(unit, me.brand.id, link_id=wanted, by=me.email))
    flash(text("/r/%(slug)s is archived: it leads on, and counts no more clicks.", slug=row.slug), "good")
    return redirect(url_for("admin.links", brand=brand), 303)


@blueprint.get("/<brand>/links/<link_id>/qr.<kind>")
def link_qr(brand: str, link_id: str, *, kind: str) -> ResponseReturnValue:  # noqa: ARG001 - web.access resolved it
    """Hand out the QR code of a link."""
    me = staff()
    with reading() as unit:
        row = owned_link(unit, me.brand.id, link_id=id_or_404(link_id)).link
        colour = site_of(unit, me.brand.id).colour
    return qr_answer(link_address(row.slug), kind=kind, colour=colour, name=row.slug)


@blueprint.get("/<brand>/links/<link_id>/card.pdf")
def link_card(brand: str, link_id: str) -> ResponseReturnValue:  # noqa: ARG001 - web.access resolved it
    """Hand out the card of a link."""
    me = staff()
    with reading() as unit:
        owned = owned_link(unit, me.brand.id, link_id=id_or_404(link_id))
        card = card_of(
            unit,
            me.brand,
            program_id=owned.link.program_id,
            enrollment_id=owned.link.enrollment_id,
            name=owned.ambassador,
            address=link_address(owned.link.slug),
        )
    return card_answer(card, name=owned.link.slug)


@blueprint.get("/<brand>/pages/<page_id>/qr.<kind>")
def page_qr(brand: str, page_id: str, *, kind: str) -> ResponseReturnValue:  # noqa: ARG001 - web.access resolved it
    """Hand out the QR code of an ambassador's page."""
    me = staff()
    with reading() as unit:
        handle = page_file(unit, me.brand.id, page_id=id_or_404(page_id)).page.handle
        colour = site_of(unit, me.brand.id).colour
    return qr_answer(page_address(handle), kind=kind, colour=colour, name=handle)


@blueprint.get("/<brand>/pages/<page_id>/card.pdf")
def page_card(brand: str, page_id: str) -> ResponseReturnValue:  # noqa: ARG001 - web.access resolved it
    """Hand out the card of an ambassador's page."""
    me = staff()
    with reading() as unit:
        row = page_file(unit, me.brand.id, page_id=id_or_404(page_id)).page
        card = card_of(
            unit,
            me.brand,
            program_id=row.program_id,
            enrollment_id=row.enrollment_id,
            name=row.ambassador,
            address=page_address(row.handle),
        )
    return card_answer(card, name=row.handle)


@blueprint.get("/<brand>/settings")
def site(brand: str) -> ResponseReturnValue:  # noqa: ARG001 - web.access resolved it
    """Show where links may lead, the brand's colour, and each program's tracking."""
    with reading() as unit:
        found = site_of(unit, staff().brand.id)
    return _site_page(blank(domains="\n".join(found.domains), colour=found.colour))


@blueprint.post("/<brand>/settings")
def save_site(brand: str) -> ResponseReturnValue:
    """Say where links may lead, and the brand's colour."""
    me = staff()
    form = read_form(SiteForm, {"domains": "", **request.form.to_dict()}, lists=("domains",))
    if form.value is None:
        return _site_page(form), 422
    said = form.value

    def keep(unit: UnitOfWork) -> SiteRow:
        logo_id = site_of(unit, me.brand.id).logo_id
        draft = SiteDraft(domains=said.domains, colour=said.colour, logo_id=logo_id)
        return keep_site(unit, me.brand.id, draft=draft, by=me.email)

    try:
        database().run(keep)
    except InputError as error:
        form.errors[error.field or "form"] = f"{error.problem} {error.remedy or ''}".strip()
        return _site_page(form), 422
    flash(text("Saved. Links and pages follow within seconds."), "good")
    return redirect(url_for("admin.site", brand=brand), 303)


@blueprint.get("/<brand>/settings/programs/<program_id>")
def tracking(brand: str, program_id: str) -> ResponseReturnValue:  # noqa: ARG001 - web.access resolved it
    """Show how a program tracks."""
    with reading() as unit:
        chosen = program(unit, staff().brand.id, program_id=id_or_404(program_id))
        found = tracking_of(unit, staff().brand.id, program_id=chosen.id)
    return _tracking_page(chosen, blank(**_written(found)))


@blueprint.post("/<brand>/settings/programs/<program_id>")
def save_tracking(brand: str, program_id: str) -> ResponseReturnValue:
    """Say where a program's links lead and how its clicks are counted and kept."""
    me = staff()
    with reading() as unit:
        chosen = program(unit, me.brand.id, program_id=id_or_404(program_id))
    form = read_form(TrackingForm, {"utm": "", **request.form.to_dict()}, lists=("utm",))
    if form.value is None:
        return _tracking_page(chosen, form), 422
    draft = TrackingDraft(**form.value.model_dump())

    def keep(unit: UnitOfWork) -> TrackingRow:
        if draft.connection_id and draft.connection_id not in {one.id for one in connections_of(unit, me.brand.id)}:
            raise NotFoundError("shop", draft.connection_id)
        return keep_tracking(unit, me.brand.id, program_id=chosen.id, draft=draft, by=me.email)

    try:
        database().run(keep)
    except InputError as error:
        field = "home_url" if error.field == "destination" else error.field or "form"
        form.errors[field] = f"{error.problem} {error.remedy or ''}".strip()
        return _tracking_page(chosen, form), 422
    except ConflictError as error:
        flash(str(error), "bad")
    else:
        flash(text("Saved. Links and pages follow within seconds."), "good")
    return redirect(url_for("admin.site", brand=brand), 303)


def _site_page(form: Form[SiteForm] | Form[BaseModel]) -> str:
    me = staff()
    with reading() as unit:
        found = site_of(unit, me.brand.id)
        programs = [(one, tracking_of(unit, me.brand.id, program_id=one.id)) for one in programs_of(unit, me.brand.id)]
    return render_template("admin/site.html", site=found, programs=programs, form=form)


def _tracking_page(chosen: ProgramRow, form: Form[TrackingForm] | Form[BaseModel]) -> str:
    me = staff()
    with reading() as unit:
        days = kept_days(unit, me.brand.id, program_id=chosen.id)
        shops = [(str(one.id), f"{one.connector} · {one.account}") for one in connections_of(unit, me.brand.id)]
    return render_template("admin/tracking.html", program=chosen, kept_days=days, shops=shops, form=form)


def _written(found: TrackingRow) -> dict[str, str]:
    return {
        "home_url": found.home_url,
        "consent": found.consent.value,
        "kept_address": found.kept_address.value,
        "count_window_h": str(found.count_window_h),
        "retention_days": str(found.retention_days),
        "utm": "\n".join(f"{name}={words}" for name, words in found.utm.items()),
        "disclosure": found.disclosure,
        "connection_id": str(found.connection_id) if found.connection_id else "",
    }
