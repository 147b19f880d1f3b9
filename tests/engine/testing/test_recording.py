"""What was recorded is played back as it was, without the shop and without its secrets."""

import base64
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.kernel.clock import VirtualClock
from engine.plugin_api import CodeView, ConfigError, HttpResponse, PulledPage, RetriableError
from engine.testing.conformance import failures_of
from engine.testing.connectors import ConnectorConformance
from engine.testing.fakes import shop_plugin
from engine.testing.fakes.shop import FakeShop
from engine.testing.fakes.shop_connector import FakeShopConnector
from engine.testing.fakes.shop_settings import FakeShopSettings
from engine.testing.recording import Recorder, Replayed
from engine.testing.watch import secrets_in

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
END = datetime(2027, 3, 1, 9, 0, tzinfo=UTC)
SETTINGS = FakeShopSettings.model_validate({"token": "canary-token-1", "signing_secrets": ["canary-secret-1"]})
SECRETS = secrets_in(SETTINGS)
CONNECTOR = FakeShopConnector()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "recording.json"


class Answers:
    """A client that gives prepared answers, or raises them."""

    def __init__(self, *answers):
        self._answers = list(answers)

    def request(self, method, url, **more):
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_a_connector_finds_in_the_recording_what_it_found_in_the_shop(path):
    shop = FakeShop(clock=VirtualClock(START), token="canary-token-1", page_size=1)
    for _ in range(3):
        shop.place()
    code = CodeView("k", "ANN10", "Ann", 1_000, None, START)

    def visit(http):
        found, cursor = list[PulledPage](), None
        while not found or cursor:
            page = CONNECTOR.pull(
                since=START, until=START.replace(year=2027), cursor=cursor, settings=SETTINGS, http=http
            )
            found.append(page)
            cursor = page.cursor
        before = CONNECTOR.find_code("ANN10", settings=SETTINGS, http=http)
        reference = CONNECTOR.push_code(code, settings=SETTINGS, http=http)
        after = CONNECTOR.find_code("ANN10", settings=SETTINGS, http=http)
        return found, before, reference, after

    real = visit(Recorder(shop.client(), path, secrets=SECRETS))
    assert real[1] is None
    assert real[3].reference == real[2]
    assert visit(Replayed(path, secrets=SECRETS)) == real
    assert "canary" not in path.read_text()


def test_secrets_are_taken_out_wherever_they_stand(path):
    basic = base64.b64encode(b"canary-token-1").decode()
    answer = HttpResponse(200, {"link": "<https://x/?key=canary-token-1>", "set-cookie": "canary-token-1"},
                          f'{{"echo": "canary-secret-1 {basic}"}}'.encode())  # fmt: skip
    http = Recorder(Answers(answer, ConfigError("not with canary-token-1")), path, secrets=SECRETS)
    asked: dict[str, Any] = {
        "params": {"key": "canary-token-1"},
        "json": {"nested": ["canary-secret-1"]},
        "headers": {"authorization": "Bearer canary-token-1"},
    }
    assert http.request("POST", "https://x/canary-token-1", **asked) is answer
    with pytest.raises(ConfigError):
        http.request("GET", "https://x/", form={"key": "canary-token-1"})
    kept = path.read_text()
    assert "canary" not in kept
    assert basic not in kept
    assert "authorization" not in kept
    replayed = Replayed(path, secrets=SECRETS).request("POST", "https://x/canary-token-1", **asked)
    assert replayed.status == 200
    assert set(replayed.headers) == {"link"}


def test_answers_come_in_their_order_and_the_last_one_stays(path):
    http = Recorder(Answers(*(HttpResponse(200, {}, body) for body in (b"1", b"2"))), path)
    for _ in range(2):
        http.request("GET", "https://x/")
    replayed = Replayed(path)
    assert [replayed.request("get", "https://x/").body for _ in range(4)] == [b"1", b"2", b"2", b"2"]


def test_errors_are_raised_again_with_their_delay(path):
    http = Recorder(Answers(RetriableError("later", retry_after_s=7)), path)
    with pytest.raises(RetriableError):
        http.request("GET", "https://x/")
    with pytest.raises(RetriableError, match="later") as caught:
        Replayed(path).request("GET", "https://x/")
    assert caught.value.retry_after_s == 7


def test_bytes_that_are_no_text_survive(path):
    Recorder(Answers(HttpResponse(200, {}, b"\xff\x00")), path).request("GET", "https://x/")
    assert Replayed(path).request("GET", "https://x/").body == b"\xff\x00"


@pytest.mark.parametrize("more", [{"params": {"a": "2"}}, {"json": {}}, {"form": {}}])
def test_what_was_not_recorded_is_a_failure_that_names_what_was(path, more):
    Recorder(Answers(HttpResponse(200, {}, b"")), path).request("GET", "https://x/", params={"a": "1"})
    with pytest.raises(AssertionError, match="has no answer to") as caught:
        Replayed(path).request("GET", "https://x/", **more)
    assert '"a": "1"' in str(caught.value)


def test_a_recording_is_shop_enough_for_the_checks_of_a_pull(path):
    shop = FakeShop(clock=VirtualClock(START), token="canary-token-1", page_size=1)
    for _ in range(3):
        shop.place()

    class Case(ConnectorConformance):
        __test__ = False
        plugin = shop_plugin
        settings = SETTINGS

        def shop(self):
            return Recorder(shop.client(), path, secrets=SECRETS)

    Case().test_a_pull_goes_on_from_any_page_and_the_same_page_comes_again()
    Case.shop = lambda _: Replayed(path, secrets=SECRETS)  # type: ignore[method-assign]
    assert "test_a_pull_goes_on_from_any_page_and_the_same_page_comes_again" not in failures_of(Case)
