"""Runs migrations on SQLite and PostgreSQL.

SQLite: foreign keys are switched off on the connection before its transaction begins, since a batch ALTER of a parent
drops the old table and would take the children along; `foreign_key_check` runs afterwards.
"""

from typing import Any, Literal

import sqlalchemy as sa
from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlmodel import SQLModel
from sqlmodel.sql.sqltypes import AutoString

import engine.tables  # noqa: F401  # fills the metadata
from engine.kernel.database import open_database
from engine.kernel.tables import MinorUnits


def render_item(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Write our column types as plain SQLAlchemy ones, so that a migration stands alone."""
    if kind != "type":
        return False
    match item:
        case MinorUnits():
            return "sa.BigInteger()"
        case AutoString():
            return f"sa.String({item.length})" if item.length else "sa.String()"
        case sa.TypeDecorator() if isinstance(item.impl_instance, sa.DateTime):
            return "sa.DateTime(timezone=True)"
        case sa.BigInteger() if item._variant_mapping:  # noqa: SLF001 - no public way to ask
            return 'sa.BigInteger().with_variant(sa.Integer(), "sqlite")'
        case sa.JSON():
            return 'sa.JSON().with_variant(JSONB(), "postgresql")'
    return False


def run() -> None:
    """Run what is pending, in one transaction, one migrator at a time."""
    database = open_database(context.config.attributes["url"])
    sqlite = database.dialect == "sqlite"
    with database.engine.connect() as connection:
        if sqlite:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7070100)")
        context.configure(
            connection=connection,
            target_metadata=SQLModel.metadata,
            render_as_batch=sqlite,
            render_item=render_item,
            compare_type=True,
        )
        context.run_migrations()
        if sqlite and (broken := connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()):
            raise RuntimeError(f"The migration left {len(broken)} rows without their parent; nothing was changed.")
        connection.commit()
    database.close()


run()
