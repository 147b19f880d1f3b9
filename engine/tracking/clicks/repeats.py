"""Which visitors were counted of late, in memory: an index by visitor would cost each click a page of the disk.

Bounded: what was counted longest ago is forgotten first, and then counts anew. A visitor who brings the cookie is
looked for in the table as well, so only who throws it away can gain by that.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

REMEMBERED: Final = 100_000
"""How many counted clicks are remembered for sure, and at most twice as many: about 0.4 kB each."""

_NETWORK: Final = 16

Counted = tuple[UUID, str, datetime]
"""What was clicked, by which visitor key, and when."""


class Repeats:
    """When the visitors of each link or page were last counted. Not safe for threads: the writer's alone."""

    def __init__(self, *, most: int = REMEMBERED) -> None:
        self._most = most
        self._young: dict[tuple[UUID, str], datetime] = {}
        self._old: dict[tuple[UUID, str], datetime] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def counted_at(self, target_id: UUID, name: str) -> datetime | None:
        """Return when somebody was counted, by the visitor key or by its network alone (`network_of`)."""
        key = (target_id, name)
        return self._young.get(key) or self._old.get(key)

    def remember(self, clicks: Iterable[Counted]) -> None:
        """Remember counted clicks, oldest first, by visitor and by network."""
        for target_id, visitor_key, at in clicks:
            if len(self._young) >= 2 * self._most:
                self._old, self._young = self._young, {}
            self._young[target_id, visitor_key] = at
            self._young[target_id, network_of(visitor_key)] = at


def network_of(visitor_key: str) -> str:
    """Return the part of a visitor key that all share who come from one network with one browser in one month."""
    return visitor_key[_NETWORK:]
