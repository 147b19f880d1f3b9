"""The client that a plugin is given talks to the declared origins only, within bounds, and tells no secret."""

import gzip
import socket
import struct
import time
import zlib
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from threading import Event

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from engine.kernel.clock import VirtualClock
from engine.kernel.http import CheckedTransport, Limits
from engine.plugin_api import ConfigError, FatalError, HttpResponse, PluginError, RetriableError
from engine.plugin_host.guard import Registered
from engine.plugin_host.http import HttpPool
from engine.plugin_host.http_answers import LONGEST_RETRY_AFTER_S, retry_after_s
from tests.support.talkers import says, talking

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SHORT = Limits(connect_s=1, read_s=1, call_s=1.5, largest=10_000)
PATIENT = Limits(largest=10_000)
"""For what must succeed, however busy the machine."""
CANARY = "canary-8c1f"
SHOP = "https://api.shop.example"


@pytest.fixture
def server():
    """Start a server with a script; gives it with a client for it."""
    with ExitStack() as stack:

        def start(script, *, limits=PATIENT):
            talker = stack.enter_context(talking(script))
            pool = HttpPool([talker.origin], limits=limits, clock=VirtualClock(NOW))
            stack.callback(pool.close)
            return talker, pool.client([talker.origin])

        yield start


def mocked(answer, *, origin=SHOP):
    """Return a client whose shop answers with `answer`, and the list of requests that it got."""
    requests = []

    def handler(request):
        requests.append(request)
        return answer(request) if callable(answer) else answer

    pool = HttpPool(transport=httpx2.MockTransport(handler), clock=VirtualClock(NOW), limits=SHORT)
    return pool.client([origin]), requests


def outcome(call):
    try:
        call()
    except PluginError as error:
        return error
    return None


# What is asked and answered.


def test_a_request_arrives_as_asked_and_its_answer_comes_back(server):
    talker, http = server(says(b'{"total": 12.50}', headers={"X-Shop": "acme", "Set-Cookie": "a=b"}))
    answer = http.request(
        "post", f"{talker.origin}/orders?page=1", params={"q": "ä b"}, headers={"X-Token": "t"}, json={"a": [1, "ü"]}
    )
    assert isinstance(answer, HttpResponse)
    assert answer.status == 200
    assert answer.json() == {"total": Decimal("12.50")}
    assert answer.headers["x-shop"] == "acme"
    assert "set-cookie" not in answer.headers
    head, _, body = talker.requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /orders?page=1&q=%C3%A4+b HTTP/1.1"
    assert f"Host: 127.0.0.1:{talker.port}".lower() in head.decode().lower().split("\r\n")
    assert {"x-token: t", "content-type: application/json", "user-agent: goodword/0.1"} <= set(
        head.decode().lower().split("\r\n")
    )
    assert body == '{"a":[1,"ü"]}'.encode()


def test_a_form_is_sent_as_a_form(server):
    talker, http = server(says())
    http.request("POST", f"{talker.origin}/", form={"a": "1&2", "b": "ü"})
    assert talker.requests[0].endswith(b"\r\n\r\na=1%262&b=%C3%BC")
    assert b"application/x-www-form-urlencoded" in talker.requests[0]


def test_connections_are_used_again_and_cookies_are_not_kept(server):
    talker, http = server(says(headers={"Set-Cookie": "session=1"}))
    for _ in range(3):
        http.request("GET", f"{talker.origin}/")
    assert talker.connections == 1
    assert not any(b"cookie" in request.lower() for request in talker.requests)


