"""How amounts and sentences are written: nothing is rounded on the way to the reader."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.insights.clicked import ClickStory
from engine.insights.said import Said, exactly, money
from engine.insights.sentences import Cause, earned
from engine.kernel.money import Currency, Money, Rate, exponent_of
from engine.plugin_api import Signal

EUR, BERLIN = Currency("EUR"), ZoneInfo("Europe/Berlin")
AT = datetime(2026, 5, 2, 22, 30, tzinfo=UTC)


@given(st.integers(-(10**9), 10**9), st.integers(0, 10_000), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_a_rate_of_an_amount_is_written_to_the_last_digit(minor, bps, currency):  # profile's size, fixed seed
    exact = Rate(bps).of(minor)
    written = exactly(exact, currency).replace(",", "").replace("−", "-")
    assert Fraction(written) * 10 ** exponent_of(currency) == exact


@pytest.mark.parametrize(
    ("minor", "currency", "written"),
    [
        (Fraction(124_875, 1_000), "EUR", "1.24875"),
        (Fraction(124_875, 1_000), "JPY", "124.875"),
        (Fraction(100, 3), "EUR", "0.3333333333…"),
        (Fraction(-100, 3), "JPY", "−33.33333333…"),
        (Fraction(123_456_700), "EUR", "1,234,567.00"),
        (Fraction(0), "KWD", "0.000"),
    ],
)
def test_amounts_before_rounding(minor, currency, written):
    assert exactly(minor, currency) == written


@pytest.mark.parametrize(
    ("minor", "currency", "written"),
    [
        (1_240, "EUR", "€12.40"),
        (-310, "EUR", "−€3.10"),
        (125, "JPY", "¥125"),
        (5, "CHF", "CHF 0.05"),
        (7, "USD", "$0.07"),
    ],
)
def test_amounts(minor, currency, written):
    assert money(Money(minor, Currency(currency))) == written


def click(target, *, seconds=2 * 86_400):
    at = AT - timedelta(days=2)
    return ClickStory(UUID(int=1), target, "Spring", None, at, seconds, 30, None, ())


@pytest.mark.parametrize(
    ("cause", "sentence"),
    [
        (Cause(Signal.CODE, "A1", None, AT), "10 % of €124.00, because your code A1 was used on 3 May 2026."),
        (Cause(Signal.CODE, "A1", "Anna", AT), "10 % of €124.00, because the code A1 of Anna was used on 3 May 2026."),
        (
            Cause(Signal.CUSTOMER_LINK, None, None, AT),
            "10 % of €124.00, because a customer who first came through you ordered again on 3 May 2026.",
        ),
        (
            Cause(Signal.CLICK, None, None, AT, click("link")),
            "10 % of €124.00, because your link Spring was clicked on 1 May 2026 and an order followed on 3 May 2026.",
        ),
        (
            Cause(Signal.CLICK, None, "Anna", AT, click("link")),
            (
                "10 % of €124.00, because the link Spring of Anna was clicked on 1 May 2026 "
                "and an order followed on 3 May 2026."
            ),
        ),
        (
            Cause(Signal.CLICK, None, None, AT, click("page")),
            "10 % of €124.00, because your page was opened on 1 May 2026 and an order followed on 3 May 2026.",
        ),
        (
            Cause(Signal.CLICK, None, "Anna", AT, click("page")),
            "10 % of €124.00, because the page of Anna was opened on 1 May 2026 and an order followed on 3 May 2026.",
        ),
        (Cause(None, None, "Anna", AT), "10 % of €124.00, for the order of 3 May 2026."),
    ],
)
def test_a_sentence_speaks_to_its_reader_in_their_time_zone(cause, sentence):
    said = earned(Money(1_240, EUR), cause, rated=[(Rate(1_000), Money(12_400, EUR))], capped=False)
    assert said.in_english(BERLIN) == sentence


@pytest.mark.parametrize(
    ("seconds", "when"),
    [
        (-1, "after the order"),
        (0, "less than two minutes before the order"),
        (119, "less than two minutes before the order"),
        (120, "2 minutes before the order"),
        (7_199, "119 minutes before the order"),
        (7_200, "2 hours before the order"),
        (86_399, "23 hours before the order"),
        (86_400, "1 day before the order"),
        (31 * 86_400, "31 days before the order"),
    ],
)
@pytest.mark.parametrize("target", ["link", "page"])
def test_a_click_says_how_long_before_the_order_it_was(target, seconds, when):
    story = click(target, seconds=seconds)
    mine, theirs = (story.sentence(name=name).in_english(BERLIN) for name in (None, "Anna"))
    assert mine.endswith(f" on 1 May 2026, {when}.")
    assert theirs.endswith(f" of Anna was {'clicked' if target == 'link' else 'opened'} on 1 May 2026, {when}.")


def test_what_somebody_wrote_is_no_place_in_a_sentence():
    assert Said("%(reason)s", {"reason": "100 % off %(day)s"}).in_english(BERLIN) == "100 % off %(day)s"
