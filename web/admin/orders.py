"""Orders that could not be worked out: why, and a second try."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from engine.identity.service import record
from engine.insights.orders import blocked_order
from engine.insights.orders import blocked_orders as blocked_page
from engine.insights.overview import zone_of
from engine.kernel.errors import NotFoundError
from web.addresses import id_or_404
from web.admin import blueprint
from web.context import database, installation, reading, staff
from web.formats import set_zone
from web.i18n import text


@blueprint.get("/<brand>/orders/blocked")
def blocked_orders(brand: str) -> ResponseReturnValue:  # noqa: ARG001 - web.access resolved it
    """List blocked orders with the reason of each."""
    me = staff()
    cursor = request.args.get("cursor")
    with reading() as unit:
        page = blocked_page(unit, me.brand.id, cursor=cursor, limit=50)
        set_zone(zone_of(unit, me.brand.id).key)
    return render_template("admin/blocked_orders.html", page=page, first=cursor is None)


@blueprint.post("/<brand>/orders/<order_id>/retry")
def retry_order(brand: str, order_id: str) -> ResponseReturnValue:
    """Try one blocked order again. Trying twice is trying once."""
    me = staff()
    wanted = id_or_404(order_id)
    with reading() as unit:
        order = blocked_order(unit, me.brand.id, order_id=wanted)
    if order is None:
        raise NotFoundError("blocked order", order_id)
    still = installation().pipeline.retry(me.brand.id, [wanted])
    outcome = "still blocked" if still else "freed"
    database().run(
        lambda unit: record(
            unit,
            me.brand.id,
            actor=me.email,
            action="order.retry",
            subject=f"order {wanted}",
            detail={"outcome": outcome},
        )
    )
    if still:
        flash(text("Order %(number)s is still blocked; the reason is below.", number=order.number), "bad")
    else:
        flash(text("Order %(number)s went through.", number=order.number), "good")
    return redirect(url_for("admin.blocked_orders", brand=brand), 303)
