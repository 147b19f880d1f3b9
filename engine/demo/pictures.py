"""Draws the demo's pictures: a logo, covers of discs, portraits that are nobody's. The same ones every time."""

from io import BytesIO
from random import Random
from typing import Final

from PIL import Image, ImageDraw

_SIZE: Final = 720
_PALETTES: Final = (
    ("#20304f", "#e8b15a", "#f4ecdf", "#b4523b"),
    ("#38225c", "#e6a4b4", "#f7f0ea", "#5b8c85"),
    ("#123c3a", "#f0c987", "#f6f3ec", "#c8553d"),
    ("#5a2434", "#f2b880", "#fbf3ea", "#3f6c8f"),
    ("#2b2d42", "#8fb8a8", "#f3f1ec", "#ef8354"),
    ("#1f4e5f", "#f6d6ad", "#fbf7f0", "#a23b72"),
)


def logo() -> bytes:
    """Return the mark of Halfmoon Records: a moon that is half there."""
    image = Image.new("RGBA", (320, 320), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    draw.ellipse((20, 20, 300, 300), fill="#20304f")
    draw.pieslice((52, 52, 268, 268), 90, 270, fill="#e8b15a")
    return _written(image)


def cover(title: str) -> bytes:
    """Return the cover of a disc: rings, a horizon and a few lights, as its title has it."""
    drawn = Random(f"cover:{title}")  # noqa: S311 - a picture, not a secret
    night, light, paper, mark = drawn.choice(_PALETTES)
    image = Image.new("RGB", (_SIZE, _SIZE), night)
    draw = ImageDraw.Draw(image)
    x, y = drawn.randint(200, 520), drawn.randint(160, 320)
    for step in range(6, 0, -1):
        reach = 34 * step + drawn.randint(0, 12)
        draw.ellipse((x - reach, y - reach, x + reach, y + reach), outline=light if step % 2 else paper, width=5)
    draw.ellipse((x - 30, y - 30, x + 30, y + 30), fill=light)
    horizon = drawn.randint(430, 520)
    draw.rectangle((0, horizon, _SIZE, _SIZE), fill=mark)
    for _ in range(9):
        left, high = drawn.randint(0, _SIZE), drawn.randint(30, 150)
        draw.rectangle((left, horizon - high, left + drawn.randint(24, 70), horizon), fill=night)
        draw.rectangle((left + 8, horizon - high + 12, left + 16, horizon - high + 24), fill=light)
    return _written(image)


def portrait(name: str) -> bytes:
    """Return a portrait in flat colours: somebody before a wall, without a face."""
    drawn = Random(f"portrait:{name}")  # noqa: S311 - a picture, not a secret
    wall, hair, _paper, clothes = drawn.choice(_PALETTES)
    skin = drawn.choice(("#8d5a3c", "#c68b62", "#e7b894", "#f1cdb0", "#6e452e"))
    image = Image.new("RGB", (_SIZE, _SIZE), hair)
    draw = ImageDraw.Draw(image)
    draw.ellipse((90, 40, 630, 580), fill=_PALETTES[drawn.randrange(6)][2])
    long = drawn.random() < 0.5
    draw.ellipse((210, 150, 510, 620 if long else 470), fill=wall)
    draw.ellipse((110, 520, 610, 1020), fill=clothes)
    draw.rectangle((315, 440, 405, 570), fill=skin)
    draw.ellipse((250, 200, 470, 500), fill=skin)
    draw.chord((235, 165, 485, 400), 180, 360, fill=wall)
    return _written(image)


def _written(image: Image.Image) -> bytes:
    stream = BytesIO()
    image.save(stream, "PNG", compress_level=1)
    return stream.getvalue()
