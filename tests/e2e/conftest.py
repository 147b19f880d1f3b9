"""A real server on loopback with a small brand, and a browser that stands before it."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from werkzeug.serving import make_server

from engine.identity.tables import Realm
from tests.conftest import START
from tests.support.shop import Past, Shop, installation
from web.app import create_app

AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="session")
def past(sqlite_backend, tmp_path_factory) -> Past:
    return Past.make(sqlite_backend, tmp_path_factory.mktemp("past"), start=START)


@pytest.fixture
def served(past, tmp_path, clock) -> Iterator[tuple[Shop, str]]:
    """A brand with a past behind a server; return it with the server's address."""
    database = past.open(tmp_path, clock)
    goodword = installation(database, tmp_path)
    shop = past.shop_in(goodword, clock)
    server = make_server("127.0.0.1", 0, create_app(goodword, mail_in_background=False), threaded=True)
    address = f"http://127.0.0.1:{server.server_port}"
    object.__setattr__(goodword.settings, "base_url", address)  # known only now that the server has its port
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield shop, address
    server.shutdown()
    thread.join()
    server.server_close()
    database.close()


@pytest.fixture
def page_of(served, browser: Browser) -> Iterator[Callable[..., Page]]:
    """Return a page of a browser that is signed in as somebody, or not; what it says on the console is an error."""
    shop, address = served
    contexts: list[Any] = []
    spoken: list[str] = []

    def make(email: str | None = None, realm: Realm = Realm.STAFF, **options: Any) -> Page:
        context = browser.new_context(base_url=address, locale="en-GB", **options)
        contexts.append(context)
        if email is not None:
            cookie = {"name": "gw_session", "value": shop.session(email, realm), "url": address}
            context.add_cookies([cookie])  # type: ignore[list-item]  # a dict is one
        page = context.new_page()
        page.on(
            "console", lambda message: spoken.append(message.text) if message.type in {"error", "warning"} else None
        )
        page.on("pageerror", lambda error: spoken.append(str(error)))
        return page

    yield make
    for context in contexts:
        context.close()
    assert [words for words in spoken if "the server responded with a status of 4" not in words] == []
