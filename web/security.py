"""What every answer says about itself, and which addresses a redirect may lead to."""

from typing import Final
from urllib.parse import urlsplit

from flask import Flask, Response, request
from flask_wtf.csrf import CSRFProtect

from web.access import ROUTES
from web.context import installation, visitor

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""Nothing inline, so no nonce is needed: scripts and styles are files of ours. Frames show previews of ours only."""

FREE_OF_TOKENS: Final = ("web.public.landing.consent",)
"""Views that take a POST without a token: it does no harm, and their form stands on pages made for everybody."""

HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}


def protect(app: Flask) -> None:
    """Ask for a CSRF token with every POST and set the headers on every answer."""
    csrf = CSRFProtect(app)
    for view in FREE_OF_TOKENS:
        csrf.exempt(view)
    app.after_request(_set_headers)


def _set_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if installation().settings.secure_cookies:
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    access = ROUTES.get(request.endpoint or "")
    if access is not None and access.shared:
        response.headers.setdefault("Cache-Control", "no-cache")
        return response
    if visitor().session is not None or access is None or access.realm is not None:
        response.headers["Cache-Control"] = "no-store"
    else:
        response.headers.setdefault("Cache-Control", "no-cache, private")
    response.vary.update(("Cookie", "Accept-Language"))
    return response


def safe_next(address: str | None) -> str | None:
    r"""Return `address` where it is a path of this site, else None: a link must not lead a signed-in person elsewhere.

    Browsers read `\` as `/` and drop tabs and line breaks, so none of these may be in it.
    """
    if not address or len(address) > 500 or not address.isprintable() or "\\" in address:
        return None
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    if parts.scheme or parts.netloc or address[0] != "/" or address.startswith("//"):
        return None
    return address
