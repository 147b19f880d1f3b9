"""The ambassadors' portal."""

from typing import Any

from flask import Blueprint

from web.context import visitor

blueprint = Blueprint("portal", __name__, url_prefix="/portal")


@blueprint.context_processor
def _me() -> dict[str, Any]:
    return {"me": visitor().ambassador}


from web.portal import earnings, home, links, page, payouts  # noqa: E402, F401 - they add their routes to the blueprint
