"""Reads of connections, of what is wrong with them, and of how often they were refused."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select

from engine.connections.rules import hook_path
from engine.connections.tables import Alarm, Connection, ConnectionState, RefusedWebhooks
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import NotFoundError
from engine.kernel.tables import table_of

_CONNECTION = table_of(Connection)
_ALARM = table_of(Alarm)
_REFUSED = table_of(RefusedWebhooks)


@dataclass(frozen=True, slots=True)
class ConnectionView:
    """One connection. Its settings stay encrypted: `service.settings_of_connection` reads them."""

    id: UUID
    brand_id: UUID
    connector: str
    account: str
    title: str
    state: ConnectionState
    quiet_after_h: int
    created_at: datetime
    updated_at: datetime
    settings_encrypted: str = field(repr=False)

    @property
    def is_on(self) -> bool:
        """Whether it is pulled, pushed to, and its webhooks taken."""
        return self.state is ConnectionState.ON

    @property
    def name(self) -> str:
        """What it is called where both are needed: `shopify/main-shop`."""
        return f"{self.connector}/{self.account}"

    @property
    def hook_path(self) -> str:
        """Return the path of the address to which its shop sends webhooks."""
        return hook_path(self.connector, self.account)


@dataclass(frozen=True, slots=True)
class AlarmView:
    """Something that is wrong, or was: `ended_at` says when it no longer was."""

    id: UUID
    alarm_key: str
    kind: str
    connection_id: UUID | None
    text: str
    raised_at: datetime
    ended_at: datetime | None


_COLUMNS = tuple(_CONNECTION.c[name] for name in ConnectionView.__slots__)
_ALARM_COLUMNS = tuple(_ALARM.c[name] for name in AlarmView.__slots__)


def connection_at(unit: UnitOfWork, *, connector: str, account: str) -> ConnectionView | None:
    """Return the connection to which webhooks at this address belong, of whatever brand; on or off.

    Index: uq_connection_connector_account.
    """
    found = _select().where(_CONNECTION.c.connector == connector, _CONNECTION.c.account == account)
    return _one(unit, found)


def connections_of(unit: UnitOfWork, brand_id: UUID) -> list[ConnectionView]:
    """Return a brand's connections, oldest first. Index: ix_connection_brand_id."""
    statement = _select().where(_CONNECTION.c.brand_id == brand_id).order_by(_CONNECTION.c.id)
    return [_view(row) for row in unit.execute(statement)]


def connection_by_id(unit: UnitOfWork, brand_id: UUID, *, connection_id: UUID) -> ConnectionView:
    """Return one connection of the brand. By primary key.

    Raises:
        NotFoundError: the brand has none with this id.
    """
    found = _one(unit, _select().where(_CONNECTION.c.id == connection_id, _CONNECTION.c.brand_id == brand_id))
    if found is None:
        raise NotFoundError("shop", connection_id)
    return found


def connection_named(unit: UnitOfWork, brand_id: UUID, *, connector: str, account: str) -> ConnectionView:
    """Return one connection of the brand. Index: uq_connection_connector_account.

    Raises:
        NotFoundError: the brand has none of this name.
    """
    found = connection_at(unit, connector=connector, account=account)
    if found is None or found.brand_id != brand_id:
        raise NotFoundError("shop", f"{connector}/{account}")
    return found


def every_connection(unit: UnitOfWork, *, ids: Collection[UUID] | None = None) -> list[ConnectionView]:
    """Return the connections of all brands, or those with `ids`, for what watches over an installation.

    By primary key.
    """
    statement = _select().order_by(_CONNECTION.c.id)
    if ids is not None:
        statement = statement.where(_CONNECTION.c.id.in_(sorted(ids)))
    return [_view(row) for row in unit.execute(statement)]


def open_alarms(unit: UnitOfWork, brand_id: UUID, *, connection_id: UUID | None = None) -> list[AlarmView]:
    """Return what is wrong at a brand, or with one of its connections, longest first. Index: uq_alarm_open."""
    statement = select(*_ALARM_COLUMNS).where(_ALARM.c.brand_id == brand_id, _ALARM.c.ended_at.is_(None))
    if connection_id is not None:
        statement = statement.where(_ALARM.c.connection_id == connection_id)
    return [AlarmView(*row) for row in unit.execute(statement.order_by(_ALARM.c.raised_at, _ALARM.c.id))]


def is_alarm_open(unit: UnitOfWork, brand_id: UUID, *, connection_id: UUID, kind: str) -> bool:
    """Tell whether an alarm of a kind about a connection is open. Index: uq_alarm_open."""
    return any(alarm.kind == kind for alarm in open_alarms(unit, brand_id, connection_id=connection_id))


def refused_of(unit: UnitOfWork, brand_id: UUID, *, days: int = 7) -> dict[UUID, int]:
    """Return how many webhooks of each connection were refused in the last `days` (UTC), today's included.

    Index: uq_refused_webhooks_brand_id_connection_id_day.
    """
    since = (unit.now - timedelta(days=days - 1)).date()
    counted = func.sum(_REFUSED.c.refused)
    statement = (
        select(_REFUSED.c.connection_id, counted)
        .where(_REFUSED.c.brand_id == brand_id, _REFUSED.c.day >= since)
        .group_by(_REFUSED.c.connection_id)
    )
    return {connection_id: int(refused) for connection_id, refused in unit.execute(statement)}


def _select() -> Select[Any]:
    return select(*_COLUMNS)


def _one(unit: UnitOfWork, statement: Select[Any]) -> ConnectionView | None:
    row = unit.execute(statement).first()
    return _view(row) if row else None


def _view(row: Any) -> ConnectionView:
    values = dict(zip(ConnectionView.__slots__, row, strict=True))
    return ConnectionView(**values | {"state": ConnectionState(values["state"])})
