"""Which rate a line of an order gets, and what is wrong with terms before they are published.

Pure: terms and personal rates in, a rate in basis points or a list of problems out.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Protocol, Self

from pydantic import ValidationError

from engine.plugin_api import RewardParams
from engine.programs.schemas import RateRow, RewardTerm, TermsDocument
from engine.programs.tables import RateLevel


@dataclass(frozen=True, slots=True)
class ResolvedRate:
    """A rate in basis points, and the level at which it was found."""

    rate_bps: int
    level: RateLevel


@dataclass(frozen=True, slots=True)
class PersonalRates:
    """What was agreed with one ambassador and for one promo code as of an instant, in basis points.

    `ambassador` is keyed by (reward, product), with product None for all products; `code` is keyed by reward.
    """

    ambassador: Mapping[tuple[str, str | None], int] = field(default_factory=lambda: MappingProxyType({}))
    code: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))


NO_PERSONAL_RATES: Final = PersonalRates()


@dataclass(frozen=True, slots=True)
class RateTable:
    """The rates of one terms document, laid out for look-up. Build it once per version.

    `rates` is keyed by (reward, group, product), None where the terms name none; `collections` is keyed by (reward,
    collection) and holds the place in the terms' list beside the rate: the lowest place wins.
    """

    rates: Mapping[tuple[str, str | None, str | None], int]
    collections: Mapping[tuple[str, str], tuple[int, int]]

    @classmethod
    def of(cls, document: TermsDocument) -> Self:
        """Return the table of `document`. Of two rows for one thing, which `check_terms` refuses, the first counts."""
        rates: dict[tuple[str, str | None, str | None], int] = {}
        collections: dict[tuple[str, str], tuple[int, int]] = {}
        for place, row in enumerate(document.rates):
            if row.collection is not None:
                collections.setdefault((row.reward, row.collection), (place, row.rate_bps))
            else:
                rates.setdefault((row.reward, row.group, row.product), row.rate_bps)
        return cls(rates, collections)


def resolve_rate(
    product: str | None,
    collections: Sequence[str],
    *,
    reward: str,
    table: RateTable,
    personal: PersonalRates = NO_PERSONAL_RATES,
    group: str | None = None,
) -> ResolvedRate | None:
    """Return the most specific rate of `reward` for a line with `product` in `collections`; None where none is given.

    Most specific first: ambassador and product, ambassador, code, group and product, group, product, collection,
    program (PRODUCT, "Defaults that a brand can change"). A rate of zero is a rate. `group` is the key of the group
    that the ambassador was in.
    """
    found = _by_precedence(product, collections, reward=reward, table=table, personal=personal, group=group)
    for level, rate_bps in found:
        if rate_bps is not None:
            return ResolvedRate(rate_bps, level)
    return None


def _by_precedence(
    product: str | None,
    collections: Sequence[str],
    *,
    reward: str,
    table: RateTable,
    personal: PersonalRates,
    group: str | None,
) -> Iterator[tuple[RateLevel, int | None]]:
    rates = table.rates
    if product is not None:
        yield RateLevel.AMBASSADOR_PRODUCT, personal.ambassador.get((reward, product))
    yield RateLevel.AMBASSADOR, personal.ambassador.get((reward, None))
    yield RateLevel.CODE, personal.code.get(reward)
    if group is not None:
        if product is not None:
            yield RateLevel.GROUP_PRODUCT, rates.get((reward, group, product))
        yield RateLevel.GROUP, rates.get((reward, group, None))
    if product is not None:
        yield RateLevel.PRODUCT, rates.get((reward, None, product))
    listed = [row for name in collections if (row := table.collections.get((reward, name)))]
    if listed:
        yield RateLevel.COLLECTION, min(listed)[1]
    yield RateLevel.PROGRAM, rates.get((reward, None, None))


class KnownRewardType(Protocol):
    """As much of a reward type as checking its parameters needs."""

    @property
    def params_model(self) -> type[RewardParams]:
        """The model that parameters must fit."""
        ...


@dataclass(frozen=True, slots=True)
class TermsProblem:
    """One thing wrong with a terms document: where (`rates[2].group`), what, and what to do."""

    field: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.field}: {self.problem} {self.remedy}"


def check_terms(
    document: TermsDocument,
    *,
    groups: Collection[str],
    reward_types: Mapping[str, KnownRewardType],
    attribution_models: Collection[str],
) -> tuple[TermsProblem, ...]:
    """Return everything that keeps `document` from being published; nothing where it is clear.

    Ambiguity is refused, and so is a rule that could never apply. `groups` are the keys of the program's groups, the
    other two the names that active plugins registered.
    """
    problems = [*_reward_problems(document.rewards, reward_types), *_rate_problems(document, groups)]
    model = document.attribution.model
    if model not in attribution_models:
        remedy = _one_of("an attribution model", attribution_models)
        problems.append(TermsProblem("attribution.model", f"There is no attribution model {model!r}.", remedy))
    return tuple(problems)


def _reward_problems(
    rewards: Sequence[RewardTerm], reward_types: Mapping[str, KnownRewardType]
) -> Iterator[TermsProblem]:
    seen: set[str] = set()
    for index, reward in enumerate(rewards):
        place = f"rewards[{index}]"
        if reward.key in seen:
            remedy = "Give each reward a key of its own."
            yield TermsProblem(f"{place}.key", f"The key {reward.key!r} names an earlier reward already.", remedy)
        seen.add(reward.key)
        known = reward_types.get(reward.type)
        if known is None:
            remedy = _one_of("a reward type", reward_types)
            yield TermsProblem(f"{place}.type", f"There is no reward type {reward.type!r}.", remedy)
        else:
            yield from _param_problems(f"{place}.params", reward.params, known.params_model)


def _param_problems(place: str, params: Mapping[str, Any], model: type[RewardParams]) -> Iterator[TermsProblem]:
    try:
        model.model_validate(params)
    except ValidationError as error:
        for one in error.errors(include_url=False):
            yield TermsProblem(_path(place, one["loc"]), f"{one['msg']}.", "Correct this parameter of the reward.")


def _rate_problems(document: TermsDocument, groups: Collection[str]) -> Iterator[TermsProblem]:
    rewards = {reward.key for reward in document.rewards}
    rows: Counter[tuple[str | None, ...]] = Counter()
    for index, row in enumerate(document.rates):
        place = f"rates[{index}]"
        if row.reward not in rewards:
            yield TermsProblem(f"{place}.reward", f"There is no reward {row.reward!r}.", _one_of("a reward", rewards))
        if row.group is not None and row.group not in groups:
            yield TermsProblem(f"{place}.group", f"There is no group {row.group!r}.", _one_of("a group", groups))
        yield from _dead_rate(place, row, document)
        target = (row.reward, row.group, row.product, row.collection)
        rows[target] += 1
        if rows[target] == 2:
            problem = f"{_described(row)} has a rate already."
            yield TermsProblem(place, problem, "Keep one of the rows, so that the rate is never a matter of luck.")


def _dead_rate(place: str, row: RateRow, document: TermsDocument) -> Iterator[TermsProblem]:
    base = document.base
    remedy = "Remove the rate or the exclusion."
    if row.product in base.excluded_products:
        problem = f"The product {row.product!r} is excluded, so this rate would never apply."
        yield TermsProblem(f"{place}.product", problem, remedy)
    if row.collection in base.excluded_collections:
        problem = f"The collection {row.collection!r} is excluded, so this rate would never apply."
        yield TermsProblem(f"{place}.collection", problem, remedy)


def _described(row: RateRow) -> str:
    kinds = (("group", row.group), ("product", row.product), ("collection", row.collection))
    named = [f"the {kind} {key!r}" for kind, key in kinds if key is not None]
    return f"Reward {row.reward!r} for {' and '.join(named) or 'the whole program'}"


def _one_of(what: str, names: Collection[str]) -> str:
    listed = ", ".join(sorted(names))
    return f"Name {what} that exists: {listed}." if listed else f"There is no such thing yet; add {what} first."


def _path(place: str, location: Sequence[int | str]) -> str:
    return place + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)
