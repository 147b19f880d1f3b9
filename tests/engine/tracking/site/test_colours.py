"""Colours: whatever a brand chooses, what is written in it or on it can be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.tracking.site.colours import (
    BLACK,
    INK,
    NIGHT,
    PAPER,
    READABLE,
    ColourRefusedError,
    checked_colour,
    contrast,
    readable_on,
    text_on,
)

colours = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@given(colours)
def test_there_is_always_a_readable_text_for_a_ground(colour):
    assert contrast(text_on(colour), colour) >= READABLE


@given(colours, st.sampled_from([PAPER, NIGHT, INK, BLACK]))
def test_a_colour_is_mixed_until_it_can_be_read_on_its_ground(colour, ground):
    shown = readable_on(ground, colour)
    assert contrast(shown, ground) >= READABLE
    assert (shown == colour) == (contrast(colour, ground) >= READABLE)


@given(colours, colours)
def test_contrast_does_not_ask_which_is_the_ground(one, other):
    assert contrast(one, other) == contrast(other, one)
    assert 1 <= contrast(one, other) <= 21


def test_contrast_is_as_the_guidelines_measure_it():
    assert contrast(BLACK, PAPER) == pytest.approx(21)
    assert contrast("#777777", PAPER) == pytest.approx(4.48, abs=0.005)
    assert contrast("#6b3fa0", PAPER) == pytest.approx(7.38, abs=0.005)


def test_a_colour_is_written_one_way():
    assert [checked_colour(text) for text in (" #6B3FA0 ", "#abc")] == ["#6b3fa0", "#aabbcc"]


@pytest.mark.parametrize(
    "text", ["", "red", "#12", "#12345", "6b3fa0", "#6b3fa0ff", "#ggg", "#６b3fa0", "#fff;x:y"], ids=ascii
)
def test_what_is_no_colour_is_refused(text):
    with pytest.raises(ColourRefusedError):
        checked_colour(text)