def test_neither_proxies_nor_credentials_of_the_environment_count(server, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    talker, http = server(says())
    assert http.request("GET", f"{talker.origin}/").status == 200
    assert b"authorization" not in talker.requests[0].lower()


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_packed_answer_is_unpacked(server, encoding):
    packed = gzip.compress(b"x" * 5000) if encoding == "gzip" else zlib.compress(b"x" * 5000)
    talker, http = server(says(packed, headers={"Content-Encoding": encoding}))
    assert http.request("GET", f"{talker.origin}/").body == b"x" * 5000


# Where it may go.


@pytest.mark.parametrize(
    "url",
    [
        "https://api.shop.example.evil.example/", "https://api.shop.example@evil.example/", "//evil.example/",
        "//api.shop.example/", "/admin", "", "https://evil.example\\@api.shop.example/",
        "https://api.shop.example\\@evil.example/", "https://api.shop.example:444/", "http://api.shop.example/",
        "https://user:pass@api.shop.example/", "https://api.shop.example./", "https://shop.example/",
        "https:api.shop.example/", "https:///api.shop.example/", "file:///etc/passwd", "gopher://api.shop.example/",
        "https://api.shop.example%2eevil.example/", "https://api.shop.example\t.evil.example/",
        "https://api.shop.example\r\nHost: evil.example", "https://ａｐｉ.shop.example/", "ftp://api.shop.example/",
        "https://api.shop.example:99999/", "https://[::1]/",
    ],
)  # fmt: skip
def test_no_request_leaves_for_another_origin(url):
    http, requests = mocked(httpx2.Response(200))
    with pytest.raises(FatalError):
        http.request("GET", url)
    assert requests == []


@pytest.mark.parametrize("url", [f"{SHOP}/x", "https://API.Shop.Example/x", f"{SHOP}:443/x", f"{SHOP}//evil.example/x"])
def test_the_declared_origin_is_known_however_it_is_written(url):
    http, requests = mocked(httpx2.Response(200))
    http.request("GET", url)
    assert requests[0].url.host == "api.shop.example"


@pytest.mark.parametrize(
    "origin",
    [
        "http://shop.example", "https://shop.example:8443", "https://shop.example:25", "https://shop.example/admin",
        "https://user@shop.example", "shop.example", "file:///etc", "", "https://", "https://shop.example?x=1",
    ],
)  # fmt: skip
def test_an_origin_that_is_not_plain_https_needs_the_operator(origin):
    with pytest.raises(ConfigError):
        HttpPool(transport=httpx2.MockTransport(lambda _: httpx2.Response(200))).client([origin])


LEADING_INSIDE = ["127.0.0.1", "::1", "10.0.0.1", "169.254.169.254", "fd00:ec2::254", "::ffff:127.0.0.1",
                  "64:ff9b::7f00:1", "2002:7f00:1::", "2001::1", "224.0.0.1", "100.64.0.1", "0.0.0.0"]  # fmt: skip


@pytest.mark.parametrize("address", LEADING_INSIDE)
@pytest.mark.parametrize("beside", [(), ("93.184.215.14",)], ids=["alone", "beside a public one"])
def test_a_name_that_leads_inside_is_not_connected_to(address, beside):
    pool = HttpPool(transport=CheckedTransport(resolver=lambda _host, _port: (*beside, address), limits=SHORT))
    with pytest.raises(ConfigError, match="not public"):
        pool.client([SHOP]).request("GET", f"{SHOP}/")


@pytest.mark.parametrize("host", ["127.1", "0x7f.1", "2130706433", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0"])
def test_no_way_to_write_this_machine_s_address_is_connected_to(host):
    pool = HttpPool(limits=SHORT)
    origin = f"https://{host}"
    with pytest.raises((ConfigError, RetriableError)):
        pool.client([origin]).request("GET", f"{origin}/")


# How it ends.


@pytest.mark.parametrize(
    ("status", "error"),
    [
        *((status, ConfigError) for status in (401, 403)),
        *((status, RetriableError) for status in (408, 425, 429, 500, 502, 503, 504, 599)),
        *((status, FatalError) for status in (301, 302, 307, 308, 304, 400, 402, 404, 405, 409, 410, 413, 418, 422)),
    ],
)
def test_a_status_says_what_the_host_does_next(status, error):
    http, _ = mocked(httpx2.Response(status))
    with pytest.raises(error, match=f"GET {SHOP}/x .*{'redirected' if status < 400 else status}"):
        http.request("GET", f"{SHOP}/x")


@pytest.mark.parametrize("status", [200, 201, 204, 299, 304, 404, 429, 503])
def test_a_status_that_is_accepted_is_returned(status):
    http, _ = mocked(httpx2.Response(status, content=b"x" if status != 204 else b""))
    assert http.request("GET", f"{SHOP}/x", accept=(304, 404, 429, 503)).status == status


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None), ("", None), ("2", 2), ("2.0", 2), ("0.3", 1), ("-5", 0), ("0", 0), ("99999999", 3600),
        ("soon", None), ("NaN", None), ("Infinity", None), ("1e9", 3600), ("9" * 61, None),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90),
        (format_datetime(NOW - timedelta(days=2), usegmt=True), 0),
        (format_datetime(NOW + timedelta(days=9000), usegmt=True), 3600),
        ("Sun, 06 Nov 1994 25:49:37 GMT", None),
    ],
)  # fmt: skip
def test_the_delay_that_a_shop_asks_for(value, seconds):
    assert retry_after_s(value, now=NOW) == seconds
    http, _ = mocked(httpx2.Response(429, headers={"Retry-After": value} if value else {}))
    with pytest.raises(RetriableError) as caught:
        http.request("GET", f"{SHOP}/")
    assert caught.value.retry_after_s == seconds


