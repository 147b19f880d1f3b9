"""Colours that can be read: contrast as WCAG 2.2 measures it, and what stands on or beside a brand's colour.

Pure. Luminance is a ratio of light, not an amount of money, so that it may be a float.
"""

import re
from typing import Final

from engine.kernel.errors import InputError

READABLE: Final = 4.5
"""The least contrast of text with its ground (WCAG 2.2, 1.4.3)."""

INK: Final = "#1c1a27"
PAPER: Final = "#ffffff"
BLACK: Final = "#000000"
NIGHT: Final = "#15131c"
PLUM: Final = "#6b3fa0"

_SHORT: Final = re.compile(r"#[0-9a-f]{3}")
_LONG: Final = re.compile(r"#[0-9a-f]{6}")


class ColourRefusedError(InputError):
    """A text that is no colour."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(f"{text!r} is not a colour.", field="colour", remedy="Write it like #6b3fa0.")


def checked_colour(text: str) -> str:
    """Return a colour as `#rrggbb`. Any will do: `readable_on` and `text_on` give what can be read beside it.

    Raises:
        ColourRefusedError: it is no colour.
    """
    colour = text.strip().lower()
    if _SHORT.fullmatch(colour):
        return "#" + "".join(digit * 2 for digit in colour[1:])
    if not _LONG.fullmatch(colour):
        raise ColourRefusedError(text)
    return colour


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours `#rrggbb`, from 1.0 to 21.0, whichever is the ground."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def readable_on(ground: str, colour: str, *, least: float = READABLE) -> str:
    """Return `colour`, or the nearest of its hue that has at least this contrast with `ground`.

    It is mixed with black on a light ground and with white on a dark one, in steps of a hundredth.
    """
    target = BLACK if contrast(BLACK, ground) > contrast(PAPER, ground) else PAPER
    mixed = (_mixed(colour, target, hundredths) for hundredths in range(101))
    return next((one for one in mixed if contrast(one, ground) >= least), target)


def text_on(colour: str) -> str:
    """Return the first of paper, ink and black that is readable on `colour`; one of them always is."""
    return next((one for one in (PAPER, INK) if contrast(one, colour) >= READABLE), BLACK)


def _mixed(colour: str, target: str, hundredths: int) -> str:
    channels = zip(_channels(colour), _channels(target), strict=True)
    return "#" + "".join(f"{(one * (100 - hundredths) + other * hundredths) // 100:02x}" for one, other in channels)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(channel) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _channels(colour: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue


def _linear(channel: int) -> float:
    share = channel / 255
    return share / 12.92 if share <= 0.04045 else float(((share + 0.055) / 1.055) ** 2.4)
