"""How much each touch of an order weighs, oldest first. Integers all the way: shares must sum to exactly one."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

Weigh = Callable[[Sequence[datetime], datetime], Sequence[int]]
"""Takes the instants of the touches, oldest first and at least one, and that of the order."""

HALF_LIFE_DAYS: Final = 7
DECAY: Final = (
    18_446_744_073_709_551_616,
    16_707_652_636_178_719_991,
    15_132_516_366_888_310_227,
    13_705_878_173_351_620_644,
    12_413_738_201_122_729_700,
    11_243_416_450_733_715_988,
    10_183_428_346_603_629_346,
)
"""2^64 × 2^(−days/7) for 0 to 6 days, rounded down: the whole 7th roots of 2^(7·64 − days)."""


def equal(touches: Sequence[datetime], _placed_at: datetime) -> Sequence[int]:
    """Return the same weight for every touch."""
    return [1] * len(touches)


def mostly_first_and_last(touches: Sequence[datetime], _placed_at: datetime) -> Sequence[int]:
    """Return 40 % for the first and the last touch, and 20 % for those between in equal parts.

    One touch has everything. Of two, each has half: there is nobody between, and first and last count alike.
    """
    between = len(touches) - 2
    if between < 1:
        return [1] * len(touches)
    return [2 * between, *[1] * between, 2 * between]


def halved_each_week(touches: Sequence[datetime], placed_at: datetime) -> Sequence[int]:
    """Return weights that halve for every 7 whole days before the order; within a day all weigh the same.

    A touch dated after the order weighs as one of its day. None weighs nothing.
    """
    ages = [max(placed_at - at, timedelta(0)).days for at in touches]
    return [max(DECAY[age % HALF_LIFE_DAYS] >> (age // HALF_LIFE_DAYS), 1) for age in ages]
