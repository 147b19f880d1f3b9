"""Counts refused webhooks without a write for each: whoever floods us must not make the database work."""

import threading
from collections import Counter
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError

from engine.connections.service import count_refused
from engine.kernel.database import Database

WRITE_EVERY_S: Final = 2.0
_log = structlog.get_logger(__name__)


class Refusals:
    """Adds up refusals and writes them together a moment later. A process that is killed forgets those of a moment."""

    def __init__(self, database: Database, *, write_every_s: float = WRITE_EVERY_S) -> None:
        self._database, self._every = database, write_every_s
        self._lock = threading.Lock()
        self._counted: Counter[tuple[UUID, UUID]] = Counter()
        self._timer: threading.Timer | None = None

    def note(self, brand_id: UUID, connection_id: UUID) -> None:
        """Count one webhook of a connection that was refused."""
        with self._lock:
            self._counted[brand_id, connection_id] += 1
            if self._timer is None:
                self._timer = threading.Timer(self._every, self.write)
                self._timer.daemon = True
                self._timer.start()

    def write(self) -> None:
        """Write what was counted, now; what cannot be written is counted on."""
        with self._lock:
            counted, self._counted = self._counted, Counter()
            timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        if not counted:
            return
        try:
            self._database.run(lambda unit: count_refused(unit, counted))
        except SQLAlchemyError as error:
            _log.warning("refusals_not_written", problem=str(error))
            with self._lock:
                self._counted += counted
