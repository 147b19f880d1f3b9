"""The one cookie that signs somebody in."""

from flask import Response, request

from engine.identity.rules import SESSION_LIMITS
from engine.identity.tables import Realm
from web.context import installation


def cookie_name() -> str:
    """Return the cookie's name; over https with the prefix that browsers accept for this host alone."""
    return "__Host-gw_session" if installation().settings.secure_cookies else "gw_session"


def session_token() -> str | None:
    """Return the token that the browser brought."""
    return request.cookies.get(cookie_name())


def give(response: Response, token: str, *, realm: Realm) -> None:
    """Let the browser keep a session; that of staff ends with the browser."""
    lifetime = SESSION_LIMITS[realm].absolute if realm is Realm.AMBASSADOR else None
    response.set_cookie(
        cookie_name(),
        token,
        max_age=lifetime,
        path="/",
        httponly=True,
        samesite="Lax",
        secure=installation().settings.secure_cookies,
    )


def take_back(response: Response) -> None:
    """Make the browser forget its session."""
    response.delete_cookie(
        cookie_name(), path="/", httponly=True, samesite="Lax", secure=installation().settings.secure_cookies
    )
