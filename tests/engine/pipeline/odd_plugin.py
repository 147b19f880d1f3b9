"""A plugin for tests: a model that splits orders, and a reward type and a model that answer whatever a test tells them.

`ANSWER` is what the next questions get; a test that sets it puts it back (fixture `odd`).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.plugin_api import (
    WHOLE_PPM,
    AttributionCase,
    AttributionModel,
    Due,
    OrderCase,
    Part,
    PeriodCase,
    PeriodDue,
    PluginManifest,
    RewardParams,
    RewardType,
    Share,
    Verdict,
    hookimpl,
)

ANSWER: dict[str, Callable[[Any], Any]] = {}


class Split:
    """Splits an order among all candidates: the first gets 600,000 ppm of two, equal parts of more."""

    name = "split"
    title = "Split"

    def choose(self, cases: Sequence[AttributionCase]) -> Sequence[Verdict]:
        return ANSWER.get("choose", lambda cases: [_split(case) for case in cases])(cases)


def _split(case: AttributionCase) -> Verdict:
    refs = [candidate.ref for candidate in case.candidates]
    if not refs:
        return Verdict((), "split", "Nobody.")
    parts = [600_000, 400_000] if len(refs) == 2 else [WHOLE_PPM // len(refs)] * len(refs)
    parts[0] += WHOLE_PPM - sum(parts)
    return Verdict(tuple(map(Share, refs, parts)), "split", "Shared.")


class Odd:
    """Five percent, unless told otherwise."""

    name = "odd"
    title = "Odd"
    params_model: type[RewardParams] = RewardParams
    settles_periods = False

    def due(self, cases: Sequence[OrderCase]) -> Sequence[Due]:
        return ANSWER.get("due", lambda cases: [Due((Part(rate_bps=500),)) for _ in cases])(cases)

    def due_for_period(self, cases: Sequence[PeriodCase]) -> Sequence[PeriodDue]:
        return [PeriodDue() for _ in cases]

    def describe(self, params: RewardParams, *, rates_bps: Mapping[str, int]) -> str:
        return "Odd."


@hookimpl
def manifest() -> PluginManifest:
    return PluginManifest(name="odd_plugin", version="1", title="Odd", summary="For tests.")


@hookimpl
def reward_types() -> tuple[RewardType, ...]:
    return (Odd(),)


@hookimpl
def attribution_models() -> tuple[AttributionModel, ...]:
    return (Split(),)
