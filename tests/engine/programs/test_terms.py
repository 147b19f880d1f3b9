"""Terms that are ambiguous, or that could never apply, are refused with every problem named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from engine.plugin_api import RewardParams
from engine.programs.rules import check_terms
from engine.programs.schemas import RateRow, TermsDocument


class Flat(RewardParams):
    amount_minor: dict[str, int] = Field(min_length=1)


class Percentage(RewardParams):
    pass


class Kind:
    def __init__(self, params_model):
        self.params_model = params_model


TYPES = {"percentage": Kind(Percentage), "flat": Kind(Flat)}


def document(**parts):
    plain = {"rewards": [{"key": "cash", "type": "percentage"}], "rates": [{"reward": "cash", "rate_bps": 1_000}]}
    return TermsDocument.model_validate(plain | parts)


def problems(**parts):
    found = check_terms(document(**parts), groups={"gold"}, reward_types=TYPES, attribution_models={"basic"})
    return {problem.field: problem for problem in found}


def row(**parts):
    return {"reward": "cash", "rate_bps": 500} | parts


def test_plain_terms_have_no_problem():
    assert problems() == {}


@pytest.mark.parametrize(
    "target",
    [{}, {"group": "gold"}, {"product": "mug"}, {"collection": "sale"}, {"group": "gold", "product": "mug"}],
    ids=lambda target: "+".join(target) or "program",
)
def test_two_rates_for_one_thing_are_ambiguous_even_when_equal(target):
    found = problems(rates=[row(**target), row(rate_bps=700, product="tea"), row(**target)])
    assert set(found) == {"rates[2]"}
    assert "has a rate already" in found["rates[2]"].problem


def test_a_third_row_for_one_thing_is_told_once():
    assert set(problems(rates=[row(), row(), row()])) == {"rates[1]"}


def test_one_thing_may_have_a_rate_for_each_reward():
    rewards = [{"key": "cash", "type": "percentage"}, {"key": "extra", "type": "percentage"}]
    assert problems(rewards=rewards, rates=[row(), row(reward="extra")]) == {}


@pytest.mark.parametrize(
    ("parts", "field", "says"),
    [
        (
            {"rates": [row(reward="gifts")]},
            "rates[0].reward",
            "There is no reward 'gifts'. Name a reward that exists: cash.",
        ),
        ({"rates": [row(group="iron")]}, "rates[0].group", "There is no group 'iron'. Name a group that exists: gold."),
        (
            {"rewards": [{"key": "cash", "type": "karma"}]},
            "rewards[0].type",
            "There is no reward type 'karma'. Name a reward type that exists: flat, percentage.",
        ),
        (
            {"rewards": [{"key": "cash", "type": "flat"}, {"key": "cash", "type": "percentage"}]},
            "rewards[1].key",
            "The key 'cash' names an earlier reward already.",
        ),
        (
            {"attribution": {"model": "dice"}},
            "attribution.model",
            "There is no attribution model 'dice'. Name an attribution model that exists: basic.",
        ),
        (
            {"rates": [row(product="mug")], "base": {"excluded_products": ["mug"]}},
            "rates[0].product",
            "The product 'mug' is excluded, so this rate would never apply.",
        ),
        (
            {"rates": [row(group="gold", product="mug")], "base": {"excluded_products": ["mug"]}},
            "rates[0].product",
            "The product 'mug' is excluded, so this rate would never apply.",
        ),
        (
            {"rates": [row(collection="sale")], "base": {"excluded_collections": ["sale"]}},
            "rates[0].collection",
            "The collection 'sale' is excluded, so this rate would never apply.",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and "[" in value else "",
)
def test_what_is_wrong_is_named_with_its_place_and_a_remedy(parts, field, says):
    problem = problems(**parts)[field]
    assert str(problem).startswith(f"{field}: {says}")
    assert problem.remedy


def test_parameters_that_do_not_fit_the_reward_type_are_named_each():
    params = {"amount_minor": {"EUR": "a lot"}, "amuont": 3}
    found = problems(rewards=[{"key": "cash", "type": "flat", "params": params}])
    assert set(found) == {"rewards[0].params.amount_minor.EUR", "rewards[0].params.amuont"}
    assert "https://" not in str(found)


def test_every_problem_is_told_at_once():
    found = problems(
        rewards=[{"key": "cash", "type": "karma"}],
        rates=[row(reward="gifts"), row(group="iron")],
        attribution={"model": "dice"},
    )
    assert set(found) == {"rewards[0].type", "rates[0].reward", "rates[1].group", "attribution.model"}


def test_where_nothing_of_the_kind_exists_the_remedy_says_so():
    [problem] = check_terms(document(), groups=(), reward_types=TYPES, attribution_models=())
    assert problem.remedy == "There is no such thing yet; add an attribution model first."


@given(st.lists(st.text(max_size=5)), st.lists(st.text(max_size=5)))
def test_excluded_things_are_written_down_in_one_order(products, collections):
    kept = [
        document(base={"excluded_products": one, "excluded_collections": other}).model_dump_json()
        for one, other in [(products, collections), (products[::-1], collections[::-1])]
        if "\0" not in "".join(products + collections)
    ]
    assert len(set(kept)) <= 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"rates": [row(rate_bps=10_001)]},
        {"rates": [row(rate_bps=-1)]},
        {"rates": [row(rate_bps=12.5)]},
        {"rates": [row(product="")]},
        {"rates": [row(collection="sale", group="gold")]},
        {"rates": [row(product="m\0g")]},
        {"rewards": []},
        {"hold_days": -1},
        {"surprise": 1},
        {"attribution": {"signals": ["code", "code"]}},
        {"attribution": {"customer_link_days": 30}},
        {"customer_discount": {"percent_bps": 1_000, "amount_minor": {"EUR": 100}}},
        {"customer_discount": {"amount_minor": {"XXY": 100}}},
    ],
    ids=repr,
)
def test_a_document_of_the_wrong_shape_is_refused(wrong):
    with pytest.raises(ValidationError):
        document(**wrong)


def test_a_row_says_its_level_by_the_keys_it_names():
    levels = [
        RateRow.model_validate(row(**target)).level.value
        for target in [{"group": "g", "product": "p"}, {"group": "g"}, {"product": "p"}, {"collection": "c"}, {}]
    ]
    assert levels == ["group_product", "group", "product", "collection", "program"]
