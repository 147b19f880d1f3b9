"""Lets time pass over a brand's books: months are closed, what is due is approved.

Safe to run at any time and any number of times; a second run at the same instant finds nothing.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert

from engine.kernel.database import UnitOfWork
from engine.kernel.ids import new_id
from engine.kernel.tables import table_of
from engine.pipeline.periods import close_months
from engine.pipeline.run import Pipeline
from engine.rewards.service import approve_due
from engine.rewards.tables import MaturityRun


@dataclass(frozen=True, slots=True)
class Matured:
    """What a run did: months settled and scopes approved, as of an instant."""

    as_of: datetime
    settled_periods: int
    approved: int


def mature(pipeline: Pipeline, brand_id: UUID) -> Matured:
    """Close the months that have ended and approve the scopes that are due, in transactions of some hundred rows."""
    database = pipeline.database
    as_of, settled, approved = database.clock.now(), 0, 0
    while done := database.run(lambda unit: close_months(unit, brand_id, shelf=pipeline.shelf)):
        settled += done
    while done := database.run(lambda unit: approve_due(unit, brand_id)):
        approved += done
    run = Matured(as_of, settled, approved)
    if settled or approved:
        database.run(lambda unit: _remember(unit, brand_id, run))
    return run


def _remember(unit: UnitOfWork, brand_id: UUID, run: Matured) -> None:
    unit.execute(
        insert(table_of(MaturityRun)).values(
            id=new_id(),
            brand_id=brand_id,
            as_of=run.as_of,
            approved=run.approved,
            settled_periods=run.settled_periods,
        )
    )
