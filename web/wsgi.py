"""What a WSGI server is pointed at: `web.wsgi:serve_app`, a factory that reads the environment."""

from engine.bootstrap import Goodword, start
from engine.tracking.clicks.tracker import Tracker
from web.app import create_app
from web.front import Front
from web.hooks import Hooks


def serve_app() -> Front:
    """Return the app of the installation that the environment describes."""
    return front(start())


def front(goodword: Goodword) -> Front:
    """Return everything that an installation answers over HTTP: links, pages and webhooks before Flask, then Flask."""
    return Front(
        create_app(goodword),
        Tracker(goodword.database, goodword.keyring),
        hooks=Hooks(goodword),
        proxies=goodword.settings.proxies,
        secure_cookies=goodword.settings.secure_cookies,
    )
