"""Puts an installation together: settings, database, plugins, pipeline, jobs, and who listens to what."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import engine.tables  # noqa: F401 - fills the metadata
from engine.identity.queries import brands
from engine.jobs.rules import Schedule
from engine.jobs.worker import Worker
from engine.kernel.clock import Clock, ShiftedClock
from engine.kernel.crypto import Keyring
from engine.kernel.database import Database, open_database
from engine.kernel.settings import Settings, load_settings
from engine.ledger.blocks import seal
from engine.outbox.dispatch import Listeners, drain
from engine.pipeline.maturity import mature
from engine.pipeline.run import Pipeline
from engine.plugin_host.http import HttpPool
from engine.plugin_host.registry import PluginHost, load_plugins
from engine.tracking.listeners import on_enrollment_approved

LISTENERS: Final[Listeners] = {"enrollment_approved": (on_enrollment_approved,)}
"""Who is told of which events."""

SCHEDULES: Final = (
    Schedule("tell_events", every=timedelta(seconds=30)),
    Schedule("mature", every=timedelta(minutes=15)),
    Schedule("seal_ledger", every=timedelta(hours=1)),
)


@dataclass(frozen=True, slots=True)
class Goodword:
    """A running installation."""

    settings: Settings
    database: Database
    plugins: PluginHost
    pipeline: Pipeline
    http: HttpPool = field(default_factory=HttpPool)

    @property
    def keyring(self) -> Keyring:
        """What the installation's secret key can do."""
        return self.settings.keyring

    def worker(self) -> Worker:
        """Return what runs the jobs: events told, months closed and scopes approved, the books sealed."""
        handlers = {"tell_events": self._tell_events, "mature": self._mature, "seal_ledger": self._seal_ledger}
        return Worker(self.database, handlers, SCHEDULES)

    def tell_events(self) -> None:
        """Tell every event that is due now, for a command whose answer depends on what follows from it."""
        self._tell_events(self.database, {})

    def close(self) -> None:
        """Close the database and every connection to a shop."""
        self.http.close()
        self.database.close()

    def _tell_events(self, database: Database, _arguments: Mapping[str, Any]) -> None:
        while drain(database, LISTENERS):
            pass

    def _mature(self, database: Database, _arguments: Mapping[str, Any]) -> None:
        with database.reading() as unit:
            every = brands(unit)
        for brand in every:
            mature(self.pipeline, brand.id)

    def _seal_ledger(self, database: Database, _arguments: Mapping[str, Any]) -> None:
        while database.run(seal):
            pass


def start(settings: Settings | None = None, *, clock: Clock | None = None) -> Goodword:
    """Put together the installation that `settings` (default: the environment) describe.

    Raises:
        SettingsError: a setting is wrong.
        UnsafeDatabaseError: the database cannot keep money safe.
    """
    settings = settings or load_settings()
    if clock is None and settings.clock_offset_s:
        clock = ShiftedClock(timedelta(seconds=settings.clock_offset_s))
    database = open_database(settings.database, clock=clock)
    host = load_plugins(settings.plugins)
    http = HttpPool(settings.private_origins, clock=clock)
    return Goodword(settings, database, host, Pipeline.of(database, host, keyring=settings.keyring), http)
