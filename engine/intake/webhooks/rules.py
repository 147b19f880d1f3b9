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
    ENGINE = "engine"
    """It could not be stored, tried alone again and again."""


LEASE: Final = timedelta(minutes=2)
"""How long reading a batch may take before whoever reads it is taken for dead."""

ATTEMPTS: Final = 5
"""How often one that breaks something by itself is tried before it is dead."""

MANY: Final = 5
"""So many different ones in a row that break their connector are no poison: the connector is broken, and they wait."""

LOCKED_OUT_WAIT: Final = timedelta(minutes=15)
"""How long webhooks wait whose shop does not let us in, or whose connector is not there."""

_FIRST_WAIT: Final = timedelta(seconds=30)
_LONGEST_WAIT: Final = timedelta(hours=1)


def wait_after(attempts: int) -> timedelta:
    """Return how long a webhook rests after its n-th failure: 30 s, doubled each time, an hour at most."""
    return min(_FIRST_WAIT * (1 << min(max(attempts - 1, 0), 20)), _LONGEST_WAIT)
