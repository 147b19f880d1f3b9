"""How a webhook that cannot be read now waits, when it is given up, and under which word.

Pure.
"""

from datetime import timedelta
from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """The words by which dead letters are grouped."""

    UNREADABLE = "unreadable"
    """The connector cannot read the body."""
    REFUSED = "refused"
    """What it says cannot be: an amount, a time, an id."""
    CONTRADICTION = "contradiction"
    """Its key came before with another content."""
    NOT_THERE = "not_there"
    """The shop will not give what the webhook points at."""
    CONNECTOR = "connector"
    """The connector broke on it again and again, and not on others."""
    SHOP = "shop"
    """The shop failed on what it points at again and again, and not on others."""
    READER = "reader"
    """Whoever read it died: once with others in hand, and once more when it was read alone."""
    ENGINE = "engine"
    """It could not be stored, tried alone again and again."""


LEASE: Final = timedelta(minutes=2)
"""How long reading a batch may take before whoever reads it is taken for dead."""

ATTEMPTS: Final = 5
"""How often one that breaks something by itself is tried before it is dead."""

MANY: Final = 5
"""So many different ones in a row that break their connector are no poison: the connector is broken, and they wait."""

DOWN: Final = 3
"""So many different ones in a row on which their shop fails mean that it is down: the rest wait without being asked."""

ALONE: Final = "It is read alone: whoever read it with others died, and one of them may be why."
"""What is said of a webhook that may have killed its reader, while it is read."""

KILLED: Final = "Whoever read it died, with others in hand and alone. Let somebody look at it before it is read again."
"""What is said of one that did so again."""

LOCKED_OUT_WAIT: Final = timedelta(minutes=15)
"""How long webhooks wait whose shop does not let us in, or whose connector is not there."""

_FIRST_WAIT: Final = timedelta(seconds=30)
_LONGEST_WAIT: Final = timedelta(hours=1)


def said_when_taken(problem: str | None, *, attempts: int) -> str | None:
    """Return what is said of a webhook from when it is taken until it is settled.

    `problem` is what was said before, after `attempts`. Nothing, where it was tried: it was taken and never settled.
    """
    if problem in {ALONE, KILLED}:
        return KILLED
    return ALONE if attempts and problem is None else None


def wait_after(attempts: int) -> timedelta:
    """Return how long a webhook rests after its n-th failure: 30 s, doubled each time, an hour at most."""
    return min(_FIRST_WAIT * (1 << min(max(attempts - 1, 0), 20)), _LONGEST_WAIT)
