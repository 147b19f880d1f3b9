"""Draws landing pages, for visitors and for previews."""

from typing import Final

from flask import Response, make_response, render_template

from engine.insights.landing import LandingFacts, landing_of
from engine.tracking.clicks.rules import PLACEHOLDER
from web.context import installation
from web.i18n import speak_as, text

_OWN: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors "
)
PAGE_POLICY: Final = f"{_OWN}'none'"
PREVIEW_POLICY: Final = f"{_OWN}'self'"
"""A preview may stand in a frame of ours, and of nobody else's."""


def visitors_page(facts: LandingFacts) -> Response:
    """Return the page that all visitors get; `PLACEHOLDER` stands where each one's own click id goes."""
    response = make_response(_drawn(facts, click=PLACEHOLDER))
    response.headers["Content-Security-Policy"] = PAGE_POLICY
    return response


def previewed(facts: LandingFacts) -> Response:
    """Return the page as visitors would get it: without a click id, without scripts, to be shown in a frame."""
    response = make_response(_drawn(facts, click=None))
    response.headers["Content-Security-Policy"] = PREVIEW_POLICY
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response


def _drawn(facts: LandingFacts, *, click: str | None) -> str:
    goodword = installation()
    landing = landing_of(facts, host=goodword.plugins, click=click)
    speak_as(landing.language)
    origin = goodword.settings.base_url
    address = f"{origin}/a/{landing.handle}"
    # The sentence that we propose is said in the page's language, a brand's own as the brand wrote it.
    label = text(landing.disclosure_label) if landing.disclosure_label else text("Ad")
    return render_template(
        "public/landing.html",
        landing=landing,
        origin=origin,
        address=address,
        preview=not click,
        disclosure=(label, text(landing.disclosure)),
    )
