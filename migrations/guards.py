"""Promises that the database itself keeps, as migrations write them down."""

import sqlalchemy as sa
from alembic import op


def whole_numbers(*columns: str) -> list[sa.CheckConstraint]:
    """Return CHECKs that SQLite needs: its INTEGER columns would store 12.5 and 'abc'. PostgreSQL needs none."""
    if op.get_bind().dialect.name != "sqlite":
        return []
    return [sa.CheckConstraint(f"typeof({column}) = 'integer'", name=f"{column}_whole") for column in columns]


def forbid_change(*tables: str) -> None:
    """Make the database refuse UPDATE, DELETE and (PostgreSQL) TRUNCATE of rows in `tables`."""
    if op.get_bind().dialect.name == "sqlite":
        for table in tables:
            for verb in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
                )
        return
    op.execute(
        "CREATE OR REPLACE FUNCTION goodword_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
    )
    for table in tables:
        op.execute(
            f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION goodword_append_only()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION goodword_append_only()"
        )
