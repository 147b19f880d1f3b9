"""Copies what people did, row by row: programs, terms, people, codes. Names and addresses of people stay behind.

The touches of orders are copied as well: the clicks that they were made of may be gone.
"""

from typing import Any, Final
from uuid import UUID

from sqlalchemy import Table, insert, select

from engine.attribution.tables import Touch
from engine.enrollment.tables import Enrollment, EnrollmentChange, GroupMembership
from engine.identity.tables import Ambassador, Brand
from engine.kernel.database import Database, UnitOfWork
from engine.kernel.tables import table_of
from engine.ledger.journal import stream
from engine.payouts.queries import chunks
from engine.payouts.tables import PayoutBatch
from engine.programs.tables import AmbassadorGroup, PersonalRate, Program, Terms
from engine.tracking.codes.tables import CodeOwner, PromoCode

COPIED: Final = (
    Brand,
    Ambassador,
    Program,
    Terms,
    AmbassadorGroup,
    Enrollment,
    EnrollmentChange,
    GroupMembership,
    PromoCode,
    CodeOwner,
    PersonalRate,
    PayoutBatch,
    Touch,
)
"""Tables whose rows are decisions of people or of visitors, each before those that refer to it."""


def copy_decisions(records: UnitOfWork, books: Database, *, brand_id: UUID) -> None:
    """Copy a brand's rows of `COPIED` from `records` into `books`, some hundred at a time."""
    for model in COPIED:
        table = table_of(model)
        owner = table.c.id if model is Brand else table.c.brand_id
        for some in chunks(stream(records, select(table).where(owner == brand_id))):
            _insert(books, table, [_nameless(table, row) for row in some])


def _insert(books: Database, table: Table, rows: list[dict[str, Any]]) -> None:
    books.run(lambda unit: unit.execute(insert(table), rows))


def _nameless(table: Table, row: Any) -> dict[str, Any]:
    columns = dict(row._mapping)  # noqa: SLF001 - public in SQLAlchemy
    if table.name == "ambassador":
        columns |= {"login_id": None, "name": "", "email": "", "email_key": columns["id"].hex}
    return columns
