"""The inbox: webhooks arrive, are claimed by whoever reads them, and are settled; dead ones are replayed."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, bindparam, delete, literal_column, select, update
from sqlalchemy.dialects import postgresql, sqlite

from engine.connections.queries import connection_by_id
from engine.connections.rules import FOR_STAFF, GONE
from engine.connections.service import alarm_key, raise_alarm
from engine.intake.tables import Delivery, DeliveryBody
from engine.intake.webhooks.rules import KILLED, LEASE, Reason, said_when_taken
from engine.intake.webhooks.tables import InboxState, InboxWebhook
from engine.kernel.database import UnitOfWork
from engine.kernel.ids import new_id
from engine.kernel.keyed import among
from engine.kernel.logs import one_line
from engine.kernel.tables import table_of

_INBOX = table_of(InboxWebhook)
_WAITING: ColumnElement[bool] = literal_column("inbox_webhook.state = 'waiting'")
"""Written out as in ix_inbox_webhook_waiting: a parameter would hide from the planner that the partial index serves."""

_DEAD: ColumnElement[bool] = literal_column("inbox_webhook.state = 'dead'")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A webhook that was verified. `ignored`: of a topic that the connector has no use for; its body is not kept.

    `matters` is a sentence for staff; `goodbye` says that the shop let us go.
    """

    brand_id: UUID
    connection_id: UUID
    key: str
    topic: str
    body: bytes = field(repr=False)
    received_at: datetime
    ignored: bool = False
    matters: str = ""
    goodbye: bool = False


