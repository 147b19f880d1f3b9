"""Signing in by a link, staying, and leaving."""

from datetime import timedelta
from email import message_from_bytes, policy

import pytest

from engine.identity.tables import Realm
from tests.support.routes import only

LINK = r"http://127\.0\.0\.1:8000(/sign-in/[\w-]{43}(?:\?next=\S+)?)"


def mails(tmp_path):
    found = sorted((tmp_path / "outbox").glob("*.eml"))
    return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in found]


def link_in(mail):
    plain = next(part for part in mail.walk() if part.get_content_type() == "text/plain")
    return only(LINK, plain.get_payload(decode=True).decode())


def test_a_link_arrives_and_signs_in(app, shop, tmp_path):
    client = app.test_client()
    assert client.get("/admin/bean/").headers["Location"] == "/sign-in?next=/admin/bean/"
    assert b'value="/admin/bean/"' in client.get("/sign-in?next=/admin/bean/").data
    answer = client.post("/sign-in", data={"email": " Owner@bean.example ", "next": "/admin/bean/"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in/sent")
    (mail,) = mails(tmp_path)
    assert mail["To"] == "owner@bean.example"
    link = link_in(mail)
    page = client.get(link).get_data(as_text=True)
    assert "owner@bean.example" in page
    assert "Bean &amp; Leaf" in page
    answer = client.post(link.partition("?")[0], data={"realm": "staff", "next": "/admin/bean/"})
    assert answer.headers["Location"] == "/admin/bean/"
    assert client.get("/admin/bean/").status_code == 200
    assert client.get("/").headers["Location"] == "/admin/"
    assert client.get("/admin/").headers["Location"] == "/admin/bean/"


def test_an_unknown_address_gets_the_same_answer_and_no_mail(app, shop, tmp_path):
    known, unknown = (
        app.test_client().post("/sign-in", data={"email": email}) for email in ("owner@bean.example", "who@example.com")
    )
    assert (known.status_code, known.data, known.headers["Location"]) == (
        unknown.status_code,
        unknown.data,
        unknown.headers["Location"],
    )
    assert [mail["To"] for mail in mails(tmp_path)] == ["owner@bean.example"]


@pytest.mark.parametrize("email", ["", "nobody", "a@b@c", "x" * 300 + "@example.com"])
def test_a_bad_address_is_told_and_kept(app, shop, email):
    answer = app.test_client().post("/sign-in", data={"email": email})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in page
    assert 'href="#field-email"' in page
    assert f'value="{email}"' in page


def test_asking_too_often_is_slowed_for_known_and_unknown_alike(app, shop, clock):
    for email in ("owner@bean.example", "who@example.com"):
        client = app.test_client()
        statuses = [client.post("/sign-in", data={"email": email}).status_code for _ in range(6)]
        assert statuses == [303] * 5 + [429]
        clock.advance(timedelta(minutes=15))
        assert client.post("/sign-in", data={"email": email}).status_code == 303


def test_one_source_cannot_ask_for_everybody(app, shop):
    client = app.test_client()
    statuses = [client.post("/sign-in", data={"email": f"a{n}@example.com"}).status_code for n in range(31)]
    assert statuses == [303] * 30 + [429]


def test_looking_at_a_link_spends_nothing_and_using_it_does(app, shop):
    link, client = shop.link("owner@bean.example"), app.test_client()
    assert client.get(f"/sign-in/{link}").status_code == client.get(f"/sign-in/{link}").status_code == 200
    assert client.post(f"/sign-in/{link}", data={"realm": "staff"}).status_code == 303
    assert client.get(f"/sign-in/{link}").status_code == 410
    assert app.test_client().post(f"/sign-in/{link}", data={"realm": "staff"}).status_code == 410


def test_a_wrong_room_spends_nothing(app, shop):
    link, client = shop.link("owner@bean.example"), app.test_client()
    assert client.post(f"/sign-in/{link}", data={"realm": "root"}).status_code == 400
    assert client.get(f"/sign-in/{link}").status_code == 200


def test_a_hostile_next_is_dropped(app, shop):
    answer = app.test_client().post(
        f"/sign-in/{shop.link('owner@bean.example')}", data={"realm": "staff", "next": "//evil.example"}
    )
    assert answer.headers["Location"] == "/admin/"


def test_signing_in_ends_the_session_before(app, shop):
    client = app.test_client()
    client.post(f"/sign-in/{shop.link('owner@bean.example')}", data={"realm": "staff"})
    before = client.get_cookie("gw_session").value
    client.post(f"/sign-in/{shop.link('owner@bean.example')}", data={"realm": "staff"})
    assert client.get_cookie("gw_session").value != before
    other = app.test_client()
    other.set_cookie("gw_session", before)
    assert other.get("/admin/bean/").status_code == 303


def test_signing_out_here_and_everywhere(app, shop, signed_in):
    here, there = signed_in("owner@bean.example"), signed_in("owner@bean.example")
    token = here.get_cookie("gw_session").value
    assert here.post("/sign-out").status_code == 303
    here.set_cookie("gw_session", token)
    assert here.get("/admin/bean/").status_code == 303
    assert there.get("/admin/bean/").status_code == 200
    third = signed_in("owner@bean.example")
    third.post("/sign-out-everywhere")
    assert there.get("/admin/bean/").status_code == 303


def test_staff_idle_out_and_a_visit_keeps_them_in(signed_in, clock):
    owner = signed_in("owner@bean.example")
    for _ in range(3):
        clock.advance(timedelta(minutes=29))
        assert owner.get("/admin/bean/").status_code == 200
    clock.advance(timedelta(minutes=30))
    assert owner.get("/admin/bean/").status_code == 303


def test_a_session_of_one_realm_opens_nothing_of_the_other(app, shop, signed_in):
    shop.ambassador("Olga Owner", "owner@bean.example", code="OLGA10")
    as_ambassador = signed_in("owner@bean.example", Realm.AMBASSADOR)
    assert as_ambassador.get("/portal/bean/").status_code == 200
    assert as_ambassador.get("/admin/bean/").status_code == 303
    link = app.test_client().get(f"/sign-in/{shop.link('owner@bean.example')}").get_data(as_text=True)
    assert link.count('name="realm"') == 2, "both rooms are offered"
