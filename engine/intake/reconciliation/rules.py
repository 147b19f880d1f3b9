"""How far back a reconciliation looks, and how a thing that the shop tells compares with what we have.

Pure.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from engine.intake.reconciliation.tables import ReconciliationKind
from engine.intake.rules import FactDraft
from engine.intake.tables import FactKind

OVERLAP: Final = timedelta(minutes=10)
"""How far a sliding one goes back behind the last one: shops round their times of change, and commit late."""

LOOKS_BACK: Final[Mapping[ReconciliationKind, timedelta]] = {
    ReconciliationKind.NIGHTLY: timedelta(days=3),
    ReconciliationKind.WEEKLY: timedelta(days=35),
}

SETTLED: Final = timedelta(minutes=1)
"""How old a time of change must be for the shop's answer to decide between two contents that have it."""

SLIDES_EVERY: Final = timedelta(minutes=15)

NAMED: Final = 100
"""How many things of each finding a report names; all are counted."""

Thing = tuple[FactKind, str]
"""What a fact is about: its kind and the shop's id."""

Version = tuple[datetime, str]
"""Time of change and content hash: what tells two versions of a thing apart."""


class Finding(StrEnum):
    """How a thing that the shop tells compares with what we have."""

    MISSING = "missing"
    DIFFERENT = "different"
    SAME = "same"


@dataclass(slots=True)
class Findings:
    """What a reconciliation found: all things seen, those that we lacked or had otherwise, those the shop lacks."""

    seen: int = 0
    missing: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def note(self, thing: Thing, finding: Finding) -> None:
        """Count one thing that the shop told."""
        self.seen += 1
        if finding is Finding.MISSING:
            self.missing.append(name_of(thing))
        elif finding is Finding.DIFFERENT:
            self.different.append(name_of(thing))

    def counts(self) -> dict[str, int]:
        """Return the columns that count."""
        found = {"missing": self.missing, "different": self.different, "extra": self.extra}
        return {"seen": self.seen} | {name: len(things) for name, things in found.items()}

    def report(self) -> dict[str, Any]:
        """Return what a report names of each finding."""
        found = {"missing": self.missing, "different": self.different, "extra": self.extra, "refused": self.refused}
        return {name: things[:NAMED] for name, things in found.items() if things}


def stretch(
    kind: ReconciliationKind, *, now: datetime, done_until: datetime | None, connected_at: datetime
) -> tuple[datetime, datetime]:
    """Return since and until when a reconciliation asks (aware UTC).

    A sliding one goes on from where the last ended, the first one from when the shop was connected; the others look
    back a fixed time, so that they see again what a cursor might have passed over.
    """
    back = LOOKS_BACK.get(kind)
    if back is not None:
        return now - back, now
    return min(done_until or connected_at, now) - OVERLAP, now


def due_kinds(begun: Mapping[ReconciliationKind, datetime], *, now: datetime) -> list[ReconciliationKind]:
    """Return which reconciliations of a shop are due, sliding ones first; `begun`: when the last of each kind began.

    A week's stands for its day's.
    """
    due = []
    sliding, weekly = begun.get(ReconciliationKind.SLIDING), begun.get(ReconciliationKind.WEEKLY)
    nightly = max(filter(None, (begun.get(ReconciliationKind.NIGHTLY), weekly)), default=None)
    if sliding is None or now - sliding >= SLIDES_EVERY:
        due.append(ReconciliationKind.SLIDING)
    if weekly is None or weekly.isocalendar()[:2] != now.isocalendar()[:2]:
        due.append(ReconciliationKind.WEEKLY)
    elif nightly is None or nightly.date() != now.date():
        due.append(ReconciliationKind.NIGHTLY)
    return due


def compare(draft: FactDraft, known: Version | None) -> Finding:
    """Tell how what the shop says now compares with the version that we have.

    An older one is no difference: the shop answered from a copy that lags behind its own webhooks.
    """
    if known is None:
        return Finding.MISSING
    return Finding.DIFFERENT if draft.version > known else Finding.SAME


def settles_tie(draft: FactDraft, known: Version | None, *, asked_at: datetime) -> bool:
    """Tell whether what the shop says now must replace what we have, though neither is newer by its time of change.

    Two changes within the shop's own unit of time look alike: which came last is not to be seen, so that until the shop
    is asked the one with the greater hash holds. While that unit may still run, its answer is not the last word.
    """
    if known is None or draft.version_at != known[0] or draft.content_hash >= known[1]:
        return False
    return asked_at - draft.version_at > SETTLED


def extras(ours: Collection[tuple[str, datetime]], *, told: Collection[str], until: datetime) -> list[str]:
    """Return the orders that we have and the shop did not tell of, by (external id, time of change).

    One that changed close to the end or after it may come with the next page of time.
    """
    named = frozenset(told)
    return sorted(
        name_of((FactKind.ORDER, external_id))
        for external_id, version_at in ours
        if external_id not in named and version_at < until - OVERLAP
    )


def name_of(thing: Thing) -> str:
    """Return how a report names a thing."""
    kind, external_id = thing
    return f"{kind} {external_id}"
