"""CSRF on every POST, headers on every answer, redirects that stay here, and hostile words that stay words."""

from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.identity.tables import Realm
from tests.support.routes import address_of, methods, only, routes
from web.access import ROUTES
from web.app import create_app
from web.landing import PREVIEW_POLICY
from web.security import HEADERS, safe_next

PAYLOADS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'-alert(1)-'",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "%(name)s %s %",
    "</title><svg onload=alert(1)>",
]
FRAMED = {"Content-Security-Policy": PREVIEW_POLICY, "X-Frame-Options": "SAMEORIGIN"}


class Inline(HTMLParser):
    """Finds what a page would run by itself: handlers, styles, scripts and addresses that are code."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        runs = tag == "style" or (tag == "script" and not given.get("src", "").startswith("/static/"))
        code = any(
            str(given.get(name, "")).strip().lower().startswith("javascript:") for name in ("href", "src", "action")
        )
        if runs or code or any(name == "style" or name.startswith("on") for name in given):
            self.found.append((tag, given))


def inline(page):
    parser = Inline()
    parser.feed(page)
    return parser.found


@pytest.fixture
def strict_app(app):
    app.config["WTF_CSRF_ENABLED"] = True
    return app


def test_every_post_without_a_token_is_refused(strict_app, signed_in, ids):
    refused, owner = 0, signed_in("owner@bean.example")
    anna = signed_in("anna@example.com", Realm.AMBASSADOR)
    for rule in routes(strict_app):
        for method in methods(rule):
            if method == "GET" or rule.endpoint == "public.consent":  # on pages for everybody: its own tests
                continue
            address = address_of(strict_app, rule, **ids)
            for token in ({}, {"csrf_token": "guessed"}):
                client = anna if address.startswith("/portal") else owner
                answer = client.post(address, data=token)
                assert answer.status_code == 400, address
                assert b"open for too long" in answer.data
                refused += 1
    assert refused >= 20


def test_a_token_of_somebody_else_is_refused(strict_app, signed_in, ids):
    def token(client):
        page = client.get(f"/admin/bean/applications/{ids['enrollment_id']}").get_data(as_text=True)
        return only(r'name="csrf_token" value="([^"]+)"', page)

    mine, theirs = signed_in("owner@bean.example"), signed_in("manager@bean.example")
    address = f"/admin/bean/applications/{ids['enrollment_id']}/approve"
    theirs_token, my_token = token(theirs), token(mine)
    assert mine.post(address, data={"csrf_token": theirs_token}).status_code == 400
    assert mine.post(address, data={"csrf_token": my_token}).status_code == 303


def test_nothing_changes_by_get(app):
    verbs = {
        "approve",
        "reject",
        "payout_run",
        "mark_paid",
        "mark_failed",
        "retry_order",
        "sign_out",
        "use_link",
        "apply",
    }
    for rule in routes(app):
        if rule.endpoint.partition(".")[2] in verbs:
            assert methods(rule) == ["POST"], rule


def test_every_answer_has_the_headers(app, owner, ids):
    for rule in routes(app):
        if ROUTES[rule.endpoint].shared:  # the same for everybody, so that caches may keep them: tests of pages
            continue
        address = address_of(app, rule, **ids)
        framed = rule.endpoint == "admin.preview_page"
        for method in methods(rule):
            answer = owner.open(address, method=method)
            expected = HEADERS | (FRAMED if framed else {})
            for name, value in expected.items():
                assert answer.headers[name] == value, (address, name)
            assert answer.headers["Cache-Control"] == "no-store", address
            assert "Cookie" in answer.headers["Vary"], address


def test_the_policy_allows_nothing_inline(app):
    policy = HEADERS["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert {"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"} <= set(policy.split("; "))


def test_no_page_has_anything_inline(app, owner, always, ids):
    ambassador = always("anna@example.com", Realm.AMBASSADOR)
    for rule in routes(app):
        if "GET" not in methods(rule):
            continue
        address = address_of(app, rule, **ids)
        client = ambassador if address.startswith("/portal") else owner
        answer = client.get(address, follow_redirects=True)
        if answer.mimetype == "text/html":
            assert inline(answer.get_data(as_text=True)) == [], address


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_words_stay_words(always, shop, owner, payload):
    shop.ambassador(f"Eve {payload}", "eve@example.com", code="EVE10")
    applied = shop.applicant(f"Mallory {payload}", "mallory@example.com", **{payload: payload})
    shop.order(f"9 {payload}", 80_000, code="EVE10")
    shop.mature(days=40)
    eve = always("eve@example.com", Realm.AMBASSADOR)
    pages = [
        eve.get("/portal/bean/"),
        *(owner.get(f"/admin/bean/{page}") for page in ("applications", f"applications/{applied}", "commissions")),
        *(owner.get(f"/admin/bean/{page}") for page in ("orders", "payouts/preview")),
    ]
    for answer in pages:
        page = answer.get_data(as_text=True)
        assert answer.status_code == 200
        assert inline(page) == []
        assert "<img src=x" not in page
        assert "49" not in page.partition("Mallory")[2][:20]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_filters_change_nothing(owner, payload):
    for address in ("commissions", "orders", "applications", "payouts"):
        keys = ("state", "program", "ambassador", "show", "month")
        answer = owner.get(f"/admin/bean/{address}", query_string=dict.fromkeys(keys, payload))
        assert answer.status_code == 200
        assert payload not in answer.get_data(as_text=True)
        assert owner.get(f"/admin/bean/{address}", query_string={"cursor": payload}).status_code == 400


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)",
        "/\t/evil.example", "/\n/evil.example", " /x", "", "evil.example", "http:evil", "///evil.example", "/x\0",
        "http://[", "/" * 600,
    ],
)  # fmt: skip
def test_a_redirect_never_leaves(address):
    assert safe_next(address) is None


@pytest.mark.parametrize("address", ["/", "/admin/bean/", "/portal/bean/earnings?cursor=abc", "/a//b"])
def test_a_redirect_may_stay(address):
    assert safe_next(address) == address


@given(st.text(max_size=40))
def test_whatever_is_let_through_is_a_path_here(address):
    allowed = safe_next(address)
    if allowed is not None:
        parts = urlsplit(f"https://goodword.example{allowed}")
        assert parts.hostname == "goodword.example"
        assert allowed[0] == "/"
        assert allowed[1:2] not in {"/", "\\"}


def test_cookies_are_locked(app, shop):
    client = app.test_client()
    answer = client.post(f"/sign-in/{shop.link('owner@bean.example')}", data={"realm": "staff"})
    cookie = next(one for one in answer.headers.getlist("Set-Cookie") if one.startswith("gw_session="))
    assert {"HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))


def test_over_https_cookies_belong_to_this_host_alone(goodword, shop):
    secure = replace(goodword, settings=goodword.settings.model_copy(update={"secure_cookies": True}))
    app = create_app(secure, mail_in_background=False)
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    client = app.test_client()
    token = shop.link("owner@bean.example")
    answer = client.post(f"/sign-in/{token}", data={"realm": "staff"}, base_url="https://localhost")
    cookie = next(one for one in answer.headers.getlist("Set-Cookie") if one.startswith("__Host-gw_session="))
    assert {"Secure", "HttpOnly", "Path=/"} <= set(cookie.split("; "))
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "Domain" not in cookie


@pytest.mark.parametrize(("proxies", "last"), [(0, 429), (1, 303)])
def test_a_forwarded_source_is_believed_only_behind_our_own_proxy(goodword, shop, proxies, last):
    behind = replace(goodword, settings=goodword.settings.model_copy(update={"proxies": proxies}))
    app = create_app(behind, mail_in_background=False)
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    client = app.test_client()
    statuses = [
        client.post(
            "/sign-in", data={"email": f"a{number}@example.com"}, headers={"X-Forwarded-For": f"203.0.113.{number}"}
        ).status_code
        for number in range(31)
    ]
    assert statuses == [303] * 30 + [last]


def test_an_error_inside_shows_a_reference_and_nothing_else(app, owner, monkeypatch):
    def broken(*_args, **_kwargs):
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr("web.admin.overview.overview_of", broken)
    answer = owner.get("/admin/bean/")
    assert answer.status_code == 500
    assert b"hunter2" not in answer.data
    assert b"written down as" in answer.data
