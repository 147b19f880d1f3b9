"""Money is whole, adds within one currency, reads back what it wrote, rounds in one way and splits without a loss."""

import re
from decimal import Decimal
from fractions import Fraction
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.kernel.currencies import EXPONENTS
from engine.kernel.errors import CurrencyMismatchError, MoneyError
from engine.kernel.money import (
    BPS,
    MAX_MINOR,
    Currency,
    Money,
    Rate,
    allocate,
    exponent_of,
    parse_currency,
    round_half_even,
)

currencies = st.sampled_from(sorted(EXPONENTS)).map(Currency)
amounts = st.integers(-MAX_MINOR, MAX_MINOR)
weights = st.one_of(
    st.lists(st.integers(0, 10**9), min_size=1, max_size=200),
    st.lists(st.fractions(0, 10**6, max_denominator=10**6), min_size=1, max_size=40),
)


@given(amounts, currencies)
def test_what_is_written_reads_back(minor, currency):
    money = Money(minor, currency)
    text = str(money.decimal())
    assert Money.parse(text, currency) == money
    assert str(money) == f"{text} {currency}"
    assert len(text.partition(".")[2]) == exponent_of(currency)


@pytest.mark.parametrize("currency", sorted(EXPONENTS))
def test_one_decimal_too_many_is_refused_in_every_currency(currency):
    decimals = EXPONENTS[currency]
    assert Money.parse("1", currency).minor == 10**decimals
    assert Money.parse("1." + "0" * (decimals + 1), currency).minor == 10**decimals
    with pytest.raises(MoneyError, match=r"more decimals"):
        Money.parse("1." + "0" * decimals + "1", currency)


PLAIN = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?")
NOT_PLAIN = [
    "",
    " 1",
    "1 ",
    "+1",
    "1,00",
    "1.",
    ".5",
    "1e3",
    "1E400",
    "NaN",
    "Infinity",
    "0x10",
    "1_000",
    "１",
    "٣",
    "--1",
]


@pytest.mark.parametrize("text", [*NOT_PLAIN, "1\n", "1.0000000", "1" * 16, "9" * 5000, "12.40 EUR", "€12"])
def test_only_plain_decimals_are_read(text):
    with pytest.raises(MoneyError):
        Money.parse(text, Currency("EUR"))


@given(st.text(max_size=12))
def test_whatever_is_read_was_plain(text):
    try:
        money = Money.parse(text, Currency("EUR"))
    except MoneyError:
        return
    assert PLAIN.fullmatch(text)
    assert money.decimal() == Decimal(text)


def test_amounts_from_outside_have_a_bound():
    top = Decimal(MAX_MINOR).scaleb(-2)
    assert Money.parse(str(top), Currency("EUR")).minor == MAX_MINOR
    for beyond in (top + Decimal("0.01"), -top - Decimal("0.01")):
        with pytest.raises(MoneyError, match="beyond"):
            Money.parse(str(beyond), Currency("EUR"))


@given(amounts, amounts, currencies)
def test_money_adds_as_whole_numbers_do(left, right, currency):
    one, other = Money(left, currency), Money(right, currency)
    assert (one + other).minor == left + right
    assert one - other == one + -other
    assert one + other == other + one


@given(amounts, amounts, currencies, currencies)
def test_currencies_never_net(left, right, one, other):
    if one != other:
        for combine in (Money.__add__, Money.__sub__):
            with pytest.raises(CurrencyMismatchError):
                combine(Money(left, one), Money(right, other))


@pytest.mark.parametrize("minor", [1.0, True, "1", Decimal(1), Fraction(1), None], ids=repr)
def test_an_amount_is_an_int(minor):
    with pytest.raises(MoneyError):
        Money(minor, Currency("EUR"))


def test_a_float_on_the_way_would_lose_a_cent():
    assert int(19.99 * 100) == 1998
    assert Money.parse("19.99", Currency("EUR")).minor == 1999


@given(st.fractions())
def test_rounding_goes_to_the_nearest_and_halves_to_the_even(amount):
    rounded = round_half_even(amount)
    assert type(rounded) is int
    assert abs(rounded - amount) <= Fraction(1, 2)
    if abs(rounded - amount) == Fraction(1, 2):
        assert rounded % 2 == 0
    assert round_half_even(-amount) == -rounded


