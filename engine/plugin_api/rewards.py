"""Reward types: what an order, or a month of orders, owes its ambassador.

A reward type answers with rates and flat amounts; the core multiplies, rounds once, caps, books and reverses. So a
refund needs no code in a plugin, and no plugin can round.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from engine.plugin_api.settings import RewardParams


@dataclass(frozen=True, slots=True)
class LineView:
    """One commissionable line of an order as it was bought.

    `rate_bps` is the rate that the precedence of the program finds for this line and reward, None where the terms give
    none; `rate_level` says where it was found (`program`, `product`, `ambassador`, …).
    """

    line_id: str
    quantity: int
    base_minor: int
    product: str | None
    collections: tuple[str, ...]
    rate_bps: int | None
    rate_level: str | None


@dataclass(frozen=True, slots=True)
class OrderView:
    """A paid order, for one beneficiary and one reward. `first_order`: the customer's first with the brand."""

    currency: str
    placed_at: datetime
    lines: tuple[LineView, ...]
    first_order: bool


@dataclass(frozen=True, slots=True)
class OrderCase:
    """One order scope to answer for: the reward's parameters and the order."""

    params: RewardParams
    order: OrderView


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of what is due: `rate_bps` of the net base of some lines, or `flat_minor` scaled with them.

    `line_ids` None means all lines. A flat amount shrinks with net ÷ original base of its lines. `in_period` marks a
    base that the month's settlement counts.
    """

    rate_bps: int | None = None
    flat_minor: int | None = None
    line_ids: tuple[str, ...] | None = None
    in_period: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True)
class Due:
    """What one scope owes: parts that add up, then a cap in minor units. No parts: nothing, ever."""

    parts: tuple[Part, ...] = ()
    cap_minor: int | None = None


@dataclass(frozen=True, slots=True)
class PeriodCase:
    """One closed month of one ambassador: `base_minor` is the net base its orders brought to this reward."""

    params: RewardParams
    currency: str
    base_minor: int


@dataclass(frozen=True, slots=True)
class PeriodStep:
    """`rate_bps` of `base_minor`: one tier's piece of a month."""

    base_minor: int
    rate_bps: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class PeriodDue:
    """What a month owes in all, in steps; the core subtracts what its orders accrued already."""

    steps: tuple[PeriodStep, ...] = ()


@runtime_checkable
class RewardType(Protocol):
    """One kind of reward. `due` and `due_for_period` are pure and total, and answer in the order asked.

    Raises:
        MissingCurrencyError: the parameters have no amount for the order's currency; the order is blocked.
    """

    name: str
    title: str
    params_model: type[RewardParams]
    settles_periods: bool

    def due(self, cases: Sequence[OrderCase]) -> Sequence[Due]:
        """Return what each order owes."""
        ...

    def due_for_period(self, cases: Sequence[PeriodCase]) -> Sequence[PeriodDue]:
        """Return what each month owes. Called only where `settles_periods`."""
        ...

    def describe(self, params: RewardParams, *, rates_bps: Mapping[str, int]) -> str:
        """Return a sentence for the ambassador; `rates_bps` maps a level such as `program` to its rate."""
        ...
