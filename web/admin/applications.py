"""Who applied, what they wrote, and the decision."""

from datetime import date
from typing import Annotated
from uuid import UUID

from flask import current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from engine.enrollment.service import approve_application, reject_application
from engine.enrollment.tables import EnrollmentState
from engine.insights.applications import applicant_file, applicants
from engine.kernel.errors import ConflictError
from web.addresses import id_or_404
from web.admin import blueprint
from web.context import database, reading, staff
from web.formats import set_zone
from web.forms import Form, blank, read_form
from web.i18n import text
from web.mailing import mail_room


def _said(value: str) -> str:
    value = value.strip()
    if not value or "\0" in value:
        raise ValueError("Say why in a sentence; the person reads it.")
    return value


class Rejection(BaseModel):
    """Why somebody is turned down, and from when they may apply again."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(max_length=1000), AfterValidator(_said)]
    reapply_on: date | None = None


@blueprint.get("/<brand>/applications")
def applications(brand: str) -> ResponseReturnValue:  # noqa: ARG001 - web.access resolved it
    """List those who wait, or those in another state."""
    me = staff()
    asked = request.args.get("state", EnrollmentState.APPLIED.value)
    state = EnrollmentState(asked) if asked in set(EnrollmentState) else EnrollmentState.APPLIED
    cursor = request.args.get("cursor")
    with reading() as unit:
        page = applicants(unit, me.brand.id, state=state, cursor=cursor, limit=50)
    if page.rows:
        set_zone(page.rows[0].time_zone)
    return render_template("admin/applications.html", page=page, state=state.value, first=cursor is None)


@blueprint.get("/<brand>/applications/<enrollment_id>")
def application(brand: str, enrollment_id: str) -> ResponseReturnValue:  # noqa: ARG001 - web.access resolved it
    """Show one application with its answers and history, and the two buttons."""
    return _page(enrollment_id, blank())


@blueprint.post("/<brand>/applications/<enrollment_id>/approve")
def approve(brand: str, enrollment_id: str) -> ResponseReturnValue:
    """Let somebody in."""
    me = staff()
    wanted = id_or_404(enrollment_id)
    try:
        database().run(lambda unit: approve_application(unit, me.brand.id, enrollment_id=wanted, by=me.email))
    except ConflictError as error:
        flash(str(error), "bad")
        return redirect(url_for("admin.application", brand=brand, enrollment_id=enrollment_id), 303)
    _tell(wanted)
    flash(text("Approved: from now on, orders with their code earn commission."), "good")
    return redirect(url_for("admin.applications", brand=brand), 303)


@blueprint.post("/<brand>/applications/<enrollment_id>/reject")
def reject(brand: str, enrollment_id: str) -> ResponseReturnValue:
    """Turn somebody down, with the reason."""
    me = staff()
    wanted = id_or_404(enrollment_id)
    form = read_form(Rejection, request.form.to_dict())
    if form.value is None:
        return _page(enrollment_id, form), 422
    said = form.value
    try:
        database().run(
            lambda unit: reject_application(
                unit, me.brand.id, enrollment_id=wanted, reason=said.reason, reapply_on=said.reapply_on, by=me.email
            )
        )
    except ConflictError as error:
        flash(str(error), "bad")
        return redirect(url_for("admin.application", brand=brand, enrollment_id=enrollment_id), 303)
    _tell(wanted)
    flash(text("Rejected, with your reason."), "good")
    return redirect(url_for("admin.applications", brand=brand), 303)


def _tell(enrollment_id: UUID) -> None:
    """Let the applicant know by mail what was decided."""
    me = staff()
    with reading() as unit:
        file = applicant_file(unit, me.brand.id, enrollment_id=enrollment_id)
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - the proxy ends with the request
    mail_room().send_decision(app, file=file, brand=me.brand.name)


def _page(enrollment_id: str, form: Form[Rejection] | Form[BaseModel]) -> str:
    me = staff()
    wanted = id_or_404(enrollment_id)
    with reading() as unit:
        found = applicant_file(unit, me.brand.id, enrollment_id=wanted)
    set_zone(found.row.time_zone)
    return render_template("admin/application.html", file=found, form=form)
