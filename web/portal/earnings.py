"""Every commission of an ambassador, and why each is what it is."""

from flask import render_template, request
from flask.typing import ResponseReturnValue

from engine.insights.commissions import CommissionFilter, commissions
from engine.insights.home import balances_of
from engine.insights.why import why_of
from web.addresses import id_or_404
from web.context import ambassador, reading
from web.formats import set_zone
from web.portal import blueprint


@blueprint.get("/<brand>/earnings")
def earnings(brand: str) -> ResponseReturnValue:  # noqa: ARG001 - web.access resolved it
    """List commission rows, newest first."""
    me = ambassador()
    cursor = request.args.get("cursor")
    with reading() as unit:
        page = commissions(
            unit, me.brand.id, wanted=CommissionFilter(ambassador_id=me.ambassador_id), cursor=cursor, limit=30
        )
        balances = balances_of(unit, me.brand.id, ambassador_id=me.ambassador_id)
    if page.rows:
        set_zone(page.rows[0].time_zone)
    return render_template("portal/earnings.html", page=page, balances=balances, first=cursor is None)


@blueprint.get("/<brand>/earnings/<commission_id>")
def why(brand: str, commission_id: str) -> ResponseReturnValue:  # noqa: ARG001 - web.access resolved it
    """Say why one commission is what it is: the sentence, then the steps."""
    me = ambassador()
    with reading() as unit:
        found = why_of(unit, me.brand.id, commission_id=id_or_404(commission_id), ambassador_id=me.ambassador_id)
    set_zone(found.row.time_zone)
    return render_template("portal/why.html", why=found)
