"""A card to print, A6: who recommends the brand, the QR code of their address, their promo code, that it is paid for.

Drawn as vectors. What the font cannot write is left out rather than printed as boxes: an emoji from a name, a whole
name in Chinese. The code and the address are plain ASCII and always there.
"""

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Final, cast

from fpdf import FPDF
from fpdf.fonts import TTFFont
from PIL import Image

from engine.tracking.qr import dark_enough, dark_runs, modules_across
from engine.tracking.site.colours import INK, PAPER, readable_on, text_on

WIDTH_MM: Final = 105
HEIGHT_MM: Final = 148
MARGIN_MM: Final = 9
QR_MM: Final = 60
LOGO_MM: Final = (50, 12)

_FAMILY: Final = "card"
_SOFT: Final = "#5b5669"
_TEXT_MM: Final = WIDTH_MM - 2 * MARGIN_MM
_LINE: Final = 0.45
"""Height of a line in mm per point of its font size."""


@dataclass(frozen=True, slots=True)
class CardFonts:
    """Where the two weights of the card's typeface are, as whole TrueType fonts."""

    regular: Path
    bold: Path

    @property
    def are_there(self) -> bool:
        """Whether both files exist; without them the card is set in PDF's own Helvetica, which knows Latin-1 only."""
        return self.regular.exists() and self.bold.exists()


@dataclass(frozen=True, slots=True)
class Card:
    """What a card says. `scan` is the line below the QR code, `use_code` the one above the promo code.

    `logo` is a picture as `site.assets` keeps it. `made_at` goes into the file, so that equal cards are equal files.
    """

    brand: str
    name: str
    address: str
    scan: str
    use_code: str
    disclosure: str
    colour: str
    language: str
    made_at: datetime
    code: str | None = None
    logo: bytes | None = None


def card_pdf(card: Card, *, fonts: CardFonts) -> bytes:
    """Return the card as a PDF file of one page."""
    pdf = FPDF(unit="mm", format=(WIDTH_MM, HEIGHT_MM))
    pdf.set_margin(MARGIN_MM)
    pdf.set_auto_page_break(auto=False)
    pdf.set_title(f"{card.brand}: {card.name}")
    pdf.set_lang(card.language)
    pdf.set_creation_date(card.made_at)
    pdf.add_page()
    if fonts.are_there:
        pdf.add_font(_FAMILY, style="", fname=fonts.regular)
        pdf.add_font(_FAMILY, style="B", fname=fonts.bold)
    _draw(_Sheet(pdf, _FAMILY if fonts.are_there else "helvetica"), card)
    return bytes(pdf.output())


def _draw(sheet: "_Sheet", card: Card) -> None:
    accent = readable_on(PAPER, card.colour)
    sheet.band(card.colour, height=5)
    if card.logo is not None:
        sheet.logo(card.logo, top=12)
    else:
        sheet.line(card.brand, top=13, size=17, bold=True, colour=accent)
    sheet.line(card.name, top=26, size=12, bold=False, colour=INK)
    sheet.qr(card.address, top=36, colour=dark_enough(card.colour))
    sheet.line(card.scan, top=97, size=9, bold=False, colour=_SOFT)
    sheet.line(_shown(card.address), top=102, size=10, bold=True, colour=INK)
    if card.code is not None:
        sheet.pill(card.code, caption=card.use_code, top=111, ground=card.colour)
    sheet.paragraph(card.disclosure, bottom=HEIGHT_MM - 6, size=6.5, colour=_SOFT)


class _Sheet:
    """A page on which everything stands in the middle."""

    def __init__(self, pdf: FPDF, family: str) -> None:
        self._pdf, self._family = pdf, family
        self._dots = "…" if family == _FAMILY else "..."

    def band(self, colour: str, *, height: int) -> None:
        """Fill the head of the page, over its whole width."""
        self._pdf.set_fill_color(colour)
        self._pdf.rect(0, 0, WIDTH_MM, height, style="F")

    def logo(self, picture: bytes, *, top: float) -> None:
        """Draw a picture as large as its place allows."""
        with Image.open(BytesIO(picture)) as image:
            across, high = image.size
        width = min(LOGO_MM[0], LOGO_MM[1] * across / high)
        height = width * high / across
        self._pdf.image(BytesIO(picture), x=(WIDTH_MM - width) / 2, y=top + (LOGO_MM[1] - height) / 2, w=width)

    def qr(self, address: str, *, top: float, colour: str) -> None:
        """Draw the QR code of an address with its quiet zone."""
        module = QR_MM / modules_across(address)
        left = (WIDTH_MM - QR_MM) / 2
        self._pdf.set_fill_color(colour)
        for column, row, length in dark_runs(address):
            self._pdf.rect(left + column * module, top + row * module, length * module, module, style="F")

    def line(self, text: str, *, top: float, size: float, bold: bool, colour: str) -> None:
        """Write one line, smaller where it is long and cut where it is too long even so."""
        written = self._writable(text)
        self._fit(written, size=size, bold=bold)
        while written and self._pdf.get_string_width(written) > _TEXT_MM:
            written = written.rstrip(self._dots)[:-1].rstrip() + self._dots
        self._pdf.set_text_color(colour)
        self._pdf.set_xy(MARGIN_MM, top)
        self._pdf.cell(w=_TEXT_MM, h=size * _LINE, text=written, align="C")

    def pill(self, text: str, *, caption: str, top: float, ground: str) -> None:
        """Write a text large on a ground of its own, with a caption above."""
        self.line(caption, top=top, size=9, bold=False, colour=_SOFT)
        self._fit(text, size=17, bold=True)
        width = self._pdf.get_string_width(text) + 12
        left = (WIDTH_MM - width) / 2
        self._pdf.set_fill_color(ground)
        self._pdf.rect(left, top + 6, width, 12, style="F", round_corners=True, corner_radius=3)
        self._pdf.set_text_color(text_on(ground))
        self._pdf.set_xy(left, top + 6)
        self._pdf.cell(w=width, h=12, text=text, align="C")

    def paragraph(self, text: str, *, bottom: float, size: float, colour: str) -> None:
        """Write a text of several lines that ends at `bottom`."""
        self._pdf.set_font(self._family, size=size)
        self._pdf.set_text_color(colour)
        written, height = self._writable(text), size * _LINE
        high = self._pdf.multi_cell(w=_TEXT_MM, h=height, text=written, align="C", dry_run=True, output="HEIGHT")
        self._pdf.set_xy(MARGIN_MM, bottom - cast("float", high))
        self._pdf.multi_cell(w=_TEXT_MM, h=height, text=written, align="C")

    def _fit(self, text: str, *, size: float, bold: bool) -> None:
        """Set the font as large as lets `text` fit, and never smaller than 7 points."""
        self._pdf.set_font(self._family, style="B" if bold else "", size=size)
        width = self._pdf.get_string_width(text)
        if width > _TEXT_MM - 12:
            self._pdf.set_font_size(max(size * (_TEXT_MM - 12) / width, 7))

    def _writable(self, text: str) -> str:
        """Return what the font can write of `text`: without signs that it lacks, nothing where it lacks a letter."""
        self._pdf.set_font(self._family)
        font = self._pdf.current_font
        known = font.cmap if isinstance(font, TTFFont) else range(256)
        kept = "".join(one for one in text if ord(one) in known or unicodedata.category(one)[0] not in "CSM")
        return " ".join(kept.split()) if all(ord(one) in known for one in kept) else ""


def _shown(address: str) -> str:
    return address.partition("://")[2]
