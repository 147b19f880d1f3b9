"""What changed, in pages: before the 30 days for which Stripe keeps events by what was made when, then by its events.

Events say which things changed, newest first; each is then asked for as it stands now. Lists know no time of change:
what was made in the window is told, and what was made long before and changed then only by its event.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Self

from engine.plugin_api.reading import text
from plugins.stripe_payments.api import Found, StripeApi
from plugins.stripe_payments.fetch import SESSION_FIELDS, Pointer, invoice_record, order_of, record_of, session_record
from plugins.stripe_payments.reading import ident
from plugins.stripe_payments.topics import WANTED

_KEPT: Final = timedelta(days=29)
"""A day less than Stripe keeps events, so that none is gone between one page and the next."""

_LATE: Final = timedelta(hours=12)
"""How old a pull may be before events are counted on for less time than `_KEPT`."""

_PER_PAGE: Final = 25
_OPEN: Final = 86_400
"""How long a checkout may stay open, in seconds."""

_UNPAID: Final = 35 * 86_400
"""How long before it was paid an invoice is looked for, where events do not reach, in seconds."""


@dataclass(frozen=True, slots=True)
class Change:
    """A record as `fetch` makes it, the topic under which it is read, and what its key begins with."""

    topic: str
    key: str
    record: Found


@dataclass(frozen=True, slots=True)
class Place:
    """How far a pull is: the list that is being read, and the last thing in it that was told.

    `kept_from` is since when events tell everything (seconds since 1970); a pull keeps to it from its first page on.
    """

    stage: str
    kept_from: int
    after: str | None = None

    @classmethod
    def first(cls, since: datetime, until: datetime) -> Self:
        """Return where a pull begins: with the events alone, where they reach back far enough.

        It follows from the window, so that a pull which begins again is the same; only one that ends long ago is
        told by lists for as much as Stripe has forgotten by now.
        """
        kept_from = max(until, datetime.now(UTC) - _LATE) - _KEPT
        return cls("events" if since >= kept_from else "sessions", int(kept_from.timestamp()))

    @classmethod
    def read(cls, cursor: str) -> Self:
        """Return the place in a cursor."""
        stage, kept_from, after = json.loads(cursor)
        return cls(str(stage), int(kept_from), None if after is None else str(after))

    def written(self) -> str:
        """Return the cursor."""
        return json.dumps([self.stage, self.kept_from, self.after])


def changes(api: StripeApi, *, since: datetime, until: datetime, cursor: str | None) -> tuple[list[Change], str | None]:
    """Return a page of what changed, oldest first, and the cursor of the next.

    Raises:
        ConfigError, RetriableError, FatalError: as `StripeApi.page`.
    """
    place = Place.read(cursor) if cursor else Place.first(since, until)
    stage, window = _STAGES[place.stage], _window(place, since=since, until=until)
    created = {"created": {"gte": window.since - stage.earlier, "lte": window.until}}
    after = {"starting_after": place.after} if place.after else {}
    found, more = api.page(stage.path, {**stage.params, **created, **after, "limit": _PER_PAGE})
    told = list(stage.tell(api, found, window))
    if more:
        return told[::-1], replace(place, after=ident(found[-1], "id")).written()
    return told[::-1], Place(stage.following, place.kept_from).written() if stage.following else None


@dataclass(frozen=True, slots=True)
class _Window:
    """Whole seconds since 1970, as Stripe counts, with both ends in it."""

    since: int
    until: int


def _window(place: Place, *, since: datetime, until: datetime) -> _Window:
    """Return the window of a stage: lists are read up to where the events begin."""
    last = int(until.timestamp())
    return _Window(int(since.timestamp()), last if place.stage == "events" else min(last, place.kept_from))


def _by_events(api: StripeApi, events: list[Found], _window: _Window) -> Iterator[Change]:
    """Yield what the events of a page point at, each thing once, under its newest event."""
    pointed: dict[tuple[str, str], tuple[Found, Pointer]] = {}
    for event in events:
        pointer = Pointer.of(event)
        newest, before = pointed.get((pointer.kind, pointer.thing_id), (event, pointer))
        settled_at = before.settled_at or pointer.settled_at
        pointed[pointer.kind, pointer.thing_id] = newest, Pointer(pointer.kind, pointer.thing_id, settled_at)
    for event, pointer in pointed.values():
        yield Change(text(event, "type"), ident(event, "id"), record_of(api, pointer))


def _sessions(api: StripeApi, found: list[Found], _window: _Window) -> Iterator[Change]:
    """Yield purchases; subscriptions are told by their invoices."""
    for session in found:
        if text(session, "mode") == "payment":
            yield Change("checkout.session.completed", ident(session, "id"), session_record(api, session))


def _invoices(api: StripeApi, found: list[Found], window: _Window) -> Iterator[Change]:
    for invoice in found:
        paid_at = invoice["status_transitions"]["paid_at"] or invoice["created"]
        if window.since <= paid_at <= window.until:
            yield Change("invoice.paid", ident(invoice, "id"), invoice_record(api, ident(invoice, "id")))


def _refunds(api: StripeApi, found: list[Found], _window: _Window) -> Iterator[Change]:
    for refund in found:
        yield Change("refund.updated", ident(refund, "id"), {"order": order_of(api, refund), "refunds": [refund]})


def _disputes(api: StripeApi, found: list[Found], _window: _Window) -> Iterator[Change]:
    for dispute in found:
        record = {"order": order_of(api, dispute), "disputes": [dispute]}
        yield Change("charge.dispute.updated", ident(dispute, "id"), record)


@dataclass(frozen=True, slots=True)
class _Stage:
    path: str
    params: Mapping[str, object]
    tell: Callable[[StripeApi, list[Found], _Window], Iterator[Change]]
    following: str | None
    earlier: int = 0


_WHOLE: Final = {"expand": [f"data.{field}" for field in SESSION_FIELDS]}
_STAGES: Final = {
    "sessions": _Stage("checkout/sessions", {"status": "complete", **_WHOLE}, _sessions, "invoices", _OPEN),
    "invoices": _Stage("invoices", {"status": "paid"}, _invoices, "refunds", _UNPAID),
    "refunds": _Stage("refunds", {}, _refunds, "disputes"),
    "disputes": _Stage("disputes", {}, _disputes, "events"),
    "events": _Stage("events", {"types": WANTED}, _by_events, None),
}
