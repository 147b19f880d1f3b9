"""Where a brand's staff see who clicked: by day, by ambassador, by link and page, and what was left out."""

from flask import render_template, request
from flask.typing import ResponseReturnValue

from engine.insights.clicks import visited_in_programs
from engine.insights.odd import odd_clicks
from engine.insights.overview import (
    clicked_in_month,
    days_of_month,
    latest_month,
    month_after,
    months_until,
    span_of_month,
    zone_of,
)
from engine.programs.queries import programs_of
from web.addresses import month_or_none
from web.admin import blueprint
from web.charts import day_chart
from web.context import reading, staff
from web.formats import number, set_zone

_SHOWN = 50


@blueprint.get("/<brand>/clicks")
def clicks(brand: str) -> ResponseReturnValue:  # noqa: ARG001 - web.access resolved it
    """Show a month's clicks and what they led to. `?month=YYYY-MM`; `?by=revenue` puts first who sold most."""
    me = staff()
    with reading() as unit:
        zone = zone_of(unit, me.brand.id)
        month = month_or_none(request.args.get("month")) or latest_month(unit, me.brand.id, zone=zone)
        clicked = clicked_in_month(unit, me.brand.id, month=month, zone=zone)
        since, until = days_of_month(month)
        programs = [one.id for one in programs_of(unit, me.brand.id)]
        visited = visited_in_programs(unit, me.brand.id, program_ids=programs, since=since, until=until)
        odd = odd_clicks(unit, me.brand.id, span=span_of_month(month, zone))
    set_zone(zone.key)
    order = "revenue" if request.args.get("by") == "revenue" else "clicks"
    people = clicked.by_revenue() if order == "revenue" else clicked.by_clicks()
    days = [(day, of_day.counted) for day, of_day in visited.days]
    return render_template(
        "admin/clicks.html",
        month=month,
        before=months_until(month, 2)[0],
        after=month_after(month),
        clicked=clicked,
        visited=visited,
        people=people[:_SHOWN],
        targets=visited.targets[:_SHOWN],
        order=order,
        odd=odd,
        chart=day_chart(days, write=number) if visited.total.all else None,
    )