@dataclass(frozen=True, slots=True)
class ClaimedWebhook:
    """A webhook in somebody's hands. `attempts` is the token without which it cannot be settled.

    `killed`: whoever read it before died of it, so that it is not to be read.
    """

    id: UUID
    brand_id: UUID
    connection_id: UUID
    key: str
    topic: str
    body: bytes = field(repr=False)
    attempts: int
    killed: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a webhook: taken in, laid aside as dead with `reason`, or to be tried again at `run_at`."""

    webhook: ClaimedWebhook
    problem: str | None = None
    reason: Reason | None = None
    run_at: datetime | None = None


def arrive(unit: UnitOfWork, arrivals: Sequence[Arrival]) -> None:
    """Store webhooks that came; one that is there already, key and bytes, stays as it is.

    What matters to staff becomes an alarm, once: a webhook that comes again after somebody ended it says nothing new.
    Sorted by key, so that two processes that store the same ones wait for each other and never in a circle.
    """
    dialect = postgresql if unit.dialect == "postgresql" else sqlite
    for told in (each for each in arrivals if each.matters):
        _raise(unit, told)
    rows = [_row(each, at=unit.now) for each in sorted(arrivals, key=lambda each: (each.connection_id, each.key))]
    if rows:
        unit.execute(dialect.insert(_INBOX).on_conflict_do_nothing(), rows)


def is_any_due(unit: UnitOfWork) -> bool:
    """Tell whether `claim` would find a webhook; writes nothing. Index: ix_inbox_webhook_waiting."""
    return unit.execute(select(_INBOX.c.id).where(_WAITING, _INBOX.c.run_at <= unit.now).limit(1)).first() is not None


def claim(unit: UnitOfWork, *, limit: int, ids: Collection[UUID] | None = None) -> list[ClaimedWebhook]:
    """Take up to `limit` webhooks that are due, or of those with `ids`, oldest first, until the lease ends.

    Others skip what is taken; if nobody settles it, it is due again, and taken alone: its reader died, and it may be
    why. Index: ix_inbox_webhook_waiting.
    """
    due = select(_INBOX.c.id, _INBOX.c.attempts, _INBOX.c.problem).where(_WAITING, _INBOX.c.run_at <= unit.now)
    if ids is not None:
        due = due.where(among(unit, _INBOX.c.id, list(ids)))
    due = due.order_by(_INBOX.c.run_at, _INBOX.c.id).limit(limit)
    if unit.dialect == "postgresql":
        due = due.with_for_update(skip_locked=True)
    found = {row.id: said_when_taken(row.problem, attempts=row.attempts) for row in unit.execute(due)}
    suspect = next(((each, said) for each, said in found.items() if said), None)
    if suspect:
        return _take(unit, [suspect[0]], said=suspect[1])
    return _take(unit, list(found), said=None) if found else []


def settle(unit: UnitOfWork, outcomes: Sequence[Settled]) -> int:
    """Write what became of webhooks; return of how many. Those that somebody else took meanwhile are left to them."""
    return sum(
        _settle(unit, kind, of_kind) for kind in range(3) if (of_kind := [o for o in outcomes if _kind(o) == kind])
    )


def replay(unit: UnitOfWork, brand_id: UUID, *, ids: Collection[UUID]) -> list[UUID]:
    """Make dead webhooks due at once, as if they had just come, and return which those are.

    One whose body has expired stays dead. By primary key.
    """
    statement = (
        update(_INBOX)
        .where(among(unit, _INBOX.c.id, list(ids)), _INBOX.c.brand_id == brand_id, _DEAD, _INBOX.c.body.is_not(None))
        .values(state=InboxState.WAITING.value, run_at=unit.now, attempts=0, reason=None, problem=None)
        .returning(_INBOX.c.id)
    )
    return sorted(unit.execute(statement).scalars(), key=lambda found: found.int)


def lay_aside(unit: UnitOfWork, brand_id: UUID, *, ids: Collection[UUID]) -> int:
    """Give up dead webhooks for good: they are ignored from now on, and their bytes forgotten; return how many.

    Why they were dead is kept. By primary key.
    """
    statement = (
        update(_INBOX)
        .where(among(unit, _INBOX.c.id, list(ids)), _INBOX.c.brand_id == brand_id, _DEAD)
        .values(state=InboxState.IGNORED.value, body=None)
    )
    return int(unit.execute(statement).rowcount)


def drop_old_bodies(unit: UnitOfWork, *, older_than: timedelta, limit: int = 1_000) -> int:
    """Forget bodies of deliveries that came longer ago, oldest first and at most `limit`; return how many.

    Keys and facts stay. By the primary key of delivery_body, which counts up with time.
    """
    body, delivery = table_of(DeliveryBody), table_of(Delivery)
    oldest = select(body.c.id).order_by(body.c.id).limit(limit).subquery()
    expired = (
        select(delivery.c.id)
        .select_from(oldest.join(delivery, delivery.c.id == oldest.c.id))
        .where(delivery.c.received_at < unit.now - older_than)
    )
    ids = list(unit.execute(expired).scalars())
    if ids:
        unit.execute(delete(body).where(among(unit, body.c.id, ids)))
    return len(ids)


def drop_old_webhooks(unit: UnitOfWork, *, older_than: timedelta, limit: int = 1_000) -> int:
    """Forget webhooks that came longer ago, at most `limit`: read and ignored ones wholly, dead ones their body.

    What was read is still known by its delivery's key. Waiting ones stay. By the primary key, which counts up with
    time: only the oldest `limit` are looked at.
    """
    forgotten = and_(_DEAD, _INBOX.c.body.is_(None))
    settled = select(_INBOX.c.id, _INBOX.c.received_at).where(~_WAITING, ~forgotten).order_by(_INBOX.c.id).limit(limit)
    settled_first = settled.subquery()
    oldest = select(settled_first.c.id).where(settled_first.c.received_at < unit.now - older_than)
    ids = list(unit.execute(oldest).scalars())
    if ids:
        unit.execute(update(_INBOX).where(among(unit, _INBOX.c.id, ids), _DEAD).values(body=None))
        unit.execute(delete(_INBOX).where(among(unit, _INBOX.c.id, ids), ~_DEAD))
    return len(ids)


def _take(unit: UnitOfWork, ids: Sequence[UUID], *, said: str | None) -> list[ClaimedWebhook]:
    taken = (
        update(_INBOX)
        .where(among(unit, _INBOX.c.id, ids))
        .values(attempts=_INBOX.c.attempts + 1, run_at=unit.now + LEASE, problem=said)
        .returning(
            _INBOX.c.id,
            _INBOX.c.brand_id,
            _INBOX.c.connection_id,
            _INBOX.c.delivery_key,
            _INBOX.c.topic,
            _INBOX.c.body,
            _INBOX.c.attempts,
        )
    )
    found = [ClaimedWebhook(*row) for row in unit.execute(taken)]
    return [replace(each, killed=said == KILLED) for each in sorted(found, key=lambda webhook: webhook.id.int)]


def _row(arrival: Arrival, *, at: datetime) -> dict[str, Any]:
    return {
        "id": new_id(),
        "brand_id": arrival.brand_id,
        "connection_id": arrival.connection_id,
        "delivery_key": arrival.key,
        "body_hash": sha256(arrival.body).hexdigest(),
        "topic": arrival.topic,
        "body": None if arrival.ignored else arrival.body,
        "received_at": arrival.received_at,
        "state": (InboxState.IGNORED if arrival.ignored else InboxState.WAITING).value,
        "attempts": 0,
        "run_at": at,
    }


def _raise(unit: UnitOfWork, arrival: Arrival) -> None:
    """Raise the alarm of what matters, unless the webhook is here already: before it is stored.

    By a digest of what was said, since the shop's own ids may be the sender's to choose: one body is one alarm.
    """
    known = select(_INBOX.c.id).where(
        _INBOX.c.brand_id == arrival.brand_id,
        _INBOX.c.connection_id == arrival.connection_id,
        _INBOX.c.delivery_key == arrival.key,
        _INBOX.c.body_hash == sha256(arrival.body).hexdigest(),
    )
    if unit.execute(known).first() is not None:
        return
    view = connection_by_id(unit, arrival.brand_id, connection_id=arrival.connection_id)
    digest = sha256(arrival.matters.encode() + b"\0" + arrival.body).hexdigest()[:32]
    kind = GONE if arrival.goodbye else FOR_STAFF
    key = alarm_key(kind, view.id) if arrival.goodbye else f"{alarm_key(kind, view.id)}:{digest}"
    text = f"{view.title} ({view.name}): {arrival.matters}"
    raise_alarm(unit, view.brand_id, key=key, kind=kind, text=text, connection_id=view.id)


def _kind(outcome: Settled) -> int:
    return 2 if outcome.reason else 1 if outcome.run_at else 0


def _settle(unit: UnitOfWork, kind: int, outcomes: Sequence[Settled]) -> int:
    values: dict[str, Any] = {"problem": bindparam("said")}
    if kind == 0:
        values |= {"state": InboxState.DONE.value, "body": None}
    elif kind == 1:
        values |= {"run_at": bindparam("again")}
    else:
        values |= {"state": InboxState.DEAD.value, "reason": bindparam("why")}
    held = (_INBOX.c.id == bindparam("of"), _INBOX.c.attempts == bindparam("token"), _WAITING)
    rows = [
        {
            "of": outcome.webhook.id,
            "token": outcome.webhook.attempts,
            "said": one_line(outcome.problem)[:1000] if outcome.problem else None,
            **({"again": outcome.run_at} if kind == 1 else {}),
            **({"why": outcome.reason.value} if outcome.reason else {}),
        }
        for outcome in outcomes
    ]
    return int(unit.execute(update(_INBOX).where(*held).values(**values), rows).rowcount)
