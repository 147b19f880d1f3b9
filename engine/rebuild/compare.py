"""Compares two sides, row by row under natural keys: what the records say, and what replaying them comes to."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from engine.kernel.database import UnitOfWork
from engine.rebuild import views
from engine.rebuild.views import Fact

VIEWS: Final = {
    "orders": views.orders,
    "touches": views.touches,
    "scopes": views.scopes,
    "customers": views.customers,
    "links": views.links,
    "payouts": views.payouts,
    "paid_scopes": views.paid_scopes,
    "accounts": views.accounts,
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that replaying does not confirm. Amounts are minor units."""

    what: str
    name: str
    field: str
    recorded: str
    rebuilt: str

    def __str__(self) -> str:
        return f"{self.name}: {self.field} is {self.recorded} in the records and {self.rebuilt} when replayed."


@dataclass(frozen=True, slots=True)
class Compared:
    """One thing that both sides were asked about, and how they differ."""

    what: str
    differences: tuple[Difference, ...]


def compare(records: UnitOfWork, books: UnitOfWork, *, brand_id: UUID) -> Iterator[Compared]:
    """Yield everything that is on either side, with its differences; memory does not grow with it."""
    for what, view in VIEWS.items():
        for recorded, rebuilt in _side_by_side(view(records, brand_id), view(books, brand_id)):
            yield Compared(what, tuple(_differences(what, recorded, rebuilt)))


def _side_by_side(left: Iterator[Fact], right: Iterator[Fact]) -> Iterator[tuple[Fact | None, Fact | None]]:
    """Yield what has one key on both sides together; both come in the order of their keys."""
    one, other = next(left, None), next(right, None)
    while one is not None or other is not None:
        if other is None or (one is not None and one.key < other.key):
            yield one, None
            one = next(left, None)
        elif one is None or other.key < one.key:
            yield None, other
            other = next(right, None)
        else:
            yield one, other
            one, other = next(left, None), next(right, None)


def _differences(what: str, recorded: Fact | None, rebuilt: Fact | None) -> Iterator[Difference]:
    if all(side is None or side.empty for side in (recorded, rebuilt)):
        return
    named = recorded or rebuilt
    if named is not None and (recorded is None or rebuilt is None):
        said = ", ".join(f"{name} {value}" for name, value in named.said.items() if value not in (None, "", False))
        here, there = (said, "missing") if recorded else ("missing", said)
        yield Difference(what, named.name, "it", here, there)
    elif recorded is not None and rebuilt is not None:
        for name in recorded.said.keys() & rebuilt.said.keys():
            before, after = recorded.said[name], rebuilt.said[name]
            if before != after:
                yield Difference(what, recorded.name, name, _shown(before), _shown(after))


def _shown(value: object) -> str:
    return "nothing" if value is None or value == "" else str(value)
