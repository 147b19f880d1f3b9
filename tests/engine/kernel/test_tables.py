"""What every table keeps to: whole amounts, append-only rows, a brand on every row."""

import pytest
from sqlalchemy import text
from sqlmodel import SQLModel

import engine.tables  # noqa: F401  # fills the metadata
from engine.kernel.tables import MinorUnits

TABLES = SQLModel.metadata.sorted_tables
MONEY = [(table.name, column.name) for table in TABLES for column in table.c if isinstance(column.type, MinorUnits)]
APPEND_ONLY = [table.name for table in TABLES if table.info.get("append_only")]


@pytest.mark.parametrize(("table", "column"), MONEY)
def test_a_money_column_holds_whole_numbers_only(db, table, column):
    """SQLite by a CHECK of each column; PostgreSQL by its type."""
    with db.reading() as unit:
        if db.dialect == "sqlite":
            sql = unit.connection.execute(text("SELECT sql FROM sqlite_master WHERE name = :name"), {"name": table})
            assert f"typeof({column}) = 'integer'" in sql.scalar_one()
        else:
            kind = unit.connection.execute(
                text("SELECT data_type FROM information_schema.columns WHERE table_name = :t AND column_name = :c"),
                {"t": table, "c": column},
            )
            assert kind.scalar_one() == "bigint"


def test_tables_that_say_so_are_append_only(db):
    """What the models say and what the database guards is one list."""
    names = "SELECT tbl_name FROM sqlite_master WHERE type = 'trigger' AND sql LIKE '%BEFORE DELETE%'"
    if db.dialect == "postgresql":
        names = "SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE tgname LIKE '%\\_no\\_change'"
    with db.reading() as unit:
        guarded = unit.connection.exec_driver_sql(names.replace("%", "%%") if "regclass" in names else names).scalars()
        assert sorted(guarded) == sorted(APPEND_ONLY)


def test_there_are_money_columns_and_append_only_tables():
    assert ("ledger_entry", "amount_minor") in MONEY
    assert "ledger_entry" in APPEND_ONLY


@pytest.mark.parametrize("amount", [12.5, "12", True, b"1"], ids=repr)
def test_an_amount_is_bound_as_a_whole_number(amount):
    with pytest.raises(TypeError, match="whole number"):
        MinorUnits().process_bind_param(amount, None)  # type: ignore[arg-type]


def test_a_whole_amount_and_nothing_are_bound_as_they_are():
    assert [MinorUnits().process_bind_param(value, None) for value in (0, -5, 2**62, None)] == [0, -5, 2**62, None]  # type: ignore[arg-type]
