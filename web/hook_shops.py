"""Which shop a webhook's address belongs to, known without opening its connection anew for each webhook."""

import time
from dataclasses import dataclass
from typing import Final

from engine.connections.opened import OpenConnection, Shops
from engine.connections.queries import ConnectionView, connection_at
from engine.kernel.database import Database
from engine.kernel.errors import GoodwordError

STALE_AFTER_S: Final = 1.0
"""How long a shop that was switched off, or a secret that was taken out, may still count."""

_MOST: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Known:
    """A connection as it was when last looked at: opened, or why it could not be."""

    view: ConnectionView
    shop: OpenConnection | GoodwordError
    until: float


class KnownShops:
    """Looks connections up by connector and account. Settings are decrypted and checked only where they changed.

    Addresses that lead to nothing are not remembered: there are too many of them. May be used by several threads.
    """

    def __init__(self, database: Database, shops: Shops, *, stale_after_s: float = STALE_AFTER_S) -> None:
        self._database, self._shops, self._stale_after = database, shops, stale_after_s
        self._known: dict[tuple[str, str], _Known] = {}

    def at(self, *, connector: str, account: str) -> OpenConnection | None:
        """Return the shop with this address, or None where there is none; one that is off is returned as well.

        Raises:
            GoodwordError: it is there, and its plugin or its settings are not in order.
        """
        name = (connector, account)
        known = self._known.get(name)
        if known is None or known.until <= time.monotonic():
            known = self._look(name, known)
        if known is None:
            return None
        if isinstance(known.shop, GoodwordError):
            raise known.shop
        return known.shop

    def _look(self, name: tuple[str, str], before: _Known | None) -> _Known | None:
        until = time.monotonic() + self._stale_after
        with self._database.reading() as unit:
            view = connection_at(unit, connector=name[0], account=name[1])
        if view is None:
            self._known.pop(name, None)
            return None
        same = before is not None and before.view == view and isinstance(before.shop, OpenConnection)
        shop = before.shop if before and same else self._open(view)
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[name] = found = _Known(view, shop, until)
        return found

    def _open(self, view: ConnectionView) -> OpenConnection | GoodwordError:
        try:
            return self._shops.open(view)
        except GoodwordError as error:
            return error
