"""An ambassador's links: shared, made, led elsewhere, printed."""

from uuid import UUID
from zoneinfo import ZoneInfo

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from pydantic import BaseModel

from engine.enrollment.queries import EnrollmentRow, enrollments
from engine.enrollment.tables import EnrollmentState
from engine.insights.clicks import Clicks, clicks_of_late
from engine.insights.home import Membership, memberships_of
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import ConflictError, InputError
from engine.tracking.links.queries import LinkRow, links_of
from engine.tracking.links.queries import link as one_link
from engine.tracking.links.schemas import LinkChange, LinkDraft
from engine.tracking.links.service import SlugTakenError
from engine.tracking.links.service import archive_link as put_away
from engine.tracking.links.service import change_link as lead_elsewhere
from engine.tracking.links.service import create_link as make_link
from engine.tracking.pages.queries import ProductRow, page_of_enrollment, shown_products
from engine.tracking.site.queries import site_of, tracking_of
from web.addresses import id_or_404, id_or_none
from web.context import ambassador, database, reading
from web.formats import set_zone
from web.forms import Form, blank, read_form
from web.i18n import text
from web.portal import blueprint
from web.printing import card_answer, card_of, qr_answer
from web.shared import ShownLink, link_address, page_address, shown_link


class NewLink(LinkDraft):
    """The form for a new link: in which program beside what it says."""

    enrollment_id: UUID


@blueprint.get("/<brand>/links")
def links(brand: str) -> ResponseReturnValue:  # noqa: ARG001 - web.access resolved it
    """List the links of one program, the newest first, with the form for another one."""
    return _list(blank())


@blueprint.post("/<brand>/links")
def create_link(brand: str) -> ResponseReturnValue:
    """Make a link."""
    me = ambassador()
    form = read_form(NewLink, request.form)
    if form.value is None:
        return _list(form), 422
    said = form.value
    _own(said.enrollment_id)
    draft = LinkDraft(**said.model_dump(exclude={"enrollment_id"}))

    def make(unit: UnitOfWork) -> LinkRow:
        return make_link(
            unit,
            me.brand.id,
            enrollment_id=said.enrollment_id,
            draft=draft,
            by=me.email,
            reserved=[me.brand.slug],
        )

    try:
        made = database().run(make)
    except SlugTakenError as error:
        form.errors["slug"] = str(error)
        return _list(form), 422
    except InputError as error:
        form.errors[error.field or "form"] = f"{error.problem} {error.remedy or ''}".strip()
        return _list(form), 422
    except ConflictError as error:
        flash(str(error), "bad")
        return redirect(url_for("portal.links", brand=brand), 303)
    flash(text("Your link is there. Copy it, share it, print it."), "good")
    return redirect(url_for("portal.link", brand=brand, link_id=made.id), 303)


@blueprint.get("/<brand>/links/<link_id>")
def link(brand: str, link_id: str) -> ResponseReturnValue:  # noqa: ARG001 - web.access resolved it
    """Show one link with its QR code, and the form to lead it elsewhere."""
    _, found = _mine(link_id)
    return _one(link_id, blank(destination=found.row.destination, title=found.row.title))


@blueprint.post("/<brand>/links/<link_id>")
def change_link(brand: str, link_id: str) -> ResponseReturnValue:
    """Lead a link elsewhere, or name it anew."""
    me = ambassador()
    mine, found = _mine(link_id)
    form = read_form(LinkChange, request.form)
    if form.value is None:
        return _one(link_id, form), 422
    asked = LinkChange(
        title=form.values.get("title", ""), **form.value.model_dump(exclude_unset=True, exclude={"title"})
    )
    try:
        database().run(
            lambda unit: lead_elsewhere(
                unit, me.brand.id, link_id=found.row.id, enrollment_id=mine.id, change=asked, by=me.email
            )
        )
    except InputError as error:
        form.errors[error.field or "form"] = f"{error.problem} {error.remedy or ''}".strip()
        return _one(link_id, form), 422
    except ConflictError as error:
        flash(str(error), "bad")
    else:
        flash(text("Saved. Whoever follows the link is led there within seconds."), "good")
    return redirect(url_for("portal.link", brand=brand, link_id=link_id), 303)


@blueprint.post("/<brand>/links/<link_id>/archive")
def archive_link(brand: str, link_id: str) -> ResponseReturnValue:
    """Put a link away."""
    me = ambassador()
    mine, found = _mine(link_id)
    place = {"link_id": found.row.id, "enrollment_id": mine.id}
    database().run(lambda unit: put_away(unit, me.brand.id, **place, by=me.email))
    flash(text("Archived: it leads on for whoever has it, and counts no more clicks."), "good")
    return redirect(url_for("portal.links", brand=brand), 303)


@blueprint.get("/<brand>/links/<link_id>/qr.<kind>")
def link_qr(brand: str, link_id: str, *, kind: str) -> ResponseReturnValue:  # noqa: ARG001 - web.access resolved it
    """Hand out the QR code of a link."""
    _, found = _mine(link_id)
    with reading() as unit:
        colour = site_of(unit, ambassador().brand.id).colour
    return qr_answer(found.address, kind=kind, colour=colour, name=found.row.slug)


