"""Names of ambassadors, to choose from."""

from typing import Final
from uuid import UUID

from sqlalchemy import select

from engine.identity.tables import Ambassador
from engine.kernel.database import UnitOfWork
from engine.kernel.tables import table_of

_AMBASSADOR: Final = table_of(Ambassador)
MOST: Final = 500
"""A list to choose from is no use beyond this."""


def ambassador_names(unit: UnitOfWork, brand_id: UUID) -> tuple[tuple[UUID, str], ...]:
    """Return the brand's ambassadors as (id, name), by name; at most `MOST`."""
    rows = unit.execute(
        select(_AMBASSADOR.c.id, _AMBASSADOR.c.name)
        .where(_AMBASSADOR.c.brand_id == brand_id)
        .order_by(_AMBASSADOR.c.name, _AMBASSADOR.c.id)
        .limit(MOST)
    )
    return tuple((row.id, row.name) for row in rows)
