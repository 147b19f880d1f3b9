"""Files that are texts go out compressed to who takes that; fonts, pages and everybody else get plain bytes."""

import gzip
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
from werkzeug.datastructures import Headers

from engine.kernel.migrate import upgrade
from engine.kernel.settings import Settings
from tests.support.serving import serving
from web.static_files import STATIC

BROWSER = {"Accept-Encoding": "gzip, deflate, br, zstd"}
PLAIN = (STATIC / "goodword.css").read_bytes()


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def address(app):
    return app.jinja_env.globals["static"]


@pytest.fixture(params=["app", "server"], ids=["the app", "goodword serve"])
def asked(request):
    """Return a function that asks for a file, of the app alone or of a server: status, headers, bytes."""
    address = request.getfixturevalue("address")("goodword.css")
    if request.param == "app":
        client = request.getfixturevalue("client")

        def ask(method="GET", **headers):
            answer = client.open(address, method=method, headers=headers, buffered=True)
            return answer.status_code, answer.headers, answer.data

        yield ask
        return

    home = request.getfixturevalue("tmp_path_factory").mktemp("served")
    upgrade(Settings(home=home).database)
    with serving(home) as server:

        def ask(method="GET", **headers):
            line = HTTPConnection(urlsplit(server).netloc, timeout=30)
            try:
                line.request(method, address, headers=headers)
                answer = line.getresponse()
                return answer.status, Headers(answer.getheaders()), answer.read()
            finally:
                line.close()

        yield ask


def test_what_a_browser_is_told(asked):
    status, plain, body = asked()
    assert (status, body, plain.get("Content-Encoding")) == (200, PLAIN, None)
    assert asked(method="HEAD")[1]["Content-Length"] == plain["Content-Length"] == str(len(PLAIN))

    status, packed, body = asked(**BROWSER)
    assert (status, gzip.decompress(body), packed["Content-Encoding"]) == (200, PLAIN, "gzip")
    assert packed["Content-Length"] == str(len(body))
    assert len(body) < len(PLAIN) / 4
    for same in ("Content-Type", "Cache-Control", "X-Content-Type-Options", "Cross-Origin-Resource-Policy"):
        assert packed.getlist(same) == plain.getlist(same) != []
    assert packed["Vary"] == plain["Vary"] == "Accept-Encoding"

    status, head, body = asked(method="HEAD", **BROWSER)
    assert (status, body) == (200, b"")
    assert [head[name] for name in ("Content-Length", "ETag")] == [packed[name] for name in ("Content-Length", "ETag")]

    assert packed["ETag"] != plain["ETag"]
    for known in (packed["ETag"], f'"other", {packed["ETag"]}'):
        status, found, body = asked(**BROWSER, **{"If-None-Match": known})
        assert (status, body, found["ETag"], found["Vary"]) == (304, b"", packed["ETag"], "Accept-Encoding")
        assert found["Cache-Control"] == packed["Cache-Control"]
    assert asked(**{"If-None-Match": plain["ETag"]})[0] == 304
    assert asked(**BROWSER, **{"If-None-Match": plain["ETag"]})[0] == 200
    assert asked(**BROWSER, **{"If-Modified-Since": packed["Last-Modified"]})[0] == 304

    assert asked(method="POST", **BROWSER)[0] == 405


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip", "gzip"),
        ("GZIP;q=0.1", "gzip"),
        ("*", "gzip"),
        ("", None),
        ("br", None),
        ("gzip;q=0", None),
        ("gzip;q=0, *", None),
        ("identity", None),
        ("x-gzipped", None),
    ],
)
def test_who_takes_it_gets_it(client, address, accepted, encoding):
    answer = client.get(address("goodword.css"), headers={"Accept-Encoding": accepted}, buffered=True)
    assert (answer.status_code, answer.headers.get("Content-Encoding")) == (200, encoding)


def test_each_file_is_compressed_once(client, address, monkeypatch):
    done = []
    compress = gzip.compress

    def packing(body, **how):
        done.append(len(body))
        return compress(body, **how)

    monkeypatch.setattr(gzip, "compress", packing)
    for _ in range(3):
        for name in ("goodword.css", "js/page.js"):
            assert client.get(address(name), headers=BROWSER).headers["Content-Encoding"] == "gzip"
    assert len(done) == 2


def test_what_pages_load_is_all_of_it_but_fonts(client, address):
    for path in sorted(path for path in STATIC.rglob("*") if path.is_file()):
        name = path.relative_to(STATIC).as_posix()
        found = client.get(address(name), headers=BROWSER, buffered=True).headers
        is_text = path.suffix in {".css", ".js", ".svg"}
        assert (found.get("Content-Encoding"), found.get("Vary")) == (
            ("gzip", "Accept-Encoding") if is_text else (None, None)
        ), name


def test_no_page_is_compressed_and_no_name_of_one_confuses(client, address, full_shop):
    for path in ("/", "/sign-in", "/a/anna-berg", "/health", "/nowhere.css", address("nowhere.css"), address("..css")):
        assert "Content-Encoding" not in client.get(path, headers=BROWSER).headers, path
