"""The tones that a page takes from its brand's colour, readable in light and dark.

Pure. Brands choose any colour, also pale yellow or white. What is written on it or in it keeps a contrast of 4.5 : 1
whatever it is (WCAG 2.2, success criterion 1.4.3); the colour itself is changed as little as that takes.
"""

from dataclasses import dataclass
from typing import Final

from engine.tracking.site.colours import NIGHT, PAPER, contrast, readable_on, text_on

_LIGHT: Final = ("#fbfaf8", PAPER)
_DARK: Final = (NIGHT, "#1e1b28")
"""The grounds of a page: what everything stands on, and the sheets on it."""


@dataclass(frozen=True, slots=True)
class Tones:
    """One theme's tones, as `#rrggbb`: the button, what is written on it, its edge, words in the colour."""

    fill: str
    on_fill: str
    edge: str
    word: str


def tones_of(colour: str) -> tuple[Tones, Tones]:
    """Return the tones of a brand's colour (`#rrggbb`) for the light and the dark theme."""
    return _tones(colour, _LIGHT), _tones(colour, _DARK)


def stylesheet(colour: str) -> str:
    """Return the tones of a colour as CSS variables; equal for ever for equal colours."""
    light, dark = tones_of(colour)
    names = ("fill", "on-fill", "edge", "word")
    pairs = zip(
        names,
        (light.fill, light.on_fill, light.edge, light.word),
        (dark.fill, dark.on_fill, dark.edge, dark.word),
        strict=True,
    )
    return ":root{" + "".join(f"--brand-{name}:light-dark({day},{night});" for name, day, night in pairs) + "}\n"


def _tones(colour: str, grounds: tuple[str, str]) -> Tones:
    word = colour
    for ground in grounds:
        word = readable_on(ground, word)
    # A button that can hardly be told from its ground gets an edge that can.
    edge = colour if min(contrast(colour, ground) for ground in grounds) >= 1.3 else word
    return Tones(colour, text_on(colour), edge, word)