@given(st.text(max_size=70))
def test_no_retry_after_is_out_of_bounds(value):
    seconds = retry_after_s(value, now=NOW)
    assert seconds is None or (type(seconds) is int and 0 <= seconds <= LONGEST_RETRY_AFTER_S)


def test_a_redirect_is_not_followed_and_names_where_it_led(server):
    talker, http = server(says(status=302, headers={"Location": f"http://127.0.0.1:9/inside?token={CANARY}"}))
    with pytest.raises(FatalError, match=r"redirected to http://127\.0\.0\.1:9/inside\.") as caught:
        http.request("GET", f"{talker.origin}/start")
    assert CANARY not in str(caught.value)
    assert len(talker.requests) == 1


def never(connection, request):
    time.sleep(3)


def drips(connection, request):
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for number in range(100):
        time.sleep(0.1)
        connection.sendall(b"X-%d: y\r\n" % number)


def endless(connection, request):
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"x" * 1000)


def drips_body(connection, request):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
    for _ in range(100):
        time.sleep(0.1)
        connection.sendall(b"x")


def bombs(connection, request):
    packed = gzip.compress(b"\0" * 5_000_000)
    connection.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed
    )


def promises_too_much(connection, request):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort")
    connection.close()


def resets(connection, request):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def hangs_up(connection, request):
    connection.close()


def babbles(connection, request):
    connection.sendall(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
    connection.close()


def huge_head(connection, request):
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 300_000 + b"\r\n\r\n")


def garbled(connection, request):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello")


def nested(connection, request):
    packed = gzip.compress(gzip.compress(b"x"))
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\nContent-Length: %d\r\n\r\n"
    connection.sendall(head % len(packed) + packed)


BAD_SERVERS = {
    "never answers": (never, RetriableError, "in time"),
    "drips its head": (drips, RetriableError, "in time"),
    "drips its body": (drips_body, RetriableError, "in time"),
    "hangs up": (hangs_up, RetriableError, "broke"),
    "resets": (resets, RetriableError, "broke"),
    "sends less than it promised": (promises_too_much, RetriableError, "broke"),
    "speaks something else": (babbles, RetriableError, "broke"),
    "has a huge head": (huge_head, RetriableError, "broke"),
    "never ends": (endless, FatalError, "10,000 bytes"),
    "sends a bomb": (bombs, FatalError, "10,000 bytes"),
    "announces too much": (says(b"x" * 10_001), FatalError, "10,000 bytes"),
    "sends garbled gzip": (garbled, FatalError, "unpacked"),
    "packs twice": (nested, FatalError, "encoding"),
}


@pytest.mark.parametrize("case", BAD_SERVERS)
def test_a_bad_server_costs_little_and_is_told_in_a_sentence(server, case):
    script, error, words = BAD_SERVERS[case]
    talker, http = server(script, limits=SHORT)
    started = time.monotonic()
    with pytest.raises(error, match=words):
        http.request("GET", f"{talker.origin}/orders", params={"key": CANARY})
    assert time.monotonic() - started < 5


def test_the_largest_answer_that_is_taken_is_taken_to_the_byte(server):
    talker, http = server(says(b"x" * 10_000))
    assert len(http.request("GET", f"{talker.origin}/").body) == 10_000


