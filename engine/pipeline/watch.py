"""Watches over connections: a shop gone silent, webhooks that it switched off, and bodies that have been kept enough.

What was missed meanwhile, reconciliation fetches; here somebody is told, and what can be switched on again is.
"""

from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from engine.connections.opened import OpenConnection, Shops
from engine.connections.queries import ConnectionView, every_connection, open_alarms
from engine.connections.rules import ACCESS, GONE, SILENT, SWITCHED_OFF, UNREAD, is_silent
from engine.connections.service import alarm_key, end_alarm, raise_alarm
from engine.intake.webhooks.queries import is_heard_since, last_heard, overdue
from engine.intake.webhooks.service import drop_old_bodies, drop_old_webhooks
from engine.kernel.database import Database, UnitOfWork
from engine.kernel.errors import GoodwordError
from engine.plugin_api import Capability, RetriableError

OVERDUE: Final = timedelta(minutes=15)
"""How long webhooks may be due without being read."""

_log = structlog.get_logger(__name__)


def watch_silence(database: Database) -> int:
    """Raise an alarm for each shop that fell silent, end those of shops that were heard again; return how many are.

    A connection that is switched off is expected to be silent. A shop that had let us go and sends again is back.
    """
    return database.run(_watch_silence)


def watch_unread(database: Database) -> int:
    """Raise an alarm for each shop whose webhooks are long due and not read, end those of others; return how many are.

    A connector that hangs on a body stops whoever reads it; nobody else can say so.
    """
    return database.run(_watch_unread)


def watch_subscriptions(database: Database, shops: Shops, *, base_url: str) -> int:
    """Ask every shop that can tell which webhooks it sends us; switch on again what it had switched off.

    Returns how many shops had. The alarm stays until the next look, so that somebody sees it. A connection whose
    webhooks were never set up is left alone. Shops are asked with no unit open.
    """
    with database.reading() as unit:
        views, heard = every_connection(unit), last_heard(unit)
    found = 0
    for view in views:
        shop = _opened(shops, view)
        if view.is_on and shop and shop.can(Capability.SUBSCRIPTIONS):
            found += _look(database, shop, base_url=base_url, was_heard=view.id in heard)
    return found


def forget_old_bodies(database: Database, *, days: int) -> int:
    """Drop the bytes of deliveries and webhooks that came more than `days` ago; return of how many."""
    age = timedelta(days=days)
    dropped = 0
    drops: tuple[Callable[..., int], ...] = (drop_old_bodies, drop_old_webhooks)
    for drop in drops:
        while number := database.run(partial(drop, older_than=age)):
            dropped += number
    return dropped


def _watch_silence(unit: UnitOfWork) -> int:
    heard, silent = last_heard(unit), 0
    for view in every_connection(unit):
        key, last = alarm_key(SILENT, view.id), heard.get(view.id)
        if view.is_on and last and is_silent(last, now=unit.now, quiet_after_h=view.quiet_after_h):
            silent += 1
            text = (
                f"{view.title} ({view.name}) has sent no webhook since {last:%Y-%m-%d %H:%M} UTC. Check in the shop "
                "whether its webhooks are switched on. What was missed is fetched where the shop can be asked."
            )
            raise_alarm(unit, view.brand_id, key=key, kind=SILENT, text=text, connection_id=view.id)
        elif last or not view.is_on:
            end_alarm(unit, view.brand_id, key=key)
        for alarm in open_alarms(unit, view.brand_id, connection_id=view.id):
            if alarm.kind == GONE and is_heard_since(unit, view.brand_id, connection_id=view.id, at=alarm.raised_at):
                end_alarm(unit, view.brand_id, key=alarm.alarm_key)
    return silent


def _watch_unread(unit: UnitOfWork) -> int:
    waiting = overdue(unit, since=unit.now - OVERDUE)
    for view in every_connection(unit):
        key, since = alarm_key(UNREAD, view.id), waiting.get(view.id)
        if since is None:
            end_alarm(unit, view.brand_id, key=key)
            continue
        text = (
            f"Webhooks of {view.title} ({view.name}) are due and nobody reads them; the first came "
            f"{since:%Y-%m-%d %H:%M} UTC. The worker hangs or cannot keep up: look at its log, and start it again. "
            "None is lost."
        )
        raise_alarm(unit, view.brand_id, key=key, kind=UNREAD, text=text, connection_id=view.id)
    return len(waiting)


def _look(database: Database, shop: OpenConnection, *, base_url: str, was_heard: bool) -> bool:
    """Tell whether the shop had switched off webhooks of ours, and switch them on."""
    view = shop.view
    try:
        topics = shop.subscriptions(base_url)
        off = [one.topic for one in topics if not one.enabled]
        set_up = was_heard or len(off) < len(topics)
        if off and set_up:
            shop.subscribe(base_url)
    except RetriableError as error:
        _log.warning("shop_not_asked", shop=view.name, problem=str(error))
        return False
    except GoodwordError as error:
        _say(database, view, kind=ACCESS, text=f"{view.title} ({view.name}) does not let us look: {error}")
        return False
    _end(database, view, kinds=[ACCESS, GONE] if off and set_up else [ACCESS, GONE, SWITCHED_OFF])
    if not (off and set_up):
        return False
    text = (
        f"{view.title} ({view.name}) had switched off its webhooks {', '.join(off[:20])}. They are switched on again; "
        "reconciliation fetches what was missed."
    )
    _say(database, view, kind=SWITCHED_OFF, text=text)
    return True


def _say(database: Database, view: ConnectionView, *, kind: str, text: str) -> None:
    key = alarm_key(kind, view.id)
    database.run(lambda unit: raise_alarm(unit, view.brand_id, key=key, kind=kind, text=text, connection_id=view.id))


def _end(database: Database, view: ConnectionView, *, kinds: Iterable[str]) -> None:
    keys = [alarm_key(kind, view.id) for kind in kinds]
    database.run(lambda unit: [end_alarm(unit, view.brand_id, key=key) for key in keys])


def _opened(shops: Shops, view: ConnectionView) -> OpenConnection | None:
    try:
        return shops.open(view)
    except GoodwordError as error:
        _log.warning("shop_not_opened", shop=view.name, problem=str(error))
        return None
