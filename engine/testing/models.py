"""The checks of an attribution model."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import cycle, permutations, product
from typing import Final

from engine.plugin_api import AttributionCase, AttributionModel, Candidate, Signal, Verdict
from engine.plugin_host.answers import ask_verdicts
from engine.testing.checks.noun import NounCase
from engine.testing.conformance import require

_PLACED: Final = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
_DAY: Final = timedelta(days=1)
_LONGEST_RULE: Final = 40


class AttributionModelConformance(NounCase):
    """Everything that the host expects of an attribution model.

    The cases are the kit's own; `model` is only needed where the plugin registers several.
    """

    hook = "attribution_models"
    word = "attribution model"
    attribute = "model"
    model: AttributionModel

    def ask_everything(self) -> object:
        """Ask for a verdict on every case."""
        return self.verdicts(_cases())

    def test_shares_are_whole_and_sum_to_the_order(self) -> None:
        """Parts per million of candidates asked about, each once, in all 1,000,000 or none; of crowds as well."""
        self.verdicts([*_cases(), *_crowds()])

    def test_an_order_is_judged_the_same_alone_and_among_others(self) -> None:
        """The core asks for a batch, and order by order when something in it failed: both must agree."""
        cases = _cases()
        together, alone = self.verdicts(cases), [self.verdicts([case])[0] for case in cases]
        backwards = self.verdicts(cases[::-1])[::-1]
        remedy = "Answer each case by itself, in the order asked."
        require(together == alone == backwards, "An order is judged otherwise among others than alone.", remedy=remedy)

    def test_nobody_is_credited_without_a_candidate(self) -> None:
        """Without candidates there are no shares; and the verdict still says why."""
        cases = [AttributionCase(_PLACED, signals, ()) for signals in _POLICIES]
        for verdict in self.verdicts(cases):
            require(verdict.shares == (), f"Somebody is credited for nothing: {verdict!r}.", remedy="Return no shares.")

    def test_only_signals_of_the_policy_count(self) -> None:
        """Where a program does not name a signal, candidates of it get nothing."""
        for case, verdict in zip(_cases(), self.verdicts(_cases()), strict=True):
            by_ref = {candidate.ref: candidate for candidate in case.candidates}
            strange = [share for share in verdict.shares if by_ref[share.ref].signal not in case.signals]
            remedy = "Leave out candidates whose signal is not in case.signals."
            require(not strange, f"A {case.signals} policy credits {strange}.", remedy=remedy)

    def test_a_candidate_s_number_and_name_do_not_matter(self) -> None:
        """Numbers and ids are handed out as it comes: whoever has the lower one gains nothing by it."""
        cases = _cases()
        renamed = [replace(case, candidates=tuple(map(_renamed, case.candidates))) for case in cases]
        for case, plain, other in zip(cases, self.verdicts(cases), self.verdicts(renamed), strict=True):
            expected = {(_renamed_ref(share.ref), share.ppm) for share in plain.shares}
            same = expected == {(share.ref, share.ppm) for share in other.shares}
            remedy = "Decide by signal, time and position, never by ref or beneficiary."
            require(same, f"With other numbers, {case.candidates} share otherwise.", remedy=remedy)

    def test_every_verdict_names_its_rule_and_gives_a_sentence(self) -> None:
        """A rule that can be counted, and a reason that an ambassador can read."""
        for verdict in self.verdicts(_cases()):
            remedy = "Give a short rule such as last_click, and a sentence that ends with a point."
            plain = verdict.rule.isprintable() and 0 < len(verdict.rule) <= _LONGEST_RULE and " " not in verdict.rule
            require(plain, f"A rule is called {verdict.rule!r}.", remedy=remedy)
            said = verdict.reason.isprintable() and verdict.reason.endswith(".") and " " in verdict.reason
            require(said, f"A reason is {verdict.reason!r}.", remedy=remedy)

    def verdicts(self, cases: Sequence[AttributionCase]) -> list[Verdict]:
        """Return what the host takes the verdicts to be.

        Raises:
            AssertionError: an answer breaks the contract.
        """
        __tracebackhide__ = True
        otherwise = "Answer so that it holds: the host would block every such order."
        return list(self.ask_host(lambda: ask_verdicts(self.registered(), cases), otherwise=otherwise))


_POLICIES: Final = tuple(policy for size in range(4) for policy in permutations(Signal, size))


def _cases() -> list[AttributionCase]:
    """Return orders with up to three candidates of every signal, under every policy, seen and unseen customers."""
    return list(_every_case())


def _every_case() -> Iterator[AttributionCase]:
    for size, policy in product(range(4), _POLICIES):
        for signals in product(Signal, repeat=size):
            # The kit keeps the contract: clicks by time, oldest first, and two at one instant.
            candidates = tuple(
                Candidate(7 + ref, f"ambassador-{ref % 2}", signal, _PLACED - _DAY * (size - ref // 2 * 2))
                for ref, signal in enumerate(signals)
            )
            seen = None if size % 2 else _PLACED - 10 * _DAY
            yield AttributionCase(_PLACED, policy, candidates, seen)


def _crowds() -> Iterator[AttributionCase]:
    """Yield orders with many candidates, whose number does not divide the whole."""
    for size in (7, 64, 1_001):
        candidates = tuple(
            Candidate(ref, f"ambassador-{ref}", signal, _PLACED - timedelta(minutes=size - ref))
            for ref, signal in zip(range(size), cycle(Signal), strict=False)
        )
        yield AttributionCase(_PLACED, tuple(Signal), candidates)


def _renamed(candidate: Candidate) -> Candidate:
    return replace(candidate, ref=_renamed_ref(candidate.ref), beneficiary=candidate.beneficiary[::-1])


def _renamed_ref(ref: int) -> int:
    return 100 - ref
