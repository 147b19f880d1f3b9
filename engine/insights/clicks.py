"""Clicks as screens show them. Everything here reads counts by day (`click_day`), never clicks."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from sqlalchemy import func, select

from engine.kernel.database import UnitOfWork
from engine.kernel.keyed import among
from engine.kernel.tables import table_of
from engine.tracking.clicks.tables import ClickDay

_DAY: Final = table_of(ClickDay)
_KINDS: Final = ("counted", "verified", "repeated", "bots", "others")


@dataclass(frozen=True, slots=True)
class Clicks:
    """How many clicks there were. `verified` are some of `counted`; the other three did not count."""

    counted: int = 0
    verified: int = 0
    repeated: int = 0
    bots: int = 0
    others: int = 0

    @property
    def all(self) -> int:
        """Every click that was answered."""
        return self.counted + self.filtered

    @property
    def filtered(self) -> int:
        """Those that did not count."""
        return self.repeated + self.bots + self.others


def clicks_by_target(
    unit: UnitOfWork, brand_id: UUID, *, target_ids: Collection[UUID], since: date, until: date
) -> dict[UUID, Clicks]:
    """Return the clicks of links and pages on the days from `since` until before `until`, for each of `target_ids`.

    Days are those of the programs' time zones. Who had none is in it too, with nothing. Index: ix_click_day_target.
    """
    rows = unit.execute(
        select(_DAY.c.target_id, *(func.sum(_DAY.c[kind]) for kind in _KINDS))
        .where(_DAY.c.brand_id == brand_id, among(unit, _DAY.c.target_id, target_ids))
        .where(_DAY.c.day >= since, _DAY.c.day < until)
        .group_by(_DAY.c.target_id)
    )
    found = {target_id: Clicks(*(int(number) for number in numbers)) for target_id, *numbers in rows}
    return {target_id: found.get(target_id, Clicks()) for target_id in target_ids}
