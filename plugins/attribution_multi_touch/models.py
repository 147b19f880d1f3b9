"""The policy's first signal that points to anybody decides: clicks are split, a code or a customer link is not.

A code says by itself whom the customer means, so its owner has the whole order (of several codes the first in the
shop's list), and so has the ambassador to whom a customer is linked. Clicks are touches on one way to the order, and
everybody on that way gets a share. A run of clicks on links of one ambassador is one touch, at its last instant:
opening a link ten times earns what opening it once does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Final

from engine.plugin_api import WHOLE_PPM, AttributionCase, Candidate, Share, Signal, Verdict, allocate
from plugins.attribution_multi_touch.weights import Weigh

_NOBODY: Final = Verdict((), "nobody", "No code, click or customer link of this program points to an ambassador.")
_WHOLE: Final = {
    Signal.CODE: ("first_code", "The order carried this ambassador's code; a code is not split."),
    Signal.CUSTOMER_LINK: ("customer_link", "The customer belongs to this ambassador since an earlier order."),
}


@dataclass(slots=True)
class MultiTouchModel:
    """A way to split an order among the touches that led to it; `how` says it in a sentence."""

    name: str
    title: str
    how: str
    weigh: Weigh

    def choose(self, cases: Sequence[AttributionCase]) -> Sequence[Verdict]:
        """Return for each case shares that sum to 1,000,000, or none where nobody is pointed to."""
        return [self._verdict(case) for case in cases]

    def _verdict(self, case: AttributionCase) -> Verdict:
        for signal in case.signals:
            found = [candidate for candidate in case.candidates if candidate.signal == signal]
            if found and signal == Signal.CLICK:
                return self._split(touches(found), case.placed_at)
            if found:
                return Verdict((Share(found[0].ref, WHOLE_PPM),), *_WHOLE[signal])
        return _NOBODY

    def _split(self, found: Sequence[Candidate], placed_at: datetime) -> Verdict:
        weights = self.weigh([candidate.at for candidate in found], placed_at)
        parts = allocate(WHOLE_PPM, weights)
        shares = tuple(Share(candidate.ref, ppm) for candidate, ppm in zip(found, parts, strict=True) if ppm)
        many = f"{len(found)} touches led to the order. {self.how}"
        return Verdict(shares, self.name, many if len(found) > 1 else "One ambassador's link led to the order.")


def touches(clicks: Sequence[Candidate]) -> list[Candidate]:
    """Return the touches among `clicks`, oldest first: of a run of clicks for one beneficiary, the last.

    Clicks at one instant stay in the order in which they came.
    """
    in_time = sorted(clicks, key=attrgetter("at"))
    return [list(run)[-1] for _, run in groupby(in_time, key=attrgetter("beneficiary"))]
