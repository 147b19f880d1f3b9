"""The most specific rate wins, whatever else the terms say."""

from hypothesis import given
from hypothesis import strategies as st

from engine.programs.rules import NO_PERSONAL_RATES, PersonalRates, RateTable, ResolvedRate, resolve_rate
from engine.programs.schemas import TermsDocument
from engine.programs.tables import RateLevel

PRODUCTS, COLLECTIONS, GROUPS, REWARDS = (
    ["mug", "tea"],
    ["winter", "sale", "new"],
    ["gold", "silver"],
    ["cash", "extra"],
)

bps = st.integers(0, 10_000)
maybe_product = st.none() | st.sampled_from(PRODUCTS)


def terms(*rates):
    rewards = [{"key": key, "type": "percentage"} for key in REWARDS]
    return TermsDocument.model_validate({"rewards": rewards, "rates": list(rates)})


@st.composite
def rate_rows(draw):
    """Rows as `check_terms` lets them through: each for another thing, in any order."""
    targets = [
        *({"group": group, "product": product} for group in GROUPS for product in PRODUCTS),
        *({"group": group} for group in GROUPS),
        *({"product": product} for product in PRODUCTS),
        *({"collection": collection} for collection in COLLECTIONS),
        {},
    ]
    chosen = draw(st.lists(st.sampled_from(targets), unique_by=repr))
    return [target | {"reward": draw(st.sampled_from(REWARDS)), "rate_bps": draw(bps)} for target in chosen]


personal_rates = st.builds(
    PersonalRates,
    st.dictionaries(st.tuples(st.sampled_from(REWARDS), maybe_product), bps, max_size=3),
    st.dictionaries(st.sampled_from(REWARDS), bps, max_size=2),
)


def every_rate_that_applies(document, product, collections, *, reward, personal, group):
    """Find them the slow way: look at every rate there is and ask whether it fits, in the order of the terms."""
    for (of_reward, of_product), rate_bps in personal.ambassador.items():
        if of_reward == reward and of_product in (None, product):
            yield (RateLevel.AMBASSADOR_PRODUCT if of_product else RateLevel.AMBASSADOR), rate_bps
    for of_reward, rate_bps in personal.code.items():
        if of_reward == reward:
            yield RateLevel.CODE, rate_bps
    for row in document.rates:
        fits = row.product in (None, product) and row.group in (None, group)
        if row.reward == reward and fits and (row.collection is None or row.collection in collections):
            yield RateLevel(row.level.value), row.rate_bps


@given(
    rate_rows(),
    personal_rates,
    st.tuples(maybe_product, st.lists(st.sampled_from(COLLECTIONS), unique=True)),
    st.sampled_from(REWARDS),
    st.none() | st.sampled_from(GROUPS),
)
def test_the_rate_is_the_first_of_the_most_specific_level(rows, personal, line, reward, group):
    product, collections = line
    document = terms(*rows)
    table = RateTable.of(document)
    found = resolve_rate(product, collections, reward=reward, table=table, personal=personal, group=group)

    precedence = list(RateLevel)
    applying = [*every_rate_that_applies(document, product, collections, reward=reward, personal=personal, group=group)]
    expected = min(applying, key=lambda rate: precedence.index(rate[0]), default=None)
    assert found == (ResolvedRate(expected[1], expected[0]) if expected else None)


LADDER = [
    (RateLevel.GROUP_PRODUCT, {"group": "gold", "product": "mug"}, 1_400),
    (RateLevel.GROUP, {"group": "gold"}, 1_300),
    (RateLevel.PRODUCT, {"product": "mug"}, 1_200),
    (RateLevel.COLLECTION, {"collection": "sale"}, 1_100),
    (RateLevel.PROGRAM, {}, 1_000),
]
PERSONAL_LADDER = [
    (
        RateLevel.AMBASSADOR_PRODUCT,
        PersonalRates({("cash", "mug"): 1_700, ("cash", None): 1_600}, {"cash": 1_500}),
        1_700,
    ),
    (RateLevel.AMBASSADOR, PersonalRates({("cash", None): 1_600}, {"cash": 1_500}), 1_600),
    (RateLevel.CODE, PersonalRates({}, {"cash": 1_500}), 1_500),
]


def test_each_level_wins_once_those_above_it_are_gone():
    rows = [{"reward": "cash", "rate_bps": rate} | target for _, target, rate in LADDER]

    def resolved(kept, personal=NO_PERSONAL_RATES):
        table = RateTable.of(terms(*kept))
        return resolve_rate("mug", ["sale"], reward="cash", table=table, personal=personal, group="gold")

    for level, personal, rate in PERSONAL_LADDER:
        assert resolved(rows, personal) == ResolvedRate(rate, level)
    for start, (level, _, rate) in enumerate(LADDER):
        assert resolved(rows[start:]) == ResolvedRate(rate, level)
    assert resolved([]) is None


def test_of_several_collections_the_first_listed_in_the_terms_wins_not_in_the_shop():
    rows = [{"reward": "cash", "collection": name, "rate_bps": rate} for name, rate in [("sale", 300), ("new", 900)]]
    table = RateTable.of(terms(*rows))
    for shops_order in (["new", "sale"], ["sale", "new"]):
        assert resolve_rate(None, shops_order, reward="cash", table=table) == ResolvedRate(300, RateLevel.COLLECTION)


def test_a_rate_of_zero_is_a_rate_and_hides_the_ones_below():
    rows = [{"reward": "cash", "product": "mug", "rate_bps": 0}, {"reward": "cash", "rate_bps": 1_000}]
    table = RateTable.of(terms(*rows))
    assert resolve_rate("mug", [], reward="cash", table=table) == ResolvedRate(0, RateLevel.PRODUCT)
    assert resolve_rate("tea", [], reward="cash", table=table) == ResolvedRate(1_000, RateLevel.PROGRAM)


def test_a_rate_belongs_to_its_reward_alone():
    table = RateTable.of(terms({"reward": "cash", "rate_bps": 1_000}))
    personal = PersonalRates({("extra", None): 500}, {"extra": 400})
    assert resolve_rate("mug", [], reward="cash", table=table, personal=personal) == ResolvedRate(
        1_000, RateLevel.PROGRAM
    )