def test_nobody_listening_is_no_connection(server):
    talker, http = server(says())
    talker.close()
    with pytest.raises(RetriableError, match="no connection"):
        http.request("GET", f"{talker.origin}/")


@pytest.mark.parametrize(
    ("resolver", "words"),
    [
        (lambda *_: Event().wait(3) or ("192.0.2.1",), "in time"),
        (lambda *_: (_ for _ in ()).throw(socket.gaierror("no such name")), "no connection"),
        (lambda *_: (), "no connection"),
    ],
    ids=["slow", "unknown", "empty"],
)
def test_a_name_that_is_not_found_may_be_found_later(resolver, words):
    pool = HttpPool(transport=CheckedTransport(resolver=resolver, limits=SHORT), limits=SHORT)
    started = time.monotonic()
    with pytest.raises(RetriableError, match=words):
        pool.client([SHOP]).request("GET", f"{SHOP}/")
    assert time.monotonic() - started < 2


# What it tells.


@pytest.mark.parametrize("name", ["Host", "content-length", "Transfer-Encoding", "Connection", "Cookie", "Upgrade"])
def test_headers_of_the_connection_are_the_hosts_to_set(name):
    http, requests = mocked(httpx2.Response(200))
    with pytest.raises(FatalError, match=name.lower()):
        http.request("GET", f"{SHOP}/", headers={name: CANARY})
    assert requests == []


def asks(**arguments):
    return lambda http, origin: http.request("POST", f"{origin}/x", **arguments)


WRONG_REQUESTS = {
    "a method of its own": lambda http, origin: http.request("CONNECT", f"{origin}/{CANARY[:0]}"),
    "a line break in a header": asks(headers={"X-Token": f"{CANARY}\r\nX-Evil: 1"}),
    "a header that is no text": asks(headers={"X-Token": f"{CANARY}\u2603"}),
    "both a form and JSON": asks(json={"a": CANARY}, form={"a": CANARY}),
    "what is no JSON": asks(json={"a": Decimal(1), "b": CANARY}),
    "a name with a blank": asks(headers={"X Token": CANARY}),
}


@pytest.mark.parametrize("case", WRONG_REQUESTS)
def test_a_request_that_cannot_be_sent_is_refused_without_telling_what_was_in_it(server, case):
    talker, http = server(says())
    with capture_logs() as logs, pytest.raises(FatalError) as caught:
        WRONG_REQUESTS[case](http, talker.origin)
    assert CANARY not in "".join([str(caught.value), repr(caught.value.__cause__), str(logs)])
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("case", ["answered", *(name for name in BAD_SERVERS if "drips" not in name)])
def test_neither_errors_nor_log_lines_tell_a_secret(server, case):
    script = says(b"x" * 9, status=200) if case == "answered" else BAD_SERVERS[case][0]
    talker, http = server(script, limits=PATIENT if case == "answered" else SHORT)
    with capture_logs() as logs:
        told = outcome(
            lambda: http.request(
                "POST",
                f"{talker.origin}/orders?a={CANARY}",
                params={"k": CANARY},
                json={"p": CANARY},
                headers={"Authorization": f"Bearer {CANARY}"},
            )
        )
    assert CANARY not in f"{told}{told!r}"
    assert (told is None) == (case == "answered")
    assert told is None or told.__suppress_context__ or told.__context__ is None
    assert [line["event"] for line in logs] == ["http_call"]
    assert logs[0]["path"] == "/orders"
    assert CANARY not in str(logs)


def test_a_log_line_names_the_plugin_that_was_asked():
    http, _ = mocked(httpx2.Response(200))
    with capture_logs() as logs:
        http.request("GET", f"{SHOP}/alone")
        Registered("acme", "1", http, "connector acme").ask(lambda client: client.request("GET", f"{SHOP}/asked"))
    assert [line.get("plugin") for line in logs] == [None, "acme"]


def test_an_error_of_our_own_is_not_taken_for_one_of_the_shop():
    def broken(_request):
        raise ZeroDivisionError

    http, _ = mocked(broken)
    with pytest.raises(ZeroDivisionError):
        http.request("GET", f"{SHOP}/")