@given(st.integers(-(10**12), 10**12), weights)
def test_parts_sum_to_the_whole_and_none_is_a_unit_off(total, weights):
    parts = allocate(total, weights)
    whole = sum(weights)
    assert sum(parts) == total
    assert all(type(part) is int for part in parts)
    if whole:
        assert all(
            abs(part - Fraction(total) * weight / whole) < 1 for part, weight in zip(parts, weights, strict=True)
        )
        assert all(part == 0 for part, weight in zip(parts, weights, strict=True) if weight == 0)
    else:
        assert max(parts) - min(parts) <= 1
    assert allocate(-total, weights) == [-part for part in parts]


@given(st.integers(0, 10**6), st.lists(st.integers(1, 5), min_size=1, max_size=6))
def test_a_larger_weight_never_gets_less(total, weights):
    parts = allocate(total, weights)
    for left, right in permutations(range(len(weights)), 2):
        if weights[left] > weights[right] or (weights[left] == weights[right] and left < right):
            assert parts[left] >= parts[right]


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (-100, [1, 1, 1], [-34, -33, -33]),
        (167, [333] * 10, [17, 17, 17, 17, 17, 17, 17, 16, 16, 16]),
        (5, [0, 0], [3, 2]),
        (1, [0, 1, 0], [0, 1, 0]),
        (0, [3, 4], [0, 0]),
        (7, [Fraction(1, 3), Fraction(2, 3)], [2, 5]),
    ],
)
def test_examples_of_splitting(total, weights, parts):
    assert allocate(total, weights) == parts


@pytest.mark.parametrize("weights", [[], [1, -1], [Fraction(-1, 2)]], ids=repr)
def test_there_is_no_splitting_among_nobody_or_by_less_than_nothing(weights):
    with pytest.raises(MoneyError):
        allocate(10, weights)


@given(st.lists(st.integers(1, 10**7), min_size=1, max_size=200), st.integers(0, BPS))
def test_the_commission_of_an_order_is_that_of_its_lines(lines, bps):
    """Rounded once for the order, then split: rounding line by line would differ (10 lines of 3.33 at 5 %)."""
    commission = round_half_even(Rate(bps).of(sum(lines)))
    parts = allocate(commission, lines)
    assert sum(parts) == commission
    assert all(abs(part - Rate(bps).of(line)) <= 2 for part, line in zip(parts, lines, strict=True))


@pytest.mark.parametrize(("minor", "currency", "due"), [(999, "JPY", 125), (1001, "KWD", 125), (1000, "EUR", 125)])
def test_percentages_accrue_in_the_orders_currency(minor, currency, due):
    assert Money(round_half_even(Rate(1250).of(minor)), Currency(currency)).minor == due


@pytest.mark.parametrize("bps", [-1, BPS + 1, 12.5, True, "10", None], ids=repr)
def test_a_rate_lies_between_nothing_and_all(bps):
    with pytest.raises(MoneyError):
        Rate(bps)


@given(st.integers(0, BPS), st.integers(-(10**12), 10**12))
def test_a_rate_is_exact_until_it_is_rounded(bps, base):
    assert Rate(bps).of(base) * BPS == base * bps
    assert Decimal(str(Rate(bps)).removesuffix(" %")) * 100 == bps


NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"


def test_the_decimals_of_iso_4217():
    """The exceptions to two decimals, as ISO 4217 list one has them."""
    assert " ".join(sorted(code for code, decimals in EXPONENTS.items() if decimals == 0)) == NO_DECIMALS
    assert " ".join(sorted(code for code, decimals in EXPONENTS.items() if decimals == 3)) == THREE_DECIMALS
    assert set(EXPONENTS.values()) == {0, 2, 3}
    assert len(EXPONENTS) > 150


@given(st.text(max_size=5))
def test_only_codes_of_the_list_are_currencies(text):
    try:
        code = parse_currency(text)
    except MoneyError:
        assert text.strip().upper() not in EXPONENTS
    else:
        assert exponent_of(code) == EXPONENTS[text.strip().upper()]


@pytest.mark.parametrize("text", ["XXX", "XAU", "DEM", "₮", "US", "EURO", "", "HRK"])
def test_what_nobody_is_paid_in_is_no_currency(text):
    with pytest.raises(MoneyError):
        parse_currency(text)
    with pytest.raises(MoneyError):
        exponent_of(text)
