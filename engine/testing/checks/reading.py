"""Checks of what a connector reads: bodies, files, and what it makes of them."""

import io
import json
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from pydantic import SecretStr

from engine.intake.rules import CustomerHasher, Source, check_delivery, fact_of
from engine.kernel.crypto import Keyring
from engine.plugin_api import (
    Capability,
    ChargebackEvent,
    CommerceEvent,
    Delivery,
    InputError,
    OrderEvent,
    PluginError,
    RefundEvent,
    RowProblem,
)
from engine.plugin_host.settings import whole
from engine.testing.checks.connector import ConnectorCase, Sample
from engine.testing.conformance import needs, require
from engine.testing.watch import nobody_outside, threads_left

_TIMES: Final = ("updated_at", "placed_at", "paid_at", "cancelled_at", "first_seen_at", "refunded_at", "opened_at")
_EXTRA: Final = '"goodword_unknown":["new in the next version",1,null]'
_TOKEN: Final = re.compile(r'"(?:[^"\\\\]|\\\\.)*"|(\{)(\s*\})?', re.DOTALL)
UNREADABLE: Final = (b"", b"\x00\xff\xfe", b"{", b'{"id": NaN}', b"null", b"[]", b'"text"', b"<html></html>")


class ReadingChecks(ConnectorCase):
    """What `parse` and `read_file` promise.

    `unknown` is a body that the connector has no use for, such as one about a product. `file` is a whole file, for
    connectors that read them; their samples are taken from it.
    """

    unknown: Sample = Sample(b"{}", topic="goodword/unknown")
    file: bytes = b""
    file_name: str = "orders"

    def given_samples(self) -> Sequence[Sample]:
        """Return the author's samples, and those of the file.

        Raises:
            AssertionError: there are none.
        """
        if self.samples or not self.file:
            return super().given_samples()
        return [Sample(one.body, one.topic) for one in self.read_file() if isinstance(one, Delivery)]

    def read_file(self) -> list[Delivery | RowProblem]:
        """Return everything that the connector reads in the author's file."""
        require(self.file, "There is no file.", remedy="Set file = b'…' to a file as the shop exports it.")
        reader: Any = self.connector
        file, name, settings = io.BytesIO(self.file), self.file_name, self.settings
        return self.ask(lambda: list(reader.read_file(file, name=name, settings=settings)))

    def test_parse_is_pure(self) -> None:
        """The same body gives the same events, alone or after others, and nothing that was handed in changes."""
        samples = self.given_samples()
        first = [self.parsed(sample) for sample in samples]
        again = [self.parsed(sample) for sample in reversed(samples)][::-1]
        remedy = "Let parse depend on the body, the topic and the settings alone: no clock, no counter, no cache."
        require(first == again, "The same body was read in two ways.", remedy=remedy)
        require(repr(first) == repr(again), "The same body was read in two ways that only look equal.", remedy=remedy)
        require(
            whole(self.settings) == self.as_given, "parse changed the settings.", remedy="Copy what you want to change."
        )

    def test_parse_asks_nobody_outside(self) -> None:
        """No connection, no name look-up, no program: what is missing in a body is fetched by `complete`."""
        with nobody_outside() as tried:
            for sample in self.given_samples():
                try:
                    self.parsed(sample)
                except (PermissionError, InputError, PluginError) as error:
                    require(tried, f"A sample cannot be read: {error}", remedy="Give bodies that the connector reads.")
        remedy = "Declare Capability.COMPLETION and fetch it in `complete`, through the client that it is given."
        require(not tried, f"parse went outside: {', '.join(tried)}.", remedy=remedy)

    def test_reading_leaves_no_thread_behind(self) -> None:
        """A plugin starts no threads: the host decides what runs beside what."""
        with threads_left() as left:
            for sample in self.given_samples():
                self.parsed(sample)
        require(
            not left, f"Threads are left: {', '.join(left)}.", remedy="Do the work in the call, or end what you start."
        )

    def test_what_cannot_be_read_is_an_input_error(self) -> None:
        """Whatever arrives, `parse` answers with events or with `InputError`, which makes it a dead letter."""
        truncated = [sample.body[: len(sample.body) // 2] for sample in self.given_samples()]
        topics = {sample.topic for sample in self.given_samples()}
        for body in (*UNREADABLE, *truncated):
            for topic in sorted(topics):
                try:
                    self.parsed(Sample(body, topic))
                except InputError:
                    continue
                except Exception as error:
                    told = f"parse answered {body[:40]!r} with {type(error).__name__}: {error!s:.200}"
                    raise AssertionError(f"{told}\n    Raise InputError for what cannot be read.") from error

    @needs(Capability.WEBHOOKS, Capability.PULL)
    def test_what_is_unknown_gives_no_event_and_what_is_new_does_no_harm(self) -> None:
        """Unknown topics give nothing; a field that a later version of the shop adds changes nothing."""
        remedy = "Return () for topics and kinds without use; or set `unknown` to such a body of this shop."
        try:
            found = self.parsed(self.unknown)
        except InputError as error:
            raise AssertionError(f"The unknown body cannot be read: {error}\n    {remedy}") from None
        require(found == (), f"The unknown body gave {len(found)} events.", remedy=remedy)
        for sample in self.given_samples():
            grown = _with_more_fields(sample)
            if grown is not None:
                try:
                    same = self.parsed(sample) == self.parsed(grown)
                except InputError:
                    same = False
                require(
                    same,
                    "A field that the connector does not know changed what it reads.",
                    remedy="Ignore such fields.",
                )

    def test_every_event_is_one_that_the_host_can_book(self) -> None:
        """Ids, whole minor units, known currencies, times with a zone, lines with ids of their own."""
        for event in self.events():
            self._book(event)
            for name in _TIMES:
                time = getattr(event, name, None)
                utc = time is None or time.utcoffset() == timedelta(0)
                remedy = f"Write {name} = {name}.astimezone(UTC)."
                require(utc, f"{type(event).__name__}.{name} is not in UTC: {time!r}.", remedy=remedy)

    def test_every_refund_is_of_an_order_that_was_read(self) -> None:
        """A refund names its order and the order's lines, in the order's currency, and comes after the order."""
        events = self.events()
        orders = {event.external_id: event for event in events if isinstance(event, OrderEvent)}
        require(orders, "The samples hold no order.", remedy="Add the body of one.")
        for event in events:
            if isinstance(event, RefundEvent | ChargebackEvent):
                what = f"{type(event).__name__} {event.external_id!r}"
                order = orders.get(event.order_external_id)
                remedy = "Use the id under which the order came; add that order to the samples."
                require(
                    order is not None,
                    f"{what} is of order {event.order_external_id!r}, not in the samples.",
                    remedy=remedy,
                )
                if order is not None:
                    _fits(event, order, what)

    @needs(Capability.FILES)
    def test_a_file_is_read_into_deliveries_that_can_be_read_again(self) -> None:
        """Each delivery's events are those of its body, each key stands once, and reading twice gives the same."""
        found = self.read_file()
        deliveries = [one for one in found if isinstance(one, Delivery)]
        require(deliveries, "The file gave no delivery.", remedy="Let `file` hold at least one good order.")
        self.can_be_read_again(deliveries)
        remedy = "Let read_file depend on the file and the settings alone."
        require(self.read_file() == found, "The same file was read in two ways.", remedy=remedy)

    def can_be_read_again(self, deliveries: Sequence[Delivery]) -> None:
        """Hold deliveries to their contract.

        Raises:
            AssertionError: events differ from what parse reads in the body, a key cannot be stored or stands twice.
        """
        for delivery in deliveries:
            check_delivery(delivery)
            same = self.parsed(delivery) == tuple(delivery.events)
            remedy = "Make `events` by calling parse(body, topic=…) yourself, and keep the topic in the delivery."
            require(same, f"Delivery {delivery.key!r} says other than its body does.", remedy=remedy)
        keys = [delivery.key for delivery in deliveries]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        remedy = "Take the thing's id and version, or a hash of the body, into the key."
        require(not twice, f"Keys stand for more than one delivery: {', '.join(twice[:3])}.", remedy=remedy)

    def _book(self, event: CommerceEvent) -> None:
        keyring = Keyring(SecretStr("conformance" * 4))
        hasher = CustomerHasher(keyring, UUID(int=1), Source(self.connector.name, "account"))
        try:
            fact_of(event, hasher)
        except InputError as error:
            raise AssertionError(f"{error}\n    The host would lay this delivery aside.") from None


def _fits(event: RefundEvent | ChargebackEvent, order: OrderEvent, what: str) -> None:
    require(event.currency == order.currency, f"{what} is in {event.currency}, its order in {order.currency}.",
            remedy="Give both in the currency in which the customer paid, or both in the shop's.")  # fmt: skip
    time = event.refunded_at if isinstance(event, RefundEvent) else event.opened_at
    require(
        time >= order.placed_at, f"{what} is older than its order.", remedy="Check which field you read the time from."
    )
    known = {line.line_id for line in order.lines}
    strange = {line.line_id for line in getattr(event, "lines", ())} - known
    remedy = "Use the line ids of the order, not those of the refund's own lines."
    require(not strange, f"{what} is of lines that the order does not have: {sorted(strange)}.", remedy=remedy)


def _with_more_fields(sample: Sample) -> Sample | None:
    """Return a JSON sample with an unknown field at the head of every object; None for what is no JSON object.

    Done in the text, so that every number stays as it was written.
    """
    try:
        text = sample.body.decode()
        if not isinstance(json.loads(text), dict):
            return None
    except ValueError:
        return None
    return Sample(_TOKEN.sub(_grown, text).encode(), sample.topic)


def _grown(found: re.Match[str]) -> str:
    if found[1] is None:
        return found[0]  # a text, whatever braces it holds
    return "{" + _EXTRA + ("}" if found[2] else ",")
