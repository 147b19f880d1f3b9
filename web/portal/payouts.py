"""What an ambassador was paid, and which commissions each payout is made of."""

from flask import abort, render_template, request
from flask.typing import ResponseReturnValue

from engine.insights.commissions import commissions_in_payout
from engine.insights.home import balances_of, memberships_of
from engine.payouts.queries import minimums, payout_of_ambassador, payouts_of_ambassador
from engine.payouts.tables import PayoutState
from web.addresses import id_or_404
from web.context import ambassador, reading
from web.formats import set_zone
from web.portal import blueprint


@blueprint.get("/<brand>/payouts")
def payouts(brand: str) -> ResponseReturnValue:  # noqa: ARG001 - web.access resolved it
    """List payouts, newest first. A draft is the brand's business until it is submitted."""
    me = ambassador()
    cursor = request.args.get("cursor")
    with reading() as unit:
        page = payouts_of_ambassador(unit, me.brand.id, ambassador_id=me.ambassador_id, cursor=cursor, limit=30)
        balances = balances_of(unit, me.brand.id, ambassador_id=me.ambassador_id)
        least = minimums(unit, me.brand.id)
        memberships = memberships_of(unit, me.brand.id, ambassador_id=me.ambassador_id)
    if memberships:
        set_zone(memberships[0].time_zone)
    return render_template("portal/payouts.html", page=page, balances=balances, minimums=least, first=cursor is None)


@blueprint.get("/<brand>/payouts/<payout_id>")
def payout(brand: str, payout_id: str) -> ResponseReturnValue:  # noqa: ARG001 - web.access resolved it
    """Show one payout as a statement: every commission row that it holds."""
    me = ambassador()
    cursor = request.args.get("cursor")
    wanted = id_or_404(payout_id)
    with reading() as unit:
        shown = payout_of_ambassador(unit, me.brand.id, ambassador_id=me.ambassador_id, payout_id=wanted)
        page = commissions_in_payout(
            unit, me.brand.id, payout_id=wanted, ambassador_id=me.ambassador_id, cursor=cursor, limit=100
        )
    if shown.state == PayoutState.DRAFT:
        abort(404)
    if page.rows:
        set_zone(page.rows[0].time_zone)
    return render_template("portal/payout.html", payout=shown, page=page, first=cursor is None)
