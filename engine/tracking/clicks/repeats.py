"""Which visitors were counted of late, in memory: an index by visitor would cost each click a page of the disk.

Bounded: what was counted longest ago is forgotten first, and then counts anew. A visitor who brings the cookie is
looked for in the table as well, so only who throws it away can gain by that.
"""

from collections.abc import Mapping
from typing import Any, Final

REMEMBERED: Final = 100_000
"""How many counted clicks are remembered for sure, and at most twice as many: about 0.4 kB each."""

_NETWORK: Final = 16

Name = tuple[Any, str]
"""What was clicked (the id as the driver takes it), and by whom: a visitor key, or its network."""


class Repeats:
    """When the visitors of each link or page were last counted, in microseconds since 1970.

    Not safe for threads: the writer's alone.
    """

    def __init__(self, *, most: int = REMEMBERED) -> None:
        self._most = most
        self._young: dict[Name, int] = {}
        self._old: dict[Name, int] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def counted_at(self, name: Name) -> int | None:
        """Return when somebody was counted, by the visitor key or by its network alone (`names_of`)."""
        return self._young.get(name) or self._old.get(name)

    def remember(self, counted: Mapping[Name, int]) -> None:
        """Remember when these were counted."""
        if len(self._young) >= 2 * self._most:
            self._old, self._young = self._young, {}
        self._young.update(counted)


def names_of(target_id: Any, visitor_key: str) -> tuple[Name, Name]:
    """Return by what a visitor of `target_id` is known: the key, and what all share of one network and browser."""
    return (target_id, visitor_key), (target_id, visitor_key[_NETWORK:])