@blueprint.get("/<brand>/links/<link_id>/card.pdf")
def link_card(brand: str, link_id: str) -> ResponseReturnValue:  # noqa: ARG001 - web.access resolved it
    """Hand out the card of a link."""
    me = ambassador()
    mine, found = _mine(link_id)
    with reading() as unit:
        card = card_of(
            unit, me.brand, program_id=mine.program_id, enrollment_id=mine.id, name=me.name, address=found.address
        )
    return card_answer(card, name=found.row.slug)


@blueprint.get("/<brand>/page/<enrollment_id>/qr.<kind>")
def page_qr(brand: str, enrollment_id: str, *, kind: str) -> ResponseReturnValue:  # noqa: ARG001 - web.access resolved it
    """Hand out the QR code of the ambassador's own page."""
    _, handle = _own_page(enrollment_id)
    with reading() as unit:
        colour = site_of(unit, ambassador().brand.id).colour
    return qr_answer(page_address(handle), kind=kind, colour=colour, name=handle)


@blueprint.get("/<brand>/page/<enrollment_id>/card.pdf")
def page_card(brand: str, enrollment_id: str) -> ResponseReturnValue:  # noqa: ARG001 - web.access resolved it
    """Hand out the card of the ambassador's own page."""
    me = ambassador()
    mine, handle = _own_page(enrollment_id)
    with reading() as unit:
        card = card_of(
            unit,
            me.brand,
            program_id=mine.program_id,
            enrollment_id=mine.id,
            name=me.name,
            address=page_address(handle),
        )
    return card_answer(card, name=handle)


def _list(form: Form[NewLink] | Form[BaseModel]) -> str:
    me = ambassador()
    cursor = request.args.get("cursor")
    with reading() as unit:
        every = memberships_of(unit, me.brand.id, ambassador_id=me.ambassador_id)
        active = [one for one in every if one.state is EnrollmentState.ACTIVE]
        chosen = _chosen(active, form)
        page = tracking = None
        found: list[ShownLink] = []
        clicks: dict[UUID, Clicks] = {}
        products: tuple[ProductRow, ...] = ()
        if chosen is not None:
            set_zone(chosen.time_zone)
            page = links_of(unit, me.brand.id, enrollment_id=chosen.enrollment_id, cursor=cursor, limit=30)
            tracking = tracking_of(unit, me.brand.id, program_id=chosen.program_id)
            domains = site_of(unit, me.brand.id).domains
            found = [shown_link(unit, row, home_url=tracking.home_url, domains=domains) for row in page.rows]
            products = shown_products(unit, me.brand.id, program_id=chosen.program_id)
            ids, zone = [row.id for row in page.rows], ZoneInfo(chosen.time_zone)
            clicks = clicks_of_late(unit, me.brand.id, target_ids=ids, zone=zone)
    return render_template(
        "portal/links.html",
        memberships=active,
        chosen=chosen,
        page=page,
        links=found,
        clicks=clicks,
        products=products,
        home_url=tracking.home_url if tracking else "",
        form=form,
        first=cursor is None,
        start=link_address(""),
    )


def _chosen(active: list[Membership], form: Form[NewLink] | Form[BaseModel]) -> Membership | None:
    wanted = id_or_none(form.values.get("enrollment_id") or request.args.get("in"))
    return next((one for one in active if one.enrollment_id == wanted), active[0] if active else None)


def _one(link_id: str, form: Form[LinkChange] | Form[BaseModel]) -> str:
    mine, found = _mine(link_id)
    with reading() as unit:
        every = memberships_of(unit, ambassador().brand.id, ambassador_id=mine.ambassador_id)
        products = shown_products(unit, ambassador().brand.id, program_id=mine.program_id)
    set_zone(next(one.time_zone for one in every if one.enrollment_id == mine.id))
    return render_template("portal/link.html", link=found, products=products, form=form)


def _mine(written: str) -> tuple[EnrollmentRow, ShownLink]:
    """Return a link of the ambassador's own with its enrollment; another one's and a missing one are both 404."""
    me, wanted = ambassador(), id_or_404(written)
    with reading() as unit:
        row = one_link(unit, me.brand.id, link_id=wanted)
        mine = _own(row.enrollment_id)
        home_url = tracking_of(unit, me.brand.id, program_id=row.program_id).home_url
        return mine, shown_link(unit, row, home_url=home_url, domains=site_of(unit, me.brand.id).domains)


def _own_page(written: str) -> tuple[EnrollmentRow, str]:
    me, mine = ambassador(), _own(id_or_404(written))
    with reading() as unit:
        file = page_of_enrollment(unit, me.brand.id, enrollment_id=mine.id)
    if file is None:
        abort(404)
    return mine, file.page.handle


def _own(enrollment_id: UUID) -> EnrollmentRow:
    me = ambassador()
    with reading() as unit:
        found = enrollments(unit, me.brand.id, enrollment_ids=[enrollment_id]).get(enrollment_id)
    if found is None or found.ambassador_id != me.ambassador_id:
        abort(404)
    return found
