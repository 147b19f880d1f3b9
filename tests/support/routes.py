"""Every route of the web app, with addresses that can be opened."""

import re
from collections.abc import Iterator
from uuid import uuid4

from flask import Flask
from werkzeug.routing import Rule

from web.access import ROUTES


def routes(app: Flask) -> Iterator[Rule]:
    """Yield the routes that the access table knows."""
    return (rule for rule in app.url_map.iter_rules() if rule.endpoint in ROUTES)


def methods(rule: Rule) -> list[str]:
    """Return the methods that do something."""
    return sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})


def address_of(app: Flask, rule: Rule, **known: str) -> str:
    """Return an address of a route, with what is known filled in."""
    with app.test_request_context():
        built = rule.build(arguments(rule, **known))
    assert built is not None, rule
    return built[1]


def only(pattern: str, page: str) -> str:
    """Return what the one group of `pattern` first matches in a page."""
    found = re.search(pattern, page)
    assert found is not None, f"{pattern} is not in the page"
    return found[1]


def arguments(rule: Rule, **known: str) -> dict[str, str]:
    """Return what fills an address: for what is not known, an id that belongs to nobody."""
    return {name: known.get(name, "x" if name == "token" else str(uuid4())) for name in rule.arguments}
