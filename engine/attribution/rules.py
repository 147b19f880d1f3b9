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
from engine.tracking.clicks.visits import Reason


class Standing(StrEnum):
    """Whether a candidate could earn at the instant of the order, and if not, why."""

    EARNING = "earning"
    SELF = "self"
    UNKNOWN = "unknown"
    UNOWNED = "unowned"
    EXPIRED = "expired"
    INACTIVE = "inactive"
    NO_TERMS = "no_terms"
    RETURNING = "returning"
    UNCOUNTED = "uncounted"
    LATER = "later"


WHY: Mapping[Standing, str] = {
    Standing.EARNING: "could earn",
    Standing.SELF: "is the customer's own",
    Standing.UNKNOWN: "is not a code of this brand's ambassadors",
    Standing.UNOWNED: "belonged to nobody when the order was placed",
    Standing.EXPIRED: "had expired when the order was placed",
    Standing.INACTIVE: "belonged to somebody who was not active when the order was placed",
    Standing.NO_TERMS: "belongs to a program that had no terms, or was closed, when the order was placed",
    Standing.RETURNING: "earns for new customers only, and this is not known to be the customer's first order",
    Standing.UNCOUNTED: "does not count",
    Standing.LATER: "came after the order was placed",
}
_WHY_CLICK: Mapping[Standing, str] = {
    Standing.UNKNOWN: "names none on a link or page of this brand's ambassadors",
    Standing.EXPIRED: "came too long before the order",
    Standing.INACTIVE: "was on a link of somebody who was not active when the order was placed",
    Standing.NO_TERMS: "was on a link of a program that had no terms, or was closed, when the order was placed",
}
_UNCOUNTED: Mapping[str, str] = {
    Reason.HEAD: "does not count: only its headers were asked for",
    Reason.PREFETCH: "does not count: a browser fetched it in advance",
    Reason.BOT: "does not count: a program made it, not a person",
    Reason.EMBEDDED: "does not count: another page fetched it in secret",
    Reason.EXPIRED: "does not count: its link had ended",
}


@dataclass(frozen=True, slots=True)
class Clicked:
    """The click behind a pointer: on which link or page, how long before the order, and how long clicks count.

    `reason` is why the click itself was not counted. `window_days` is None where no terms say it.
    """

    click_id: UUID
    target: str
    target_id: UUID
    seconds_before: int
    window_days: int | None
    reason: str | None

    @classmethod
    def read(cls, pointer: Mapping[str, Any]) -> Self:
        """Return the click of a pointer that a decision stored, which must name one."""
        return cls(
            UUID(pointer["click"]),
            pointer["target"],
            UUID(pointer["target_id"]),
            pointer["seconds_before"],
            pointer.get("window_days"),
            pointer.get("click_reason"),
        )

    def written(self) -> dict[str, Any]:
        """Return the click as a decision stores it."""
        shown = {
            "click": str(self.click_id),
            "target": self.target,
            "target_id": str(self.target_id),
            "seconds_before": self.seconds_before,
            "window_days": self.window_days,
            "click_reason": self.reason,
        }
        return {name: value for name, value in shown.items() if value is not None}


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
    clicked: Clicked | None = None

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
        written = {name: value for name, value in shown.items() if value} | {n: str(i) for n, i in ids.items() if i}
        return written if self.clicked is None else written | {"at": self.at.isoformat()} | self.clicked.written()

    def why(self) -> str:
        """Return how it stands, as the end of a sentence about it."""
        return why(self.signal, self.standing, clicked=self.clicked)


def why(signal: Signal, standing: Standing, *, clicked: Clicked | None = None) -> str:
    """Return what `standing` means for something that a signal points with, as the end of a sentence about it."""
    if clicked is not None and standing is Standing.EXPIRED and clicked.window_days is not None:
        before = _days(clicked.seconds_before // 86_400)
        return f"came {before} before the order; clicks count for {_days(clicked.window_days)}"
    if clicked is not None and standing is Standing.UNCOUNTED:
        return _UNCOUNTED.get(clicked.reason or "", WHY[standing])
    return _WHY_CLICK.get(standing, WHY[standing]) if signal is Signal.CLICK else WHY[standing]


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"


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


def case_of(
    placed_at: datetime,
    signals: Sequence[Signal],
    *,
    pointers: Sequence[Pointer],
    first_seen_at: datetime | None = None,
) -> AttributionCase:
    """Return the question that a program's model is asked about an order; `pointers` are the program's that count."""
    candidates = [
        Candidate(ref, str(pointer.enrollment_id), pointer.signal, pointer.at)
        for ref, pointer in enumerate(pointers)
        if pointer.signal in signals
    ]
    return AttributionCase(placed_at, tuple(signals), tuple(candidates), first_seen_at)


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
    said = list(dict.fromkeys(f"{_name(pointer)} {_why_not(pointer)}" for pointer in seen))
    return DecisionDraft(Outcome.NOBODY, "nobody_earns", f"Not credited: {'; '.join(said)}."[:1000], seen)


def _name(pointer: Pointer) -> str:
    if pointer.clicked is not None:
        return f"the click of {pointer.at:%Y-%m-%d}"
    if pointer.signal is Signal.CLICK:
        return "a click id"
    return pointer.code or pointer.signal.value


def _cut(text: str, longest: int) -> str:
    """Return what a model said as a decision can hold it: no control characters, no longer than its column."""
    return (text if text.isprintable() else "".join(each for each in text if each.isprintable()))[:longest]


def _why_not(pointer: Pointer) -> str:
    return "could earn, but its program does not credit it" if pointer.counts else pointer.why()
