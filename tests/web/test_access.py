"""Who may open what: every route, as everybody, at home and in a foreign brand."""

from uuid import UUID

import pytest
from sqlalchemy import text

from engine.identity.rules import may
from engine.identity.tables import Realm, Role
from tests.support.routes import address_of, methods, routes
from tests.support.shop import open_shop
from web.access import ROUTES

INSTALLED = {"plugin", "connector"}
"""What an address names that is the installation's, and no brand's."""

STRANGERS = ["nobody", "ambassador", *Role]


def client_of(app, always, who):
    if who == "nobody":
        return app.test_client()
    if who == "ambassador":
        return always("anna@example.com", Realm.AMBASSADOR)
    return always(f"{who}@bean.example")


def test_the_table_and_the_addresses_name_the_same_routes(app):
    assert {rule.endpoint for rule in app.url_map.iter_rules()} == ROUTES.keys()


def test_every_route_of_staff_with_a_brand_asks_for_a_permission(app):
    unasked = [
        rule.endpoint
        for rule in routes(app)
        if ROUTES[rule.endpoint].realm is Realm.STAFF
        and "brand" in rule.arguments
        and ROUTES[rule.endpoint].permission is None
    ]
    assert unasked == []


def test_a_route_that_is_not_in_the_table_is_not_served(app, monkeypatch, owner, shop):
    monkeypatch.delitem(ROUTES, "admin.overview")
    assert owner.get(f"/admin/{shop.slug}/").status_code == 404


@pytest.mark.parametrize("who", STRANGERS)
def test_everybody_gets_what_the_table_says_and_nothing_else(app, always, ids, who):
    client = client_of(app, always, who)
    for rule in routes(app):
        access = ROUTES[rule.endpoint]
        address = address_of(app, rule, **ids)
        for method in methods(rule):
            status = client.open(address, method=method).status_code
            where = f"{who} {method} {address}: {status}"
            if access.realm is None:
                assert status in {200, 303, 410, 400, 422}, where
            elif who == "nobody" or (who == "ambassador") != (access.realm is Realm.AMBASSADOR):
                assert status == 303, where
            elif who != "ambassador" and access.permission and not may(Role(who), access.permission):
                assert status == 403, where
            else:
                assert status in {200, 303, 400, 404, 422}, where
                if who != "ambassador" and "brand" in rule.arguments and method == "GET":
                    assert status in {200, 303}, where


@pytest.mark.parametrize("who", ["ambassador", *Role])
def test_a_foreign_brand_and_a_missing_one_answer_alike(app, always, ids, goodword, clock, who):
    open_shop(goodword, clock, slug="other", name="Other")
    client = client_of(app, always, who)
    for rule in routes(app):
        if ROUTES[rule.endpoint].realm is None or "brand" not in rule.arguments:
            continue
        for method in methods(rule):
            answers = []
            for brand in ("other", "missing"):
                address = address_of(app, rule, **ids | {"brand": brand})
                answer = client.open(address, method=method)
                location = answer.headers.get("Location", "").replace(brand, "")
                answers.append((answer.status_code, location, answer.data.replace(brand.encode(), b"")))
            assert answers[0] == answers[1]
            assert answers[0][0] in {303, 404}


def test_ids_of_a_foreign_brand_answer_like_missing_ones(app, signed_in, ids, goodword, clock):
    open_shop(goodword, clock, slug="other", name="Other")
    client = signed_in("owner@other.example")
    for rule in routes(app):
        if ROUTES[rule.endpoint].realm is not Realm.STAFF or not rule.arguments - INSTALLED - {"brand"}:
            continue
        for method in methods(rule):
            form = {"paid_on": "2026-03-02", "reference": "GW-X", "reason": "x"}
            answers = []
            for known in (ids, {}, dict.fromkeys(ids, "not-an-id")):
                address = address_of(app, rule, **known | {"brand": "other"})
                answer = client.open(address, method=method, data=form if method == "POST" else None)
                answers.append((answer.status_code, answer.data))
            assert answers[0] == answers[1] == answers[2], rule
            assert answers[0][0] == 404, rule


def test_an_ambassador_sees_nothing_of_another(signed_in, full_shop, db):
    with db.reading() as unit:
        rows = (
            unit.execute(
                text(
                    "SELECT c.id FROM commission c JOIN ambassador a ON a.id = c.ambassador_id WHERE a.name LIKE 'Max%'"
                )
            )
            .scalars()
            .all()
        )
        payout = (
            unit.execute(
                text("SELECT p.id FROM payout p JOIN ambassador a ON a.id = p.ambassador_id WHERE a.name LIKE 'Max%'")
            )
            .scalars()
            .first()
        )
    anna = signed_in("anna@example.com", Realm.AMBASSADOR)
    assert rows
    assert {anna.get(f"/portal/bean/earnings/{UUID(row)}").status_code for row in rows} == {404}
    assert anna.get(f"/portal/bean/payouts/{UUID(payout)}").status_code == 404
    assert b"Maximilian" not in anna.get("/portal/bean/").data + anna.get("/portal/bean/earnings").data


def test_what_was_taken_away_is_gone_with_the_next_request(signed_in, owner, shop, db):
    assert owner.get("/admin/bean/").status_code == 200
    with db.unit() as unit:
        unit.execute(text("UPDATE staff_member SET role = 'viewer' WHERE role = 'owner'"))
    assert owner.get("/admin/bean/payouts/confirm").status_code == 403
    with db.unit() as unit:
        unit.execute(text("DELETE FROM staff_member"))
    assert owner.get("/admin/bean/").status_code == 404
