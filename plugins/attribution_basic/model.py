"""One ambassador gets the whole order: the first signal in the policy's order that points to anybody decides.

Within one signal: of several codes the first in the shop's list, of several clicks the last, and the customer link
points to one ambassador at most. Two clicks at the same instant: the one that stands later among the candidates.
"""

from collections.abc import Sequence
from typing import Final

from engine.plugin_api import WHOLE_PPM, AttributionCase, Candidate, Share, Signal, Verdict

_RULES: Final = {Signal.CODE: "first_code", Signal.CLICK: "last_click", Signal.CUSTOMER_LINK: "customer_link"}
_REASONS: Final = {
    Signal.CODE: "The order carried this ambassador's code.",
    Signal.CLICK: "The customer came through this ambassador's link.",
    Signal.CUSTOMER_LINK: "The customer belongs to this ambassador since an earlier order.",
}
_REASONS_OF_SEVERAL: Final = {
    Signal.CODE: "The order carried several codes; the first one in the shop's list earns.",
    Signal.CLICK: "The customer came through several links; the last click earns.",
    Signal.CUSTOMER_LINK: "Several customer links were on record; the first one earns.",
}
_NOBODY: Final = Verdict((), "nobody", "No code, click or customer link of this program points to an ambassador.")


class BasicModel:
    """Signals in the policy's order, one winner, all or nothing."""

    name = "basic"
    title = "First signal wins"

    def choose(self, cases: Sequence[AttributionCase]) -> Sequence[Verdict]:
        """Return for each case the winner with 1,000,000 parts per million, or no share where nobody is pointed to."""
        return [_verdict(case) for case in cases]


def _verdict(case: AttributionCase) -> Verdict:
    for signal in case.signals:
        found = [candidate for candidate in case.candidates if candidate.signal == signal]
        if found:
            reasons = _REASONS if len(found) == 1 else _REASONS_OF_SEVERAL
            return Verdict((Share(_winner(signal, found).ref, WHOLE_PPM),), _RULES[signal], reasons[signal])
    return _NOBODY


def _winner(signal: Signal, found: Sequence[Candidate]) -> Candidate:
    if signal == Signal.CLICK:
        return max(reversed(found), key=lambda candidate: candidate.at)  # of equals, `max` keeps the first it meets
    return found[0]
