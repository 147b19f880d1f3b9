"""Where an ambassador arrives: what changed, what stands where, the codes to share."""

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from engine.identity.queries import rooms_of
from engine.insights.commissions import CommissionFilter, commissions
from engine.insights.home import home_of
from web.charts import day_chart
from web.context import ambassador, reading, visitor
from web.formats import number, set_zone
from web.portal import blueprint


@blueprint.get("/")
def rooms() -> ResponseReturnValue:
    """Lead to the one brand, or let choose among several."""
    session = visitor().session
    assert session is not None  # noqa: S101 - web.access lets nobody else in here
    with reading() as unit:
        found = rooms_of(unit, session.login_id).ambassador
    if len(found) == 1:
        return redirect(url_for("portal.home", brand=found[0].brand.slug), 303)
    return render_template("public/rooms.html", rooms=found, endpoint="portal.home")


@blueprint.get("/<brand>/")
def home(brand: str) -> ResponseReturnValue:  # noqa: ARG001 - web.access resolved it
    """Show the home of an ambassador."""
    me = ambassador()
    with reading() as unit:
        shown = home_of(unit, me.brand.id, ambassador_id=me.ambassador_id)
        latest = commissions(unit, me.brand.id, wanted=CommissionFilter(ambassador_id=me.ambassador_id), limit=8)
    if shown.memberships:
        set_zone(shown.memberships[0].time_zone)
    days = [(day, clicks.counted) for day, clicks in shown.month.visited.days]
    chart = day_chart(days, write=number) if shown.month.visited.total.all else None
    return render_template("portal/home.html", home=shown, latest=latest, chart=chart)
