"""A web app over a small brand, and clients that are signed in as somebody."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from engine.identity.tables import Realm
from tests.conftest import START
from tests.support.shop import Past, Shop, installation, open_shop
from web.app import create_app

PLACES = {"handle": "anna-berg", "version": "newest", "extension": "jpg", "kind": "svg", "colour": "2f7054"}
"""What else stands in addresses of the brand with a past."""


@pytest.fixture
def backend(sqlite_backend):
    """Pages are tried on SQLite; what they read is tested on both databases."""
    return sqlite_backend


@pytest.fixture(scope="session")
def past(sqlite_backend, tmp_path_factory) -> Past:
    return Past.make(sqlite_backend, tmp_path_factory.mktemp("past"), start=START)


@pytest.fixture
def db(request, fresh_db, clock, tmp_path):
    """An empty database, or a copy of the one with a past where the test asks for `full_shop`."""
    if "full_shop" not in request.fixturenames:
        yield fresh_db()
        return
    database = request.getfixturevalue("past").open(tmp_path, clock)
    yield database
    database.close()


@pytest.fixture
def goodword(db, tmp_path):
    return installation(db, tmp_path)


@pytest.fixture
def shop(request, goodword, clock) -> Shop:
    """A brand with staff and nothing else, unless the test asks for `full_shop`."""
    if "full_shop" not in request.fixturenames:
        return open_shop(goodword, clock)
    made: Shop = request.getfixturevalue("past").shop_in(goodword, clock)
    return made


@pytest.fixture
def full_shop(shop) -> Shop:
    """The brand with a past: four months of orders, a paid payout, people who wait."""
    return shop


@pytest.fixture
def app(goodword) -> Flask:
    """The app, with its forms accepted as they are; CSRF has tests of its own."""
    app = create_app(goodword, mail_in_background=False)
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False, PROPAGATE_EXCEPTIONS=False)
    return app


class Signed(FlaskClient):
    """A client whose session is renewed with every request, so that a test may turn the clock."""

    renew: Callable[[], str]

    def open(self, *args: Any, **kwargs: Any) -> Any:
        self.set_cookie("gw_session", self.renew())
        return super().open(*args, **kwargs)


@pytest.fixture
def signed_in(app, shop) -> Callable[..., FlaskClient]:
    """Return a client that is signed in once, or one that is not."""

    def client(email: str | None = None, realm: Realm = Realm.STAFF) -> FlaskClient:
        made = app.test_client()
        if email is not None:
            made.set_cookie("gw_session", shop.session(email, realm))
        return made

    return client


@pytest.fixture
def always(app, shop) -> Callable[..., FlaskClient]:
    """Return a client that stays signed in, whatever the clock says."""

    def client(email: str, realm: Realm = Realm.STAFF) -> FlaskClient:
        made = Signed(app, app.response_class)
        made.renew = lambda: shop.session(email, realm)
        return made

    return client


@pytest.fixture
def owner(always) -> FlaskClient:
    return always("owner@bean.example")


@pytest.fixture
def ids(full_shop, db) -> dict[str, str]:
    """Return one existing id for each kind of address of the brand with a past."""
    queries = {
        "enrollment_id": "SELECT id FROM enrollment WHERE state = 'applied'",
        "commission_id": "SELECT id FROM commission",
        "batch_id": "SELECT id FROM payout_batch",
        "payout_id": "SELECT id FROM payout",
        "page_id": "SELECT page_id FROM landing_version WHERE state = 'approved'",
        "product_id": "SELECT id FROM product",
        "program_id": "SELECT id FROM program",
        "link_id": "SELECT id FROM link",
        "asset_id": "SELECT id FROM asset WHERE kind = 'photo'",
        "order_id": "SELECT id FROM shop_order WHERE blocked_reason IS NOT NULL",
        "connection_id": "SELECT id FROM connection",
        "webhook_id": "SELECT id FROM inbox_webhook WHERE state = 'dead'",
        "alarm_id": "SELECT id FROM alarm WHERE kind = 'for_staff'",
    }
    with db.reading() as unit:
        found = {name: str(UUID(unit.execute(text(query)).scalars().first())) for name, query in queries.items()}
    named = {"connector": "generic_webhook", "plugin": "csv_orders"}
    return found | named | {"brand": full_shop.slug, "program": full_shop.program_slug} | PLACES
