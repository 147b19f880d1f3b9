"""What a WSGI server is pointed at: `web.wsgi:serve_app`, a factory that reads the environment."""

from flask import Flask

from engine.bootstrap import start
from web.app import create_app


def serve_app() -> Flask:
    """Return the app of the installation that the environment describes."""
    return create_app(start())
