"""Puts the web together from an installation; nothing happens at import."""

from datetime import timedelta

from flask import Flask
from jinja2 import StrictUndefined
from werkzeug.middleware.proxy_fix import ProxyFix

from engine.bootstrap import Goodword
from web.access import guard
from web.admin import blueprint as admin
from web.context import visitor
from web.errors import answer_errors
from web.formats import teach
from web.i18n import speak
from web.mailing import MailRoom
from web.portal import blueprint as portal
from web.public import blueprint as public
from web.security import protect
from web.static_files import serve_static


def create_app(goodword: Goodword, *, mail_in_background: bool = True) -> Flask:
    """Return the web app of an installation: public pages, the ambassadors' portal, the brands' admin panel."""
    app = Flask(__name__, static_folder=None)
    app.config.update(
        SECRET_KEY=goodword.keyring.sign("web", "state"),
        SESSION_COOKIE_NAME="__Host-gw_state" if goodword.settings.secure_cookies else "gw_state",
        SESSION_COOKIE_SECURE=goodword.settings.secure_cookies,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_HTTPONLY=True,
        PERMANENT_SESSION_LIFETIME=timedelta(days=1),
        WTF_CSRF_TIME_LIMIT=None,
        MAX_CONTENT_LENGTH=1024 * 1024,
        MAX_FORM_PARTS=100,
        MAX_FORM_MEMORY_SIZE=256 * 1024,
    )
    app.extensions["goodword"] = goodword
    app.extensions["goodword_mail"] = MailRoom(goodword, background=mail_in_background)
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals["visitor"] = visitor
    speak(app)
    teach(app)
    guard(app)
    protect(app)
    answer_errors(app)
    for blueprint in (public, portal, admin):
        app.register_blueprint(blueprint)
    serve_static(app)
    if proxies := goodword.settings.proxies:  # believed only as far as they are ours: limits count by source
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]
    return app
