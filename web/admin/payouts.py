"""Paying: who gets how much and who does not, the confirmation, the file for the bank, and what became of it."""

from collections.abc import Iterable
from datetime import date
from typing import Annotated
from uuid import UUID

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from engine.identity.service import record
from engine.insights.overview import zone_of
from engine.kernel.canonical import content_hash
from engine.kernel.clock import local_date
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import ConflictError, GoodwordError, InputError, NotFoundError
from engine.payouts.open import Preview, preview
from engine.payouts.queries import BatchRow, all_of_batch, batch_by_id, batches, freeze_of, minimums, payouts_of_batch
from engine.payouts.run import payment_file as write_payment_file
from engine.payouts.service import pay_batch
from engine.payouts.steps import confirm_batch, confirm_payouts, fail_payout
from web.addresses import id_or_404
from web.admin import blueprint
from web.context import database, installation, reading, staff
from web.formats import set_zone
from web.forms import Form, blank, read_form
from web.i18n import text


class ChangedSinceError(ConflictError):
    """What would be paid is no longer what somebody agreed to."""

    def __init__(self) -> None:
        super().__init__(
            "What would be paid has changed since this page was opened. Look at it again; nothing was paid."
        )


class PaidForm(BaseModel):
    """When a payout, or all of a batch, was paid by the bank."""

    model_config = ConfigDict(extra="forbid")

    paid_on: date
    reference: str | None = Field(default=None, max_length=40)


def _said(value: str) -> str:
    if not value.strip():
        raise ValueError("Say what happened; the ambassador may ask.")
    return value.strip()


class FailedForm(BaseModel):
    """Which payout did not arrive, and why."""

    model_config = ConfigDict(extra="forbid")

    reference: str = Field(max_length=40)
    reason: Annotated[str, Field(max_length=500), AfterValidator(_said)]


@blueprint.get("/<brand>/payouts")
def payouts(brand: str) -> ResponseReturnValue:  # noqa: ARG001 - web.access resolved it
    """List batches, with what is ready for the next one."""
    me = staff()
    cursor = request.args.get("cursor")
    with reading() as unit:
        page = batches(unit, me.brand.id, cursor=cursor, limit=30)
        ready = preview(unit, me.brand.id)
        frozen = freeze_of(unit, me.brand.id)
        set_zone(zone_of(unit, me.brand.id).key)
    return render_template("admin/payouts.html", page=page, preview=ready, frozen=frozen, first=cursor is None)


@blueprint.get("/<brand>/payouts/preview")
def payout_preview(brand: str) -> ResponseReturnValue:  # noqa: ARG001 - web.access resolved it
    """Show who would be paid how much, and who would not and why."""
    me = staff()
    with reading() as unit:
        shown = preview(unit, me.brand.id)
        frozen = freeze_of(unit, me.brand.id)
        least = minimums(unit, me.brand.id)
    return render_template("admin/payout_preview.html", preview=shown, frozen=frozen, minimums=least)


@blueprint.get("/<brand>/payouts/confirm")
def payout_confirm(brand: str) -> ResponseReturnValue:  # noqa: ARG001 - web.access resolved it
    """Ask once more, with the totals."""
    return _confirm_page()


@blueprint.post("/<brand>/payouts/run")
def payout_run(brand: str) -> ResponseReturnValue:
    """Submit a batch of exactly what was shown; when anything has changed since, nothing is paid."""
    me = staff()
    rail, expected = request.form.get("rail", ""), request.form.get("expected", "")
    if rail not in installation().plugins.payout_rails:
        raise NotFoundError("payout rail", rail[:40])

    def pay(unit: UnitOfWork) -> BatchRow:
        batch = pay_batch(unit, me.brand.id, rail=rail, by=me.email)
        paid = all_of_batch(unit, me.brand.id, batch_id=batch.id)
        if _fingerprint((row.ambassador_id, row.currency, row.amount_minor) for row in paid) != expected:
            raise ChangedSinceError
        return batch

    try:
        batch = database().run(pay)
    except ConflictError as error:
        flash(str(error), "bad")
        return redirect(url_for("admin.payout_preview", brand=brand), 303)
    flash(
        text(
            "Batch %(reference)s is submitted. Take its file to the bank, then mark it paid.", reference=batch.reference
        ),
        "good",
    )
    return redirect(url_for("admin.payout_batch", brand=brand, batch_id=batch.id), 303)


@blueprint.get("/<brand>/payouts/<batch_id>")
def payout_batch(brand: str, batch_id: str) -> ResponseReturnValue:  # noqa: ARG001 - web.access resolved it
    """Show one batch with its payouts and what can be done with them."""
    return _batch_page(batch_id, blank())


