"""Connections come to be and change, and what is wrong with them is raised and ends."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite

from engine.connections.queries import ConnectionView, connection_at, connection_by_id
from engine.connections.rules import FOR_STAFF, weak_secrets
from engine.connections.schemas import ConnectionDraft
from engine.connections.tables import Alarm, Connection, ConnectionState, RefusedWebhooks
from engine.identity.service import record
from engine.kernel.canonical import dump_json, load_json
from engine.kernel.crypto import Keyring
from engine.kernel.database import UnitOfWork
from engine.kernel.errors import ConflictError, NotFoundError
from engine.kernel.ids import new_id
from engine.kernel.logs import one_line
from engine.kernel.tables import table_of
from engine.outbox.service import Event, append
from engine.plugin_api import PluginSettings
from engine.plugin_host.registry import PluginHost
from engine.plugin_host.service import settings_of
from engine.plugin_host.settings import PluginSettingsError, keep_masked, whole

_CONNECTION = table_of(Connection)
_ALARM = table_of(Alarm)
_REFUSED = table_of(RefusedWebhooks)


def save_connection(
    unit: UnitOfWork, brand_id: UUID, draft: ConnectionDraft, *, host: PluginHost, keyring: Keyring, by: str
) -> ConnectionView:
    """Store `draft` as a new connection, or as what the one of that name becomes; a masked secret stays as it was.

    A new one is on. The audit log says who did it, and never what the settings are.

    Raises:
        UnknownPluginNounError: no active plugin registers the connector.
        PluginSettingsError: the settings do not fit its plugin's model, or a secret is too weak; nothing was stored.
        ConflictError: another brand has an account of this name.
    """
    stored = connection_at(unit, connector=draft.connector, account=draft.account)
    if stored is not None and stored.brand_id != brand_id:
        raise ConflictError(f"The account name {draft.account!r} is taken. Choose another.")
    settings = checked_settings(draft, stored=stored, host=host, keyring=keyring)
    values: dict[str, Any] = {
        "title": draft.title,
        "quiet_after_h": draft.quiet_after_h,
        "settings_encrypted": keyring.encrypt(dump_json(whole(settings))),
        "updated_at": unit.now,
    }
    if stored is None:
        unit.session.add(
            Connection(
                brand_id=brand_id,
                connector=draft.connector,
                account=draft.account,
                state=ConnectionState.ON.value,
                created_at=unit.now,
                **values,
            )
        )
        unit.session.flush()
    else:
        unit.execute(update(_CONNECTION).where(_CONNECTION.c.id == stored.id).values(**values))
    name = f"{draft.connector}/{draft.account}"
    record(unit, brand_id, actor=by, action="shop.change" if stored else "shop.add", subject=f"shop {name}")
    _tell(unit, brand_id, name)
    saved = connection_at(unit, connector=draft.connector, account=draft.account)
    assert saved is not None, "it was written above"  # noqa: S101 - a broken promise, not input
    return saved


def checked_settings(
    draft: ConnectionDraft, *, stored: ConnectionView | None, host: PluginHost, keyring: Keyring
) -> PluginSettings:
    """Return the settings of `draft`, secrets that were masked filled in from what is stored; nothing is written.

    Raises:
        UnknownPluginNounError, PluginSettingsError: as `save_connection`.
    """
    plugin = host.connector(draft.connector).plugin
    known = _document(stored, keyring) if stored else {}
    settings = settings_of(keep_masked(draft.settings, known), plugin=plugin, host=host)
    if weak := weak_secrets(settings):
        raise PluginSettingsError(plugin, weak)
    return settings


def settings_of_connection(connection: ConnectionView, *, host: PluginHost, keyring: Keyring) -> PluginSettings:
    """Return what the connector of `connection` must know.

    Raises:
        UnknownPluginNounError: no active plugin registers the connector.
        PluginSettingsError: what is stored no longer fits the plugin's model.
        UnreadableSecretError: it was stored with another secret key.
    """
    plugin = host.connector(connection.connector).plugin
    return settings_of(_document(connection, keyring), plugin=plugin, host=host)


def switch(unit: UnitOfWork, brand_id: UUID, *, connection_id: UUID, state: ConnectionState, by: str) -> ConnectionView:
    """Switch a connection on or off; quiet where it is so already. Of one that is off nothing is wrong.

    Raises:
        NotFoundError: the brand has no such connection.
    """
    connection = connection_by_id(unit, brand_id, connection_id=connection_id)
    if connection.state is not state:
        changed = {"state": state.value, "updated_at": unit.now}
        unit.execute(update(_CONNECTION).where(_CONNECTION.c.id == connection_id).values(**changed))
        record(unit, brand_id, actor=by, action=f"shop.{state.value}", subject=f"shop {connection.name}")
        _tell(unit, brand_id, connection.name)
        if state is ConnectionState.OFF:
            _end_all(unit, brand_id, connection_id)
    return connection_by_id(unit, brand_id, connection_id=connection_id)


def raise_alarm(unit: UnitOfWork, brand_id: UUID, *, key: str, kind: str, text: str, connection_id: UUID) -> bool:
    """Say that something is wrong; return whether that is news. One alarm of a key is open at a time.

    What an open one says is brought up to date.
    """
    dialect = postgresql if unit.dialect == "postgresql" else sqlite
    text = one_line(text)[:1000]
    row = {
        "id": new_id(),
        "brand_id": brand_id,
        "alarm_key": key[:200],
        "kind": kind,
        "connection_id": connection_id,
        "text": text,
        "raised_at": unit.now,
    }
    added = unit.execute(dialect.insert(_ALARM).values(**row).on_conflict_do_nothing().returning(_ALARM.c.id)).first()
    if added is None:
        unit.execute(update(_ALARM).where(*_open(brand_id, key), _ALARM.c.text != text).values(text=text))
        return False
    append(unit, brand_id, [Event("alarm_raised", {"kind": kind, "connection_id": str(connection_id)})])
    return True


def end_alarm(unit: UnitOfWork, brand_id: UUID, *, key: str) -> bool:
    """Say that something is no longer wrong; return whether it was."""
    statement = update(_ALARM).where(*_open(brand_id, key)).values(ended_at=unit.now)
    return bool(unit.execute(statement).rowcount)


def end_by_hand(unit: UnitOfWork, brand_id: UUID, *, alarm_id: UUID, by: str) -> None:
    """Say that somebody saw to what a shop sent for staff; quiet where that was said before.

    Raises:
        NotFoundError: the brand has no such alarm.
        ConflictError: the alarm is about something that ends by itself.
    """
    named = (_ALARM.c.brand_id == brand_id, _ALARM.c.id == alarm_id)
    found = unit.execute(select(_ALARM.c.kind, _ALARM.c.alarm_key, _ALARM.c.text).where(*named)).first()
    if found is None:
        raise NotFoundError("alarm", alarm_id)
    kind, key, said = found
    if kind != FOR_STAFF:
        raise ConflictError("This ends by itself, once it is no longer so.")
    if end_alarm(unit, brand_id, key=key):
        record(unit, brand_id, actor=by, action="alarm.end", subject=f"alarm {alarm_id}", detail={"text": said})


def count_refused(unit: UnitOfWork, refused: Mapping[tuple[UUID, UUID], int]) -> None:
    """Add to today's count (UTC) of refused webhooks, by (brand id, connection id)."""
    dialect: Any = postgresql if unit.dialect == "postgresql" else sqlite
    day = unit.now.date()
    for (brand_id, connection_id), more in sorted(refused.items()):
        row = {"id": new_id(), "brand_id": brand_id, "connection_id": connection_id, "day": day, "refused": more}
        inserted = dialect.insert(_REFUSED).values(**row)
        unit.execute(
            inserted.on_conflict_do_update(
                index_elements=["brand_id", "connection_id", "day"],
                set_={"refused": _REFUSED.c.refused + inserted.excluded.refused},
            )
        )


def alarm_key(kind: str, connection_id: UUID) -> str:
    """Return the key of an alarm of one kind about one connection."""
    return f"{kind}:{connection_id}"


def _end_all(unit: UnitOfWork, brand_id: UUID, connection_id: UUID) -> None:
    """End what is wrong with a connection, but for what its shop asked of people."""
    theirs = (_ALARM.c.brand_id == brand_id, _ALARM.c.connection_id == connection_id, _ALARM.c.ended_at.is_(None))
    unit.execute(update(_ALARM).where(*theirs, _ALARM.c.kind != FOR_STAFF).values(ended_at=unit.now))


def _tell(unit: UnitOfWork, brand_id: UUID, name: str) -> None:
    """Tell that a shop came, changed, or was switched; promo codes follow."""
    append(unit, brand_id, [Event("shop_changed", {"shop": name})])


def _open(brand_id: UUID, key: str) -> tuple[Any, ...]:
    return _ALARM.c.brand_id == brand_id, _ALARM.c.alarm_key == key[:200], _ALARM.c.ended_at.is_(None)


def _document(connection: ConnectionView, keyring: Keyring) -> dict[str, Any]:
    document: dict[str, Any] = load_json(keyring.decrypt(connection.settings_encrypted))
    return document
