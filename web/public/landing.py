"""Ambassadors' pages: the same HTML for every visitor, so that the front may keep it, and the answer about consent."""

from datetime import timedelta
from typing import Final

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from engine.insights.landing import read_landing
from engine.tracking.pages.queries import public_page
from engine.tracking.pages.rules import handle_or_none
from web.context import installation, reading
from web.landing import visitors_page
from web.public import blueprint

CONSENT_COOKIE: Final = "gw_consent"
_REMEMBERED: Final = timedelta(days=180)
_ANSWERS: Final = {"yes": ("1", "agreed"), "no": ("0", "declined")}


@blueprint.get("/a/<handle>")
def landing(handle: str) -> ResponseReturnValue:
    """Show an ambassador's page; nothing is there where it is unknown, not approved, hidden or its owner not active."""
    goodword = installation()
    with reading() as unit:
        page = public_page(unit, handle) if handle_or_none(handle) == handle else None
        if page is None:
            abort(404)
        facts = read_landing(unit, page, host=goodword.plugins, keyring=goodword.keyring)
    return visitors_page(facts)


@blueprint.post("/a/<handle>/consent")
def consent(handle: str) -> ResponseReturnValue:
    """Remember whether a visitor agreed. The form is on a page made for everybody, so it has no token.

    A foreign site could only answer in a visitor's stead, and its requests are known by where they come from.
    """
    answer = _ANSWERS.get(request.form.get("answer", ""))
    if answer is None or not _from_here():
        abort(400)
    if handle_or_none(handle) != handle:
        abort(404)
    value, said = answer
    response = redirect(url_for("public.landing", handle=handle, _anchor=said), 303)
    response.set_cookie(
        CONSENT_COOKIE,
        value,
        max_age=_REMEMBERED,
        path="/",
        samesite="Lax",
        secure=installation().settings.secure_cookies,
    )
    return response


def _from_here() -> bool:
    """Tell whether a form was sent from this site, as far as the browser says: old ones say nothing."""
    site = request.headers.get("Sec-Fetch-Site")
    return site is None or site == "same-origin"
