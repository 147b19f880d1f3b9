"""The brands' admin panel."""

from typing import Any

from flask import Blueprint

from engine.connections.queries import open_alarms
from engine.identity.rules import Permission, may
from engine.insights.overview import waiting
from engine.intake.webhooks.queries import dead_by_reason
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
            "waiting_alarms": len(open_alarms(unit, me.brand.id)),
            "waiting_webhooks": sum(dead_by_reason(unit, me.brand.id).values()),
            "waiting_pages": count_waiting(unit, me.brand.id),
            "may": lambda name: may(me.role, Permission(name)),
        }


from web.admin import (  # noqa: E402 - their routes
    applications,  # noqa: F401
    clicks,  # noqa: F401
    commissions,  # noqa: F401
    inbox,  # noqa: F401
    orders,  # noqa: F401
    overview,  # noqa: F401
    pages,  # noqa: F401
    payouts,  # noqa: F401
    plugins,  # noqa: F401
    products,  # noqa: F401
    shop_work,  # noqa: F401
    shops,  # noqa: F401
    site,  # noqa: F401
)
