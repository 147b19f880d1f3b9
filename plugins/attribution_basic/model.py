"""One ambassador gets the whole order: the first signal in the policy's order that points to anybody decides.

Within one signal: of several codes the first in the shop's list, and the customer link points to one ambassador at
most. Of several clicks each model takes its own: the last, the first, or the first unless the customer had come by
themselves before. Two clicks at one instant: the last is the one that stands later among the candidates, the first the
one that stands earlier.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from engine.plugin_api import WHOLE_PPM, AttributionCase, Candidate, Share, Signal, Verdict

_NOBODY: Final = Verdict((), "nobody", "No code, click or customer link of this program points to an ambassador.")
_CAME_DIRECTLY: Final = Verdict(
    (), "came_directly", "The customer had come to the shop before the first click, so no click earns."
)


class BasicModel:
    """Signals in the policy's order, one winner, all or nothing. Of clicks the last."""

    name = "basic"
    title = "First signal wins, last click"

    def choose(self, cases: Sequence[AttributionCase]) -> Sequence[Verdict]:
        """Return for each case the winner with 1,000,000 parts per million, or no share where nobody is pointed to."""
        return [_by_first_signal(case, of_clicks=_last_click) for case in cases]


class FirstModel:
    """As `basic`, but of clicks the first within the window: later ones take nothing away."""

    name = "first"
    title = "First signal wins, first click"

    def choose(self, cases: Sequence[AttributionCase]) -> Sequence[Verdict]:
        """Return for each case the winner with 1,000,000 parts per million, or no share where nobody is pointed to."""
        return [_by_first_signal(case, of_clicks=_first_click) for case in cases]


class FirstStrictModel:
    """As `first`, but nobody earns by a click when the customer had found the shop without one."""

    name = "first_strict"
    title = "First signal wins, first click unless the customer came by themselves before"

    def choose(self, cases: Sequence[AttributionCase]) -> Sequence[Verdict]:
        """Return for each case the winner with 1,000,000 parts per million, or no share where nobody is pointed to."""
        return [_strictly(case) for case in cases]


def _strictly(case: AttributionCase) -> Verdict:
    """Leave the clicks out where the customer was seen before the first of them; codes and links are judged as ever."""
    clicks = [candidate.at for candidate in case.candidates if candidate.signal == Signal.CLICK]
    direct = bool(clicks) and case.first_seen_at is not None and case.first_seen_at < min(clicks)
    if not direct:
        return _by_first_signal(case, of_clicks=_first_click)
    others = tuple(candidate for candidate in case.candidates if candidate.signal != Signal.CLICK)
    verdict = _by_first_signal(AttributionCase(case.placed_at, case.signals, others), of_clicks=_first_click)
    return verdict if verdict.shares else _CAME_DIRECTLY


def _by_first_signal(case: AttributionCase, *, of_clicks: Callable[[Sequence[Candidate]], Verdict]) -> Verdict:
    for signal in case.signals:
        found = [candidate for candidate in case.candidates if candidate.signal == signal]
        if found:
            return of_clicks(found) if signal == Signal.CLICK else _OF[signal](found)
    return _NOBODY


def _first_code(found: Sequence[Candidate]) -> Verdict:
    several = "The order carried several codes; the first one in the shop's list earns."
    return _all_to(found[0], "first_code", several if len(found) > 1 else "The order carried this ambassador's code.")


def _last_click(found: Sequence[Candidate]) -> Verdict:
    last = max(reversed(found), key=_at)  # of equals, `max` keeps the first it meets
    several = "The customer came through several links; the last click earns."
    return _all_to(last, "last_click", several if len(found) > 1 else _ONE_CLICK)


def _first_click(found: Sequence[Candidate]) -> Verdict:
    first = min(found, key=_at)
    several = "The customer came through several links; the first click earns."
    return _all_to(first, "first_click", several if len(found) > 1 else _ONE_CLICK)


def _customer_link(found: Sequence[Candidate]) -> Verdict:
    several = "Several customer links were on record; the first one earns."
    one = "The customer belongs to this ambassador since an earlier order."
    return _all_to(found[0], "customer_link", several if len(found) > 1 else one)


def _all_to(winner: Candidate, rule: str, reason: str) -> Verdict:
    return Verdict((Share(winner.ref, WHOLE_PPM),), rule, reason)


def _at(candidate: Candidate) -> datetime:
    return candidate.at


_ONE_CLICK: Final = "The customer came through this ambassador's link."
_OF: Final = {Signal.CODE: _first_code, Signal.CUSTOMER_LINK: _customer_link}
