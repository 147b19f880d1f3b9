"""Attribution models: who gets the credit for an order, and how much of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

WHOLE_PPM = 1_000_000


class Signal(StrEnum):
    """What points from an order to an ambassador."""

    CODE = "code"
    CLICK = "click"
    CUSTOMER_LINK = "customer_link"


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody whom a signal points to and who could earn. `ref` names it in the answer."""

    ref: int
    beneficiary: str
    signal: Signal
    at: datetime


@dataclass(frozen=True, slots=True)
class AttributionCase:
    """One order under one program's policy. Candidates keep the order of the shop's list of codes."""

    placed_at: datetime
    signals: tuple[Signal, ...]
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """A candidate's part of the order, in parts per million."""

    ref: int
    ppm: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer for one case: shares that sum to 1,000,000, or none at all; the rule's name and a plain reason."""

    shares: tuple[Share, ...]
    rule: str
    reason: str


@runtime_checkable
class AttributionModel(Protocol):
    """One way to choose. `choose` is pure and total, and answers in the order asked."""

    name: str
    title: str

    def choose(self, cases: Sequence[AttributionCase]) -> Sequence[Verdict]:
        """Return a verdict for each case."""
        ...
