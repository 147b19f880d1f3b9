"""What a monitor asks: whether this installation does its work. No figures, since anybody may ask."""

from flask import jsonify
from flask.typing import ResponseReturnValue

from engine.insights.health import Level, health
from web.context import database
from web.public import blueprint


@blueprint.get("/health")
def health_check() -> ResponseReturnValue:
    """Answer 200 where all works, 503 where something is failing, with the level of each thing looked at."""
    found = health(database())
    response = jsonify(
        level=found.level.name.lower(), checks={check.name: check.level.name.lower() for check in found.checks}
    )
    response.headers["Cache-Control"] = "no-store"
    return response, 503 if found.level is Level.FAILING else 200
