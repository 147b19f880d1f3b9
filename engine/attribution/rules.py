"""Who gets the credit for an order: everybody a signal points to, judged, and one answer with its reason.

Pure. Rules of DESIGN.md section 3, "Which program, which code": every program judges its own candidates; of those that
credit the order, the one with the lowest priority wins; unowned, expired and inactive candidates are skipped with the
reason; a self-purchase ends the search.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

from engine.attribution.tables import Outcome
from engine.kernel.canonical import content_hash
from engine.plugin_api import AttributionCase, Candidate, Signal, Verdict


class Standing(StrEnum):
    """Whether a candidate could earn at the instant of the order, and if not, why."""

    EARNING = "earning"
    SELF = "self"
    UNKNOWN = "unknown"
    UNOWNED = "unowned"
    EXPIRED = "expired"
    INACTIVE = "inactive"
    NO_TERMS = "no_terms"


WHY: Mapping[Standing, str] = {
    Standing.EARNING: "could earn",
    Standing.SELF: "is the customer's own",
    Standing.UNKNOWN: "is not a code of this brand's ambassadors",
    Standing.UNOWNED: "belonged to nobody when the order was placed",
    Standing.EXPIRED: "had expired when the order was placed",
    Standing.INACTIVE: "belonged to somebody who was not active when the order was placed",
    Standing.NO_TERMS: "belongs to a program that had no terms, or was closed, when the order was placed",
}


@dataclass(frozen=True, slots=True)
class Pointer:
    """One signal of an order and whom it points to. Without a program it points nowhere."""

    signal: Signal
    standing: Standing
    at: datetime
    program_id: UUID | None = None
    enrollment_id: UUID | None = None
    ambassador_id: UUID | None = None
    promo_code_id: UUID | None = None
    code: str | None = None

    @property
    def counts(self) -> bool:
        """Whether a model gets to see it: a self-purchase does count, since it ends the search."""
        return self.standing in {Standing.EARNING, Standing.SELF}

    def written(self) -> dict[str, Any]:
        """Return the pointer as a decision stores it."""
        ids = {
            "program": self.program_id,
            "enrollment": self.enrollment_id,
            "ambassador": self.ambassador_id,
            "promo_code": self.promo_code_id,
        }
        shown = {"signal": self.signal.value, "standing": self.standing.value, "code": self.code}
        return {name: value for name, value in shown.items() if value} | {n: str(i) for n, i in ids.items() if i}


@dataclass(frozen=True, slots=True)
class CreditedShare:
    """A beneficiary's part of an order, in parts per million, and the pointer that led there."""

    enrollment_id: UUID
    ambassador_id: UUID
    ppm: int
    pointer: Pointer

    @classmethod
    def of(cls, pointer: Pointer, ppm: int) -> Self:
        """Return the share of whom `pointer` points to, which must be somebody."""
        if pointer.enrollment_id is None or pointer.ambassador_id is None:
            raise ValueError("A share is somebody's.")
        return cls(pointer.enrollment_id, pointer.ambassador_id, ppm, pointer)


@dataclass(frozen=True, slots=True)
class DecisionDraft:
    """A decision before it is stored."""

    outcome: Outcome
    rule: str
    reason: str
    pointers: tuple[Pointer, ...]
    program_id: UUID | None = None
    terms_id: UUID | None = None
    shares: tuple[CreditedShare, ...] = ()

    def written(self) -> dict[str, Any]:
        """Return the columns that make up the decision; equal decisions write equal columns."""
        pointers = {*self.pointers, *(share.pointer for share in self.shares)}
        written = {pointer: pointer.written() for pointer in pointers}
        columns: dict[str, Any] = {
            "outcome": self.outcome.value,
            "rule": self.rule,
            "reason": self.reason,
            "shares": [written[share.pointer] | {"ppm": share.ppm} for share in self.shares],
            "candidates": [written[pointer] for pointer in self.pointers],
        }
        ids = {"program_id": self.program_id, "terms_id": self.terms_id}
        hashed = content_hash(columns | {name: str(value) for name, value in ids.items()})
        return columns | ids | {"content_hash": hashed}


def case_of(placed_at: datetime, signals: Sequence[Signal], *, pointers: Sequence[Pointer]) -> AttributionCase:
    """Return the question that a program's model is asked about an order; `pointers` are the program's that count."""
    candidates = [
        Candidate(ref, str(pointer.enrollment_id), pointer.signal, pointer.at)
        for ref, pointer in enumerate(pointers)
        if pointer.signal in signals
    ]
    return AttributionCase(placed_at, tuple(signals), tuple(candidates))


def decision_of(
    verdict: Verdict, pointers: Sequence[Pointer], *, seen: tuple[Pointer, ...], program_id: UUID, terms_id: UUID
) -> DecisionDraft | None:
    """Return what a model's verdict on a program's `pointers` comes to; None when it credits nobody.

    The verdict's shares were held to the contract by whoever asked.
    """
    if not verdict.shares:
        return None
    shares = _by_beneficiary(CreditedShare.of(pointers[share.ref], share.ppm) for share in verdict.shares)
    rule = _cut(verdict.rule, 60)
    if any(share.pointer.standing is Standing.SELF for share in shares):
        reason = "Not credited: the customer is the ambassador."
        return DecisionDraft(Outcome.SELF_PURCHASE, rule, reason, seen, program_id, terms_id)
    return DecisionDraft(Outcome.CREDITED, rule, _cut(verdict.reason, 1_000), seen, program_id, terms_id, shares)


def _by_beneficiary(shares: Iterable[CreditedShare]) -> tuple[CreditedShare, ...]:
    """Add up what one enrollment gets by several signals: it has one scope for the order. The first pointer stays."""
    found: dict[UUID, CreditedShare] = {}
    for share in shares:
        before = found.get(share.enrollment_id)
        found[share.enrollment_id] = share if before is None else replace(before, ppm=before.ppm + share.ppm)
    return tuple(found.values())


def nobody(seen: tuple[Pointer, ...]) -> DecisionDraft:
    """Return the decision for an order that no program credits, saying why each candidate was passed over."""
    if not seen:
        return DecisionDraft(Outcome.NOBODY, "no_signal", "No code of an ambassador came with the order.", seen)
    said = "; ".join(f"{pointer.code or pointer.signal.value} {_why_not(pointer)}" for pointer in seen)
    return DecisionDraft(Outcome.NOBODY, "nobody_earns", f"Not credited: {said}."[:1000], seen)


def _cut(text: str, longest: int) -> str:
    """Return what a model said as a decision can hold it: no control characters, no longer than its column."""
    return (text if text.isprintable() else "".join(each for each in text if each.isprintable()))[:longest]


def _why_not(pointer: Pointer) -> str:
    return "could earn, but its program does not credit it" if pointer.counts else WHY[pointer.standing]
