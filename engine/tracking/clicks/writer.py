"""Keeps clicks: many in one durable transaction, and gives up soon where the database takes none.

The visitor is led on in any case. A click is committed within ten seconds of its `at`, or given up and counted as lost:
whatever is older than thirty seconds is complete. After an outage the next clicks are lost at once instead of waiting
each, until one that is let through every second is kept.

On SQLite one process owns the writer (two that write one file wait for each other for up to a second); on PostgreSQL
every process has its own. There, of two clicks of one visitor that two processes keep at the same instant, both count.
"""

import asyncio
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final
from uuid import UUID

import structlog

from engine.kernel.database import Database
from engine.kernel.group_commit import GroupCommit, NotWrittenError
from engine.tracking.clicks.store import ClickStore, Loss, NewClick

PATIENCE_S: Final = 2.0
"""How long a visitor waits at most for a click to be kept."""

REST_S: Final = 1.0
"""How long no click is tried after an outage."""

LATEST_S: Final = 8.0
"""How old a click may be when its transaction is committed; older ones are rolled back."""

_log = structlog.get_logger(__name__)


class ClickWriter:
    """Keeps clicks for one process and event loop. `lost` counts those that were given up since it was made."""

    def __init__(self, database: Database, *, patience_s: float = PATIENCE_S, rest_s: float = REST_S) -> None:
        self._store = ClickStore(database)
        self._group: GroupCommit[tuple[float, NewClick]] = GroupCommit(
            self._write, patience_s=patience_s, outages=self._store.outages
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._rest = rest_s
        self._down = False
        self._again_at = 0.0
        self._lock = threading.Lock()
        self._losses: dict[UUID, Loss] = {}
        self.lost = 0

    def open(self) -> None:
        """Get ready before the first click comes, where the database lets it."""
        try:
            self._store.open()
        except self._store.outages as error:
            _log.warning("clicks_cannot_be_kept_yet", problem=str(error))

    async def keep(self, click: NewClick) -> bool:
        """Return once `click` is on disk, or False when it is given up for sure."""
        if self._down and not self._may_try():
            self._lose(click, "the database takes no clicks")
            return False
        try:
            await self._group.soon((time.monotonic(), click), loop=self._loop or self._in_loop())
        except NotWrittenError as error:
            if error.outage:
                self._rest_a_while(error.reason)
            else:
                _log.error("click_not_kept", problem=error.reason)
            self._lose(click, error.reason)
            return error.in_doubt
        if self._down:
            self._down = False
            _log.warning("clicks_kept_again", lost=self.lost)
        return True

    def close(self) -> None:
        """Write what waits, how many clicks were lost too, and close the connection."""
        self._group.close()
        with suppress(*self._store.outages):
            if self._losses:
                self._store.write([], self._losses, not_after=time.monotonic() + LATEST_S)
        self._store.close()

    def _in_loop(self) -> asyncio.AbstractEventLoop:
        """Return the event loop, asked for once: each time is a call of the system."""
        self._loop = asyncio.get_running_loop()
        return self._loop

    def _may_try(self) -> bool:
        with self._lock:
            now = time.monotonic()
            if now < self._again_at:
                return False
            self._again_at = now + self._rest + PATIENCE_S
            return True

    def _rest_a_while(self, reason: str) -> None:
        with self._lock:
            if not self._down:
                _log.warning("clicks_are_lost", problem=reason)
            self._down, self._again_at = True, time.monotonic() + self._rest

    def _lose(self, click: NewClick, reason: str) -> None:
        with self._lock:
            self.lost += 1
            brand_id = click.target.context.brand_id
            loss = self._losses.get(brand_id)
            if loss is None:
                self._losses[brand_id] = Loss(1, click.at, click.at, reason[:300])
            else:
                loss.lost += 1
                loss.lost_until = click.at

    def _write(self, batch: Sequence[tuple[float, NewClick]]) -> None:
        with self._lock:
            losses, self._losses = self._losses, {}
        try:
            self._store.write([click for _, click in batch], losses, not_after=batch[0][0] + LATEST_S)
        except self._store.outages:
            self._remember(losses)
            raise

    def _remember(self, losses: dict[UUID, Loss]) -> None:
        with self._lock:
            for brand_id, loss in losses.items():
                newer = self._losses.setdefault(brand_id, loss)
                if newer is not loss:
                    newer.lost += loss.lost
                    newer.lost_from, newer.reason = loss.lost_from, loss.reason
