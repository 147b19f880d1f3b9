"""What changed, in pages: by Stripe's events, which it keeps for 30 days, and before that by what was made when.

Events say which things changed, newest first; each is then asked for as it stands now. Lists know no time of change:
what was made in the window is told, and what was made long before and changed then only by its event.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Self

from plugins.stripe_payments.api import Found, StripeApi, expanded, numbered
from plugins.stripe_payments.fetch import SESSION_FIELDS, Pointer, invoice_record, order_of, record_of, session_record
from plugins.stripe_payments.reading import ident, text
from plugins.stripe_payments.topics import WANTED

_KEPT: Final = timedelta(days=29)
"""A day less than Stripe keeps events, so that none is gone between one page and the next."""

_PER_PAGE: Final = 25
_OPEN: Final = timedelta(days=1)
"""How long a checkout may stay open."""

_UNPAID: Final = timedelta(days=35)
"""How long before it was paid an invoice is looked for, where events do not reach."""


@dataclass(frozen=True, slots=True)
class Change:
    """A record as `fetch` makes it, the topic under which it is read, and what its key begins with."""

    topic: str
    key: str
    record: Found


@dataclass(frozen=True, slots=True)
class Place:
    """How far a pull is: the list that is being read, and the last thing in it that was told."""

    stage: str
    after: str | None = None

    @classmethod
    def first(cls, since: datetime) -> Self:
        """Return where a pull begins: with the events alone, where they reach back far enough."""
        return cls("events" if since >= datetime.now(UTC) - _KEPT else "sessions")

    @classmethod
    def read(cls, cursor: str) -> Self:
        """Return the place in a cursor."""
        stage, after = json.loads(cursor)
        return cls(str(stage), None if after is None else str(after))

    def written(self) -> str:
        """Return the cursor."""
        return json.dumps([self.stage, self.after])


def changes(api: StripeApi, *, since: datetime, until: datetime, cursor: str | None) -> tuple[list[Change], str | None]:
    """Return a page of what changed, oldest first, and the cursor of the next.

    Raises:
        ConfigError, RetriableError, FatalError: as `StripeApi.page`.
    """
    place = Place.read(cursor) if cursor else Place.first(since)
    stage = _STAGES[place.stage]
    window = _created(since - stage.earlier, until)
    after = {"starting_after": place.after} if place.after else {}
    found, more = api.page(stage.path, {**stage.params, **window, **after, "limit": str(_PER_PAGE)})
    told = list(stage.tell(api, found, since, until))
    following = Place(place.stage, ident(found[-1], "id")) if more else stage.following
    return told[::-1], following.written() if following else None


def _by_events(api: StripeApi, events: list[Found], _since: datetime, _until: datetime) -> Iterator[Change]:
    """Yield what the events of a page point at, each thing once, under its newest event."""
    pointed: dict[tuple[str, str], tuple[Found, Pointer]] = {}
    for event in events:
        pointer = Pointer.of(event)
        newest, before = pointed.get((pointer.kind, pointer.thing_id), (event, pointer))
        settled_at = before.settled_at or pointer.settled_at
        pointed[pointer.kind, pointer.thing_id] = newest, Pointer(pointer.kind, pointer.thing_id, settled_at)
    for event, pointer in pointed.values():
        yield Change(text(event, "type"), ident(event, "id"), record_of(api, pointer))


def _sessions(api: StripeApi, found: list[Found], _since: datetime, _until: datetime) -> Iterator[Change]:
    """Yield purchases; subscriptions are told by their invoices."""
    for session in found:
        if text(session, "mode") == "payment":
            yield Change("checkout.session.completed", ident(session, "id"), session_record(api, session))


def _invoices(api: StripeApi, found: list[Found], since: datetime, until: datetime) -> Iterator[Change]:
    for invoice in found:
        paid_at = invoice["status_transitions"]["paid_at"] or invoice["created"]
        if since.timestamp() <= paid_at <= until.timestamp():
            yield Change("invoice.paid", ident(invoice, "id"), invoice_record(api, ident(invoice, "id")))


def _refunds(api: StripeApi, found: list[Found], _since: datetime, _until: datetime) -> Iterator[Change]:
    for refund in found:
        yield Change("refund.updated", ident(refund, "id"), {"order": order_of(api, refund), "refunds": [refund]})


def _disputes(api: StripeApi, found: list[Found], _since: datetime, _until: datetime) -> Iterator[Change]:
    for dispute in found:
        record = {"order": order_of(api, dispute), "disputes": [dispute]}
        yield Change("charge.dispute.updated", ident(dispute, "id"), record)


@dataclass(frozen=True, slots=True)
class _Stage:
    path: str
    params: dict[str, str]
    tell: Callable[[StripeApi, list[Found], datetime, datetime], Iterator[Change]]
    following: Place | None
    earlier: timedelta = timedelta(0)


_WHOLE: Final = expanded(*(f"data.{field}" for field in SESSION_FIELDS))
_STAGES: Final = {
    "sessions": _Stage("checkout/sessions", {"status": "complete", **_WHOLE}, _sessions, Place("invoices"), _OPEN),
    "invoices": _Stage("invoices", {"status": "paid"}, _invoices, Place("refunds"), _UNPAID),
    "refunds": _Stage("refunds", {}, _refunds, Place("disputes")),
    "disputes": _Stage("disputes", {}, _disputes, Place("events")),
    "events": _Stage("events", numbered("types", WANTED), _by_events, None),
}


def _created(since: datetime, until: datetime) -> dict[str, str]:
    """Return the window in whole seconds, as Stripe counts, with both ends in it."""
    return {"created[gte]": str(int(since.timestamp())), "created[lte]": str(int(until.timestamp()))}
