"""The brands' admin panel."""

from typing import Any

from flask import Blueprint

from engine.identity.rules import Permission, may
from engine.insights.overview import waiting
from engine.tracking.pages.queries import count_waiting
from web.context import reading, visitor

blueprint = Blueprint("admin", __name__, url_prefix="/admin")


@blueprint.context_processor
def _me() -> dict[str, Any]:
    me = visitor().staff
    if me is None:
        return {}
    with reading() as unit:
        return {
            "me": me,
            "waiting": waiting(unit, me.brand.id),
            "waiting_pages": count_waiting(unit, me.brand.id),
            "may": lambda name: may(me.role, Permission(name)),
        }


from web.admin import applications, commissions, orders, overview, pages, payouts, plugins, products  # noqa: E402, F401 - their routes
