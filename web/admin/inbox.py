"""Webhooks that could not be read: which, why, what is in them, and a second try."""

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from engine.connections.queries import connection_by_id, connections_of
from engine.identity.service import record
from engine.insights.overview import zone_of
from engine.intake.webhooks.pretty import readable
from engine.intake.webhooks.queries import InboxLetter, dead_by_reason, dead_ids, letter, unread
from engine.intake.webhooks.service import lay_aside, replay
from engine.intake.webhooks.tables import InboxState
from engine.kernel.database import UnitOfWork
from engine.pipeline.webhooks import Rehearsal
from web.addresses import id_or_404, id_or_none
from web.admin import blueprint
from web.context import database, installation, reading, staff
from web.formats import set_zone
from web.i18n import text


@blueprint.get("/<brand>/inbox")
def inbox(brand: str) -> ResponseReturnValue:  # noqa: ARG001 - web.access resolved it
    """List webhooks that are dead or wait, by shop and reason."""
    me = staff()
    asked, cursor = request.args.get("show", ""), request.args.get("cursor")
    state = InboxState.WAITING if asked == InboxState.WAITING else InboxState.DEAD
    reason, shop = request.args.get("reason") or None, id_or_none(request.args.get("shop"))
    with reading() as unit:
        page = unread(unit, me.brand.id, state=state, reason=reason, connection_id=shop, cursor=cursor, limit=50)
        reasons, shops = dead_by_reason(unit, me.brand.id), connections_of(unit, me.brand.id)
        zone = zone_of(unit, me.brand.id)
    set_zone(zone.key)
    kept = {key: value for key, value in (("show", state.value), ("reason", reason), ("shop", shop)) if value}
    return render_template(
        "admin/inbox.html",
        page=page,
        state=state.value,
        reason=reason,
        shop=str(shop or ""),
        reasons=reasons,
        shops=shops,
        kept=kept,
        first=cursor is None,
    )


@blueprint.get("/<brand>/inbox/<webhook_id>")
def webhook(brand: str, webhook_id: str) -> ResponseReturnValue:  # noqa: ARG001
    """Show one webhook with its body."""
    return _page(_letter(id_or_404(webhook_id)))


@blueprint.post("/<brand>/inbox/<webhook_id>/rehearse")
def rehearse_webhook(brand: str, webhook_id: str) -> ResponseReturnValue:  # noqa: ARG001
    """Say what reading the webhook would do now, and do nothing."""
    me, found = staff(), _letter(id_or_404(webhook_id))
    if found.body is None:
        return _page(found, Rehearsal(problem=text("Its bytes are no longer kept.")))
    with reading() as unit:
        view = connection_by_id(unit, me.brand.id, connection_id=found.row.connection_id)
    told = (
        installation()
        .webhook_reader()
        .rehearse(view, key=found.row.delivery_key, topic=found.row.topic, body=found.body)
    )
    return _page(found, told)


@blueprint.post("/<brand>/inbox/<webhook_id>/replay")
def replay_webhook(brand: str, webhook_id: str) -> ResponseReturnValue:
    """Read one webhook again."""
    wanted = id_or_404(webhook_id)
    _letter(wanted)  # 404 where it is not this brand's
    read, left = _replayed([wanted], subject=f"webhook {wanted}")
    if read:
        flash(text("The webhook was read."), "good")
    elif left:
        flash(text("The webhook still cannot be read; the reason is below."), "bad")
    else:
        flash(text("The webhook waits to be read."))
    return redirect(url_for("admin.webhook", brand=brand, webhook_id=wanted), 303)


@blueprint.post("/<brand>/inbox/<webhook_id>/lay-aside")
def lay_aside_webhook(brand: str, webhook_id: str) -> ResponseReturnValue:
    """Give up one dead webhook for good."""
    me, wanted = staff(), id_or_404(webhook_id)
    found = _letter(wanted)  # 404 where it is not this brand's

    def work(unit: UnitOfWork) -> int:
        count = lay_aside(unit, me.brand.id, ids=[wanted])
        subject, detail = f"webhook {wanted}", {"reason": found.row.reason}
        record(unit, me.brand.id, actor=me.email, action="inbox.lay_aside", subject=subject, detail=detail)
        return count

    if database().run(work):
        flash(text("The webhook is laid aside and its bytes are forgotten."), "good")
    return redirect(url_for("admin.inbox", brand=brand), 303)


@blueprint.post("/<brand>/inbox/replay")
def replay_webhooks(brand: str) -> ResponseReturnValue:
    """Make all dead webhooks, or those of one reason, due again; the worker reads them."""
    me, reason = staff(), request.form.get("reason") or None
    with reading() as unit:
        ids = dead_ids(unit, me.brand.id, reason=reason)
    due = database().run(lambda unit: replay(unit, me.brand.id, ids=ids))
    _write_down(reason or "all dead webhooks", replayed=len(due))
    flash(text("Webhooks that are read again now: %(number)s.", number=len(due)), "good")
    return redirect(url_for("admin.inbox", brand=brand, show="waiting"), 303)


def _replayed(ids: list[UUID], *, subject: str) -> tuple[int, int]:
    """Read webhooks again, now; return how many were read and how many are still dead."""
    me = staff()
    due = database().run(lambda unit: replay(unit, me.brand.id, ids=ids))
    installation().webhook_reader().read(due)
    with reading() as unit:
        states = [letter(unit, me.brand.id, webhook_id=each).row.state for each in ids]
    _write_down(subject, replayed=len(due))
    return states.count(InboxState.DONE), states.count(InboxState.DEAD)


def _write_down(subject: str, *, replayed: int) -> None:
    me = staff()
    detail = {"replayed": replayed}
    database().run(
        lambda unit: record(unit, me.brand.id, actor=me.email, action="inbox.replay", subject=subject, detail=detail)
    )


def _letter(webhook_id: UUID) -> InboxLetter:
    with reading() as unit:
        return letter(unit, staff().brand.id, webhook_id=webhook_id)


def _page(found: InboxLetter, told: Rehearsal | None = None) -> str:
    with reading() as unit:
        zone = zone_of(unit, staff().brand.id)
    set_zone(zone.key)
    body = None if found.body is None else readable(found.body)
    said = (
        [f"{type(event).__name__.removesuffix('Event')} {event.external_id}" for event in told.events] if told else []
    )
    return render_template("admin/webhook.html", row=found.row, body=body, told=told, said=said)
