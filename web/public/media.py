"""Pictures and colours, which never change under their address and may be kept for ever; what robots may read."""

from typing import Final

from flask import Response, abort, request
from flask.typing import ResponseReturnValue

from engine.tracking.pages.palette import stylesheet
from engine.tracking.site.assets import picture
from engine.tracking.site.colours import ColourRefusedError, checked_colour
from web.addresses import id_or_404
from web.context import reading
from web.public import blueprint

_FOR_EVER: Final = "public, max-age=31536000, immutable"
_NOTHING: Final = "default-src 'none'; sandbox"
_NOT_FOR_ROBOTS: Final = ("/admin/", "/portal/", "/sign-in", "/r/", "/hooks/")


@blueprint.get("/media/<asset_id>.<extension>")
def media(asset_id: str, extension: str) -> ResponseReturnValue:
    """Hand out a picture as we drew it. Even opened by itself it can do nothing."""
    wanted = id_or_404(asset_id)
    with reading() as unit:
        found = picture(unit, wanted)
    if found is None or found.extension != extension:
        abort(404)
    response = Response(found.body, mimetype=found.content_type)
    response.set_etag(found.sha256)
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"  # mails and networks show it too
    return _kept(response)


@blueprint.get("/media/<colour>.css")
def colours(colour: str) -> ResponseReturnValue:
    """Hand out the tones of a brand's colour: a style sheet, so that pages need no styles inside."""
    try:
        known = checked_colour(f"#{colour}")
    except ColourRefusedError:
        abort(404)
    if known != f"#{colour}":
        abort(404)
    return _kept(Response(stylesheet(known), mimetype="text/css"))


@blueprint.get("/robots.txt")
def robots() -> ResponseReturnValue:
    """Say which pages search engines may show: those for everybody. A link would count their visits as a person's."""
    lines = ("User-agent: *", *(f"Disallow: {path}" for path in _NOT_FOR_ROBOTS), "")
    return Response("\n".join(lines), mimetype="text/plain")


def _kept(response: Response) -> Response:
    response.headers["Cache-Control"] = _FOR_EVER
    response.headers["Content-Security-Policy"] = _NOTHING
    response.make_conditional(request)
    return response
