"""How far back a reconciliation looks, and how a thing that the shop tells compares with what we have.

Pure.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from engine.intake.reconciliation.tables import ReconciliationKind
from engine.intake.rules import NEXT_WORD, FactDraft, is_last_word_on
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
    """Tell whether what the shop says now must replace what we have, though it is not newer by its time of change.

    Two changes within the shop's own unit of time look alike: which came last is not to be seen, so that until the shop
    is asked the one with the greater hash holds. While that unit may still run, its answer is not the last word. What
    it answered may change again under the same time; then its next answer is the last word.
    """
    if known is None or draft.content_hash == known[1] or asked_at - draft.version_at <= SETTLED:
        return False
    return draft.version_at == known[0] or is_last_word_on(known[0] + NEXT_WORD, draft.version_at)


def last_words(
    drafts: Sequence[FactDraft], known: Mapping[Thing, Version], *, settling: Collection[Thing]
) -> list[datetime]:
    """Return the time of change to keep for each of `drafts`, which a shop told together.

    All that has the time of one that is `settling` goes behind it together, right behind what is kept of any of them:
    whether a refund counts that an order does not list hangs on which of the two changed later.
    """
    moments = {draft.version_at: draft.version_at for draft in drafts if thing_of(draft) in settling}
    for draft in drafts:
        told_at = draft.version_at
        if told_at in moments and (have := known.get(thing_of(draft))) and is_last_word_on(have[0], told_at):
            moments[told_at] = max(moments[told_at], have[0])
    return [
        moments[draft.version_at] + NEXT_WORD if draft.version_at in moments else draft.version_at for draft in drafts
    ]


def thing_of(draft: FactDraft) -> Thing:
    """Return what a fact is about."""
    return draft.kind, draft.external_id


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
