"""Puts an installation together: settings, database, plugins, pipeline, and who listens to what."""

from dataclasses import dataclass

import engine.tables  # noqa: F401 - fills the metadata
from engine.kernel.clock import Clock
from engine.kernel.crypto import Keyring
from engine.kernel.database import Database, open_database
from engine.kernel.settings import Settings, load_settings
from engine.pipeline.run import Pipeline
from engine.plugin_host.registry import PluginHost, load_plugins


@dataclass(frozen=True, slots=True)
class Goodword:
    """A running installation."""

    settings: Settings
    database: Database
    plugins: PluginHost
    pipeline: Pipeline

    @property
    def keyring(self) -> Keyring:
        """What the installation's secret key can do."""
        return self.settings.keyring

    def close(self) -> None:
        """Close the database."""
        self.database.close()


def start(settings: Settings | None = None, *, clock: Clock | None = None) -> Goodword:
    """Put together the installation that `settings` (default: the environment) describe.

    Raises:
        SettingsError: a setting is wrong.
        UnsafeDatabaseError: the database cannot keep money safe.
    """
    settings = settings or load_settings()
    database = open_database(settings.database, clock=clock)
    host = load_plugins(settings.plugins)
    return Goodword(settings, database, host, Pipeline.of(database, host, keyring=settings.keyring))
