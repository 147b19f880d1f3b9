"""Where brand staff arrive: a month beside the one before, and what waits for them."""

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from engine.identity.queries import rooms_of
from engine.insights.overview import month_after, months_until, overview_of
from engine.payouts.open import preview
from web.addresses import month_or_none
from web.admin import blueprint
from web.charts import NARROW, bar_chart
from web.context import reading, staff, visitor
from web.formats import money, month, set_zone


@blueprint.get("/")
def rooms() -> ResponseReturnValue:
    """Lead to the one brand, or let choose among several."""
    session = visitor().session
    assert session is not None  # noqa: S101 - web.access lets nobody else in here
    with reading() as unit:
        found = rooms_of(unit, session.login_id).staff
    if len(found) == 1:
        return redirect(url_for("admin.overview", brand=found[0].brand.slug), 303)
    return render_template("public/rooms.html", rooms=found, endpoint="admin.overview")


@blueprint.get("/<brand>/")
def overview(brand: str) -> ResponseReturnValue:  # noqa: ARG001 - web.access resolved it
    """Show a brand's month. `?month=YYYY-MM` shows another one; nonsense shows the newest."""
    me = staff()
    with reading() as unit:
        shown = overview_of(unit, me.brand.id, month=month_or_none(request.args.get("month")))
        next_payout = preview(unit, me.brand.id)
    set_zone(shown.time_zone)
    chart = None
    if shown.year:
        currency = shown.year.currency
        columns = [(month(key, "MMM"), amount, money(amount, currency)) for key, amount in shown.year.months]
        chart = {"wide": bar_chart(columns), "narrow": bar_chart(columns[-6:], width=NARROW)}
    before, after = months_until(shown.this_month.month, 2)[0], month_after(shown.this_month.month)
    return render_template(
        "admin/overview.html", overview=shown, preview=next_payout, chart=chart, before=before, after=after
    )
