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
    """One order under one program's policy. Codes keep the order of the shop's list; clicks come by time, oldest first.

    `first_seen_at` is when this customer was first seen without any click before: the shop's first sight of the
    visitor, or the customer's first order. None: nobody knows, or a click came first.
    """

    placed_at: datetime
    signals: tuple[Signal, ...]
    candidates: tuple[Candidate, ...]
    first_seen_at: datetime | None = None


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
