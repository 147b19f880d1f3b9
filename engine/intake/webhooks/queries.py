"""Reads of the inbox: what waits, what is dead and why, when each shop was last heard."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, literal_column, select

from engine.connections.tables import Connection
from engine.intake.webhooks.tables import InboxState, InboxWebhook
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import NotFoundError
from engine.kernel.paging import Page, newest_first, page_of
from engine.kernel.tables import table_of

_INBOX = table_of(InboxWebhook)
_CONNECTION = table_of(Connection)
_UNREAD: dict[InboxState, ColumnElement[bool]] = {
    state: literal_column(f"inbox_webhook.state = '{state.value}'") for state in (InboxState.WAITING, InboxState.DEAD)
}
"""Written out as in the partial indexes, so that the planner sees that they serve."""


@dataclass(frozen=True, slots=True)
class InboxRow:
    """A webhook in a list. `run_at` is when a waiting one is due."""

    id: UUID
    connection_id: UUID
    connector: str
    account: str
    shop: str
    delivery_key: str
    topic: str
    received_at: datetime
    state: str
    attempts: int
    run_at: datetime
    reason: str | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class InboxLetter:
    """One webhook with its bytes; None once they were dropped."""

    row: InboxRow
    body: bytes | None = field(repr=False)


_COLUMNS = (
    _INBOX.c.id,
    _INBOX.c.connection_id,
    _CONNECTION.c.connector,
    _CONNECTION.c.account,
    _CONNECTION.c.title,
    _INBOX.c.delivery_key,
    _INBOX.c.topic,
    _INBOX.c.received_at,
    _INBOX.c.state,
    _INBOX.c.attempts,
    _INBOX.c.run_at,
    _INBOX.c.reason,
    _INBOX.c.problem,
)
_JOINED = _INBOX.join(_CONNECTION, _CONNECTION.c.id == _INBOX.c.connection_id)


def unread(
    unit: UnitOfWork,
    brand_id: UUID,
    *,
    state: InboxState = InboxState.DEAD,
    reason: str | None = None,
    connection_id: UUID | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[InboxRow]:
    """Return webhooks that are dead, or that wait, newest first. Indexes: ix_inbox_webhook_dead, …_waiting.

    Raises:
        InputError: the cursor is not one of ours.
    """
    statement = select(*_COLUMNS).select_from(_JOINED).where(_INBOX.c.brand_id == brand_id, _UNREAD[state])
    if reason is not None:
        statement = statement.where(_INBOX.c.reason == reason)
    if connection_id is not None:
        statement = statement.where(_INBOX.c.connection_id == connection_id)
    rows = unit.execute(newest_first(statement, (_INBOX.c.id,), cursor=cursor, limit=limit)).all()
    return page_of([InboxRow(*row) for row in rows], ("id",), limit=limit)


def dead_ids(unit: UnitOfWork, brand_id: UUID, *, reason: str | None = None) -> list[UUID]:
    """Return the ids of all dead webhooks, or of those with `reason`, oldest first. Index: ix_inbox_webhook_dead."""
    statement = select(_INBOX.c.id).where(_INBOX.c.brand_id == brand_id, _UNREAD[InboxState.DEAD])
    if reason is not None:
        statement = statement.where(_INBOX.c.reason == reason)
    return sorted(unit.execute(statement).scalars(), key=lambda found: found.int)


def dead_by_reason(unit: UnitOfWork, brand_id: UUID) -> dict[str, int]:
    """Return how many webhooks are dead for which reason, most first. Index: ix_inbox_webhook_dead."""
    counted = func.count()
    statement = (
        select(_INBOX.c.reason, counted)
        .where(_INBOX.c.brand_id == brand_id, _UNREAD[InboxState.DEAD])
        .group_by(_INBOX.c.reason)
        .order_by(counted.desc(), _INBOX.c.reason)
    )
    return {str(reason): int(number) for reason, number in unit.execute(statement)}


def letter(unit: UnitOfWork, brand_id: UUID, *, webhook_id: UUID) -> InboxLetter:
    """Return one webhook with its bytes. By primary key.

    Raises:
        NotFoundError: the brand has none with this id.
    """
    statement = (
        select(*_COLUMNS, _INBOX.c.body)
        .select_from(_JOINED)
        .where(_INBOX.c.id == webhook_id, _INBOX.c.brand_id == brand_id)
    )
    found = unit.execute(statement).first()
    if found is None:
        raise NotFoundError("webhook", webhook_id)
    return InboxLetter(InboxRow(*found[:-1]), found[-1])


def is_heard_since(unit: UnitOfWork, brand_id: UUID, *, connection_id: UUID, at: datetime) -> bool:
    """Tell whether a shop sent something to be read after `at`. Index: ix_inbox_webhook_received."""
    sent = select(_INBOX.c.id).where(
        _INBOX.c.brand_id == brand_id,
        _INBOX.c.connection_id == connection_id,
        _INBOX.c.received_at > at,
        _INBOX.c.state != InboxState.IGNORED.value,
    )
    return unit.execute(sent.limit(1)).first() is not None


def overdue(unit: UnitOfWork, *, since: datetime) -> dict[UUID, datetime]:
    """Return of each connection whose webhooks were due before `since` and still wait, when the first of these came.

    Index: ix_inbox_webhook_waiting.
    """
    columns = (_INBOX.c.connection_id, func.min(_INBOX.c.received_at))
    due = (_UNREAD[InboxState.WAITING], _INBOX.c.run_at < since)
    rows = unit.execute(select(*columns).where(*due).group_by(_INBOX.c.connection_id))
    return {row[0]: row[1] for row in rows}


def last_heard(unit: UnitOfWork) -> dict[UUID, datetime]:
    """Return when the last webhook of each connection came; without those of which none did.

    Index: ix_inbox_webhook_received, whose end is read for each connection.
    """
    mine = (_INBOX.c.brand_id == _CONNECTION.c.brand_id, _INBOX.c.connection_id == _CONNECTION.c.id)
    newest = select(_INBOX.c.received_at).where(*mine).order_by(_INBOX.c.received_at.desc()).limit(1)
    rows = unit.execute(select(_CONNECTION.c.id, newest.scalar_subquery()))
    return {connection_id: received_at for connection_id, received_at in rows if received_at is not None}
