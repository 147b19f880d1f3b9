"""Brings a database to the schema of this version, by Alembic."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

import engine
from engine.kernel.database import open_database


def upgrade(url: str, *, revision: str = "head") -> None:
    """Bring the database at `url` to `revision`; nothing happens where it is there already."""
    command.upgrade(_config(url), revision)


def pending(url: str) -> bool:
    """Tell whether the database at `url` lacks a migration of this version."""
    database = open_database(url)
    try:
        with database.engine.connect() as connection:
            present = MigrationContext.configure(connection).get_current_heads()
    finally:
        database.close()
    return set(present) != set(ScriptDirectory.from_config(_config(url)).get_heads())


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(engine.__file__).parent.parent / "migrations"))
    config.attributes["url"] = url
    return config
