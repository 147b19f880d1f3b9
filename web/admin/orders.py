"""A brand's orders: who got the credit, why nobody did, and a second try for those that could not be worked out."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from engine.identity.service import record
from engine.insights.orders import OrderView, blocked_order
from engine.insights.orders import orders as order_page
from engine.insights.overview import zone_of
from engine.kernel.clock import month_end, month_start
from engine.kernel.errors import NotFoundError
from web.addresses import id_or_404, month_or_none
from web.admin import blueprint
from web.context import database, installation, reading, staff
from web.formats import set_zone
from web.i18n import text


@blueprint.get("/<brand>/orders")
def orders(brand: str) -> ResponseReturnValue:  # noqa: ARG001 - web.access resolved it
    """List orders by what became of them, of one month or of all."""
    me = staff()
    asked, cursor = request.args.get("show", ""), request.args.get("cursor")
    view = OrderView(asked) if asked in set(OrderView) else OrderView.ALL
    month = month_or_none(request.args.get("month"))
    with reading() as unit:
        zone = zone_of(unit, me.brand.id)
        page = order_page(
            unit,
            me.brand.id,
            view=view,
            placed_from=month_start(month, zone) if month else None,
            placed_before=month_end(month, zone) if month else None,
            cursor=cursor,
            limit=50,
        )
    set_zone(zone.key)
    kept = {key: value for key, value in (("show", view.value), ("month", month)) if value}
    return render_template(
        "admin/orders.html", page=page, view=view.value, month=month, kept=kept, first=cursor is None
    )


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
    detail = {"outcome": "still blocked" if still else "freed"}
    subject = f"order {wanted}"
    database().run(
        lambda unit: record(unit, me.brand.id, actor=me.email, action="order.retry", subject=subject, detail=detail)
    )
    if still:
        flash(text("Order %(number)s is still blocked; the reason is below.", number=order.number), "bad")
    else:
        flash(text("Order %(number)s went through.", number=order.number), "good")
    return redirect(url_for("admin.orders", brand=brand, show="blocked"), 303)
