"""Checks of a connector that talks to its shop: what it makes of refusals, delays and silence, and what it tells."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

import httpcore2
import httpx2

from engine.plugin_api import (
    Capability,
    CodeView,
    ConfigError,
    ConnectionReport,
    FatalError,
    GoodwordError,
    HttpClient,
    InputError,
    RetriableError,
    WebhookRequest,
)
from engine.plugin_host.http import HttpPool
from engine.testing.checks.connector import Sample
from engine.testing.checks.reading import UNREADABLE
from engine.testing.checks.webhooks import NOW, WebhookChecks
from engine.testing.conformance import needs, require
from engine.testing.watch import WatchedClient, listening, secrets_in, threads_left

ONLINE: Final = (Capability.PULL, Capability.CODES, Capability.SUBSCRIPTIONS, Capability.COMPLETION)
_RETRY_AFTER_S: Final = 7
_MANY_REQUESTS: Final = 3
ADDRESS: Final = "https://goodword.example/hooks/shop/main"

Ask = Callable[[HttpClient], object]


class OnlineChecks(WebhookChecks):
    """What everything with `http` promises.

    `shop` gives a client that leads to a shop with the connector's world in it: a fake, or a recording. `window` is
    since when and until when something changed there. `code` is a promo code to try. `pointers` are webhooks that must
    be completed.
    """

    window: tuple[datetime, datetime] = (NOW - timedelta(days=365), NOW + timedelta(days=365))
    code: CodeView = CodeView(
        key="conformance-1",
        code="CONFORM10",
        title="Conformance",
        percent_bps=1_000,
        amount_minor=None,
        starts_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    pointers: tuple[Sample, ...] = ()

    def shop(self) -> HttpClient:
        """Return a client that leads to a fresh shop, with orders in the window and without `code`."""
        remedy = "Write shop(self) that returns host_client(origin, answer=…), a fake of its API, or Replayed(path)."
        raise AssertionError(f"There is no shop to talk to.\n    {remedy}")

    def calls(self) -> dict[str, Ask]:
        """Return every question that the connector puts to its shop, by the name of its method."""
        connector: Any = self.connector
        settings, (since, until) = self.settings, self.window
        every: dict[str, tuple[Capability | None, Ask]] = {
            "check": (None, lambda http: connector.check(settings=settings, http=http)),
            "pull": (Capability.PULL, lambda http: connector.pull(
                since=since, until=until, cursor=None, settings=settings, http=http)),
            "find_code": (Capability.CODES, lambda http: connector.find_code(
                self.code.code, settings=settings, http=http)),
            "push_code": (Capability.CODES, lambda http: connector.push_code(self.code, settings=settings, http=http)),
            "revoke_code": (Capability.CODES, lambda http: connector.revoke_code(
                self.missing_reference, settings=settings, http=http)),
            "subscriptions": (Capability.SUBSCRIPTIONS, lambda http: connector.subscriptions(
                address=ADDRESS, settings=settings, http=http)),
            "subscribe": (Capability.SUBSCRIPTIONS, lambda http: connector.subscribe(
                address=ADDRESS, settings=settings, http=http)),
        }  # fmt: skip
        found = {name: ask for name, (capability, ask) in every.items() if capability is None or self.can(capability)}
        return found | {f"complete #{number}": self._completing(one) for number, one in enumerate(self.pointers)}

    missing_reference: str = "999999999"
    """A reference, of the form that this shop gives, behind which there is no code."""

    @needs(*ONLINE)
    def test_its_origins_are_ones_that_the_host_pins(self) -> None:
        """At least one origin, each https, or one that an operator may vouch for; nothing behind the port."""
        connector: Any = self.connector
        origins = self.ask(lambda: connector.origins(self.settings))
        require(
            origins and not isinstance(origins, str), f"origins gives {origins!r}.", remedy="Return a tuple of origins."
        )
        with suppress(InputError):
            HttpPool(origins).client(origins)
            return
        raise AssertionError(f"The host refuses {origins!r}.\n    Write an origin as https://shop.example.")

    @needs(*ONLINE)
    def test_a_refusal_of_the_shop_reaches_the_host_as_what_it_is(self) -> None:
        """401 and 403 are for people, 429 and 5xx for later and with the shop's delay, other statuses are final."""
        expected: tuple[tuple[int, tuple[type[GoodwordError], ...]], ...] = (
            (401, (ConfigError,)), (403, (ConfigError,)), (429, (RetriableError,)), (503, (RetriableError,)),
            (400, (FatalError, ConfigError, InputError)),
        )  # fmt: skip
        for status, errors in expected:
            for name, ask in self.calls().items():
                told, asked = self._outcome(ask, _answering(status))
                if not asked:
                    require(
                        name.startswith("complete"), f"{name} made no request.", remedy="Ask the shop through `http`."
                    )
                    continue
                remedy = "Let the client's error pass; where you accept a status, raise the same class yourself."
                require(isinstance(told, errors), f"{name} made {_named(told)} of a {status}.", remedy=remedy)
                late = isinstance(told, RetriableError) and told.retry_after_s != _RETRY_AFTER_S
                require(not late, f"{name} forgot the delay that the shop asked for with {status}.", remedy=remedy)

    @needs(*ONLINE)
    def test_silence_of_the_shop_is_left_to_the_host(self) -> None:
        """After a timeout the connector gives up: the host tries again later, with what else waits."""
        for name, ask in self.calls().items():
            told, asked = self._outcome(ask, _silent)
            if asked == 0 and name.startswith("complete"):
                continue
            remedy = "Let RetriableError pass; never sleep and never try again yourself."
            require(isinstance(told, RetriableError), f"{name} made {_named(told)} of a timeout.", remedy=remedy)
            require(asked <= _MANY_REQUESTS, f"{name} tried {asked} times.", remedy=remedy)

    @needs(*ONLINE)
    def test_an_answer_that_makes_no_sense_is_an_error_of_ours(self) -> None:
        """A login page, a cut-off JSON, a list in place of an object: an error that says so, and no stray exception."""
        for body in (*UNREADABLE, b"{}", b'{"data": null, "errors": null}'):
            for name, ask in self.calls().items():
                told, _ = self._outcome(ask, _answering(200, body))
                fine = told is None or isinstance(told, GoodwordError)
                remedy = "Check what you read before you use it, and raise FatalError where it is not as documented."
                require(fine, f"{name} answered {body[:30]!r} with {_named(told)}: {told!s:.200}", remedy=remedy)

    @needs(*ONLINE)
    def test_the_check_of_a_connection_names_the_shop(self) -> None:
        """Whoever sets it up sees which shop it is and that nothing is in the way."""
        connector: Any = self.connector
        report: object = self.talk(lambda http: connector.check(settings=self.settings, http=http))
        remedy = "Return ConnectionReport(shop=the shop's own name, problems=(sentences, …))."
        require(isinstance(report, ConnectionReport), f"check gives {report!r}.", remedy=remedy)
        if isinstance(report, ConnectionReport):
            require(report.shop, "check does not name the shop.", remedy=remedy)
            require(
                not report.problems,
                f"check of a good shop finds: {report.problems}.",
                remedy="Let shop() be without any.",
            )

    @needs(*ONLINE)
    def test_talking_leaves_no_thread_behind(self) -> None:
        """A plugin starts no threads: the host decides what runs beside what."""
        with threads_left() as left:
            for ask in self.calls().values():
                with suppress(GoodwordError):
                    self.talk(ask)
        require(
            not left, f"Threads are left: {', '.join(left)}.", remedy="Do the work in the call, or end what you start."
        )

    def test_no_secret_is_told_by_errors_logs_or_addresses(self) -> None:
        """Whatever goes wrong, secrets are in no message, no log line, nothing printed, and no address."""
        secrets = secrets_in(self.settings)
        with listening() as said:
            for error in self._all_that_goes_wrong():
                said.more.append(f"{error} {error!r} {error.__cause__!r}")
            for ask in self.calls().values() if hasattr(self.connector, "origins") else ():
                client = WatchedClient(self._client(_answering(200, b"{}")))
                with suppress(Exception):
                    self.ask(partial(ask, client))
                said.more += [f"{request.url} {dict(request.params)}" for request in client.requests]
        told = [f"{secret[:2]}…" for secret in sorted(secrets) if secret in said]
        remedy = "Name what failed, never with what; send secrets in headers or bodies."
        require(not told, f"A secret was told: {', '.join(told)}.", remedy=remedy)

    def talk(self, ask: Ask) -> Any:
        """Return what a question to the author's shop comes to."""
        http = self.shop()
        return self.ask(lambda: ask(http))

    def _completing(self, pointer: Sample) -> Ask:
        connector: Any = self.connector
        body, topic, settings = pointer.body, pointer.topic, self.settings
        return lambda http: connector.complete(body, topic=topic, settings=settings, http=http)

    def _all_that_goes_wrong(self) -> Iterator[Exception]:
        for body in UNREADABLE:
            for sample in self.samples:
                yield from _raised(partial(self.parsed, Sample(body, sample.topic)))
        if self.can(Capability.WEBHOOKS):
            for headers in ({}, dict.fromkeys(self._header_names(), "wrong")):
                request = WebhookRequest(headers, b"{}", NOW)
                yield from _raised(partial(self.verified, request))
        if hasattr(self.connector, "origins"):
            for answer in (_answering(401), _answering(400), _silent, _answering(200, b"<html>")):
                for ask in self.calls().values():
                    yield from _raised(partial(self._must, ask, answer))

    def _header_names(self) -> list[str]:
        samples = self.webhook_samples()
        return list(self.signed(samples[0].body, topic=samples[0].topic, at=NOW).headers)

    def _must(self, ask: Ask, answer: Callable[[httpx2.Request], httpx2.Response]) -> None:
        error, _ = self._outcome(ask, answer)
        if error is not None:
            raise error

    def _client(self, answer: Callable[[httpx2.Request], httpx2.Response]) -> HttpClient:
        connector: Any = self.connector
        declared = [httpx2.URL(origin) for origin in connector.origins(self.settings)]
        origins = [f"{url.scheme}://{url.netloc.decode()}" for url in declared]
        return HttpPool(origins, transport=httpx2.MockTransport(answer)).client(origins)

    def _outcome(self, ask: Ask, answer: Callable[[httpx2.Request], httpx2.Response]) -> tuple[Exception | None, int]:
        """Return what a question raises, asked of a shop that answers all alike, and how many requests it made."""
        client = WatchedClient(self._client(answer))
        try:
            self.ask(lambda: ask(client))
        except AssertionError:
            raise
        except Exception as error:  # noqa: BLE001 - what it is, is what the check is about
            return error, len(client.requests)
        return None, len(client.requests)


def _answering(status: int, body: bytes = b"{}") -> Callable[[httpx2.Request], httpx2.Response]:
    headers: Mapping[str, str] = {"retry-after": str(_RETRY_AFTER_S), "content-type": "application/json"}
    return lambda _request: httpx2.Response(status, headers=headers, content=body)


def _silent(_request: httpx2.Request) -> httpx2.Response:
    raise httpcore2.ReadTimeout("no answer")


def _raised(call: Callable[[], object]) -> Iterator[Exception]:
    try:
        call()
    except Exception as error:  # noqa: BLE001 - judged by what it says
        yield error


def _named(error: Exception | None) -> str:
    return "no error" if error is None else type(error).__name__
