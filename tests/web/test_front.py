"""The front: what a visitor's browser is told, whom it believes, and what goes to Flask as it came."""

import re
from dataclasses import replace
from inspect import getsource

import pytest

import web.front
from engine.tracking.clicks import visits
from engine.tracking.clicks.rules import PLACEHOLDER, click_id_of
from engine.tracking.clicks.tracker import Tracker
from engine.tracking.clicks.writer import writing
from tests.engine.tracking.clicks.world import KEYRING, PHONE, clicks, make_link, make_shop
from tests.support.asking import ask
from web.bridge import _TELLING
from web.front import Front
from web.server import Server

PAGE = f"<a href='https://shop.example.com/?gw_click={PLACEHOLDER}'>A</a> <a href='/?gw_click={PLACEHOLDER}'>B</a>"


class Behind:
    """Stands where Flask and the webhooks stand, and notes what came."""

    def __init__(self, name):
        self.name, self.seen, self.status = name, [], "200 OK"
        self.headers = [("Content-Type", "text/html"), ("Cache-Control", "private"), ("Content-Security-Policy", "x")]

    def __call__(self, environ, start_response):
        self.seen.append(environ)
        start_response(self.status, self.headers)
        return [PAGE.encode() if self.name == "flask" else b"hook"]


class Browser:
    """Asks a front as a browser would."""

    def __init__(self, front):
        self.front = front

    def __call__(self, path, *, method="GET", **headers):
        said = {"User-Agent": PHONE} | {name.replace("_", "-"): value for name, value in headers.items()}
        return ask(self.front, path, method=method, headers=said.items())


def served(tracker, flask, **how):
    return Server(Front(flask, tracker, **how), flask, hooks=Behind("hooks"), threads=4, close=tracker.close)


@pytest.fixture
def place(db):
    def work(unit):
        place = make_shop(unit)
        make_link(unit, place)
        return place

    return db.run(work)


@pytest.fixture
def tracker(db, place):
    with writing(db) as writer:
        tracker = Tracker(db, KEYRING, writer=writer.address)
        yield tracker
        tracker.close()


@pytest.fixture
def flask():
    return Behind("flask")


@pytest.fixture
def front(tracker, flask):
    return served(tracker, flask, proxies=1)


@pytest.fixture
def browse(front):
    return Browser(front)


@pytest.fixture
def paged(tracker, place, monkeypatch):
    """A tracker that knows the landing page `mia`."""
    link = tracker.cache.link("coat")
    page = replace(link, row=link.row.replace(" link ", " page "))

    async def known(handle):
        return page if handle == "mia" else None

    monkeypatch.setattr(tracker, "page", known)
    return page


def test_a_link_is_answered_with_a_redirect_that_nobody_may_keep(db, browse, flask):
    status, headers, body = browse("/r/coat")
    (row,) = clicks(db)
    token = headers["Location"].rpartition("gw_click=")[2]
    assert status == "302 Found"
    assert click_id_of(KEYRING.key("click"), token) == row.id
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert (body, flask.seen) == (b"", [])


def test_the_cookie_is_ours_alone_and_brought_back(db, browse):
    _, headers, _ = browse("/r/coat")
    cookie = headers["Set-Cookie"]
    assert cookie.startswith("gw_v=")
    for part in ("HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=7776000"):
        assert part in cookie
    assert "Secure" not in cookie
    _, again, _ = browse("/r/coat", Cookie=f"other=1; {cookie.partition(';')[0]}")
    assert "Set-Cookie" not in again
    assert len({row.visitor_key for row in clicks(db)}) == 1


def test_over_https_the_cookie_says_so(tracker, flask):
    browse = Browser(served(tracker, flask, secure_cookies=True))
    _, headers, _ = browse("/r/coat")
    assert "; Secure" in headers["Set-Cookie"]
    assert "Strict-Transport-Security" in headers


def test_who_declined_gets_no_cookie(browse):
    assert "Set-Cookie" not in browse("/r/coat", Cookie="gw_consent=0")[1]


