"""How a database means to run the statements of a query, for tests that hold it to an index."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import event

from engine.kernel.database import UnitOfWork


def plans(unit: UnitOfWork, read: Callable[[], object]) -> list[str]:
    """Run `read` and return the plan of each SELECT that it sent, as the database writes it.

    PostgreSQL is told to scan no table where it has a choice: a test's tables are so small that it always would, and
    what is asked is whether an index can serve at all.
    """
    sent: list[tuple[str, Any]] = []

    def note(_connection, _cursor, statement, parameters, _context, _many):
        if statement.lstrip().startswith("SELECT"):
            sent.append((statement, parameters))

    event.listen(unit.connection, "before_cursor_execute", note)
    try:
        read()
    finally:
        event.remove(unit.connection, "before_cursor_execute", note)
    if unit.dialect == "postgresql":
        unit.connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
    prefix = "EXPLAIN " if unit.dialect == "postgresql" else "EXPLAIN QUERY PLAN "
    found = []
    for statement, parameters in sent:
        cursor = unit.connection.connection.cursor()
        cursor.execute(prefix + statement, parameters)
        found.append("\n".join(str(row[-1]) for row in cursor.fetchall()))
        cursor.close()
    return found
