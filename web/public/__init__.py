"""Pages for everybody: start, sign in and out, apply."""

from flask import Blueprint

blueprint = Blueprint("public", __name__)

from web.public import health, joining, landing, media, signing_in  # noqa: E402, F401 - they add their routes to the blueprint
