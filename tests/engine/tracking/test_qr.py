"""QR codes and cards, read again by another program: zxing-cpp reads the codes, pdfium draws the cards."""

from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pypdfium2
import pytest
import zxingcpp
from PIL import Image

from engine.tracking.cards import Card, CardFonts, card_pdf
from engine.tracking.qr import QUIET_ZONE, dark_enough, dark_runs, modules_across, qr_png, qr_svg
from engine.tracking.site.colours import INK
from web.static_files import STATIC

ADDRESS = "https://go.example.com/r/k7mq2rtx"
LONG = "https://go.example.com/r/" + "a-very-long-ending-" * 3 + "x"
INTER = CardFonts(STATIC / "vendor/fonts/inter-400.ttf", STATIC / "vendor/fonts/inter-700.ttf")
NONE = CardFonts(Path("missing-400.ttf"), Path("missing-700.ttf"))


@pytest.fixture(params=[True, False], ids=["inter", "helvetica"])
def fonts(request):
    if not request.param:
        return NONE
    if not INTER.are_there:
        pytest.skip("no fonts in web/static/vendor: run make setup")
    return INTER


def card(**parts):
    plain: dict[str, Any] = {
        "brand": "Alder & Oak",
        "name": "Zoë Müller",
        "address": ADDRESS,
        "scan": "Scan",
        "use_code": "My code",
        "disclosure": "Advertisement: I earn a commission.",
        "colour": "#1b7f4b",
        "language": "en",
        "made_at": datetime(2026, 3, 2, tzinfo=UTC),
    }
    return Card(**plain | parts)


def drawn(pdf):
    document = pypdfium2.PdfDocument(pdf)
    assert len(document) == 1
    return document[0]


@pytest.mark.parametrize("address", [ADDRESS, LONG])
@pytest.mark.parametrize("colour", ["#1b7f4b", "#ffee00", "#ffffff", "#000000"])
def test_a_png_is_read_as_the_address_with_error_correction_m_or_better(address, colour):
    image = Image.open(BytesIO(qr_png(address, colour=colour)))
    [found] = zxingcpp.read_barcodes(image.convert("RGB"))
    assert found.text == address
    assert found.ec_level in {"M", "Q", "H"}
    assert image.size[0] == 16 * modules_across(address)


def test_four_modules_around_stay_white_and_runs_draw_what_the_png_draws():
    image = Image.open(BytesIO(qr_png(ADDRESS, colour="#000000"))).convert("1")
    across = modules_across(ADDRESS)
    dark = {(x, y) for y in range(across) for x in range(across) if not image.getpixel((16 * x + 8, 16 * y + 8))}
    assert {(x, row) for column, row, length in dark_runs(ADDRESS) for x in range(column, column + length)} == dark
    assert {min(x for x, _ in dark), min(y for _, y in dark)} == {QUIET_ZONE}
    assert {max(x for x, _ in dark), max(y for _, y in dark)} == {across - QUIET_ZONE - 1}


def test_a_svg_names_the_address_and_scales():
    root = ET.fromstring(qr_svg(ADDRESS, colour="#1b7f4b"))
    assert root.attrib["viewBox"] == f"0 0 {modules_across(ADDRESS)} {modules_across(ADDRESS)}"
    assert "width" not in root.attrib
    [title] = [one.text for one in root if one.tag.endswith("title")]
    assert title == ADDRESS
    assert {one.get("stroke") for one in root} >= {"#1b7f4b"}


def test_a_colour_that_scanners_would_miss_gives_way_to_ink():
    assert [dark_enough(one) for one in ("#ffee00", "#777777", "#1b7f4b")] == [INK, INK, "#1b7f4b"]


@pytest.mark.parametrize(
    "parts",
    [
        {"code": "ZOE-10"},
        {"name": "Максимилиан Константинопольский " * 4, "colour": "#ffee00", "code": "A" * 32},
        {"name": "陳大文 ✨", "brand": "Café ✨ Größe", "disclosure": "広告"},
        {"address": LONG, "brand": "B" * 120, "disclosure": "word " * 60},
    ],
    ids=["plain", "long", "letters that no font has", "long address"],
)
def test_every_card_is_one_a6_page_whose_code_is_read(fonts, parts):
    page = drawn(card_pdf(card(**parts), fonts=fonts))
    assert [round(points / 72 * 25.4) for points in page.get_size()] == [105, 148]
    [found] = zxingcpp.read_barcodes(page.render(scale=3).to_pil())
    assert found.text == parts.get("address", ADDRESS)
    text = page.get_textpage().get_text_bounded()
    assert parts.get("code", "go.example.com") in text
    assert "\ufffd" not in text


def test_names_print_as_far_as_the_font_has_them(fonts):
    text = drawn(card_pdf(card(name="Łukasz Ω ✨", code="C"), fonts=fonts)).get_textpage().get_text_bounded()
    assert ("Łukasz Ω" in text) == (fonts is INTER)
    assert "✨" not in text
    assert "Alder & Oak" in text


def test_equal_cards_are_equal_files(fonts):
    assert card_pdf(card(), fonts=fonts) == card_pdf(card(), fonts=fonts)


def test_a_logo_stands_where_the_brands_name_would(fonts):
    file = BytesIO()
    Image.new("RGB", (400, 100), "#884422").save(file, "PNG")
    page = drawn(card_pdf(card(logo=file.getvalue()), fonts=fonts))
    assert "Alder" not in page.get_textpage().get_text_bounded()
    assert page.render(scale=2).to_pil().getpixel((298, 100)) == (0x88, 0x44, 0x22)