@blueprint.get("/<brand>/payouts/<batch_id>/file")
def payment_file(brand: str, batch_id: str) -> ResponseReturnValue:
    """Hand over the file for the bank. Fetching it pays nobody; who fetched it is written down."""
    me = staff()
    wanted = id_or_404(batch_id)
    goodword = installation()
    try:
        file = write_payment_file(
            goodword.database, goodword.plugins, brand_id=me.brand.id, batch_id=wanted, keyring=goodword.keyring
        )
    except ConflictError as error:
        flash(str(error), "bad")
        return redirect(url_for("admin.payout_batch", brand=brand, batch_id=batch_id), 303)
    subject = f"batch {wanted}"
    database().run(lambda unit: record(unit, me.brand.id, actor=me.email, action="batch.file", subject=subject))
    response = Response(file.content, mimetype=file.media_type)
    response.headers.set("Content-Disposition", "attachment", filename=file.name)
    return response


@blueprint.post("/<brand>/payouts/<batch_id>/paid")
def mark_paid(brand: str, batch_id: str) -> ResponseReturnValue:
    """Record that the bank paid: one payout where a reference is given, else all that are on their way."""
    me = staff()
    form = read_form(PaidForm, request.form.to_dict())
    if form.value is None:
        return _batch_page(batch_id, form), 422
    said, batch = form.value, _batch(batch_id)

    def confirm(unit: UnitOfWork) -> int:
        if said.reference is None:
            return len(confirm_batch(unit, me.brand.id, reference=batch.reference, paid_on=said.paid_on, by=me.email))
        _of_this_batch(unit, me.brand.id, batch.id, said.reference)
        return len(confirm_payouts(unit, me.brand.id, references=[said.reference], paid_on=said.paid_on, by=me.email))

    try:
        number = database().run(confirm)
    except InputError as error:
        form.errors["paid_on"] = f"{error.problem} {error.remedy or ''}".strip()
        return _batch_page(batch_id, form), 422
    except ConflictError as error:
        flash(str(error), "bad")
    else:
        flash(text("%(number)s of this batch are marked paid.", number=number), "good")
    return redirect(url_for("admin.payout_batch", brand=brand, batch_id=batch_id), 303)


@blueprint.post("/<brand>/payouts/<batch_id>/failed")
def mark_failed(brand: str, batch_id: str) -> ResponseReturnValue:
    """Record that a payout did not arrive: its commission is open again."""
    me = staff()
    form = read_form(FailedForm, request.form.to_dict())
    if form.value is None:
        return _batch_page(batch_id, form), 422
    said, batch = form.value, _batch(batch_id)

    def fail(unit: UnitOfWork) -> None:
        _of_this_batch(unit, me.brand.id, batch.id, said.reference)
        fail_payout(unit, me.brand.id, reference=said.reference, reason=said.reason, by=me.email)

    try:
        database().run(fail)
    except ConflictError as error:
        flash(str(error), "bad")
    else:
        flash(text("%(reference)s is marked failed; its commission is open again.", reference=said.reference), "good")
    return redirect(url_for("admin.payout_batch", brand=brand, batch_id=batch_id), 303)


def _confirm_page() -> ResponseReturnValue:
    me = staff()
    with reading() as unit:
        shown = preview(unit, me.brand.id)
        frozen = freeze_of(unit, me.brand.id)
    if frozen or not shown.payouts:
        return redirect(url_for("admin.payout_preview", brand=me.brand.slug), 303)
    rails = [(name, rail.value.title) for name, rail in installation().plugins.payout_rails.items()]
    return render_template("admin/payout_confirm.html", preview=shown, rails=rails, expected=_shown(shown))


def _shown(shown: Preview) -> str:
    return _fingerprint((one.ambassador_id, one.currency, one.amount_minor) for one in shown.payouts)


def _fingerprint(payments: Iterable[tuple[UUID, str, int]]) -> str:
    """Return what is equal only for the same people with the same amounts."""
    return content_hash(sorted([str(person), currency, minor] for person, currency, minor in payments))


def _batch(batch_id: str) -> BatchRow:
    with reading() as unit:
        return batch_by_id(unit, staff().brand.id, batch_id=id_or_404(batch_id))


def _of_this_batch(unit: UnitOfWork, brand_id: UUID, batch_id: UUID, reference: str) -> None:
    if reference not in {row.reference for row in all_of_batch(unit, brand_id, batch_id=batch_id)}:
        raise ConflictError(f"{reference} is not in this batch.")


def _batch_page(batch_id: str, form: Form[PaidForm] | Form[FailedForm] | Form[BaseModel]) -> str:
    me = staff()
    cursor = request.args.get("cursor")
    wanted = id_or_404(batch_id)
    with reading() as unit:
        batch = batch_by_id(unit, me.brand.id, batch_id=wanted)
        page = payouts_of_batch(unit, me.brand.id, batch_id=wanted, cursor=cursor, limit=100)
        zone = zone_of(unit, me.brand.id)
        today = local_date(unit.now, zone)
    set_zone(zone.key)
    return render_template(
        "admin/payout_batch.html",
        batch=batch,
        page=page,
        form=form,
        today=today.isoformat(),
        rail=_rail_title(batch.rail),
        first=cursor is None,
    )


def _rail_title(name: str) -> str:
    try:
        return installation().plugins.payout_rail(name).value.title
    except GoodwordError:
        return name
