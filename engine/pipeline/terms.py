"""Terms made ready to be applied: rates laid out, parameters checked, plugins found.

Published terms never change, so what is made of them is kept for the life of the process.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from engine.kernel.errors import GoodwordError
from engine.plugin_api import RewardParams, RewardType, Signal
from engine.plugin_host.guard import Registered
from engine.plugin_host.registry import PluginHost
from engine.programs.queries import ProgramRow, TermsVersion
from engine.programs.rules import RateTable
from engine.programs.schemas import TermsDocument


class UnusableTermsError(GoodwordError):
    """Published terms no longer fit the plugins that are active; orders under them are blocked."""

    def __init__(self, program: str, problem: str) -> None:
        super().__init__(f"The terms of {program} cannot be applied: {problem}")


@dataclass(frozen=True, slots=True)
class ReadyReward:
    """A reward of the terms with its plugin and checked parameters."""

    key: str
    type: Registered[RewardType]
    params: RewardParams


@dataclass(frozen=True, slots=True)
class ReadyTerms:
    """One version of a program's terms, ready to be applied."""

    id: UUID
    version: int
    program: ProgramRow
    zone: ZoneInfo
    document: TermsDocument
    rates: RateTable
    rewards: tuple[ReadyReward, ...]

    @property
    def links_customers(self) -> bool:
        """Whether a customer stays linked to an ambassador under these terms."""
        return Signal.CUSTOMER_LINK in self.document.attribution.signals


class TermsShelf:
    """Keeps terms that were made ready."""

    def __init__(self, host: PluginHost) -> None:
        self.host = host
        self._ready: dict[UUID, ReadyTerms] = {}

    def ready(self, version: TermsVersion, program: ProgramRow) -> ReadyTerms:
        """Return `version` ready to be applied.

        Raises:
            GoodwordError: a reward type is not active or refuses its parameters; the order is blocked.
        """
        found = self._ready.get(version.id)
        if found is None or any(reward.type is not self._type(reward) for reward in found.rewards):
            found = self._ready[version.id] = self._make(version, program)
        return found

    def _type(self, reward: ReadyReward) -> Registered[RewardType]:
        return self.host.reward_type(reward.type.value.name)

    def _make(self, version: TermsVersion, program: ProgramRow) -> ReadyTerms:
        document = version.document
        rewards = []
        for term in document.rewards:
            kind = self.host.reward_type(term.type)
            try:
                params = kind.value.params_model.model_validate(term.params)
            except ValidationError as error:
                problem = f"{term.type} no longer takes the parameters of {term.key}: {error.errors()[0]['msg']}"
                raise UnusableTermsError(program.name, problem) from None
            rewards.append(ReadyReward(term.key, kind, params))
        return ReadyTerms(
            version.id, version.version, program, program.zone, document, RateTable.of(document), tuple(rewards)
        )


def by_program(history: Sequence[TermsVersion]) -> Mapping[UUID, tuple[TermsVersion, ...]]:
    """Return a brand's terms by program, oldest first."""
    found: dict[UUID, list[TermsVersion]] = {}
    for version in history:
        found.setdefault(version.program_id, []).append(version)
    return {program_id: tuple(versions) for program_id, versions in found.items()}