def test_head_is_answered_and_not_counted(db, browse):
    status, headers, _ = browse("/r/coat", method="HEAD")
    assert (status, "Location" in headers) == ("302 Found", True)
    assert [row.reason for row in clicks(db)] == ["head"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_a_link_is_only_read(db, browse, method):
    status, headers, _ = browse("/r/coat", method=method)
    assert status == "405 Method Not Allowed"
    assert headers["Allow"] == "GET, HEAD"
    assert clicks(db) == []


@pytest.mark.parametrize("path", ["/r/nothing", "/r/", "/r", "/", "/login", "/a/mia/consent", "/a/", "/rx/coat"])
def test_everything_else_goes_to_flask(db, browse, flask, path):
    browse(path)
    assert [environ["PATH_INFO"] for environ in flask.seen] == [path]
    assert clicks(db) == []


def test_webhooks_go_to_their_own_door(front, browse, flask):
    assert browse("/hooks/shopify/x", method="POST")[2] == b"hook"
    assert flask.seen == []


@pytest.mark.parametrize(
    ("said", "network"),
    [
        ("198.51.100.7", "198.51.100.0/24"),
        ("1.1.1.1, 198.51.100.7", "198.51.100.0/24"),
        ('1.1.1.1, "198.51.100.7"', "198.51.100.0/24"),
        ("", "203.0.113.0/24"),
        ("<b>", None),
    ],
    ids=["one", "forged", "quoted", "none", "no address"],
)
def test_of_the_address_only_what_our_proxy_says_is_believed(db, browse, said, network):
    browse("/r/coat", X_Forwarded_For=said)
    assert clicks(db)[0].address == network


def test_without_a_proxy_nothing_forwarded_is_believed(db, tracker, flask):
    Browser(served(tracker, flask))("/r/coat", X_Forwarded_For="198.51.100.7")
    assert clicks(db)[0].address == "203.0.113.0/24"


@pytest.mark.parametrize(
    "path",
    [
        "/r/coat/%0d%0aSet-Cookie:%20a=b",
        "/r/coat?to=/x%0d%0aSet-Cookie:%20a=b",
        "/r/coat?x=%0d%0aSet-Cookie:%20a=b",
        "/r/coat/%F0%9F%92%A9/ü",
        "/r/coat?to=" + "a" * 9_000,
        "/r/coat/..%2f..%2f",
        "/r/coat//evil.example",
    ],
    ids=["path", "to", "passed", "not ascii", "long", "dots", "slashes"],
)
def test_nothing_that_is_asked_breaks_the_header(browse, path):
    status, headers, _ = browse(path)
    location = headers["Location"]
    assert status == "302 Found"
    assert location.startswith("https://shop.example.com/")
    assert location.isascii()
    assert location.isprintable()
    assert len(location) < 8_000


def test_a_page_is_rendered_once_and_names_each_visitor_their_own_click(db, browse, flask, paged):
    first, second = browse("/a/mia"), browse("/a/mia", Cookie="session=secret; gw_consent=1")
    assert len(flask.seen) == 1
    assert [row.target for row in clicks(db)] == ["page", "page"]
    for _, headers, body in (first, second):
        tokens = {part.partition("'")[0] for part in body.decode().split("gw_click=")[1:]}
        assert len(tokens) == 1
        assert click_id_of(KEYRING.key("click"), tokens.pop()) in {row.id for row in clicks(db)}
        assert headers["Content-Length"] == str(len(body))
        assert headers["Cache-Control"] == "no-store"
        assert headers["Content-Security-Policy"] == "x"
    assert first[2] != second[2]


def test_a_page_is_rendered_for_nobody_in_particular(browse, flask, paged):
    browse(
        "/a/mia?x=1", Cookie="session=secret", Authorization="Bearer x", If_None_Match="y", Referer="https://z.example"
    )
    (asked,) = flask.seen
    assert not {"HTTP_COOKIE", "HTTP_AUTHORIZATION", "HTTP_IF_NONE_MATCH", "HTTP_REFERER"} & asked.keys()
    assert (asked["QUERY_STRING"], asked["REQUEST_METHOD"]) == ("", "GET")


@pytest.mark.parametrize("refusal", ["status", "cookie"])
def test_what_flask_refuses_or_says_to_one_visitor_is_not_kept(db, browse, flask, paged, refusal):
    if refusal == "status":
        flask.status = "404 Not Found"
    else:
        flask.headers.append(("Set-Cookie", "a=b"))
    browse("/a/mia")
    browse("/a/mia")
    assert len(flask.seen) == 4
    assert clicks(db) == []


def test_head_of_a_page_is_answered_without_its_body(db, browse, paged):
    status, headers, body = browse("/a/mia", method="HEAD")
    assert (status, body) == ("200 OK", b"")
    assert int(headers["Content-Length"]) > 0
    assert [row.reason for row in clicks(db)] == ["head"]


def test_a_database_out_of_reach_is_said_so(browse, tracker, monkeypatch):
    def gone():
        raise OSError

    monkeypatch.setattr("web.front.OUT_OF_REACH", (OSError,))
    monkeypatch.setattr("engine.tracking.clicks.cache.OUT_OF_REACH", ())
    monkeypatch.setattr(tracker.cache._database, "reading", gone)
    status, headers, _ = browse("/r/unknown")
    assert status == "503 Service Unavailable"
    assert headers["Retry-After"] == "5"


def test_the_body_of_a_form_reaches_flask(front, flask):
    ask(front, "/a/mia/consent", method="POST", body=b"answer=yes", headers=[("Content-Type", "text/x")])
    (environ,) = flask.seen
    assert environ["wsgi.input"].read() == b"answer=yes"
    assert (environ["CONTENT_LENGTH"], environ["CONTENT_TYPE"]) == ("10", "text/x")


def test_a_body_that_nobody_takes_is_refused_unread(front, flask, monkeypatch):
    monkeypatch.setattr("web.bridge.LARGEST_BODY", 9)
    assert ask(front, "/login", method="POST", body=b"0123456789")[0].startswith("413 ")
    assert flask.seen == []


def test_headers_that_came_several_times_are_one_list_and_odd_names_pass_for_none(front, flask):
    said = [("X-Forwarded-For", "1.1.1.1"), ("X-Forwarded-For", "2.2.2.2"), ("X_Forwarded_For", "3.3.3.3")]
    ask(front, "/login", headers=[*said, ("Cookie", "a=1"), ("Cookie", "b=2")])
    (environ,) = flask.seen
    assert environ["HTTP_X_FORWARDED_FOR"] == "1.1.1.1,2.2.2.2"
    assert environ["HTTP_COOKIE"] == "a=1; b=2"
    assert (environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]) == ("203.0.113.9", "http")


def test_a_visitor_by_ipv6_has_a_network_of_their_own(db, front, flask):
    ask(front, "/r/coat", peer="[2001:db8:1:2::3]", headers=[("User-Agent", PHONE)])
    ask(front, "/login", peer="[2001:db8:1:2::3]")
    assert clicks(db)[0].address == "2001:db8:1::/48"
    assert flask.seen[0]["REMOTE_ADDR"] == "2001:db8:1:2::3"


def test_every_header_that_a_click_is_judged_by_gets_to_the_front():
    asked = {name for module in (visits, web.front) for name in re.findall(r"HTTP_[A-Z_]+", getsource(module))}
    assert asked == set(_TELLING.values())
