"""Every commission row of a brand, and why each is what it is."""

import json

from flask import render_template, request
from flask.typing import ResponseReturnValue

from engine.insights.commissions import CommissionFilter, MoneyState
from engine.insights.commissions import commissions as commission_page
from engine.insights.overview import zone_of
from engine.insights.people import ambassador_names
from engine.insights.why import why_of
from engine.kernel.clock import month_end, month_start
from engine.programs.queries import programs_of
from web.addresses import id_or_404, id_or_none, month_or_none
from web.admin import blueprint
from web.context import reading, staff
from web.formats import set_zone


@blueprint.get("/<brand>/commissions")
def commissions(brand: str) -> ResponseReturnValue:  # noqa: ARG001 - web.access resolved it
    """List rows, newest first, by program, ambassador and state."""
    me = staff()
    asked, cursor = request.args, request.args.get("cursor")
    state = asked.get("state", "")
    month = month_or_none(asked.get("month"))
    with reading() as unit:
        zone = zone_of(unit, me.brand.id)
        wanted = CommissionFilter(
            program_id=id_or_none(asked.get("program")),
            ambassador_id=id_or_none(asked.get("ambassador")),
            state=MoneyState(state) if state in set(MoneyState) else None,
            booked_from=month_start(month, zone) if month else None,
            booked_before=month_end(month, zone) if month else None,
        )
        page = commission_page(unit, me.brand.id, wanted=wanted, cursor=cursor, limit=50)
        programs = programs_of(unit, me.brand.id)
        people = ambassador_names(unit, me.brand.id)
    set_zone(zone.key)
    kept = {key: asked[key] for key in ("program", "ambassador", "state", "month") if asked.get(key)}
    return render_template(
        "admin/commissions.html",
        page=page,
        programs=[(str(one.id), one.name) for one in programs],
        people=[(str(key), name) for key, name in people],
        kept=kept,
        month=month,
        first=cursor is None,
    )


@blueprint.get("/<brand>/commissions/<commission_id>")
def commission(brand: str, commission_id: str) -> ResponseReturnValue:  # noqa: ARG001 - web.access resolved it
    """Say why one row is what it is, with the raw record."""
    me = staff()
    with reading() as unit:
        found = why_of(unit, me.brand.id, commission_id=id_or_404(commission_id))
    set_zone(found.row.time_zone)
    credit = found.credit
    record = dict(found.record)
    if credit:
        record["decision"] = {
            "outcome": credit.outcome,
            "rule": credit.rule,
            "reason": credit.reason,
            "decided_at": credit.decided_at.isoformat(),
            "candidates": [dict(candidate) for candidate in credit.candidates],
        }
    return render_template(
        "admin/commission.html", why=found, record=json.dumps(record, indent=2, ensure_ascii=False, default=str)
    )
